"""Indexes of the rows with one value of a column: built, found to serve a filter, and never trusted blindly."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
import pytest

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, UnknownCollection
from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, indexes, partial_indexes, planner, search, tables
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo, Progress
from tests.database.conftest import OpenDatabase
from tests.database.filled import Filled, Original
from tests.databases import clone
from tests.databases import database as new_database

DIM = 8
DISTRICTS = ["O'Hara", "B%s", "南"]  # 1200 rows each; one more value has few
COLUMNS = {"district": "text", "number": "integer", "active": "boolean", "mood": "mood", "tags": "text[]"}


@pytest.fixture(scope="module")
def photos(server: embedded.Server, template: str, settings: Settings) -> Original:
    """The collection, in a database that every test gets a copy of."""
    database = OpenDatabase(new_database(server, template), settings)
    info = filled(database)
    database.close()
    return Original(database.dsn, info)


@pytest.fixture
def dsn(server: embedded.Server, photos: Original) -> Iterator[str]:
    with clone(server, photos.dsn) as dsn:
        yield dsn


@pytest.fixture
def info(photos: Original) -> CollectionInfo:
    return photos.info


def filled(database: Database) -> CollectionInfo:
    with database.transaction() as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'so so')")
        info = collections.make(connection, tables.Shape(name="photos", dim=DIM, columns=COLUMNS))
        vectors = np.random.default_rng(1).standard_normal((3650, DIM))
        names = [name for name in DISTRICTS for _ in range(1200)] + ["few"] * 50
        with connection.cursor().copy(
            "COPY photos (image_name, feature, district, number, active, mood) FROM STDIN"
        ) as copy:
            for number, (name, vector) in enumerate(zip(names, vectors, strict=True)):
                mood = "sad" if number % 3 else "so so"
                copy.write_row((f"{number:05d}", str(vector.tolist()), name, number % 3, number % 2 == 0, mood))
    run(database, "ANALYZE photos")
    return info


def run(database: Database, statement: str, *values: Any) -> list[Any]:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        cursor = connection.execute(statement, values or ())
        return cursor.fetchall() if cursor.description else []


def definitions(database: Database) -> list[str]:
    texts = run(
        database,
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'photos'::regclass AND NOT indisprimary",
    )
    return sorted(definition.partition(" USING ")[2] for (definition,) in texts)


HNSW = "hnsw (feature halfvec_l2_ops) WITH (m='16', ef_construction='200')"


def test_each_value_that_many_rows_have_gets_one(database: Database, info: CollectionInfo) -> None:
    partial_indexes.create(database, info, "district")
    assert definitions(database) == sorted(
        [
            "btree (district)",
            HNSW,
            *(f"{HNSW} WHERE (district = {text}::text)" for text in ("'O''Hara'", "'B%s'", "'南'")),
        ]
    )
    with database.reading() as connection:
        assert indexes.state(connection, info) == "ready"
    indexes.drop(database, info)
    assert definitions(database) == ["btree (district)"]


@pytest.mark.parametrize(
    ("column", "predicates"),
    [
        ("number", ["(number = 0)", "(number = 1)", "(number = 2)"]),
        ("active", ["(active = false)", "(active = true)"]),
        ("mood", ["(mood = 'sad'::mood)", "(mood = 'so so'::mood)"]),
    ],
)
def test_values_of_other_types(database: Database, info: CollectionInfo, column: str, predicates: list[str]) -> None:
    partial_indexes.create(database, info, column)
    (built,) = run(
        database, "SELECT array_agg(pg_get_expr(indpred, indrelid) ORDER BY 1) FROM pg_index WHERE indpred IS NOT NULL"
    )
    assert sorted(built[0]) == predicates
    before = definitions(database)
    run(database, "SELECT open_analytic.create_ann_index('photos', partition_by => %s)", column)
    assert definitions(database) == before  # SQL finds all of them there
    partial_indexes.create(database, info, column, m=8)
    assert sum("m='8'" in definition for definition in definitions(database)) == len(predicates)


def test_sql_builds_them_too(database: Database, info: CollectionInfo) -> None:
    run(database, "SELECT open_analytic.create_ann_index('photos', partition_by => 'district')")
    assert len(definitions(database)) == 5


def test_progress_counts_the_rows_of_all(
    database: Database, info: CollectionInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "POLL_S", 0.002)
    steps: list[Progress] = []
    indexes.create(database, info)
    partial_indexes.create(database, info, "district", progress=steps.append)
    assert {each.total for each in steps} == {3600}
    assert [each.done for each in steps] == sorted(each.done for each in steps)


@pytest.mark.parametrize(
    "column", ["", "nothing", "feature", "image_name", "tags", "a\0b", None, "district; DROP TABLE photos"]
)
def test_what_is_no_such_column_is_refused(database: Database, info: CollectionInfo, column: Any) -> None:
    with pytest.raises(BadParameter):
        partial_indexes.create(database, info, column)
    assert definitions(database) == []


def test_too_many_values_are_refused(database: Database, info: CollectionInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    run(
        database,
        "INSERT INTO photos (image_name, feature, number) SELECT 'x' || n, array_fill(0, ARRAY[8])::vector::halfvec,"
        " n / 1000 FROM generate_series(0, 101999) AS n",
    )
    with pytest.raises(BadParameter, match="more than 100 values"):
        partial_indexes.create(database, info, "number")


WHERE = {
    "the value": "district = 'B%%s'",
    "the value and more": "number > 0 AND district IN ('B%%s') AND active",
    "two values": "district IN ('B%%s', '南')",
    "no value": "number = 1",
}


@pytest.fixture(scope="module")
def calibrated(server: embedded.Server, photos: Original, settings: Settings) -> Original:
    """With the indexes of the districts, and calibrated."""
    database = OpenDatabase(new_database(server, photos.dsn), settings)
    partial_indexes.create(database, photos.info, "district")
    run(database, "VACUUM ANALYZE photos")
    planner.measure_index(database, photos.info)
    # Measuring is made to look dear, so that the index is taken of so few rows.
    run(database, "UPDATE open_analytic.calibrations SET scan_ms = 1000, exact_ms = 5000")
    database.close()
    return Original(database.dsn, photos.info)


@pytest.fixture
def built(server: embedded.Server, calibrated: Original, settings: Settings) -> Iterator[Filled]:
    with clone(server, calibrated.dsn) as dsn:
        database = OpenDatabase(dsn, settings)
        yield Filled(database, calibrated.info)
        database.close()


@pytest.mark.parametrize("where", WHERE.values(), ids=WHERE)
def test_searches_keep_their_rows_and_their_recall(built: Filled, where: str) -> None:
    recall = 0.0
    for vector in np.random.default_rng(2).standard_normal((20, DIM)).astype(np.float32):
        with built.database.reading() as connection:
            options = SearchOptions(k=10, filter=where, params={})
            hits = search.search(connection, built.info, vector, options)
            true = search.search(connection, built.info, vector, replace(options, target_recall=1))
        assert len(hits) == 10
        recall += len({hit.name for hit in hits} & {hit.name for hit in true}) / 10
    assert recall / 20 >= 0.95


@pytest.mark.parametrize(("where", "used"), list(zip(WHERE.values(), (True, True, False, False), strict=True)))
def test_a_search_says_whose_index_it_walked(built: Filled, where: str, used: bool) -> None:
    with built.database.reading() as connection:
        options = SearchOptions(k=10, filter=where, params={})
        explanation = planner.explain(connection, built.info, np.ones(DIM, np.float32), options)
    assert explanation["done"]["plan"] == "index"
    assert ("in the index of district = 'B%s'::text" in explanation["reason"]) == used
    assert (explanation["rows"] == 1200) == used


def test_a_predicate_that_runs_code_is_not_repeated(built: Filled) -> None:
    """Only what says that a column has a value is written into a search again."""
    database = built.database
    run(
        database,
        "CREATE FUNCTION public.spy(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN true; END $$",
    )
    for predicate in (
        "length(district) > 3",
        "district = 'few' OR number = 1",
        "district < 'few'",
        "public.spy(district)",
        "NOT public.spy(district)",
        "district <> 'few'",
    ):
        run(database, f"CREATE INDEX odd ON photos USING hnsw (feature halfvec_l2_ops) WHERE {predicate}")
        assert run(database, "SELECT says FROM open_analytic._condition('odd'::regclass)") == [(None,)]
        run(database, "DROP INDEX odd")
    with database.reading() as connection:
        options = SearchOptions(k=3, filter="district = 'few'")
        assert search.search(connection, built.info, np.ones(DIM, np.float32), options)


def test_a_view_in_the_tables_place_is_not_read(database: Database, info: CollectionInfo) -> None:
    run(
        database, "CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$"
    )
    run(database, "ALTER TABLE photos RENAME TO real_photos")
    run(database, "CREATE VIEW photos AS SELECT image_name, feature, spy(district) AS district FROM real_photos")
    with pytest.raises(UnknownCollection):
        partial_indexes.create(database, info, "district")
    with pytest.raises(psycopg.Error, match="is not a table"):
        run(database, "SELECT open_analytic.create_ann_index('photos', partition_by => 'district')")


def test_nobody_can_say_beforehand_that_a_table_was_looked_at(database: Database, info: CollectionInfo) -> None:
    """Whoever owns a database could set what says so for every session."""
    run(
        database, "CREATE FUNCTION spy(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$"
    )
    run(database, "ALTER TABLE photos RENAME TO real_photos")
    run(database, "CREATE VIEW photos AS SELECT spy(image_name) AS image_name, feature FROM real_photos")
    query = f"SELECT * FROM open_analytic.search('photos', '{[0] * DIM}'::vector)"
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("SELECT set_config('open_analytic.opened', 'photos'::regclass::oid::text, false)")
        with pytest.raises(psycopg.Error, match="is not a table"):
            connection.execute(query)


def test_a_cast_of_the_values_type_is_not_called(database: Database, info: CollectionInfo) -> None:
    run(
        database, "CREATE FUNCTION spy(mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$"
    )
    run(database, "CREATE CAST (mood AS text) WITH FUNCTION spy(mood)")
    partial_indexes.create(database, info, "mood")
    assert len(definitions(database)) == 4
    run(database, "SELECT open_analytic.create_ann_index('photos', partition_by => 'mood')")
    assert len(definitions(database)) == 4


@pytest.mark.parametrize(
    ("predicate", "condition"),
    [
        ("active", "active OPERATOR(pg_catalog.=) true"),
        ("NOT active", "active OPERATOR(pg_catalog.=) false"),
        ("number = -1", "number OPERATOR(pg_catalog.=) '-1'::integer"),
        ("district = 'a'' = ''b'", "district OPERATOR(pg_catalog.=) 'a'' = ''b'::text"),
    ],
)
def test_a_predicate_of_ones_own_is_understood(
    database: Database, info: CollectionInfo, predicate: str, condition: str
) -> None:
    run(database, f"CREATE INDEX own ON photos USING hnsw (feature halfvec_l2_ops) WHERE {predicate}")
    assert run(database, "SELECT says FROM open_analytic._condition('own'::regclass)") == [(condition,)]
    run(database, "SELECT open_analytic.create_ann_index('photos', partition_by => 'active')")
    built = run(database, "SELECT count(*) FROM pg_index WHERE indrelid = 'photos'::regclass AND indpred IS NOT NULL")
    assert built == [(2 if "active" in predicate else 3,)]


def test_a_collection_with_no_rows(database: Database, info: CollectionInfo) -> None:
    run(database, "DELETE FROM photos")
    partial_indexes.create(database, replace(info), "district")
    assert definitions(database) == ["btree (district)", HNSW]
