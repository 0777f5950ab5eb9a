"""Databases whose encoding is not UTF8: right answers, or a typed error that names it; nothing is damaged."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import open_analytic
from open_analytic import Collection, OpenAnalytic, embedded
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, OpenAnalyticError
from open_analytic.store import schema
from tests import tiny, tiny_texts
from tests.databases import clone, database_of

INSIDE = {"LATIN1": "\u00e9t\u00e9", "EUC_CN": "\u732b", "SQL_ASCII": "\u00e9t\u00e9 \u732b \U0001f431"}
OUTSIDE = {"LATIN1": "\u732b", "EUC_CN": "\U0001f431"}


@dataclass(frozen=True)
class Place:
    encoding: str
    dsn: str


@pytest.fixture(scope="module", params=INSIDE)
def original(server: embedded.Server, request: pytest.FixtureRequest) -> Place:
    """A database with our schema in this encoding, to copy."""
    encoding = str(request.param)
    dsn = database_of(server, encoding)
    schema.upgrade(dsn)
    return Place(encoding, dsn)


@pytest.fixture
def place(server: embedded.Server, original: Place) -> Iterator[Place]:
    with clone(server, original.dsn) as dsn:
        yield Place(original.encoding, dsn)


@pytest.fixture
def db(place: Place, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_texts.write(tiny.write(tmp_path / "cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(place.dsn, settings=settings) as db:
        db.pipeline_create("texts", tiny_texts.PIPELINE)
        yield db


@pytest.fixture
def notes(db: OpenAnalytic) -> Collection:
    return db.create_collection("notes", pipeline="texts", columns={"lang": "text"})


def test_what_the_encoding_holds_is_stored_searched_and_read(place: Place, notes: Collection) -> None:
    word = INSIDE[place.encoding]
    notes.add(word, f"red house {word}", values={"lang": word})
    notes.add("other", "blue")
    (hit,) = notes.search(f"red house {word}", k=1, filter="lang = %(word)s", params={"word": word})
    assert (hit.name, dict(hit.row)) == (word, {"lang": word})
    assert notes.image(word).decode() == f"red house {word}"
    assert [row.name for row in notes.rows()] == sorted([word, "other"], key=lambda name: name.encode())
    notes.rename(word, f"{word} {word}")
    assert notes.update(f"{word} {word}", {"lang": f"{word}2"}) == 1
    assert [name for name, _, _ in notes.texts()] == sorted([f"{word} {word}", "other"], key=lambda name: name.encode())
    assert notes.delete(f"{word} {word}") == 1


@pytest.mark.parametrize("original", OUTSIDE, indirect=True, scope="module")
def test_a_name_outside_of_the_encoding_is_its_own_error(place: Place, notes: Collection) -> None:
    word = OUTSIDE[place.encoding]
    items = [("first", b"red house"), (word, b"blue"), ("last", b"a a")]
    report = notes.import_pictures(items)
    assert (report.added, [failure.name for failure in report.failed]) == (2, [word])
    error = report.failed[0].error
    assert isinstance(error, BadParameter)
    assert f'encoding "{place.encoding}"' in str(error)
    assert "UTF8" in (error.hint or "")
    assert [row.name for row in notes.rows()] == ["first", "last"]


def test_a_text_outside_of_the_encoding_is_stored_whole(place: Place, notes: Collection) -> None:
    """Texts are bytes there: no character of them is lost."""
    text = "red house \u732b \U0001f431"
    assert notes.info.inputs.data_type == "bytea"
    notes.add("a", text)
    assert notes.image("a").decode() == text
    assert [hit.name for hit in notes.search(text, k=1)] == ["a"]


@pytest.mark.parametrize("original", OUTSIDE, indirect=True, scope="module")
@pytest.mark.parametrize("call", ["search", "filter", "value", "rename", "get"])
def test_other_words_outside_of_the_encoding_are_typed_errors(place: Place, notes: Collection, call: str) -> None:
    word = OUTSIDE[place.encoding]
    notes.add("a", "red house")
    calls: dict[str, Any] = {
        "search": lambda: notes.search("red house", filter="lang = %(word)s", params={"word": word}),
        "filter": lambda: notes.search("red house", filter=f"lang = '{word}'"),
        "value": lambda: notes.update("a", {"lang": word}),
        "rename": lambda: notes.rename("a", word),
        "get": lambda: notes.get(word),
    }
    with pytest.raises(OpenAnalyticError) as caught:
        calls[call]()
    assert f'encoding "{place.encoding}"' in str(caught.value)
    assert [(row.name, dict(row.row)) for row in notes.rows()] == [("a", {"lang": None})]


@pytest.mark.parametrize("original", ["SQL_ASCII"], indirect=True, scope="module")
def test_bytes_that_are_no_text_are_a_typed_error(place: Place, notes: Collection) -> None:
    """Another program writes into SQL_ASCII what is not UTF-8."""
    notes.add("a", "red house")
    with psycopg.connect(place.dsn, client_encoding="SQL_ASCII", autocommit=True) as connection:
        connection.execute(sql.SQL("UPDATE notes SET lang = {}").format(sql.SQL("E'\\xe9t\\xe9'")))
    for read in (lambda: notes.rows(), lambda: notes.search("red house"), lambda: list(notes.texts())):
        with pytest.raises(
            OpenAnalyticError, match='A text is not in its encoding: invalid byte sequence for encoding "UTF8": 0xe9'
        ) as caught:
            read()
        assert "SQL_ASCII" in str(caught.value)
