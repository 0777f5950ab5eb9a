"""Texts from Python: a str or its bytes, alone and many, and a collection of them."""

import csv
import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.collection.export import export
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, BadText, InvalidName, UnknownCollection
from open_analytic.store import rows, schema
from open_analytic.store.connection import Database
from open_analytic.types import Feature, InputColumns, Row
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


COLUMNS = {"lang": "text", "year": "integer"}
TEXT = InputColumns(name="text_name", data="text_data", sha256="text_sha256", data_type="text")


@pytest.fixture(params=["text", "image"])
def notes(db: OpenAnalytic, request: pytest.FixtureRequest) -> Collection:
    """As collections of texts are made, and as versions before 0015 made them."""
    if request.param == "image":
        return tiny_texts.image_layout(db, "notes", COLUMNS)
    return db.create_collection("notes", pipeline="texts", columns=COLUMNS)


def read(db: OpenAnalytic, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(db.dsn) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_new_collection_of_texts_reads_as_texts(db: OpenAnalytic) -> None:
    notes = db.create_collection("notes", pipeline="texts", columns={"image_name": "text"})
    assert (notes.info.inputs, notes.info.columns) == (TEXT, {"image_name": "text"})
    notes.add("1", "red house\n", values={"image_name": "house.jpg"})
    notes.add("2", "\ufeffbl\u00fcu %s {x} \\x41")
    assert read(db, "SELECT text_name, text_data, image_name FROM notes ORDER BY 1") == [
        ("1", "red house\n", "house.jpg"), ("2", "\ufeffbl\u00fcu %s {x} \\x41", None),
    ]  # fmt: skip
    assert bytes(notes.image("2")) == "\ufeffbl\u00fcu %s {x} \\x41".encode()
    assert db.create_collection("photos", pipeline="mean_colour").info.inputs == InputColumns()
    for column in ("text_name", "text_data", "text_sha256", "feature"):
        with pytest.raises(InvalidName, match=f"Column '{column}' is one every collection has"):
            db.create_collection("more", pipeline="texts", columns={column: "text"})
    with pytest.raises(UnknownCollection):
        db.collection("more")


def test_every_operation_finds_the_columns_of_texts(db: OpenAnalytic, notes: Collection, tmp_path: Path) -> None:
    name = notes.info.inputs.name
    for number, text in enumerate(["red house", "blue", "a a a a", "red red"]):
        notes.add(str(number), text, values={"lang": "en", "year": number})
    again = notes.add("0", "red house", values={"lang": "en"})
    assert (again.added, again.updated, again.unchanged) == (0, 0, 1)
    assert notes.add("0", "a red house", on_conflict="replace").updated == 1
    assert notes.update("1", {"year": 7}) == 1
    notes.rename("1", "one")
    assert notes.delete(["3", "none"]) == 1
    row = notes.get("0")
    assert (row.bytes, row.sha256) == (11, hashlib.sha256(b"a red house").digest())
    assert [(row.name, dict(row.row)) for row in notes.rows()] == [
        ("0", {"lang": "en", "year": 0}), ("2", {"lang": "en", "year": 2}), ("one", {"lang": "en", "year": 7}),
    ]  # fmt: skip
    assert [hit.name for hit in notes.search("blue", k=2, filter=f"{name} <> 'one' AND year < 5")] == ["2", "0"]
    (first, second) = notes.search("blue", k=2)
    assert notes.search("blue", k=1, after=first)[0].name == second.name
    assert [hit.name for hit in notes.search(notes.feature("2"), k=1)] == ["2"]
    assert (notes.count(), notes.names()) == (3, [("0", 1), ("2", 1), ("one", 1)])
    assert notes.near_duplicates(max_distance=0) == []
    assert len(notes.knn_join(notes, k=1)) == 3
    assert notes.cluster(max_distance=100).clusters[0].members[0].name == "0"
    notes.create_index()
    assert notes.measure_index(queries=1).rows == 3
    assert export(notes, values=tmp_path / "values.csv", pictures=tmp_path / "files").pictures == 3
    with (tmp_path / "values.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[:2] == [[name, "lang", "year"], ["0", "en", "0"]]


def test_rows_that_no_pipeline_ran_on_get_their_features(db: OpenAnalytic, notes: Collection) -> None:
    inputs = notes.info.inputs
    data = "'red house'" if inputs.data_type == "text" else "'red house'::bytea"
    with psycopg.connect(db.dsn) as connection:
        connection.execute(f"INSERT INTO notes ({inputs.name}, {inputs.data}) VALUES ('a', {data})".encode())
    assert db.compute_features("notes").updated == 1
    assert read(db, f"SELECT encode({inputs.sha256}, 'hex') FROM notes") == [
        (hashlib.sha256(b"red house").hexdigest(),)
    ]
    assert db.compute_features("notes").updated == 0


def test_bytes_that_are_no_text_are_a_typed_error(db: OpenAnalytic) -> None:
    notes = db.create_collection("notes", pipeline="texts")
    for data, message in ((b"a\xff", "not text in UTF-8: byte 1"), (b"a\0", "has a NUL at character 1")):
        row = Row(name="a", features=(Feature(vector=np.ones(2, np.float32)),), data=data)
        with Database(db.dsn, db.settings).transaction() as connection, pytest.raises(BadText, match=message):
            rows.write(connection, notes.info, [row])
    assert notes.count() == 0


def test_a_downgrade_gives_the_columns_the_names_that_older_versions_know(db: OpenAnalytic) -> None:
    notes = db.create_collection("notes", pipeline="texts", columns=COLUMNS)
    notes.add("1", "r\u00e9d house", values={"lang": "en"})
    seen = db.create_collection("seen", pipeline="texts")
    seen.add("1", "blue")
    with psycopg.connect(db.dsn) as connection:
        connection.execute("CREATE VIEW names AS SELECT text_name, text_data FROM seen")
    schema.downgrade(db.dsn, "0014")
    assert read(db, "SELECT image_name, convert_from(image_data, 'UTF8'), image_sha256 IS NULL, lang FROM notes") == [
        ("1", "r\u00e9d house", False, "en")
    ]
    assert read(db, "SELECT * FROM names") == [("1", "blue")]  # which keeps its column from another type
    schema.upgrade(db.dsn)
    assert db.collection("seen").info.inputs == dataclasses.replace(InputColumns(), data_type="text")
    assert bytes(db.collection("seen").image("1")) == b"blue"
    notes = db.collection("notes")
    assert notes.info.inputs == InputColumns()
    assert [hit.name for hit in notes.search("r\u00e9d house", k=1)] == ["1"]
    assert notes.add("1", "r\u00e9d house").unchanged == 1
