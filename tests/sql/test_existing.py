"""create_collection with exist_ok: one that is alike is given back, else the error says what differs, as in Python."""

from typing import Any

import psycopg
import pytest

from tests import tiny
from tests.sql.conftest import column, create, value

Sql = psycopg.Connection[Any]
COLUMNS = '{"n": "int", "price": "numeric( 6,2 )", "tags": "text[]", "t": "timestamp with time zone"}'
AGAIN = "SELECT open_analytic.create_collection('shop', 'mean_colour', %s, exist_ok => %s)"
PLAIN = 'SELECT open_analytic.create_collection(\'shop\', \'mean_colour\', \'{"n": "int", "price": "numeric(6,2)"}\''


def refused(sql: Sql, statement: str, *values: object) -> tuple[str | None, str | None, str | None]:
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(statement, values)
    diagnostics = caught.value.diag
    return diagnostics.sqlstate, diagnostics.message_primary, diagnostics.message_hint


def test_a_collection_that_is_alike_comes_back(sql: Sql) -> None:
    info = value(sql, AGAIN, COLUMNS, True)
    sql.execute("INSERT INTO shop (image_name, n) VALUES ('a', 1)")
    sql.execute("ALTER TABLE shop ADD later date")
    assert value(sql, AGAIN, COLUMNS, True) == info
    assert value(sql, AGAIN, "{}", True) == info | {"columns": {}}
    assert column(sql, "SELECT image_name FROM shop") == ["a"]
    assert refused(sql, AGAIN, COLUMNS, False) == (
        "OA031",
        "There is a collection 'shop' already, and it is alike.",
        "Use it as it is; create_collection(..., exist_ok => true) gives it back.",
    )


def test_a_renamed_collection_comes_back_under_its_name(sql: Sql) -> None:
    value(sql, "SELECT open_analytic.create_collection('old', 'mean_colour')")
    sql.execute("ALTER TABLE old RENAME TO shop")
    assert value(sql, AGAIN, "{}", True)["name"] == "shop"
    assert column(sql, "SELECT table_name::text FROM open_analytic.current_collections") == ["shop"]


DIFFERENCES = {
    "a type": ('{"n": "text"}', "type of column 'n': integer, not text"),
    "a length": ('{"price": "numeric(7,2)"}', "type of column 'price': numeric(6,2), not numeric(7,2)"),
    "a column": ('{"x": "text"}', "set of columns: it has no 'x'"),
}


@pytest.mark.parametrize(("columns", "difference"), DIFFERENCES.values(), ids=DIFFERENCES)
@pytest.mark.parametrize("exist_ok", [True, False])
def test_a_collection_with_other_columns_says_how(sql: Sql, columns: str, difference: str, *, exist_ok: bool) -> None:
    value(sql, f"{PLAIN})")
    assert refused(sql, AGAIN, columns, exist_ok) == (
        "OA031",
        f"There is a collection 'shop' already, with another {difference}.",
        "It stays as it is: choose another name for the new one.",
    )
    assert (
        value(sql, "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") == 1
    )


def test_another_metric_or_version_is_a_difference(sql: Sql) -> None:
    value(sql, f"{PLAIN})")
    assert "metric: l2, not cosine." in str(refused(sql, f"{PLAIN}, exist_ok => true, metric => 'cosine')"))
    create(sql, "mean_colour", tiny.PIPELINE | {"steps": tiny.PIPELINE["steps"][:-1], "output": {"feature": "colours"}})
    assert "version: 1, not 2." in str(refused(sql, f"{PLAIN}, exist_ok => true)"))


def test_a_table_that_is_no_collection_stays(sql: Sql) -> None:
    sql.execute("CREATE TABLE shop (image_name text)")
    assert refused(sql, AGAIN, "{}", True) == (
        "OA031",
        "There is a table 'shop' already, and it is no collection.",
        "Choose another name: the table stays as it is.",
    )


CALLS = [
    "'shop', 'mean_colour'", "'shop', 'mean_colour', '{}'", "'shop', 'mean_colour', '{}', 'l2'",
    "'shop', 'mean_colour', '{}', 'l2', '{}'", "'shop', 'mean_colour', NULL, NULL, NULL",
    "'shop', 'mean_colour', metric => 'l2'", "'shop', 'mean_colour', columns => '{}', parameters => '{}'",
    "name => 'shop', pipeline => 'mean_colour', metric => 'l2', columns => '{}'",
]  # fmt: skip


@pytest.mark.parametrize("arguments", CALLS)
def test_a_call_without_exist_ok_means_the_first_form(sql: Sql, arguments: str) -> None:
    sql.execute(f"CREATE VIEW made AS SELECT open_analytic.create_collection({arguments})")
    assert column(
        sql,
        "SELECT DISTINCT refobjid::regprocedure::text FROM pg_depend WHERE refclassid = 'pg_proc'::regclass"
        " AND classid = 'pg_rewrite'::regclass AND refobjid::regproc::text LIKE '%%create_collection%%'"
        " AND objid = (SELECT oid FROM pg_rewrite WHERE ev_class = 'made'::regclass)",
    ) == ["open_analytic.create_collection(text,text,json,text,jsonb)"]


def test_a_filter_does_not_meet_settings_of_its_session(sql: Sql) -> None:
    """NULL = NULL is not true, whatever transform_null_equals is; and an index gives every row it finds."""
    value(sql, f"{PLAIN})")
    sql.execute("INSERT INTO shop (image_name, feature, n) VALUES ('a', '[1,0,0]', NULL), ('b', '[1,0,0]', 1)")
    sql.execute("SET transform_null_equals = on")
    statements = [
        "SELECT name FROM open_analytic.search('shop', '[1,0,0]'::vector, 9, 'n = NULL')",
        "SELECT name FROM open_analytic.near_duplicates('shop', 0.5, 'n = NULL OR n = 1')",
    ]
    assert [column(sql, statement) for statement in statements] == [[], []]
    pinned = column(
        sql,
        "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'open_analytic'::regnamespace"
        " AND proconfig @> ARRAY['transform_null_equals=off', 'gin_fuzzy_search_limit=0'] ORDER BY 1",
    )
    assert pinned == ["_explain_search", "_search", "near_duplicates"]
