"""Texts from Python: a str or its bytes, alone and many, and a collection of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, BadText
from tests import tiny, tiny_texts

HOUSE = {"vector": [4.25, 21.75]}


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_texts.write(tiny.write(tmp_path / "cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("texts", tiny_texts.PIPELINE)
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


def test_a_text_and_its_bytes_give_the_same(db: OpenAnalytic) -> None:
    assert db.pipeline("texts").input == "text"
    assert db.pipeline_run("texts", "red house") == db.pipeline_run("texts", b"red house") == HOUSE
    first, second, bad = db.pipeline_run_many("texts", ["red house", b"Red House", "a\0"])
    assert (first, second, type(bad)) == (HOUSE, HOUSE, BadText)


def test_what_is_no_text_is_said(db: OpenAnalytic) -> None:
    with pytest.raises(BadText, match="half of a surrogate pair at character 2"):
        db.pipeline_run("texts", "ab\ud800")
    with pytest.raises(BadText, match="at most 100,000 are read"):
        db.pipeline_run("texts", "a" * 100_001)
    with pytest.raises(BadParameter, match="A pipeline takes text or bytes, not int"):
        db.pipeline_run("texts", 5)  # type: ignore[arg-type]
    with pytest.raises(BadParameter, match="A pipeline takes bytes, not str"):
        db.pipeline_run("mean_colour", "red house")


def test_a_collection_of_texts_is_searched_by_one(db: OpenAnalytic) -> None:
    texts = db.create_collection("texts", pipeline="texts", columns={"lang": "text"})
    texts.import_pictures([("1", b"red house"), ("2", b"blue"), ("3", b"a a a a")], values={"1": {"lang": "en"}})
    (hit,) = texts.search(b"a red house", k=1)
    assert (hit.name, hit.box, hit.region, dict(hit.row)) == ("1", None, None, {"lang": "en"})
    assert [hit.name for hit in texts.search("a red house", k=1)] == ["1"]
    assert bytes(texts.image("2")) == b"blue"
