"""The pages' JSON of a collection of texts: searched by a text, shown as excerpts, never as pictures."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests import tiny_texts
from tests.process import site
from tests.process.site import Album, picture, problem

NOTES = {"house": "red house", "sky": "blue", "long": "a " * 15_000, "<i>": "red <b>house</b> a a a"}
ENGLISH = json.dumps([{"column": "lang", "operator": "=", "value": "en"}])
WRONG = (400, "BadParameter")


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with site.home(tmp_path_factory.mktemp("texts")) as home:
        tiny_texts.write(home.settings.cards[0])
        with home.database() as db:
            db.pipeline_create("texts", tiny_texts.PIPELINE)
            notes = db.create_collection("notes", pipeline="texts", columns={"lang": "text"})
            languages = {name: {"lang": "de" if name == "sky" else "en"} for name in NOTES}
            assert not notes.import_items(list(NOTES.items()), values=languages).failed
            db.create_collection("photos", pipeline="mean_colour").import_pictures([("red", picture(200, 0, 0))])
        with site.site(home) as (_, client):
            yield client


@pytest.fixture
def notes(http: httpx.Client) -> Album:
    return Album(client=http, name="notes")


@pytest.fixture
def photos(http: httpx.Client) -> Album:
    return Album(client=http, name="photos")


def test_a_text_finds_the_nearest_texts(notes: Album) -> None:
    answer = notes.hits(text="red house", k=1, explain=1)
    assert answer["hits"] == [{"name": "house", "distance": 0.0, "row": {"lang": "en"}, "box": None, "part": None}]
    assert answer["milliseconds"]["decode_and_model"] <= answer["milliseconds"]["total"]
    assert (bool(answer["explained"]["reason"]), answer["sql"].startswith("SELECT")) == (True, True)
    assert notes.names(text="blue", k=1) == ["sky"]
    assert set(notes.names(text="blue", filter=ENGLISH)) == set(NOTES) - {"sky"}
    assert notes.names(text="red house", max_distance=0.001) == ["house"]
    assert set(notes.names(like="house")) == set(NOTES) - {"house"}


def test_details_say_that_it_holds_texts(notes: Album, photos: Album) -> None:
    details = [(each["noun"], each["texts"], each["pictures"]) for each in (notes.get().json(), photos.get().json())]
    assert details == [("text", True, 4), ("picture", False, 1)]


def test_a_query_of_the_other_kind_is_one_error(notes: Album, photos: Album) -> None:
    query = photos.query(picture(200, 0, 0))["id"]
    texts = [notes.client.post(notes.at("/queries"), content=data) for data in (picture(1, 2, 3), b"red house")]
    texts += [notes.get(f"/queries/{query}"), notes.get("/hits", params={"query": query})]
    assert [(problem(answer), answer.json()["message"]) for answer in texts] == [
        (WRONG, "The collection's pipeline takes no picture.")
    ] * 4
    refused = photos.get("/hits", params={"text": "red house"})
    assert (problem(refused), refused.json()["message"]) == (WRONG, "The collection's pipeline takes no text.")


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"text": "a" * 4_001}, (422, "BadText")),
        ({"text": ""}, (422, "BadText")),
        ({"text": " \n"}, (422, "BadText")),
        ({"text": "a\0b"}, (422, "BadText")),
        ({"text": "a", "like": "house"}, WRONG),
        ({"text": "a", "query": "q"}, WRONG),
    ],
)
def test_texts_that_are_refused(notes: Album, parameters: dict[str, str], error: tuple[int, str]) -> None:
    assert problem(notes.get("/hits", params=parameters)) == error


@pytest.mark.parametrize("text", ["a" * 4_000, "猫" * 4_000, "🙂" * 4_000], ids=["ascii", "chinese", "emoji"])
def test_the_longest_text_fits_an_address(notes: Album, text: str) -> None:
    assert len(notes.names(text=text)) == 4
    assert notes.client.get("/search/notes", params={"text": text}).status_code == 200


def test_a_text_is_shown_whole_or_in_part(notes: Album) -> None:
    plain = {"before": "", "marked": "", "start": 0}
    assert notes.get("/text", params={"name": "<i>"}).json() == plain | {
        "after": NOTES["<i>"], "end": 22, "characters": 22,
    }  # fmt: skip
    assert notes.get("/text", params={"name": "long", "length": 5}).json() == plain | {
        "after": "a a a", "end": 5, "characters": 30_000,
    }  # fmt: skip
    assert notes.get("/text", params={"name": "long"}).json() == plain | {
        "after": "a " * 10_000, "end": 20_000, "characters": 30_000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, WRONG),
        ({"name": "none"}, (404, "UnknownImage")),
        *(({"name": "house", "length": length}, WRONG) for length in ("0", "20001", "-1", "x", "", "1" * 5000)),
    ],
)
def test_what_no_text_is_shown_for(notes: Album, parameters: dict[str, str], error: tuple[int, str]) -> None:
    assert problem(notes.get("/text", params=parameters)) == error


def test_a_picture_is_not_shown_as_a_text_nor_a_text_as_a_picture(notes: Album, photos: Album) -> None:
    assert problem(photos.get("/text", params={"name": "red"})) == WRONG
    for kind in ("/thumbnail", "/picture"):
        for name in NOTES:
            assert problem(notes.get(kind, params={"name": name})) == (415, "UnsupportedImage")
        assert problem(notes.get(kind, params={"name": "none"})) == (404, "UnknownImage")
