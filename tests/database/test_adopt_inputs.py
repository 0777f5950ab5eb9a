"""Tables of texts and of sounds become collections: the user's names of columns stay, and everything works on them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

import open_analytic
from open_analytic import OpenAnalytic, embedded
from open_analytic.collection.export import export
from open_analytic.config import Settings
from open_analytic.errors import UnsuitableTable
from open_analytic.types import InputColumns
from tests import tiny, tiny_sounds, tiny_texts
from tests.databases import clone, database

NOTES = {"a red house": "red house", "the sky": "blue", "letters": "a a a a"}


def tone(level: float) -> bytes:
    """A second of it."""
    time = np.arange(tiny_sounds.RATE) / tiny_sounds.RATE
    return tiny_sounds.wav(np.sin(2 * np.pi * 200 * time) * level)


@pytest.fixture(scope="module")
def settings_here(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("adopt")
    cards = tiny_sounds.write(tiny_texts.write(tiny.write(folder / "cards")))
    return Settings.read({}, cards=(cards,), models_dir=folder / "models")


@pytest.fixture(scope="module")
def original(server: embedded.Server, template: str, settings_here: Settings) -> str:
    """The DSN of a database with pipelines of texts and of sounds, to copy."""
    dsn = database(server, template)
    with open_analytic.connect(dsn, settings=settings_here) as db:
        db.pipeline_create("texts", tiny_texts.PIPELINE)
        db.pipeline_create("sounds", tiny_sounds.PIPELINE)
    return dsn


@pytest.fixture
def db(server: embedded.Server, original: str, settings_here: Settings) -> Iterator[OpenAnalytic]:
    with clone(server, original) as dsn, open_analytic.connect(dsn, settings=settings_here) as db:
        yield db


@pytest.fixture
def owner(db: OpenAnalytic) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(db.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def notes(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> open_analytic.Collection:
    """A table with names of its own, adopted and computed."""
    owner.execute("CREATE TABLE notes (lang text DEFAULT 'en', title text PRIMARY KEY, body text NOT NULL)")
    for name, text in NOTES.items():
        owner.execute("INSERT INTO notes (title, body) VALUES (%s, %s)", [name, text])
    notes = db.adopt("notes", pipeline="texts", name_column="title", data_column="body")
    report = db.compute_features("notes")
    assert (report.updated, report.rows, report.failed) == (3, 3, ())
    return notes


def test_a_table_of_texts_is_searched_and_changed(notes: open_analytic.Collection) -> None:
    assert notes.info.inputs == InputColumns(name="title", data="body", sha256="text_sha256", data_type="text")
    assert notes.info.columns == {"lang": "text"}
    assert [hit.name for hit in notes.search("a red house", k=1)] == ["a red house"]
    assert [hit.name for hit in notes.search("blue", k=1, filter="title ~ 's' AND lang = 'en'")] == ["the sky"]
    assert notes.image("the sky") == b"blue"
    notes.add("new", "a a", values={"lang": "fr"})
    assert notes.update("new", {"lang": "de"}) == 1
    notes.rename("new", "newer")
    assert [(row.name, dict(row.row)) for row in notes.rows()] == [
        ("a red house", {"lang": "en"}), ("letters", {"lang": "en"}), ("newer", {"lang": "de"}),
        ("the sky", {"lang": "en"}),
    ]  # fmt: skip
    assert notes.delete("newer") == 1
    assert (notes.count(), notes.count_rows()) == (3, 3)


def test_texts_of_files_are_imported_into_it_and_exported(
    notes: open_analytic.Collection, owner: psycopg.Connection[Any], tmp_path: Path
) -> None:
    (tmp_path / "more.csv").write_text("title,body,lang,other\nthe sky,blue blue,fr,1\nfields,red,fr,2\n")
    report = notes.import_files(tmp_path / "more.csv", name_column="title", text_column="body", on_conflict="replace")
    assert (report.added, report.updated, report.failed, report.ignored_columns) == (1, 1, (), ("other",))
    rows = owner.execute("SELECT title, body, lang FROM notes ORDER BY title").fetchall()
    assert rows == [
        ("a red house", "red house", "en"), ("fields", "red", "fr"), ("letters", "a a a a", "en"),
        ("the sky", "blue blue", "fr"),
    ]  # fmt: skip
    export(notes, values=tmp_path / "values.csv")
    written = list(csv.reader(io.StringIO((tmp_path / "values.csv").read_text())))
    assert written[:2] == [["title", "lang"], ["a red house", "en"]]


def test_a_dropped_one_is_the_table_with_its_columns(
    db: OpenAnalytic, notes: open_analytic.Collection, owner: psycopg.Connection[Any]
) -> None:
    assert notes.is_adopted()
    assert not db.create_collection("plain", pipeline="texts").is_adopted()
    notes.create_index()
    db.drop_collection("notes")
    assert dict(owner.execute("SELECT title, body FROM notes").fetchall()) == NOTES
    again = db.adopt("notes", pipeline="texts", name_column="title", data_column="body", feature_version=1)
    assert [hit.name for hit in again.search("a red house", k=1)] == ["a red house"]


def test_a_table_whose_texts_are_bytes_is_adopted(db: OpenAnalytic, owner: psycopg.Connection[Any]) -> None:
    owner.execute("CREATE TABLE notes (title text PRIMARY KEY, body bytea)")
    owner.execute("INSERT INTO notes VALUES ('a', 'red house'), ('b', '\\xff'), ('c', NULL)")
    notes = db.adopt("notes", pipeline="texts", name_column="title", data_column="body")
    assert notes.info.inputs.data_type == "bytea"
    report = db.compute_features("notes")
    assert (report.updated, [failure.name for failure in report.failed]) == (1, ["b"])
    notes.add("d", b"blue")
    assert [hit.name for hit in notes.search("blue", k=1)] == ["d"]
    assert owner.execute("SELECT body FROM notes WHERE title = 'b'").fetchone() == (b"\xff",)


@pytest.mark.parametrize("type_", ["varchar(80)", "json"])
def test_a_column_of_another_type_is_named_with_the_statements(
    db: OpenAnalytic, owner: psycopg.Connection[Any], type_: str
) -> None:
    owner.execute(f"CREATE TABLE notes (title text PRIMARY KEY, body {type_})".encode())
    names = {"name_column": "title", "data_column": "body"}
    with pytest.raises(UnsuitableTable, match=r"column body is (character varying|json)") as caught:
        db.adopt("notes", pipeline="texts", **names)  # type: ignore[arg-type]
    assert caught.value.hint
    owner.execute(caught.value.hint.encode())
    db.adopt("notes", pipeline="texts", **names).add("a", b"red house")  # type: ignore[arg-type]


def test_a_table_of_sounds_is_searched_and_changed(
    db: OpenAnalytic, owner: psycopg.Connection[Any], tmp_path: Path
) -> None:
    owner.execute("CREATE TABLE calls (file text PRIMARY KEY, wav bytea, bird text)")
    owner.execute("INSERT INTO calls VALUES ('low', %s, 'owl'), ('high', %s, 'wren')", [tone(0.1), tone(0.9)])
    calls = db.adopt("calls", pipeline="sounds", name_column="file", data_column="wav")
    assert calls.info.inputs == InputColumns(name="file", data="wav", sha256="audio_sha256", data_type="bytea")
    assert db.compute_features("calls").updated == 2
    assert calls.search(tone(0.1), k=1)[0].row == {"bird": "owl"}
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "long.wav").write_bytes(tone(0.5))
    assert calls.import_files(tmp_path / "more").added == 1
    assert calls.count_rows() == 3
    assert calls.update("low", {"bird": "eagle owl"}) == 1
    calls.rename("low", "lower")
    assert calls.image("lower") == tone(0.1)
    assert calls.delete("long.wav") == 1
    db.drop_collection("calls")
    assert owner.execute("SELECT file, bird FROM calls ORDER BY file").fetchall() == [
        ("high", "wren"), ("lower", "eagle owl"),
    ]  # fmt: skip
