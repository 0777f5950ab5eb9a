"""Texts in SQL: a literal, a column, UTF-8 bytes."""

import psycopg
import pytest

from tests import tiny_texts
from tests.sql.conftest import create, value

RUN = "SELECT open_analytic.pipeline_run('texts', {})"
HOUSE = {"vector": [4.25, 21.75]}


@pytest.fixture
def texts(sql: psycopg.Connection[tuple[object, ...]]) -> psycopg.Connection[tuple[object, ...]]:
    create(sql, "texts", tiny_texts.PIPELINE)
    return sql


@pytest.mark.parametrize("given", ["'red house'", "'red house'::text", "convert_to('red house', 'UTF8')"])
def test_a_text_runs(texts: psycopg.Connection[tuple[object, ...]], given: str) -> None:
    assert value(texts, RUN.format(given)) == HOUSE


def test_a_text_that_looks_like_bytes_is_a_text(texts: psycopg.Connection[tuple[object, ...]]) -> None:
    """As bytes it would be "a": [CLS] 2, a 4, [SEP] 3."""
    assert value(texts, RUN.format("'\\x61'")) != value(texts, RUN.format("'a'")) == {"vector": [3.0, 9.666667]}


def test_a_bad_text_is_a_typed_error_and_its_neighbours_go_on(texts: psycopg.Connection[tuple[object, ...]]) -> None:
    with pytest.raises(psycopg.Error, match=r"The text is empty\.") as caught:
        texts.execute(RUN.format("''"))
    assert caught.value.sqlstate == "OA026"
    batch = "SELECT open_analytic.pipeline_run_batch('texts', %s::bytea[])"
    good, bad = (row[0] for row in texts.execute(batch, [[b"red house", b"\xff"]]).fetchall())
    assert (good, bad["error"]["sqlstate"]) == (HOUSE, "OA026")  # type: ignore[index]
    (alone,) = (row[0] for row in texts.execute(batch, [[b"\xff"]]).fetchall())
    assert alone["error"]["sqlstate"] == "OA026"  # type: ignore[index]
