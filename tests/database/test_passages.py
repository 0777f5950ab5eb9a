"""Passages of texts: a row each, with its span of characters, from Python."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.collection.export import export
from open_analytic.config import Settings
from open_analytic.errors import UnsuitableTable
from open_analytic.store import schema
from open_analytic.types import TextSpan
from open_analytic.util.jsonable import jsonable
from tests import tiny, tiny_texts

STORY = "A red house. A blue one.\n\nThe end comes soon, with a tree."
PARTS = ["A red house. A blue one.", "The end comes soon, with", "a tree."]
SPANS = [TextSpan(start=STORY.index(part), end=STORY.index(part) + len(part)) for part in PARTS]


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_texts.write(tiny.write(tmp_path / "cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("passages", tiny_texts.PASSAGES)
        yield db


def test_rows_have_the_spans_of_their_passages(db: OpenAnalytic) -> None:
    notes = db.create_collection("notes", pipeline="passages", columns={"lang": "text"})
    report = notes.import_items([("story", STORY), ("short", "blue")], values={"story": {"lang": "en"}})
    assert (report.added, report.rows, report.failed) == (2, 4, ())
    assert (notes.info.many, notes.info.region) == (True, "text_span")
    assert [(row.name, row.part, row.region, row.box) for row in notes] == [
        ("short", 0, TextSpan(start=0, end=4), None), *(("story", at, span, None) for at, span in enumerate(SPANS))
    ]  # fmt: skip
    for part, span in zip(PARTS, SPANS, strict=True):
        (hit,) = notes.search(part, k=1)
        assert (hit.name, hit.distance, hit.region, dict(hit.row)) == ("story", 0.0, span, {"lang": "en"})
        assert jsonable(hit)["box"] is None
        assert jsonable(hit)["region"] == {"start": span.start, "end": span.end}
    assert notes.add("story", STORY).unchanged == 1


def test_sql_cuts_the_passages_out_of_the_text(db: OpenAnalytic) -> None:
    db.create_collection("notes", pipeline="passages").add("story", STORY)
    with psycopg.connect(db.dsn) as connection:
        cut = "substr(w.text_data, n.text_span[1] + 1, n.text_span[2] - n.text_span[1])"
        statement = f"SELECT {cut} FROM notes AS n JOIN notes AS w USING (text_name) WHERE w.part = 0 ORDER BY n.part"
        assert [part for (part,) in connection.execute(statement.encode())] == PARTS


def test_values_are_exported_with_the_regions_of_their_rows(db: OpenAnalytic, tmp_path: Path) -> None:
    notes = db.create_collection("notes", pipeline="passages", columns={"lang": "text", "start": "integer"})
    notes.add("story", STORY, values={"lang": "en"})
    export(notes, pictures=tmp_path / "texts", values=tmp_path / "values.jsonl")
    assert (tmp_path / "texts" / "story").read_text() == STORY
    assert [json.loads(line) for line in (tmp_path / "values.jsonl").read_text().splitlines()] == [
        {"text_name": "story", "part": str(part), "text_span": f"{{{span.start},{span.end}}}", "lang": "en",
         "start": span.start} for part, span in enumerate(SPANS)
    ]  # fmt: skip
    export(notes, values=tmp_path / "values.csv")
    with (tmp_path / "values.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [["text_name", "part", "text_span", "lang", "start"], ["story", "0", "{0,24}", "en", "0"]]


@pytest.mark.parametrize("column", ["", ", text_span int4[]", ", text_span text", ", text_span int4[] NOT NULL"])
def test_a_table_of_passages_is_adopted(db: OpenAnalytic, column: str) -> None:
    with psycopg.connect(db.dsn, autocommit=True) as owner:
        key = "text_name text NOT NULL, part int4, UNIQUE (text_name, part)"
        owner.execute(f"CREATE TABLE mine ({key}, text_data text{column})".encode())
        if column not in ("", ", text_span int4[]"):
            with pytest.raises(UnsuitableTable, match="text_span") as caught:
                db.adopt("mine", pipeline="passages")
            owner.execute((caught.value.hint or "").encode())
        mine = db.adopt("mine", pipeline="passages")
        assert mine.info.region == "text_span"
        owner.execute("INSERT INTO mine (text_name, part, text_data) VALUES ('old', 0, %s)", [STORY])
        assert db.compute_features("mine").rows == len(SPANS)
        mine.add("story", STORY)
        assert [(row.name, row.region) for row in mine] == [(name, span) for name in ("old", "story") for span in SPANS]
        db.drop_collection("mine")
        assert [span for (span,) in owner.execute("SELECT text_span FROM mine ORDER BY text_name, part")] == 2 * [
            [span.start, span.end] for span in SPANS
        ]


def test_a_downgrade_keeps_the_regions_and_an_upgrade_knows_them_again(db: OpenAnalytic) -> None:
    notes = db.create_collection("notes", pipeline="passages", columns={"lang": "text"})
    notes.add("story", STORY, values={"lang": "en"})
    before = [(row.name, row.part, row.region, dict(row.row)) for row in notes]
    schema.downgrade(db.dsn, "0015")
    with psycopg.connect(db.dsn) as connection:
        assert connection.execute("SELECT text_span, box FROM notes WHERE part = 0").fetchall() == [([0, 24], None)]
    schema.upgrade(db.dsn)
    again = db.collection("notes")
    assert [(row.name, row.part, row.region, dict(row.row)) for row in again] == before
    assert again.info == notes.info
    assert again.add("story", STORY).unchanged == 1


def test_a_column_that_was_filled_between_a_downgrade_and_an_upgrade_stays(db: OpenAnalytic) -> None:
    db.create_collection("notes", pipeline="passages").add("story", STORY)
    schema.downgrade(db.dsn, "0014")
    with psycopg.connect(db.dsn) as connection:
        connection.execute("UPDATE notes SET box = '{1,2,3,4}' WHERE part = 0")
    schema.upgrade(db.dsn)
    first = db.collection("notes").get("story")
    assert (first.region, dict(first.row)) == (SPANS[0], {"box": [1.0, 2.0, 3.0, 4.0]})
