"""What a filter is given stays in its place: values, placeholders, and operators that somebody else made."""

import contextlib

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from open_analytic.config import Settings
from open_analytic.errors import InvalidFilter
from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, rows, search, tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.types import CollectionInfo, Feature, Row
from tests.database.conftest import MakeCollection, reading
from tests.database.filled import Filled, costs, queries


@pytest.fixture
def places(connection: Connection, make: MakeCollection) -> CollectionInfo:
    info = make("places", columns={"district": "text"})
    vectors = [("a", "[1,0,0,0]", "here"), ("b", "[2,0,0,0]", "there")]
    for row in vectors:
        connection.execute("INSERT INTO places (image_name, feature, district) VALUES (%s, %s, %s)", row)
    return info


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@example(value="' OR true OR '")
@example(value="\\' OR true --")
@example(value="*/ OR true /*")
@example(value="$$ OR true OR $$")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_value_stays_a_value(connection: Connection, places: CollectionInfo, value: str) -> None:
    for where in ("district = %(x)s", "district = E%(x)s::text", "district /* %% */ = %(x)s", "%(x)s = district"):
        try:
            with reading(connection):
                hits = search.search(
                    connection, places, np.zeros(4, np.float32), SearchOptions(k=10, filter=where, params={"x": value})
                )
        except InvalidFilter:
            continue  # an E before a text with a backslash is no PostgreSQL
        assert [hit.row["district"] for hit in hits] == [name for name in ("here", "there") if name == value], where


@pytest.mark.parametrize(
    "where", ["district = '%(x)s'", '"%(x)s" = 1', "true -- %(x)s", "/* %(x)s */ true", "$$%(x)s$$ = 'a'"]
)
def test_a_placeholder_within_quotes_is_refused(connection: Connection, places: CollectionInfo, where: str) -> None:
    with pytest.raises(InvalidFilter, match="within quotes or a comment"):
        search.search(
            connection,
            places,
            np.zeros(4, np.float32),
            SearchOptions(k=10, filter=where, params={"x": "' OR true OR '"}),
        )


def test_operators_in_the_searchers_schema_are_not_called(measured: Filled) -> None:
    """Whoever may create functions in public could give those for pairs of types that PostgreSQL has none for."""
    pairs = [
        ("int4", "float8"),
        ("float8", "int4"),
        ("int8", "float8"),
        ("int8", "int4"),
        ("numeric", "int4"),
        ("numeric", "float8"),
    ]
    for left, right in pairs:
        name = f"hostile_{left}_{right}"
        measured.run(
            f"CREATE FUNCTION public.{name}({left}, {right}) RETURNS float8 LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'called'; END $$"
        )
        for sign in ("*", "/", "+", "-", "%%", "<", ">", "<=", ">=", "=", "<>"):
            with contextlib.suppress(psycopg.errors.DuplicateFunction):
                measured.run(
                    f"CREATE OPERATOR public.{sign} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = public.{name})"
                )
    measured.run(
        "CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'called'; END $$"
    )
    (vector,) = queries(1)
    for exact_ms in (1e7, 3, 0.002):
        costs(measured, exact_ms)
        for where in (None, "number % 10 = 3", "cluster > 12"):
            page = measured.find(vector, filter=where, max_distance=1e6)
            assert len(page) == 10
            assert len(measured.find(vector, filter=where, after=page[-1])) == 10
    with measured.database.reading() as connection:
        assert collections.get(connection, "points") == measured.info


def test_names_of_other_schemas_are_found_where_the_user_trusts_them(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute("CREATE EXTENSION citext")
        owner.execute("CREATE FUNCTION public.loud(text) RETURNS text IMMUTABLE LANGUAGE sql RETURN upper($1)")
    vector = np.array([1, 0, 0, 0], np.float32)
    with connect(dsn) as connection:
        info = collections.make(connection, tables.Shape(name="photos", dim=4, columns={"title": "citext"}))
        rows.write(connection, info, [Row(name="a", features=(Feature(vector=vector),), values={"title": "Harbour"})])
    assert info.columns == {"title": "public.citext"}

    def count(filter_path: str | None, where: str) -> int:
        database = Database(dsn, Settings(filter_path=filter_path))
        try:
            with database.reading() as connection:
                return len(search.search(connection, info, vector, SearchOptions(k=1, filter=where)))
        finally:
            database.close()

    assert count(None, "title OPERATOR(public.=) 'HARBOUR'") == 1
    assert count(None, "public.loud(title::text) = 'HARBOUR'") == 1
    with pytest.raises(InvalidFilter) as caught:
        count(None, "loud(title::text) = 'HARBOUR'")
    assert "written with its schema" in str(caught.value)
    assert count("public", "loud(title::text) = 'HARBOUR' AND title = 'HARBOUR'") == 1
    assert count("pg_catalog, public", "title = 'HARBOUR'") == 1
