"""Imports as the pages make them: counted, resumed, stopped, left, side by side, and while others search."""

import contextlib
import itertools
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from open_analytic.store import collections, tables
from open_analytic.store.connection import connect
from tests.process import site
from tests.process.serving import Served, eventually
from tests.process.site import Album, Home, Import, picture, problem

LIMIT = 200_000  # bytes of a picture here
COUNTS = ("state", "waiting", "done", "added", "updated", "unchanged", "failed")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with site.home(tmp_path_factory.mktemp("imports")) as home:
        with home.database() as db:
            db.create_collection("first", pipeline="mean_colour")  # where there is none the demo's are made
        home.cli.environment["OPEN_ANALYTIC_MAX_BYTES"] = str(LIMIT)  # type: ignore[index]
        yield home


@pytest.fixture(scope="module")
def http(home: Home) -> Iterator[httpx.Client]:
    with site.site(home) as (_, client):
        yield client


@pytest.fixture
def album(home: Home, http: httpx.Client) -> Album:
    """An empty collection."""
    return make(home, http)


@pytest.fixture
def slow(home: Home, http: httpx.Client) -> Iterator[Album]:
    """One whose pictures take their time."""
    album = make(home, http, "slow_colour")
    yield album
    with home.database() as db:
        db.drop_collection(album.name)


def make(home: Home, http: httpx.Client, pipeline: str = "mean_colour") -> Album:
    name = f"import {next(_numbers)}"
    with home.database() as db:
        db.create_collection(name, pipeline=pipeline, columns={"city": "text"})
    return Album(client=http, name=name)


def some(count: int, *, start: int = 0) -> dict[str, bytes]:
    """Pictures with names in order."""
    return {f"{at:04}.png": picture(at % 256, at // 2 % 256, at // 4 % 256) for at in range(start, start + count)}


def counts(status: Any) -> dict[str, Any]:
    return {name: status[name] for name in COUNTS if status[name]}


def has_room(album: Album) -> bool:
    """Whether another import can begin, and all others have ended."""
    begun = [album.client.post(album.at("/imports")) for _ in range(4)]
    for answer in begun:
        if answer.status_code == 201:
            Import(client=album.client, id=answer.json()["id"]).stop()
    return all(answer.status_code == 201 for answer in begun)


def done(**numbers: int) -> dict[str, Any]:
    return {"state": "done"} | numbers


def test_many_pictures(album: Album) -> None:
    pictures = some(300)
    job = album.begin()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda item: job.put(*item), pictures.items()))
    assert {answer.status_code for answer in answers} == {202}
    status = job.ended()
    assert counts(status) == done(done=300, added=300)
    assert (status["failures"], status["error"], status["collection"]) == ([], None, album.name)
    assert album.listed() == sorted(pictures)
    assert album.get().json()["index"] == "ready"
    assert job.status() == status


def test_several_in_one_request(album: Album) -> None:
    pictures = some(5) | {"words.txt": b"words", "猫/ä.png": picture(7, 8, 9)}
    head = json.dumps([[name, len(data)] for name, data in pictures.items()]).encode()
    job = album.begin()
    answer = job.put_several(head + b"\n" + b"".join(pictures.values()))
    assert (answer.status_code, "failures" in answer.json()) == (202, False)
    assert job.put("0000.png", pictures["0000.png"]).status_code == 202  # again alone: not taken twice
    assert counts(job.ended()) == done(done=6, added=6, failed=1)
    assert album.listed() == sorted(pictures.keys() - {"words.txt"})


@pytest.mark.parametrize(
    "body",
    [b"", b"\n", b"[]\n", b"{}\nab", b'[["a", 3]]\nab', b'[["a", 1]]\nab', b'[["", 2]]\nab',
     b'[["a", -1], ["b", 3]]\nab', b'[["a", true], ["b", 1]]\nab', b'[["a", 2.0]]\nab', b'[["a"]]\nab',
     b"[" * 9000 + b"\n", b'[["a", 0]]', b'[["\\ud800", 2]]\nab', b"\xff\nab",
     json.dumps([["a", 0]] * 101).encode() + b"\n"],
)  # fmt: skip
def test_what_is_no_bundle_is_refused(album: Album, body: bytes) -> None:
    job = album.begin()
    assert problem(job.put_several(body)) == (400, "InvalidInput")
    assert counts(job.ended()) == done()


def test_bad_pictures_have_reasons_and_the_rest_goes_on(album: Album) -> None:
    bad = {
        "empty.png": b"", "words.txt": b"words", "cut.png": picture(1, 2, 3)[:60], "a\0b.png": picture(4, 5, 6),
        "猫\n": b"GIF89a",
    }  # fmt: skip
    job = album.begin()
    for name, data in (some(5) | bad | some(5, start=5)).items():
        assert job.put(name, data).status_code == 202
    large = job.put("large.bmp", bytes(LIMIT + 1))
    assert problem(large) == (413, "ImageTooLarge")
    assert problem(job.put("x" * 2001, picture(7, 8, 9))) == (400, "InvalidName")
    status = job.ended()
    assert counts(status) == done(done=10, added=10, failed=len(bad) + 1)
    reasons = {failure["name"]: failure["error"]["type"] for failure in status["failures"]}
    assert reasons == {
        "empty.png": "BadImage", "words.txt": "UnsupportedImage", "cut.png": "BadImage", "a\0b.png": "InvalidName",
        "猫\n": "BadImage", "large.bmp": "ImageTooLarge",
    }  # fmt: skip
    assert all(set(failure["error"]) == {"type", "sqlstate", "message", "hint"} for failure in status["failures"])
    assert not site.LEAKS.search(json.dumps(status))
    assert album.listed() == sorted(some(10))


def test_it_is_taken_up_where_it_ended(album: Album) -> None:
    pictures = some(8)
    album.imported(dict(list(pictures.items())[:5]))
    changed = pictures | {"0000.png": picture(9, 9, 9)}
    begun = album.client.post(album.at("/imports"), params={"on_conflict": "replace"})
    job = Import(client=album.client, id=begun.json()["id"])
    assert job.known(changed).json() == {"known": [f"{at:04}.png" for at in range(1, 5)], "taken": []}
    assert counts(job.status()) == {"state": "receiving", "done": 4, "unchanged": 4}
    for name in ("0000.png", "0005.png", "0001.png"):  # the last was known
        assert job.put(name, changed[name]).status_code == 202
    assert counts(job.ended()) == done(done=6, added=1, updated=1, unchanged=4)
    again = album.imported(changed)
    assert counts(again) == done(done=8, added=2, unchanged=6)
    with_all = album.begin()
    assert len(with_all.known(changed).json()["known"]) == 8
    assert counts(with_all.ended()) == done(done=8, unchanged=8)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", 400), (b"[]", 400), (b"{}", 400), (b'{"files": 1}', 400), (b'{"files": [1]}', 400),
        (b'{"files": [{"name": "a"}]}', 400), (b'{"files": [{"name": "a", "sha256": 1}]}', 400),
        (b'{"files": [{"name": "a", "sha256": "xyz"}]}', 400), (b'{"files": {"name": "a"}}', 400),
        (b'{"files": []}', 200), (b'{"files": [{"name": "\\ud800", "sha256": "00"}]}', 200),
        (b'{"files": [{"name": "a\\u0000", "sha256": ""}]}', 200), (b" " * 1_000_001, 413),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_is_asked_is_a_list_of_files(album: Album, sent: bytes, expected: int) -> None:
    job = album.begin()
    answer = album.client.post(f"/api/v1/imports/{job.id}/known", content=sent)
    assert answer.status_code == expected
    assert answer.json() == {"known": [], "taken": []} if expected == 200 else problem(answer)[0] == expected
    job.stop()


def test_of_a_name_the_first_counts_and_others_are_told(album: Album) -> None:
    job = album.begin()
    for data in (picture(250, 0, 0), picture(250, 0, 0), picture(0, 250, 0), b"words"):
        assert job.put("a", data).status_code == 202
    status = job.ended()
    assert counts(status) == done(done=1, added=1, failed=2)
    assert {failure["error"]["type"] for failure in status["failures"]} <= {"InvalidName", "Conflict"}
    assert [failure["name"] for failure in status["failures"]] == ["a", "a"]
    red = album.query(picture(250, 0, 0))["id"]
    assert album.hits(query=red)["hits"][0]["distance"] == 0


def test_two_pictures_of_one_name_in_one_import_are_both_kept_on_request(album: Album) -> None:
    begun = album.client.post(album.at("/imports"), params={"on_conflict": "keep_both"})
    job = Import(client=album.client, id=begun.json()["id"])
    for data in (picture(250, 0, 0), picture(0, 250, 0), picture(250, 0, 0)):
        assert job.put("a.png", data).status_code == 202
    assert counts(job.ended()) == done(done=2, added=2)
    assert album.listed() == ["a (2).png", "a.png"]


def test_after_its_end_nothing_more_is_taken(album: Album) -> None:
    job = album.begin()
    job.put("a", picture(1, 2, 3))
    assert job.finish().json()["state"] in ("finishing", "done")
    assert problem(job.put("b", picture(1, 2, 3))) == (409, "Conflict")
    assert problem(job.known(some(1))) == (409, "Conflict")
    assert problem(job.put("c", bytes(LIMIT + 1))) == (409, "Conflict")
    assert counts(job.ended()) == done(done=1, added=1)
    for _ in range(2):
        assert counts(job.finish().json()) == counts(job.stop().json()) == done(done=1, added=1)
    assert problem(job.put("d", b"")) == (409, "Conflict")
    assert album.listed() == ["a"]


def test_pictures_that_came_are_there_before_the_end(album: Album) -> None:
    """A slow line, or someone who looks at the counts: nothing waits for what has not come."""
    job = album.begin()
    for number, item in enumerate(some(3).items(), start=1):
        assert job.put(*item).status_code == 202
        eventually("it is there", lambda number=number: counts(job.status()).get("added") == number)  # type: ignore[misc]
        assert len(album.listed()) == number
    assert job.status()["state"] == "receiving"
    assert counts(job.ended()) == done(done=3, added=3)


def test_who_stops_keeps_what_was_committed(slow: Album) -> None:
    job = slow.begin()
    job.put("first", picture(1, 1, 1))
    eventually("one is there", lambda: bool(slow.listed()), 60)
    for name, data in some(100).items():
        job.put(name, data)
    assert job.stop().json()["state"] == "stopped"
    assert problem(job.put("late", picture(1, 1, 1))) == (409, "Conflict")
    status = job.ended()
    assert (status["state"], status["waiting"]) == ("stopped", 0)
    eventually("it has ended", lambda: has_room(slow), 60)
    assert "first" in slow.listed()
    assert len(slow.listed()) < 40  # those that were being worked on, and no more


@pytest.mark.parametrize("path", ["", "/known", "/file?name=a", "/commit", "/finish"])
@pytest.mark.parametrize("id_", ["nothing", "%00", "..", "x" * 300])
def test_an_import_that_is_none(http: httpx.Client, id_: str, path: str) -> None:
    method = {"": "GET", "/file?name=a": "PUT"}.get(path, "POST")
    answer = http.request(method, f"/api/v1/imports/{id_}{path}", content=b"{}" if method != "GET" else None)
    assert answer.status_code == 404
    assert problem(answer)[1] in ("UnknownImport", "NotFound")


def test_an_import_needs_a_collection_with_a_pipeline(home: Home, http: httpx.Client) -> None:
    with connect(home.dsn) as connection:
        collections.make(connection, tables.Shape(name="vectors", dim=3))
    answer = http.post(Album(client=http, name="vectors").at("/imports"))
    assert (answer.status_code < 500, problem(answer)[0]) == (True, answer.status_code)
    assert problem(http.post("/api/v1/collections/nothing/imports")) == (404, "UnknownCollection")
    job = Import(client=http, id=http.post(make(home, http).at("/imports")).json()["id"])
    assert problem(http.put(f"/api/v1/imports/{job.id}/file", content=b"x")) == (400, "BadParameter")
    job.stop()


def test_a_browser_that_goes_in_the_middle_of_a_picture(album: Album) -> None:
    job = album.begin()
    place = urlsplit(str(album.client.base_url))
    head = f"PUT /api/v1/imports/{job.id}/file?name=half HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection((str(place.hostname), int(place.port or 0))) as sock:
        sock.sendall(head.encode() + picture(1, 2, 3)[:50])
    assert job.put("whole", picture(1, 2, 3)).status_code == 202
    assert counts(job.ended()) == done(done=1, added=1)
    assert album.listed() == ["whole"]


def test_a_collection_dropped_meanwhile_is_told(home: Home, http: httpx.Client) -> None:
    album = make(home, http)
    job = album.begin()
    job.put("a", picture(1, 2, 3))
    eventually("it is there", lambda: album.listed() == ["a"] and album.get().json()["index"] == "ready")
    with home.database() as db:
        db.drop_collection(album.name)
    job.put("b", picture(1, 2, 3))
    status = job.ended()
    assert (status["state"], status["error"]["type"], status["waiting"]) == ("failed", "UnknownCollection", 0)
    assert not site.LEAKS.search(json.dumps(status))
    assert problem(job.put("c", b"")) == (409, "Conflict")


def test_two_imports_into_one_collection_at_once(album: Album) -> None:
    first, second = some(120), some(120, start=60)
    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(album.imported, (first, second)))
    assert [status["state"] for status in ended] == ["done", "done"]
    assert [status["failed"] for status in ended] == [0, 0]
    assert album.listed() == sorted(first | second)


def test_imports_side_by_side_are_few(album: Album) -> None:
    jobs = [album.begin() for _ in range(4)]
    for _ in range(2):
        refused = album.client.post(album.at("/imports"))
        assert problem(refused) == (503, "ServiceBusy")
        assert refused.headers["retry-after"]
    assert album.names(query=album.query(picture(1, 2, 3))["id"]) == []
    for job in jobs:
        assert job.stop().json()["state"] == "stopped"
    eventually("there is room again", lambda: has_room(album))


def test_fifty_search_while_one_imports_five_hundred(home: Home, http: httpx.Client) -> None:
    album = make(home, http)
    album.imported(some(50))
    pictures, stop = some(500, start=50), threading.Event()

    def search(user: int) -> list[int]:
        seen: list[int] = []
        with httpx.Client(base_url=http.base_url, timeout=60) as client:
            mine = Album(client=client, name=album.name)
            while not stop.is_set() or len(seen) < 3:
                query = client.post(mine.at("/queries"), content=picture(user * 5, 0, 99))
                hits = mine.get("/hits", params={"query": query.json()["id"], "k": 5})
                thumbnail = mine.get("/thumbnail", params={"name": hits.json()["hits"][0]["name"]})
                seen += [query.status_code, hits.status_code, thumbnail.status_code]
        return seen

    with ThreadPoolExecutor(51) as threads:
        users = [threads.submit(search, user) for user in range(50)]
        try:
            status = album.imported(pictures)
        finally:
            stop.set()
        seen = {user: set(done.result()) for user, done in enumerate(users)}
    assert seen == {user: {200} for user in range(50)}
    assert counts(status) == done(done=500, added=500)


@pytest.fixture
def own(home: Home, tmp_path: Path) -> Iterator[tuple[Served, httpx.Client]]:
    """A server of the test's own."""
    with site.site(home, "--folder", tmp_path) as server:
        yield server


def test_a_server_that_is_stopped_stores_what_it_has_taken(
    home: Home, own: tuple[Served, httpx.Client], tmp_path: Path
) -> None:
    running, client = own
    album = make(home, client)
    job = album.begin()
    pictures = some(100)
    waiting = [job.put(name, pictures[name]).json()["waiting"] for name in pictures]
    assert max(waiting) > 1  # they wait for one another, so some are not stored when the server stops
    code, log = running.stopped()
    assert code == 0
    assert not any(word in log for word in ("Traceback", "Exception", "Fatal", "not stored")), log
    with home.database() as db:
        names = [name for name, _ in db.collection(album.name).names(limit=200)]
    assert names == list(pictures)
    with site.site(home, "--folder", tmp_path) as (_, client):
        album = Album(client=client, name=album.name)
        job = album.begin()
        assert job.known(pictures).json()["known"] == names
        job.stop()


def test_a_server_stopped_while_a_picture_waits_for_room(home: Home, tmp_path: Path) -> None:
    """What waits for its turn holds up nobody."""
    with site.site(home, "--folder", tmp_path, "--drain-s", "2") as own:
        _stop_a_full_one(home, *own)


def _stop_a_full_one(home: Home, running: Served, client: httpx.Client) -> None:
    album = make(home, client, "slow_colour")
    job = album.begin()
    large = picture(1, 2, 3, kind="BMP", size=(250, 250))
    with ThreadPoolExecutor(8) as threads, contextlib.suppress(httpx.TransportError):
        sent = [threads.submit(job.put, f"{at}", large) for at in range(400)]
        eventually("some are there", lambda: job.status()["done"] >= 1, 60)
        code, log = running.stopped()
        for each in sent:
            each.cancel()
    assert code == 0
    assert "Traceback" not in log
