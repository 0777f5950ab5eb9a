"""adopt_collection: a table of the caller's becomes a collection; whoever adopts runs nothing of another owner."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.sql.conftest import column, picture, value

Sql = psycopg.Connection[Any]
ADOPT = "SELECT open_analytic.adopt_collection('shop', 'mean_colour'{})"
SHOP = "CREATE TABLE shop (image_name text PRIMARY KEY, image_data bytea, price numeric, feature halfvec(3))"


def refused(sql: Sql, statement: str) -> tuple[str | None, str | None, str | None]:
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(statement.encode())
    return caught.value.diag.sqlstate, caught.value.diag.message_primary, caught.value.diag.message_hint


def test_a_table_is_adopted_filled_and_searched(sql: Sql) -> None:
    sql.execute(SHOP)
    adopted = value(sql, ADOPT.format(""))
    assert adopted | {"created_at": None} == {
        "name": "shop", "schema": "public", "pipeline": "mean_colour", "version": 1, "dim": 3, "metric": "l2",
        "many": False, "parameters": adopted["parameters"], "created_at": None,
    }  # fmt: skip
    sql.execute(
        "INSERT INTO shop SELECT 'a', d, 9.5, open_analytic.embed_for('shop', d) FROM (SELECT %s::bytea) AS t (d)",
        [picture()],
    )
    assert column(sql, "SELECT \"row\" FROM open_analytic.search('shop', %s::bytea)", picture()) == [{"price": 9.5}]
    assert value(sql, "SELECT open_analytic.create_ann_index('shop')") == "public.shop_feature_idx"
    assert refused(sql, ADOPT.format("")) == ("OA031", "There is a collection 'shop' already.", "Use it as it is.")
    sql.execute("SELECT open_analytic.drop_collection('shop')")
    assert column(sql, "SELECT image_name FROM shop") == ["a"]


def test_the_hint_is_a_script_that_makes_it_one(sql: Sql) -> None:
    sql.execute("CREATE TABLE shop (title varchar PRIMARY KEY, photo bytea, vec real[] NOT NULL)")
    sql.execute("INSERT INTO shop VALUES ('a', 'x', '{1,0,0}')")
    statement = ADOPT.format(
        ", name_column => 'title', data_column => 'photo', feature_column => 'vec', feature_version => 1"
    )
    sqlstate, message, hint = refused(sql, statement)
    assert (sqlstate, message) == (
        "OA034",
        "Table public.shop cannot be a collection as it is: column title is character varying, not text; "
        "column vec is real[], not public.halfvec(3); "
        "column vec is NOT NULL, and rows without one exist.",
    )
    assert hint
    sql.execute(hint.encode())
    value(sql, statement)
    assert column(sql, "SELECT name FROM open_analytic.search('shop', '[1,0,0]'::vector)") == ["a"]


def test_features_of_no_version_are_refused(sql: Sql) -> None:
    sql.execute(SHOP)
    sql.execute("INSERT INTO shop (image_name, feature) VALUES ('a', '[1,0,0]')")
    assert refused(sql, ADOPT.format(""))[:2] == (
        "OA033",
        "Table public.shop has features of a version that is not given, and the pipeline has version 1.",
    )


def test_roles_adopt_their_own_tables_only(sql: Sql, become: Callable[..., Sql]) -> None:
    sql.execute(SHOP)
    admin, user = become("open_analytic_admin"), become("open_analytic_user")
    sql.execute("GRANT ALL ON shop TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC")
    assert refused(admin, ADOPT.format("")) == (
        "OA055", "Table 'shop' belongs to another role.", "Only the owner of a table can adopt it.",
    )  # fmt: skip
    user.execute(SHOP.replace("shop", "hers"))
    assert refused(user, ADOPT.format("").replace("shop", "hers"))[0] == "42501"
    admin.execute(SHOP.replace("shop", "his"))
    assert value(admin, ADOPT.format("").replace("shop", "his"))["name"] == "his"
    assert not value(sql, "SELECT has_table_privilege('open_analytic_user', 'his', 'SELECT')")


ATTACHED = {
    "expression": "CREATE INDEX ON shop (boom(price))",
    "predicate": "CREATE INDEX ON shop (price) WHERE boom(price) > 1",
    "check": "ALTER TABLE shop ADD CHECK (boom(price) > 0)",
    "generated": "ALTER TABLE shop ADD g numeric GENERATED ALWAYS AS (boom(price)) STORED",
}


@pytest.mark.parametrize("attach", ATTACHED.values(), ids=ATTACHED)
def test_a_superuser_who_adopts_runs_nothing_that_the_owner_attached(
    sql: Sql, become: Callable[..., Sql], attach: str
) -> None:
    owner = become("open_analytic_admin")
    sql.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    owner.execute(
        "CREATE FUNCTION boom(n numeric) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
        " IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN RAISE EXCEPTION 'her code ran'; END IF;"
        " RETURN n; END $$"
    )
    owner.execute(SHOP)
    owner.execute(attach.encode())
    owner.execute("INSERT INTO shop (image_name, price) VALUES ('a', 2)")
    sqlstate, message, _ = refused(sql, ADOPT.format(""))
    assert (sqlstate, str(message).startswith("Reading table public.shop would run ")) == ("OA006", True)
    assert value(owner, ADOPT.format(""))["name"] == "shop"


def test_defaults_and_triggers_of_another_owner_run_for_nobody_who_adopts(sql: Sql, become: Callable[..., Sql]) -> None:
    owner = become("open_analytic_admin")
    sql.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    owner.execute(
        "CREATE FUNCTION boom() RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'her code ran'; END $$;"
        "CREATE FUNCTION bang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'her code ran'; END $$;"
    )
    owner.execute(SHOP)
    owner.execute("INSERT INTO shop (image_name, price) VALUES ('a', 2)")
    owner.execute(
        "ALTER TABLE shop ALTER price SET DEFAULT boom(); CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON shop"
        " FOR EACH STATEMENT EXECUTE FUNCTION bang()"
    )
    assert value(sql, ADOPT.format(""))["name"] == "shop"
