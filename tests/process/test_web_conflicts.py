"""Imports over HTTP whose names other pictures have: refused, then decided on once for all."""

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from open_analytic.web.imports import Job
from tests.process import site
from tests.process.serving import eventually
from tests.process.site import Album, Home, Import, picture, problem

RED, BLUE, GREY = picture(250, 0, 0), picture(0, 0, 250), picture(99, 99, 99)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with site.home(tmp_path_factory.mktemp("conflicts")) as home:
        with home.database() as db:
            db.create_collection("first", pipeline="mean_colour")
        yield home


@pytest.fixture(scope="module")
def http(home: Home) -> Iterator[httpx.Client]:
    with site.site(home) as (_, client):
        yield client


@pytest.fixture
def album(home: Home, http: httpx.Client) -> Album:
    """Three pictures that came from a browser, each with a value."""
    name = f"conflict {next(_numbers)}"
    with home.database() as db:
        collection = db.create_collection(name, pipeline="mean_colour", columns={"city": "text"})
        album = Album(client=http, name=name)
        album.imported({"a.png": RED, "b.png": RED, "same.png": GREY})
        for row in list(collection):
            collection.update(row.name, {"city": "Delft"})
    return album


def rows(home: Home, album: Album) -> dict[str, tuple[bytes, Any, Any]]:
    with home.database() as db:
        collection = db.collection(album.name)
        return {row.name: (collection.image(row.name), row.row["city"], row.source) for row in collection}


BEFORE = {
    "a.png": (RED, "Delft", "upload"),
    "b.png": (RED, "Delft", "upload"),
    "same.png": (GREY, "Delft", "upload"),
}
OTHERS = {"a.png": BLUE, "b.png": BLUE, "same.png": GREY, "new.png": BLUE}


def sent(album: Album) -> Import:
    """Another folder's pictures, all of them looked at."""
    job = album.begin()
    for name, data in OTHERS.items():
        assert job.put(name, data).status_code == 202
    eventually("all are looked at", lambda: job.status()["waiting"] == 0)
    return job


def test_they_are_refused_and_nothing_is_lost(home: Home, album: Album) -> None:
    job = sent(album)
    status = job.ended()
    assert (status["added"], status["unchanged"], status["conflicts"], status["failed"]) == (1, 1, 2, 2)
    assert {failure["error"]["type"] for failure in status["failures"]} == {"Conflict"}
    assert status["failures"][0]["error"]["message"] == "The name 'a.png' is taken by another picture."
    assert rows(home, album) == BEFORE | {"new.png": (BLUE, None, "upload")}


@pytest.mark.parametrize(
    ("choice", "counts", "there"),
    [
        ("skip", {"skipped": 2}, {}),
        ("replace", {"updated": 2}, {"a.png": (BLUE, "Delft", "upload"), "b.png": (BLUE, "Delft", "upload")}),
        (
            "keep_both",
            {"added": 3},
            {"a (2).png": (BLUE, None, "upload"), "b (2).png": (BLUE, None, "upload")},
        ),
    ],
)
def test_one_decision_is_for_all(
    home: Home, album: Album, choice: str, counts: dict[str, int], there: dict[str, Any]
) -> None:
    job = sent(album)
    answer = album.client.patch(f"/api/v1/imports/{job.id}", json={"on_conflict": choice})
    again = [] if choice == "skip" else ["a.png", "b.png"]
    assert (answer.status_code, sorted(answer.json()["again"])) == (200, again)
    for name in again:
        assert job.put(name, OTHERS[name]).status_code == 202
    status = job.ended()
    outcome = {name: status[name] for name in ("added", "updated", "unchanged", "skipped", "failed") if status[name]}
    assert outcome == {"added": 1, "unchanged": 1} | counts
    assert rows(home, album) == BEFORE | {"new.png": (BLUE, None, "upload")} | there


def test_a_decision_can_come_first(home: Home, album: Album) -> None:
    answer = album.client.post(album.at("/imports"), params={"on_conflict": "keep_both"})
    job = Import(client=album.client, id=answer.json()["id"])
    for name, data in OTHERS.items():
        job.put(name, data)
    assert job.ended()["added"] == 3
    assert problem(album.client.post(album.at("/imports"), params={"on_conflict": "all"})) == (400, "BadParameter")


def test_a_decision_holds_for_pictures_that_wait(home: Home, album: Album) -> None:
    async def decided_on() -> Job:
        with home.database() as db:
            job = Job(db.collection(album.name))
            job.put_all(list(OTHERS.items()))
            assert job.decide("skip") == []
            assert job.decide("replace") == []
            job.start()
            job.finish()
            await asyncio.to_thread(job.join, 60)
            return job

    counts = asyncio.run(decided_on()).counts()
    assert {name: counts[name] for name in ("state", "added", "updated", "unchanged", "skipped", "failed")} == {
        "state": "done", "added": 1, "updated": 2, "unchanged": 1, "skipped": 0, "failed": 0,
    }  # fmt: skip


def test_hashes_tell_which_names_are_taken(album: Album) -> None:
    job = album.begin()
    assert job.known(OTHERS).json() == {"known": ["same.png"], "taken": ["a.png", "b.png"]}
    job.stop()
