"""Rows of a collection one by one: read, changed, renamed, deleted, walked through in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, CollectionExists, UnknownImage
from open_analytic.store import records
from open_analytic.types import Box
from tests import tiny, tiny_faces
from tests.database.test_importer import picture

RED, GREEN = (250, 10, 10), (10, 250, 10)


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    tiny_faces.write(cards)
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        db.pipeline_create("faces", tiny_faces.EXTRACTOR)
        yield db


@pytest.fixture
def album(db: OpenAnalytic) -> Collection:
    columns = {"place": "text", "year": "integer", "a%b": "varchar(3)"}
    return db.create_collection("album", pipeline="mean_colour", columns=columns)


@pytest.fixture
def people(db: OpenAnalytic) -> Collection:
    people = db.create_collection("people", pipeline="faces", parameters={"face": "all"}, columns={"who": "text"})
    people.add("both.png", tiny_faces.paint([RED, GREEN]))
    people.add("lake.png", tiny_faces.paint([]))
    return people


def test_a_row_is_read_by_name(album: Collection) -> None:
    album.add("a.png", picture(*RED), values={"place": "home", "year": 7})
    row = album.get("a.png")
    assert (row.name, row.part, row.row) == ("a.png", None, {"place": "home", "year": 7, "a%b": None})
    assert (row.bytes, row.has_vector, row.box) == (len(picture(*RED)), True, None)
    assert album.digests(["a.png"]) == {"a.png": row.sha256}
    for name in ("b.png", "nul\0", "\ud800"):
        with pytest.raises(UnknownImage, match="has no image"):
            album.get(name)


def test_values_are_changed_and_nothing_else(album: Collection) -> None:
    album.add("a.png", picture(*RED), values={"place": "home", "year": 7})
    before = album.get("a.png")
    assert album.update("a.png", {"place": None, "a%b": "x"}) == 1
    after = album.get("a.png")
    assert after.row == {"place": None, "year": 7, "a%b": "x"}
    assert (after.imported_at, after.sha256) == (before.imported_at, before.sha256)
    assert album.feature("a.png").tolist() == pytest.approx([1, 0.04, 0.04], abs=0.01)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image_data": b""}, "not one of your own"), ({"feature": [1]}, "not one of your own"), ({}, "no values"),
        ({"plac": "x"}, "'plac'"), ({"year": "seven"}, "'seven'.*'year'.*integer"), ({"a%b": "long"}, "too long"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_update_changes_nothing(album: Collection, values: dict[str, Any], message: str) -> None:
    album.add("a.png", picture(*RED), values={"place": "home"})
    with pytest.raises(BadParameter, match=message):
        album.update("a.png", {"place": "away", **values} if values else values)
    assert album.get("a.png").row["place"] == "home"
    with pytest.raises(UnknownImage):
        album.update("b.png", {"place": "away"})


def test_faces_have_parts(people: Collection) -> None:
    rows = list(people)
    assert [(row.name, row.part, row.has_vector) for row in rows] == [
        ("both.png", 0, True), ("both.png", 1, True), ("lake.png", 0, False)
    ]  # fmt: skip
    assert (len(people), people.count(), bool(people)) == (3, 2, True)
    assert isinstance(people.get("both.png", 1).box, Box)
    assert people.get("both.png") == rows[0]
    assert people.update("both.png", {"who": "two"}) == 2
    assert people.update("both.png", {"who": "green"}, part=1) == 1
    assert [row.row["who"] for row in people] == ["two", "green", None]
    with pytest.raises(UnknownImage, match="region 2"):
        people.update("both.png", {"who": "x"}, part=2)
    with pytest.raises(BadParameter, match="not one of your own"):
        people.update("both.png", {"part": 3})
    assert [row.name for row in people.rows(after="both.png")] == ["lake.png"]


def test_walking_reads_a_page_at_a_time(album: Collection, people: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PAGE", 2)
    album.import_vectors([(f"{number:02}", [1, 0, number], {"year": number}) for number in range(5)])
    walk = iter(album)
    assert [next(walk).name for _ in range(2)] == ["00", "01"]
    assert album.delete("03") == 1
    assert [row.row["year"] for row in walk] == [2, 4]
    assert [(row.name, row.part) for row in people] == [("both.png", 0), ("both.png", 1), ("lake.png", 0)]
    assert [name for name, _, _ in people.texts()] == ["both.png", "both.png", "lake.png"]
    assert list(album.texts())[1] == ("01", None, [None, "1", None])


def test_an_empty_collection_has_no_rows_and_is_true(album: Collection) -> None:
    assert (list(album), len(album), bool(album), album.rows()) == ([], 0, True, [])


def test_a_collection_that_is_alike_comes_back(db: OpenAnalytic, dsn: str) -> None:
    columns = {"n": "int", "price": "numeric( 6,2 )", "tags": "text[]", "t": "timestamp with time zone"}
    collection = db.create_collection("shop", pipeline="mean_colour", columns=columns)
    collection.import_vectors([("a", [1, 0, 0], {"n": 1})])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE shop ADD later date")

    again = db.create_collection("shop", pipeline="mean_colour", columns=columns, exist_ok=True)
    assert (again.info.created_at, again.count()) == (collection.info.created_at, 1)
    fresh = db.create_collection("new", pipeline="mean_colour", exist_ok=True)
    assert fresh.count() == 0
    with pytest.raises(CollectionExists, match="alike") as caught:
        db.create_collection("shop", pipeline="mean_colour", columns=columns)
    assert "exist_ok=True" in (caught.value.hint or "")
    assert db.collection("shop").count() == 1


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"columns": {"n": "text"}}, "type of column 'n': integer, not text"),
        ({"columns": {"price": "numeric(7,2)"}}, r"type of column 'price': numeric\(6,2\), not numeric\(7,2\)"),
        ({"columns": {"x": "text"}}, "set of columns: it has no 'x'"),
        ({"metric": "cosine"}, "metric: l2, not cosine"),
        ({"pipeline": "faces"}, "pipeline: mean_colour, not faces"),
    ],
    ids=str,
)
def test_a_collection_that_differs_says_how(db: OpenAnalytic, options: dict[str, Any], difference: str) -> None:
    db.create_collection("shop", pipeline="mean_colour", columns={"n": "integer", "price": "numeric(6,2)"})
    for exist_ok in (True, False):
        with pytest.raises(CollectionExists, match=difference) as caught:
            db.create_collection("shop", **{"pipeline": "mean_colour", **options}, exist_ok=exist_ok)
        assert "drop" not in (caught.value.hint or "").lower()


def test_a_table_that_is_no_collection_stays(db: OpenAnalytic, dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (image_name text)")
    with pytest.raises(CollectionExists, match="it is no collection") as caught:
        db.create_collection("mine", pipeline="mean_colour", exist_ok=True)
    assert "drop" not in (caught.value.hint or "").lower()


def test_a_newer_version_of_the_pipeline_is_a_difference(db: OpenAnalytic) -> None:
    db.create_collection("shop", pipeline="mean_colour")
    db.pipeline_create(
        "mean_colour", tiny.PIPELINE | {"steps": tiny.PIPELINE["steps"][:-1], "output": {"feature": "colours"}}
    )
    with pytest.raises(CollectionExists, match="version: 1, not 2"):
        db.create_collection("shop", pipeline="mean_colour", exist_ok=True)
