"""A search as SQL: run as it is, the statement gives the names and distances of the search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from open_analytic.errors import BadParameter, InvalidFilter
from open_analytic.search_options import SearchOptions
from open_analytic.store import search, tables
from open_analytic.store.queries import quoted
from tests.database.conftest import reading

if TYPE_CHECKING:
    from open_analytic.store.connection import Connection
    from open_analytic.types import CollectionInfo, Vector
    from tests.database.conftest import MakeCollection

DIM = 4
QUERY = np.array([0.1, 1 / 3, 0.7, 1e-5], np.float32)
COLUMNS = {"city": "text", "n": "integer"}


def fill(connection: Connection, info: CollectionInfo, rows: int = 40) -> None:
    """Rows of random directions; a city and a number for each."""
    random = np.random.default_rng(7)
    columns = sql.SQL(", ").join(quoted(name) for name in ("image_name", "feature", *info.columns))
    into = sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s, %s)").format(tables.bound(info), columns)
    for at in range(rows):
        vector = str(random.normal(size=DIM).round(3).tolist())
        values = ["Oslo", "O'Hara %s", "猫"][at % 3], at
        connection.execute(into, [f"{at}'%", vector, *values])


def both(
    connection: Connection, info: CollectionInfo, vector: Vector = QUERY, **options: Any
) -> tuple[list[tuple[str, float]], list[tuple[str, float]]]:
    """What the search gives, and what the statement does in the words of psql."""
    search_options = SearchOptions(**options)
    with reading(connection):
        hits = [(hit.name, hit.distance) for hit in search.search(connection, info, vector, search_options)]
    text = search.as_sql(connection, info, vector, search_options)
    with reading(connection):
        rows = [(row[0], row[1]) for row in psycopg.ClientCursor(connection).execute(text.encode()).fetchall()]
    return hits, rows


@pytest.fixture(params=["l2", "cosine", "ip"])
def places(request: pytest.FixtureRequest, connection: Connection, make: MakeCollection) -> CollectionInfo:
    info = make("places", columns=COLUMNS, metric=request.param)
    fill(connection, info)
    return info


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k": 1},
        {"k": 0},
        {"k": 200},
        {"k": None, "max_distance": 0.9},
        {"max_distance": 0.9},
        {"max_distance": np.nextafter(0.9, -np.inf)},
        {"max_distance": -0.5},
        {"max_distance": 1e-300},
        {"max_distance": float("inf")},
        {"max_distance": float("-inf")},
        {"target_recall": 1.0},
        {"filter": "city = 'Oslo' AND n > 5"},
        {"filter": "city = %(c)s", "params": {"c": "O'Hara %s"}},
        {"filter": '"city" IN (%(a)s, %(b)s) AND n < %(n)s', "params": {"a": "猫", "b": "\\'", "n": 30}},
        {"filter": "city LIKE '%'"},
        {"filter": "city LIKE 'O%%s'", "params": {}},
        {"filter": "image_name <> %(like)s", "params": {"like": "3'%"}, "max_distance": 2.0, "target_recall": 1},
        {"filter": "false"},
    ],
    ids=str,
)
def test_the_statement_gives_what_the_search_does(
    connection: Connection, places: CollectionInfo, options: Mapping[str, Any]
) -> None:
    hits, rows = both(connection, places, **options)
    assert rows == hits


def test_it_gives_your_columns_too(connection: Connection, make: MakeCollection) -> None:
    info = make("places", columns=COLUMNS)
    fill(connection, info)
    with reading(connection):
        hits = search.search(connection, info, QUERY, SearchOptions(k=5))
    text = search.as_sql(connection, info, QUERY, SearchOptions(k=5))
    assert [row for _, _, row in connection.execute(text.encode()).fetchall()] == [dict(hit.row) for hit in hits]
    first, second, *rest = text.splitlines()
    assert (first, rest) == ('SELECT name, distance, "row"', [])
    assert second.startswith('FROM open_analytic.search(\'"public"."places"\', \'[')
    assert second.endswith("]'::vector, k => 5);")


NAMES = [
    'a "b"',
    "100%",
    "%s",
    "it's",
    "猫",
    "{x}",
    "{}",
    "select",
    "Places",
    "a\nb",
    "\\",
    "--",
    "; DROP TABLE x",
    "$$",
]


def test_a_page_goes_on_after_a_hit(connection: Connection, make: MakeCollection) -> None:
    info = make("places", columns=COLUMNS)
    fill(connection, info)
    with reading(connection):
        page = search.search(connection, info, QUERY, SearchOptions(k=5))
    hits, rows = both(connection, info, k=5, after=page[-1])
    assert rows == hits != []
    assert not {name for name, _ in hits} & {hit.name for hit in page}


@pytest.mark.parametrize("name", NAMES)
def test_tables_and_columns_of_any_name(connection: Connection, make: MakeCollection, name: str) -> None:
    info = make(name, columns={name: "text", f"{name}2": "integer"})
    fill(connection, info)
    hits, rows = both(connection, info, filter=f"{quoted(name).as_string()} = %(x)s", params={"x": "O'Hara %s"})
    assert rows == hits
    assert len(hits) == 10


def test_a_table_of_another_schema(connection: Connection, make: MakeCollection) -> None:
    connection.execute('CREATE SCHEMA "my ""schema"" %s"')
    info = make('my "schema" %s.a table', columns=COLUMNS)
    fill(connection, info)
    hits, rows = both(connection, info)
    assert rows == hits != []


def test_regions(connection: Connection, make: MakeCollection) -> None:
    info = make("faces", many=True, columns={"city": "text"})
    for part in range(6):
        connection.execute(
            "INSERT INTO faces (image_name, part, feature) VALUES (%s, %s, %s)",
            [f"{part // 2}", part % 2, str([part, 1, 0, 0])],
        )
    hits, rows = both(connection, info, filter="(image_name <> %(n)s OR part <> %(p)s)", params={"n": "0", "p": "1"})
    assert rows == hits
    assert len(hits) == 5


@given(
    vector=st.lists(st.floats(-6e4, 6e4, width=32, allow_subnormal=False), min_size=DIM, max_size=DIM),
    city=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    limit=st.none() | st.floats(allow_nan=False),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_numbers_and_texts(
    connection: Connection, photos_table: CollectionInfo, vector: list[float], city: str, limit: float | None
) -> None:
    with connection.transaction(force_rollback=True):
        fill(connection, photos_table, 8)
        hits, rows = both(
            connection, photos_table, np.array(vector, np.float32), filter="district <> %(c)s OR year > 3",
            params={"c": city}, max_distance=limit,
        )  # fmt: skip
        assert rows == hits


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"filter": "true; DROP TABLE photos"}, None),
        ({"filter": "city = %(missing)s", "params": {}}, InvalidFilter),
        ({"filter": "a\0b"}, InvalidFilter),
        ({"k": -1}, BadParameter),
        ({"k": None}, BadParameter),
        ({"max_distance": float("nan")}, BadParameter),
        ({"target_recall": 2}, BadParameter),
    ],
    ids=str,
)
def test_what_no_search_takes(
    connection: Connection, photos_table: CollectionInfo, options: dict[str, Any], error: type[Exception] | None
) -> None:
    if error is None:  # in the statement a filter is a text, which the search reads as one condition
        text = search.as_sql(connection, photos_table, QUERY, SearchOptions(**options))
        with connection.transaction(force_rollback=True), pytest.raises(psycopg.Error):
            connection.execute(text.encode())
        assert connection.execute("SELECT count(*) FROM photos").fetchone() == (0,)
        return
    with pytest.raises(error):
        search.as_sql(connection, photos_table, QUERY, SearchOptions(**options))
