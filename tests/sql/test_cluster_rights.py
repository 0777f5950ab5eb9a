"""Joins and clusters have the caller's rights: nobody reads or writes clusters of rows that he may not."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql as compose

from open_analytic import embedded
from tests.databases import clone, filled
from tests.sql.conftest import column, value
from tests.sql.test_joins import by_index, make
from tests.sql.test_rights import EVIL, denied

Sql = psycopg.Connection[Any]
_numbers = itertools.count(1)
TABLES = ("clusterings", "cluster_members", "cluster_changes")


def fill(sql: Sql) -> None:
    make(sql, "photos")
    sql.execute("INSERT INTO photos (image_name, feature) VALUES ('a', '[0,0]'), ('b', '[0,1]'), ('c', '[9,9]')")


@pytest.fixture
def dsn(sql_server: tuple[embedded.Server, str], original: str) -> Iterator[str]:
    """A copy of a database with a collection of three rows."""
    server, _ = sql_server
    with clone(server, filled(server, original, fill)) as dsn:
        yield dsn


@pytest.fixture
def photos(sql: Sql) -> Sql:
    return sql


CALLS = [
    "SELECT * FROM open_analytic.near_duplicates('photos', 1)",
    "SELECT * FROM open_analytic.knn_join('photos', 'photos')",
    "SELECT * FROM open_analytic.cluster('photos', 1)",
    "SELECT * FROM open_analytic.clusters('photos')",
    "SELECT * FROM open_analytic.cluster_changes('photos')",
]


@pytest.mark.parametrize("call", [*CALLS, *(f"SELECT * FROM open_analytic.{table}" for table in TABLES)])
def test_a_role_without_rights_may_nothing(photos: Sql, become: Callable[..., Sql], call: str) -> None:
    assert denied(become(), call)


@pytest.mark.parametrize("call", CALLS)
def test_who_may_not_read_a_collection_gets_nothing_of_it(photos: Sql, become: Callable[..., Sql], call: str) -> None:
    photos.execute("SELECT open_analytic.cluster('photos', 1)")
    photos.execute("REVOKE SELECT ON photos FROM open_analytic_user")
    assert denied(become("open_analytic_user"), call)


def test_a_user_clusters_and_everybody_sees_it(photos: Sql, become: Callable[..., Sql]) -> None:
    user, other = become("open_analytic_user"), become("open_analytic_user")
    rows = [(1, "a", None), (1, "b", None)]
    assert user.execute("SELECT * FROM open_analytic.cluster('photos', 1)").fetchall() == rows
    assert other.execute("SELECT * FROM open_analytic.clusters('photos')").fetchall() == rows
    user.execute("INSERT INTO photos (image_name, feature) VALUES ('d', '[0,2]')")
    assert len(column(other, "SELECT name FROM open_analytic.cluster('photos', 1)")) == 3
    assert column(user, "SELECT name FROM open_analytic.cluster_changes('photos')") == ["d"]
    assert len(column(photos, "SELECT name FROM open_analytic.cluster('photos', 1)")) == 3


def test_who_reads_only_sees_clusters_and_makes_none(photos: Sql, become: Callable[..., Sql]) -> None:
    photos.execute("REVOKE UPDATE ON photos FROM open_analytic_user")
    photos.execute("SELECT open_analytic.cluster('photos', 1)")
    user = become("open_analytic_user")
    assert column(user, "SELECT name FROM open_analytic.clusters('photos')") == ["a", "b"]
    assert denied(user, "SELECT * FROM open_analytic.cluster('photos', 2)")
    assert user.execute("UPDATE open_analytic.cluster_members SET cluster_id = 7").rowcount == 0
    assert user.execute("DELETE FROM open_analytic.clusterings").rowcount == 0
    insert = "INSERT INTO open_analytic.cluster_members SELECT m.clustering, 'x', 0, '', 1"
    assert denied(user, f"{insert} FROM open_analytic.cluster_members AS m LIMIT 1")
    assert value(photos, "SELECT count(*) FROM open_analytic.cluster_members WHERE cluster_id = 7") == 0


def test_tables_show_and_take_nothing_of_others_collections(photos: Sql, become: Callable[..., Sql]) -> None:
    """Neither a table nor a whole schema that is closed is seen through the clusters; nor does it disturb."""
    photos.execute("CREATE SCHEMA closed")
    make(photos, "closed.secrets")
    photos.execute("INSERT INTO closed.secrets (image_name, feature) VALUES ('hidden', '[0,0]'), ('too', '[0,0]')")
    photos.execute("SELECT open_analytic.cluster('closed.secrets', 1)")
    user = become("open_analytic_user")
    assert [column(user, f"SELECT count(*) FROM open_analytic.{table}") for table in TABLES] == [[0], [0], [0]]
    assert column(user, "SELECT name FROM open_analytic.cluster('photos', 1)") == ["a", "b"]
    assert [column(user, f"SELECT count(*) FROM open_analytic.{table}") for table in TABLES] == [[1], [3], [1]]
    assert denied(user, "UPDATE open_analytic.clusterings SET schema_name = 'closed', table_name = 'secrets'")
    assert denied(user, "INSERT INTO open_analytic.cluster_members VALUES (1, 'mine', 0, '', 1)")
    assert user.execute("DELETE FROM open_analytic.clusterings").rowcount == 1
    assert column(photos, "SELECT name FROM open_analytic.clusters('closed.secrets')") == ["hidden", "too"]


def test_an_admin_drops_his_collection_with_the_clusters_others_made(sql: Sql, become: Callable[..., Sql]) -> None:
    admin, user = become("open_analytic_admin"), become("open_analytic_user")
    role = value(admin, "SELECT current_user")
    sql.execute(compose.SQL("CREATE SCHEMA his AUTHORIZATION {}").format(compose.Identifier(role)))
    admin.execute("GRANT USAGE ON SCHEMA his TO open_analytic_user")
    make(admin, "his.photos")
    admin.execute("INSERT INTO his.photos (image_name, feature) VALUES ('a', '[0,0]'), ('b', '[0,1]')")
    assert column(user, "SELECT name FROM open_analytic.cluster('his.photos', 1)") == ["a", "b"]
    assert column(admin, "SELECT name FROM open_analytic.cluster('his.photos', 1)") == ["a", "b"]
    admin.execute("SELECT open_analytic.drop_collection('his.photos')")
    assert [value(sql, f"SELECT count(*) FROM open_analytic.{table}") for table in TABLES] == [0, 0, 0]


def test_row_level_security_holds(photos: Sql, become: Callable[..., Sql]) -> None:
    """A join shows rows that the caller sees. Clusters are of all rows, so whoever sees a part only gets none."""
    photos.execute("SELECT open_analytic.cluster('photos', 1)")
    photos.execute("ALTER TABLE photos ENABLE ROW LEVEL SECURITY")
    photos.execute("CREATE POLICY later ON photos USING (image_name > 'a')")
    user = become("open_analytic_user")
    for _ in range(2):
        assert column(user, "SELECT name FROM open_analytic.near_duplicates('photos', 1)") == []
        assert column(user, "SELECT name FROM open_analytic.knn_join('photos', 'photos')") == ["b", "c"]
        by_index(photos, "photos")
        photos.execute("UPDATE pg_class SET reltuples = 1e8 WHERE relname = 'photos'")
    for call in CALLS[2:]:
        assert denied(user, call)
    assert column(user, "SELECT count(*) FROM open_analytic.cluster_members") == [0]


def test_a_filter_has_the_callers_rights(photos: Sql, become: Callable[..., Sql]) -> None:
    photos.execute("CREATE TABLE secrets AS SELECT 'a' AS name")
    statement = "SELECT * FROM open_analytic.near_duplicates('photos', 1, 'EXISTS (SELECT FROM public.secrets)')"
    assert denied(become("open_analytic_user"), statement)


def test_a_hostile_search_path_changes_nothing(photos: Sql) -> None:
    """Functions, operators, types and tables of the same names stand before PostgreSQL's own."""
    calls = [call.replace("'photos'", "'public.photos'") for call in CALLS[:4]]
    expected = [photos.execute(call).fetchall() for call in calls]
    photos.execute(EVIL)
    photos.execute("CREATE TABLE evil.cluster_members (name text); CREATE TABLE evil.open_analytic_rows (part int)")
    photos.execute("SET search_path = evil, public, pg_catalog")
    photos.execute("CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE photos (image_name text)")
    assert [photos.execute(call).fetchall() for call in calls] == expected
    photos.execute("SET search_path = pg_catalog")
    assert column(photos, "SELECT who FROM evil.calls") == []


@pytest.mark.parametrize("call", CALLS[:3])
def test_what_is_no_collection_any_more_is_not_read(photos: Sql, call: str) -> None:
    photos.execute("ALTER TABLE photos RENAME TO old; CREATE VIEW photos AS SELECT * FROM old")
    with pytest.raises(psycopg.Error) as caught:
        photos.execute(call)
    assert caught.value.sqlstate == "OA006"
