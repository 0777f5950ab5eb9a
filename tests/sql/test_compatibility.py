"""What scripts for AnalyticDB use: distances to real[] that take the index, the access method ann."""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.databases import Fill
from tests.sql.conftest import column, picture, value

Sql = psycopg.Connection[Any]
KINDS = ("vector", "halfvec")
OPERATORS = {"<->": "l2", "<=>": "cosine", "<#>": "ip"}


def fill(kind: str, sql: Sql) -> None:
    sql.execute(f"CREATE TABLE image_search_table (image_name text PRIMARY KEY, feature {kind}(3))")
    sql.execute(
        "INSERT INTO image_search_table SELECT 'p' || i, ARRAY[random(), random(), random()]::real[]"
        " FROM generate_series(1, 2000) AS i"
    )


FILLS = {kind: partial(fill, kind) for kind in KINDS}


@pytest.fixture
def table(copied: Callable[[Fill], Sql]) -> Callable[[str], Sql]:
    """A session in a copy of a database with a table of vectors of this type."""

    def table(kind: str) -> Sql:
        sql = copied(FILLS[kind])
        use_indexes(sql)
        return sql

    return table


def use_indexes(sql: Sql) -> None:
    sql.execute("LOAD 'vector'; SET hnsw.ef_search = 400; SET enable_seqscan = off; SET enable_sort = off")


def plan(sql: Sql, statement: str) -> str:
    return "\n".join(column(sql, f"EXPLAIN (COSTS OFF) {statement}"))


@pytest.mark.parametrize("method", ["hnsw", "ann"])
@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_distance_to_an_array_takes_the_index(table: Callable[[str], Sql], kind: str, sign: str, method: str) -> None:
    sql = table(kind)
    sql.execute(f"CREATE INDEX ON image_search_table USING {method} (feature {kind}_{OPERATORS[sign]}_ops)")
    sql.execute("ANALYZE image_search_table")
    exact = value(sql, f"SELECT min((feature {sign} '[0.1,0.2,0.3]'::{kind}) + 0) FROM image_search_table")
    for query in ("ARRAY[0.1, 0.2, 0.3]::real[]", "(SELECT '{0.1,0.2,0.3}'::real[])"):
        statement = f"SELECT feature {sign} {query} FROM image_search_table ORDER BY feature {sign} {query} LIMIT 1"
        assert "Index Scan using image_search_table_feature_idx" in plan(sql, statement)
        assert value(sql, statement) == pytest.approx(exact, abs=0.005)
        assert value(sql, statement.replace(f"feature {sign} {query}", f"{query} {sign} feature")) == pytest.approx(
            exact, abs=0.005
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_of_ann_is_the_euclidean_distance(table: Callable[[str], Sql], kind: str) -> None:
    sql = table(kind)
    sql.execute("CREATE INDEX nearest ON image_search_table USING ann (feature) WITH (m = 8)")
    sql.execute("ANALYZE image_search_table")
    statement = "SELECT image_name FROM image_search_table ORDER BY feature <-> '{1,0,0}'::real[] LIMIT 3"
    assert "Index Scan using nearest" in plan(sql, statement)
    some = "SELECT image_name FROM image_search_table LIMIT 500"
    sql.execute(f"DELETE FROM image_search_table WHERE image_name = ANY (ARRAY({some}))")
    sql.execute("VACUUM image_search_table")
    sql.execute("REINDEX INDEX nearest")
    assert len(column(sql, statement)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_function_l2_distance_is_the_operator(sql: Sql, kind: str) -> None:
    one = f"'[3,0,0]'::{kind}"
    assert value(sql, f"SELECT l2_distance({one}, '{{0,4,0}}'::real[])") == 5
    assert value(sql, f"SELECT l2_distance('{{0,4,0}}'::real[], {one})") == 5
    assert value(sql, f"SELECT {one} <-> '{{0,4,0}}'::real[]") == 5
    assert value(sql, f"SELECT {one} <#> '{{2,0,0}}'::real[]") == -6
    assert value(sql, f"SELECT {one} <=> '{{2,0,0}}'::real[]") == 0


def test_literals_and_parameters_mean_what_they_meant_before(sql: Sql) -> None:
    assert value(sql, "SELECT '[3,0,0]'::vector <-> '[0,4,0]'") == 5
    assert value(sql, "SELECT '[3,0,0]'::halfvec <-> %s", "[0,4,0]") == 5


def test_an_array_of_another_length_is_an_error(sql: Sql) -> None:
    with pytest.raises(psycopg.errors.DataException, match="different"):
        sql.execute("SELECT '[3,0,0]'::vector <-> '{1}'::real[]")


def test_a_feature_beside_what_embed_gives_takes_the_index(table: Callable[[str], Sql]) -> None:
    """halfvec beside vector: pgvector casts both ways, and so finds neither operator the better one."""
    sql = table("halfvec")
    sql.execute("CREATE INDEX ON image_search_table USING hnsw (feature halfvec_l2_ops)")
    query = (
        "SELECT image_name FROM image_search_table ORDER BY feature <-> open_analytic.embed('mean_colour', %s::bytea)"
    )
    explained = "\n".join(column(sql, f"EXPLAIN (COSTS OFF) {query} LIMIT 3", picture()))
    assert "Index Scan using image_search_table_feature_idx" in explained
    assert len(column(sql, f"{query} LIMIT 3", picture())) == 3
    assert value(sql, "SELECT '[3,0,0]'::vector <-> '[0,4,0]'::halfvec") == 5
