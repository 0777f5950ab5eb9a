"""The pages' JSON of a collection of sounds: searched by a sound, imported, played, never shown as pictures."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests import tiny_sounds
from tests.process import site
from tests.process.site import Album, picture, problem

LOUD, QUIET = (tiny_sounds.wav(np.full(800, value)) for value in (0.75, 0.25))
OTHER = tiny_sounds.wav(np.full(400, 0.5))


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with site.home(tmp_path_factory.mktemp("sounds")) as home:
        tiny_sounds.write(home.settings.cards[0])
        with home.database() as db:
            db.pipeline_create("sounds", tiny_sounds.PIPELINE)
            db.create_collection("sounds", pipeline="sounds")
            db.create_collection("photos", pipeline="mean_colour")
        with site.site(home) as (_, client):
            yield client


@pytest.fixture(scope="module")
def sounds(http: httpx.Client) -> Album:
    """Two of them, imported as the pages do."""
    album = Album(client=http, name="sounds")
    status = album.imported({"a/loud.wav": LOUD, "quiet.wav": QUIET, "none.wav": b"RIFF"})
    assert (status["state"], status["added"], status["failed"]) == ("done", 2, 1)
    return album


def test_a_sound_finds_the_nearest_sounds(sounds: Album) -> None:
    query = sounds.query(OTHER)
    assert query == {"id": query["id"], "width": None, "height": None, "faces": [], "regions": []}
    assert sounds.names(query=query["id"]) == ["quiet.wav", "a/loud.wav"]
    assert sounds.names(like="quiet.wav") == ["a/loud.wav"]
    assert sounds.get(f"/queries/{query['id']}").json() == query
    stored = sounds.client.get(f"/api/v1/queries/{query['id']}/media")
    assert (stored.status_code, stored.headers["content-type"], stored.content) == (200, "audio/wav", OTHER)


def test_a_sound_is_played_as_it_is_stored(sounds: Album) -> None:
    answer = sounds.get("/media", params={"name": "a/loud.wav"})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "audio/wav", LOUD)
    assert answer.headers["x-content-type-options"] == "nosniff"
    part = sounds.get("/media", params={"name": "a/loud.wav"}, headers={"range": "bytes=44-47"})
    assert (part.status_code, part.content) == (206, LOUD[44:48])
    known = {"if-none-match": answer.headers["etag"]}
    assert sounds.get("/media", params={"name": "a/loud.wav"}, headers=known).status_code == 304
    assert problem(sounds.get("/media", params={"name": "none"})) == (404, "UnknownImage")


def test_details_say_that_it_holds_sounds(sounds: Album) -> None:
    details = sounds.get().json()
    names = ("noun", "modality", "texts", "suffixes", "region_noun", "caption", "pictures")
    assert [details[name] for name in names] == ["sound", "audio", False, [".wav", ".wave"], None, None, 2]


def test_what_is_no_sound_is_refused(http: httpx.Client, sounds: Album) -> None:
    photos = Album(client=http, name="photos")
    query = sounds.query(LOUD)["id"]
    refused = [
        sounds.client.post(sounds.at("/queries"), content=picture(1, 2, 3)),
        sounds.get("/hits", params={"query": query, "region": "0,0,5,5"}),
        photos.get("/media", params={"name": "quiet.wav"}),
        photos.get("/hits", params={"query": query}),
        sounds.get("/hits", params={"text": "loud"}),
    ]
    assert [problem(answer) for answer in refused] == [
        (422, "BadAudio"), (400, "BadParameter"), (400, "BadParameter"), (415, "UnsupportedImage"),
        (400, "BadParameter"),
    ]  # fmt: skip
