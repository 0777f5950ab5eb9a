"""Least privilege: an ordinary role runs and searches, and nothing of ours lends it the owner's rights."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql as compose

from open_analytic import embedded
from tests.databases import clone, filled
from tests.sql.conftest import Service, column, picture, value

Sql = psycopg.Connection[Any]
RUN = "SELECT open_analytic.pipeline_run('mean_colour', %s::bytea)"


def fill(sql: Sql) -> None:
    value(sql, "SELECT open_analytic.create_collection('photos', 'mean_colour', '{\"district\": \"text\"}')")
    sql.execute(
        "INSERT INTO photos (image_name, feature, district)"
        " SELECT 'red', open_analytic.embed('mean_colour', %s::bytea), 'A'",
        [picture()],
    )


@pytest.fixture
def dsn(sql_server: tuple[embedded.Server, str], original: str) -> Iterator[str]:
    """A copy of a database with a collection of one picture."""
    server, _ = sql_server
    with clone(server, filled(server, original, fill)) as dsn:
        yield dsn


@pytest.fixture
def photos(sql: Sql) -> Sql:
    return sql


def denied(session: Sql, statement: str, *values: object) -> bool:
    try:
        session.execute(statement, values)
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


CALLS = [
    "SELECT open_analytic.pipeline_run('mean_colour', ''::bytea)",
    "SELECT open_analytic.pipeline_run('mean_colour', '')",
    "SELECT open_analytic.pipeline_run_dist_random('mean_colour', ''::bytea)",
    "SELECT open_analytic.pipeline_run_batch('mean_colour', '{}')",
    "SELECT open_analytic.embed('mean_colour', ''::bytea)",
    "SELECT open_analytic.search('pg_class', '[1]'::vector)",
    "SELECT open_analytic.pipeline_create('mean_colour')",
    "SELECT open_analytic.pipeline_drop('mean_colour')",
    "SELECT open_analytic.create_collection('x', 'mean_colour')",
    "SELECT open_analytic.drop_collection('x')",
    "SELECT open_analytic.use_body('dblink')",
    "SELECT * FROM open_analytic.current_pipelines",
]


@pytest.mark.parametrize("call", CALLS)
def test_a_role_without_rights_may_nothing(become: Any, call: str) -> None:
    assert denied(become(), call)


def test_a_user_runs_and_searches(photos: Sql, become: Any) -> None:
    user = become("open_analytic_user")
    assert value(user, RUN, picture())["feature"][0] > 0.9
    assert column(user, "SELECT name FROM open_analytic.search('photos', %s::bytea)", picture()) == ["red"]


ADMINS = [call for call in CALLS if "create" in call or "drop" in call or "use_body" in call]
INNER = [
    "SELECT open_analytic._request('output', 'a', 'b', '{}', '{}', '{}', false)",
    "SELECT open_analytic._run_plan('output', 'a', 'b', '{}', '{}', '{}', false)",
    "SELECT open_analytic._run_one('output', 'a', '', '{}', false)",
    "SELECT open_analytic._describe('{}')",
    "SELECT * FROM open_analytic.nodes",
    "SELECT * FROM open_analytic.settings",
    "UPDATE open_analytic.nodes SET http = 'unix:/tmp/mine'",
    "INSERT INTO open_analytic.settings VALUES ('python_path', '/tmp')",
    "INSERT INTO open_analytic.pipelines SELECT * FROM open_analytic.pipelines",
    "DELETE FROM open_analytic.collections",
]


@pytest.mark.parametrize("call", ADMINS + INNER)
def test_a_user_changes_nothing_and_sees_no_token(photos: Sql, become: Any, call: str) -> None:
    assert denied(become("open_analytic_user"), call)


def test_an_admin_creates_and_drops_with_his_own_rights(photos: Sql, become: Any) -> None:
    admin = become("open_analytic_admin")
    assert denied(admin, "SELECT open_analytic.create_collection('mine', 'mean_colour')")  # no rights in public
    role = value(admin, "SELECT current_user")
    photos.execute(compose.SQL("GRANT CREATE ON SCHEMA public TO {}").format(compose.Identifier(role)))
    value(admin, "SELECT open_analytic.create_collection('mine', 'mean_colour')")
    assert value(admin, "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'") == role
    value(admin, "SELECT open_analytic.create_ann_index('mine')")
    value(admin, "SELECT open_analytic.pipeline_create('general_feature_extractor')")
    admin.execute("SELECT open_analytic.drop_collection('mine')")
    assert denied(admin, "SELECT open_analytic.drop_collection('photos')")  # another's


def test_a_search_has_the_callers_rights(photos: Sql, become: Any) -> None:
    user = become("open_analytic_user")
    photos.execute("REVOKE SELECT ON photos FROM open_analytic_user")
    assert denied(user, "SELECT * FROM open_analytic.search('photos', %s::bytea)", picture())
    photos.execute("GRANT SELECT ON photos TO open_analytic_user")
    photos.execute("CREATE TABLE secrets AS SELECT 'red' AS name")
    spying = "EXISTS (SELECT FROM public.secrets)"
    assert denied(user, "SELECT * FROM open_analytic.search('photos', %s::bytea, filter => %s)", picture(), spying)
    reading = "pg_read_file('/etc/passwd') IS NOT NULL"
    assert denied(user, "SELECT * FROM open_analytic.search('photos', %s::bytea, filter => %s)", picture(), reading)


def test_row_level_security_holds_in_a_search(photos: Sql, become: Any) -> None:
    user = become("open_analytic_user")
    photos.execute("ALTER TABLE photos ENABLE ROW LEVEL SECURITY")
    assert column(user, "SELECT name FROM open_analytic.search('photos', %s::bytea)", picture()) == []


DBLINK = [
    "dblink('host=/tmp', 'SELECT 1') AS t (x int)",
    "dblink_connect('host=/tmp')",
    "dblink_connect('mine', 'host=/tmp')",
    "dblink_connect_u('mine', 'host=/tmp')",
    "dblink('open_analytic main', 'SELECT rolname FROM pg_authid') AS t (x text)",
    "dblink_exec('open_analytic main', 'ALTER ROLE postgres LOGIN')",
    "dblink_send_query('open_analytic main', 'SELECT 1')",
    "dblink_get_result('open_analytic main') AS t (x text)",
    "dblink_get_connections()",
    "dblink_disconnect('open_analytic main')",
]


@pytest.mark.parametrize("call", DBLINK)
def test_the_connection_that_functions_keep_is_nobodys_else(become: Any, body: str, call: str, sql: Sql) -> None:
    user = become("open_analytic_user", "open_analytic_admin")
    value(user, RUN, picture())  # the connection is open now
    if body == "plpython3u":
        assert value(sql, "SELECT count(*) FROM pg_extension WHERE extname = 'dblink'") == 0
        return
    assert denied(user, f"SELECT * FROM open_analytic.{call}")


def test_even_the_owner_gets_no_sql_through_the_kept_connection(sql: Sql, body: str) -> None:
    value(sql, RUN, picture())
    if body == "plpython3u":
        assert value(sql, "SELECT count(*) FROM pg_extension WHERE extname = 'dblink'") == 0
        return
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(
            "SELECT * FROM open_analytic.dblink((open_analytic.dblink_get_connections())[1], 'SELECT 1') AS t (x text)"
        )
    assert caught.value.sqlstate == "0A000"
    assert value(sql, RUN, picture())


def test_nobody_but_named_roles_may_call_anything_of_ours(sql: Sql) -> None:
    """In the catalogue itself: no function in our schema is PUBLIC's, every one of ours pins its search_path."""
    public = """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace
          AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0))
    """
    assert column(sql, public) == ["open_analytic._version(text,integer)"]  # the default of a collection's column
    loose = """
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = 'open_analytic'::regnamespace
          AND NOT coalesce(p.proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']
          AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    """
    assert sorted(column(sql, loose)) == [  # see their comment
        "open_analytic.create_collection(text,text,json,boolean,jsonb,text)",
        "open_analytic.create_collection(text,text,json,text,jsonb)",
    ]


EVIL = """
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE TABLE evil.calls (who text);
GRANT INSERT ON evil.calls TO PUBLIC;
CREATE FUNCTION evil.note(what text) RETURNS text LANGUAGE plpgsql SECURITY INVOKER AS
    $$ BEGIN INSERT INTO evil.calls VALUES (what || ' ' || current_user); RETURN what; END $$;
CREATE FUNCTION evil.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('format') $$;
CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE sql AS $$ SELECT evil.note('to_regclass')::regclass $$;
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('current_setting') $$;
CREATE FUNCTION evil.quote_literal(text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('quote_literal') $$;
CREATE FUNCTION evil.equal(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT evil.note('=') IS NOT NULL $$;
CREATE FUNCTION evil.near(halfvec, halfvec) RETURNS float8 LANGUAGE sql AS
    $$ SELECT length(evil.note('<->'))::float8 $$;
CREATE FUNCTION evil.join(text, text) RETURNS text LANGUAGE sql AS $$ SELECT evil.note('||') $$;
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equal);
CREATE OPERATOR evil.<-> (LEFTARG = halfvec, RIGHTARG = halfvec, FUNCTION = evil.near);
CREATE OPERATOR evil.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.join);
CREATE DOMAIN evil.jsonb AS text CHECK (false);
CREATE DOMAIN evil.bytea AS text CHECK (false);
CREATE TABLE evil.pipelines (name text);
CREATE TABLE evil.collections (table_name text);
"""


def test_a_hostile_search_path_changes_nothing(photos: Sql) -> None:
    """Functions, operators, types and tables of the same names stand before PostgreSQL's own."""
    expected = photos.execute("SELECT * FROM open_analytic.search('photos', %s::bytea)", [picture()]).fetchall()
    run = value(photos, RUN, picture())
    photos.execute(EVIL)
    photos.execute("SET search_path = evil, public, pg_catalog")
    statement = (
        "SELECT * FROM open_analytic.search('public.photos', %s::pg_catalog.bytea, filter => 'district = ''A''')"
    )
    assert photos.execute(statement, [picture()]).fetchall() == expected
    assert value(photos, "SELECT open_analytic.pipeline_run('mean_colour', %s::pg_catalog.bytea)", picture()) == run
    value(photos, "SELECT open_analytic.create_ann_index('public.photos')")
    value(photos, "SELECT open_analytic.create_collection('other', 'mean_colour', '{\"own\": \"pg_catalog.int4\"}')")
    photos.execute("SELECT open_analytic.drop_collection('other')")
    photos.execute("SET search_path = pg_catalog")
    assert column(photos, "SELECT who FROM evil.calls") == []


def test_temporary_objects_stand_before_nothing(photos: Sql) -> None:
    photos.execute("CREATE TEMP TABLE pg_class (oid oid); CREATE TEMP TABLE photos (image_name text)")
    assert column(photos, "SELECT name FROM open_analytic.search('public.photos', %s::bytea)", picture()) == ["red"]


def test_the_token_is_in_no_error(sql: Sql, service: Service, body: str) -> None:
    sql.execute(
        "UPDATE open_analytic.nodes SET token = 'se''cr\\et', wire = 'host=/nowhere port=1', http = 'unix:/nowhere'"
    )
    with pytest.raises(psycopg.Error) as caught:
        value(sql, RUN, picture())
    assert caught.value.sqlstate == "OA071"
    assert "cr" + "\\et" not in "".join(
        map(str, (caught.value, caught.value.diag.context, caught.value.diag.message_hint))
    )


def test_whoever_may_insert_needs_no_other_right(photos: Sql, become: Any) -> None:
    session = become()
    role = value(session, "SELECT current_user")
    photos.execute(compose.SQL("GRANT INSERT ON photos TO {}").format(compose.Identifier(role)))
    session.execute("INSERT INTO photos (image_name, feature) VALUES ('mine', '[0,1,0]')")
    assert value(photos, "SELECT pipeline_version FROM photos WHERE image_name = 'mine'") == 1
