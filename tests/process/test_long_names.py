"""Names of pictures that are longer than the primary key's index takes: refused at every door of the site."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from open_analytic.service.limits import NAME_BYTES
from open_analytic.store.rows import MAX_NAME
from tests.process import site
from tests.process.site import Album, Home, Import, picture

RED = picture(250, 0, 0)
LONG = {"letters": "x" * (NAME_BYTES + 1), "two bytes each": "ä" * (NAME_BYTES // 2 + 1), "a megabyte": "x" * 1_000_000}
COUNTS = ("waiting", "done", "added", "updated", "unchanged", "skipped", "without_face", "failed", "failures")
NOTHING: dict[str, Any] = {"failures": []} | dict.fromkeys(COUNTS[:-1], 0)

long = pytest.mark.parametrize("name", LONG.values(), ids=LONG)
in_an_address = pytest.mark.parametrize("name", list(LONG.values())[:2], ids=list(LONG)[:2])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with site.home(tmp_path_factory.mktemp("names")) as home:
        with home.database() as db:
            db.create_collection("image_search_table", pipeline="mean_colour").add("red.png", RED)
        yield home


@pytest.fixture(scope="module")
def http(home: Home) -> Iterator[httpx.Client]:
    with site.site(home) as (_, client):
        yield client


@pytest.fixture
def album(http: httpx.Client) -> Iterator[Album]:
    """It holds the one picture, before and after."""
    album = Album(client=http, name="image_search_table")
    yield album
    assert album.listed() == ["red.png"]


def counts(job: Import) -> dict[str, Any]:
    return {name: job.status()[name] for name in COUNTS}


def check(answer: httpx.Response, name: str) -> None:
    """The error, which repeats the beginning of the name only."""
    error = answer.json()
    assert (answer.status_code, error["type"], error["sqlstate"]) == (400, "InvalidName", "OA017")
    size = len(name.encode())
    assert error["message"] == f"The name {name[:40]!r}... has {size:,} bytes; at most {NAME_BYTES:,} are taken."


@long
def test_a_bundle_of_an_import(album: Album, name: str) -> None:
    """None of its pictures is taken: they could not be told from those that were."""
    job = album.begin()
    head = json.dumps([["a.png", len(RED)], [name, len(RED)]]).encode()
    check(job.put_several(head + b"\n" + RED + RED), name)
    assert counts(job) == NOTHING
    assert counts_at_the_end(job) == NOTHING


def counts_at_the_end(job: Import) -> dict[str, Any]:
    job.ended()
    return counts(job)


@in_an_address
def test_a_picture_of_an_import(album: Album, name: str) -> None:
    job = album.begin()
    check(job.put(name, RED), name)
    assert counts(job) == NOTHING
    assert counts_at_the_end(job) == NOTHING


@in_an_address
def test_the_new_name_of_a_picture(album: Album, name: str) -> None:
    check(album.client.patch(album.at("/picture"), params={"name": "red.png"}, json={"name": name}), name)


@in_an_address
@pytest.mark.parametrize("as_file", [False, True], ids=["field", "file"])
def test_an_insert_of_the_demo(album: Album, name: str, *, as_file: bool) -> None:
    if as_file:
        answer = album.client.post("/image_search/insert", files={"image": (name, RED)})
    else:
        answer = album.client.post("/image_search/insert", files={"image": ("a.png", RED)}, data={"image_name": name})
    check(answer, name)


def test_the_longest_name_is_taken(album: Album) -> None:
    """The doors and the store have one limit."""
    name = "x" * NAME_BYTES
    assert NAME_BYTES == MAX_NAME
    assert (album.imported({name: RED})["added"], album.listed()) == (1, ["red.png", name])
    assert album.client.delete(album.at("/picture"), params={"name": name}).json() == {"deleted": 1}
