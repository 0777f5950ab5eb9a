"""Texts in SQL: a literal, a column, UTF-8 bytes."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests import tiny, tiny_texts
from tests.databases import Fill
from tests.sql.conftest import create, value

Sql = psycopg.Connection[Any]
RUN = "SELECT open_analytic.pipeline_run('texts', {})"
HOUSE = {"vector": [4.25, 21.75]}


def learn(sql: Sql) -> None:
    create(sql, "texts", tiny_texts.PIPELINE)


@pytest.fixture
def texts(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(learn)


@pytest.mark.parametrize("literal", ["'red house'", "'red house'::text", "convert_to('red house', 'UTF8')"])
def test_a_text_runs(texts: Sql, literal: str) -> None:
    assert value(texts, RUN.format(literal)) == HOUSE


def test_a_text_that_looks_like_bytes_is_a_text(texts: Sql) -> None:
    """As bytes it would be "a": [CLS] 2, a 4, [SEP] 3."""
    assert value(texts, RUN.format("'\\x61'")) != value(texts, RUN.format("'a'")) == {"vector": [3.0, 9.666667]}


def test_a_bad_text_is_a_typed_error_and_its_neighbours_go_on(texts: Sql) -> None:
    with pytest.raises(psycopg.Error, match=r"The text is empty\.") as caught:
        texts.execute(RUN.format("''"))
    assert caught.value.sqlstate == "OA026"
    batch = "SELECT open_analytic.pipeline_run_batch('texts', %s::bytea[])"
    good, bad = (row[0] for row in texts.execute(batch, [[b"red house", b"\xff"]]).fetchall())
    assert (good, bad["error"]["sqlstate"]) == (HOUSE, "OA026")
    (alone,) = (row[0] for row in texts.execute(batch, [[b"\xff"]]).fetchall())
    assert alone["error"]["sqlstate"] == "OA026"


def write(texts: Sql) -> None:
    """A collection of three texts, one of pictures with nothing in it."""
    learn(texts)
    create(texts, "mean_colour", tiny.PIPELINE)
    texts.execute("SELECT open_analytic.create_collection('notes', 'texts')")
    texts.execute("SELECT open_analytic.create_collection('photos', 'mean_colour')")
    texts.execute(
        "INSERT INTO notes (text_name, text_data, feature, text_sha256)"
        " SELECT t, t, open_analytic.embed('texts', t), sha256(convert_to(t, 'UTF8'))"
        " FROM unnest(ARRAY['red house', 'blue', '[1,2]']) AS t"
    )


@pytest.fixture
def notes(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(write)


def test_the_columns_of_a_collection_of_texts_are_called_so(
    notes: Sql,
) -> None:
    rows = notes.execute("SELECT text_name, text_data FROM notes ORDER BY text_name").fetchall()
    assert rows == [("[1,2]", "[1,2]"), ("blue", "blue"), ("red house", "red house")]
    columns = "SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = %s::regclass"
    tail = "pipeline_version", "imported_at", "source"
    for table, word in (("notes", "text"), ("photos", "image")):
        names = notes.execute(f"{columns} AND attnum > 0", [table]).fetchone()
        assert names == ([f"{word}_name", f"{word}_data", "feature", f"{word}_sha256", *tail],)
    create = "SELECT open_analytic.create_collection('more', 'texts', %s)"
    notes.execute(create, ['{"image_name": "text", "image_data": "integer"}'])
    for column in ("text_name", "text_data", "text_sha256"):
        with pytest.raises(psycopg.Error, match=f"Column '{column}' is one every collection has") as caught:
            notes.execute(create.replace("more", "most"), [f'{{"{column}": "text"}}'])
        assert caught.value.sqlstate == "OA017"
    search = "SELECT name FROM open_analytic.search('notes', 'blue', filter => $$text_data LIKE 'r%%'$$)"
    assert value(notes, search) == "red house"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("'a red house'", "red house"),
        ("'red house'::text", "red house"),
        ("'blue'::varchar", "blue"),
        ("convert_to('blue', 'UTF8')", "blue"),
        ("'[1,2]'", "[1,2]"),
        ("'[4.25, 21.75]'::vector", "red house"),
        ("ARRAY[4.25, 21.75]::real[]", "red house"),
        ("open_analytic.embed_for('notes', convert_to('blue', 'UTF8'))", "blue"),
    ],
)
def test_a_text_searches(notes: Sql, query: str, name: str) -> None:
    assert value(notes, f"SELECT name FROM open_analytic.search('notes', {query}, k => 1)") == name
    if "real" not in query:  # explain_search takes no array
        explain = f"SELECT open_analytic.explain_search('notes', {query}, k => 1) -> 'done' -> 'rows'"
        assert value(notes, explain) == 1


def test_a_bound_text_searches(notes: Sql) -> None:
    rows = notes.execute("SELECT name FROM open_analytic.search('notes', %s, k => 1)", ["red house"]).fetchall()
    assert rows == [("red house",)]
    assert notes.execute("SELECT * FROM open_analytic.search('notes', NULL::text)").fetchall() == []


@pytest.mark.parametrize(
    ("collection", "query", "sqlstate", "message"),
    [
        ("photos", "'some words'", "OA019", "Collection 'photos' is searched by no text: it is neither bytes in"),
        ("photos", "'\\x0g'", "OA019", "Collection 'photos' is searched by no text: invalid hexadecimal digit"),
        ("photos", "'\\x00'", "OA012", "The bytes are not a picture of a known format."),
        ("notes", "''", "OA026", "The text is empty."),
        ("notes", "'\\xff'::bytea", "OA026", "The bytes are not text in UTF-8: byte 0 does not fit."),
    ],
)
def test_a_query_of_the_wrong_kind_is_a_typed_error(
    notes: Sql, collection: str, query: str, sqlstate: str, message: str
) -> None:
    for function in ("search", "explain_search"):
        with pytest.raises(psycopg.Error) as caught:
            notes.execute(f"SELECT open_analytic.{function}('{collection}', {query})")
        assert caught.value.sqlstate == sqlstate
        assert (caught.value.diag.message_primary or "").startswith(message)


def test_tokens_are_a_result(sql: Sql) -> None:
    steps = [
        {"operator": "tokenize", "model": "words", "output": "tokens"},
        {"operator": "embed_tokens", "model": "words", "role": "features", "input": "tokens", "output": "vector"},
    ]
    create(sql, "tokens", {"input": "text", "steps": steps, "output": {"ids": "tokens.ids", "vector": "vector"}})
    run = "SELECT open_analytic.pipeline_run('tokens', 'red house')"
    assert value(sql, run) == {"ids": [2, 5, 7, 3], **HOUSE}


def test_passages_have_their_characters(texts: Sql) -> None:
    story = "A red house. A blue one.\n\nThe end comes soon, with a tree."
    create(texts, "passages", tiny_texts.PASSAGES)
    texts.execute("SELECT open_analytic.create_collection('stories', 'passages')")
    texts.execute(
        "INSERT INTO stories (text_name, part, text_span, text_data, feature)"
        " SELECT 'story', p.part - 1, ARRAY[p.start, p.end], CASE WHEN p.part = 1 THEN t END, p.vector::text::vector"
        " FROM (VALUES (%s)) AS s (t), ROWS FROM (jsonb_to_recordset("
        " open_analytic.pipeline_run('passages', s.t) -> 'passages') AS (start int, \"end\" int, vector jsonb))"
        ' WITH ORDINALITY AS p (start, "end", vector, part)',
        [story],
    )
    hits = texts.execute(
        "SELECT s.name, s.part, s.box, open_analytic.region('stories', s.name, s.part)"
        " FROM open_analytic.search('stories', 'a tree.', k => 1) AS s"
    ).fetchall()
    assert hits == [("story", 2, None, {"start": 51, "end": 58})]
    cut = texts.execute(
        "SELECT substr(w.text_data, n.text_span[1] + 1, n.text_span[2] - n.text_span[1])"
        " FROM stories AS n JOIN stories AS w USING (text_name) WHERE w.part = 0 ORDER BY n.part"
    ).fetchall()
    assert cut == [("A red house. A blue one.",), ("The end comes soon, with",), ("a tree.",)]


def test_a_table_of_texts_is_adopted(texts: Sql) -> None:
    texts.execute("CREATE TABLE notes (title text PRIMARY KEY, body text, lang text)")
    texts.execute("INSERT INTO notes VALUES ('house', 'red house', 'en'), ('sky', 'blue', 'en')")
    adopt = "SELECT open_analytic.adopt_collection('notes', 'texts', name_column => 'title', data_column => 'body')"
    assert value(texts, adopt)["name"] == "notes"
    texts.execute(
        "UPDATE notes SET feature = open_analytic.embed_for('notes', convert_to(body, 'UTF8')), pipeline_version = 1"
    )
    search = "SELECT name, \"row\" FROM open_analytic.search('notes', %s::text, 1)"
    assert texts.execute(search, ["red house"]).fetchall() == [("house", {"lang": "en"})]
    texts.execute("INSERT INTO notes (title, body, feature) VALUES ('a', 'a a', open_analytic.embed('texts', 'a a'))")
    assert texts.execute(search, ["a a"]).fetchall() == [("a", {"lang": None})]
    texts.execute("SELECT open_analytic.drop_collection('notes')")
    assert texts.execute("SELECT title, body FROM notes ORDER BY title").fetchall() == [
        ("a", "a a"), ("house", "red house"), ("sky", "blue"),
    ]  # fmt: skip
