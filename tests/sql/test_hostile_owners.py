"""Who owns a database, a schema or a collection runs nothing with the rights of those who upgrade or search."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql as compose
from psycopg.conninfo import make_conninfo

from open_analytic import embedded
from open_analytic.errors import MissingExtension, PermissionDenied
from open_analytic.store import schema
from tests.sql.conftest import column, picture, value

Sql = psycopg.Connection[Any]
_numbers = itertools.count(1)


@pytest.fixture
def mallory(sql_server: tuple[embedded.Server, str], body: str) -> Iterator[tuple[str, str, str]]:
    """An ordinary role that owns a database: its name, the superuser's DSN, and its own session's."""
    server, _ = sql_server
    name, database = f"mallory_{body}_{next(_numbers)}", f"hers_{body}_{next(_numbers)}"
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(compose.SQL("CREATE ROLE {} LOGIN").format(compose.Identifier(name)))
        connection.execute(
            compose.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                compose.Identifier(database), compose.Identifier(name)
            )
        )
    dsn = make_conninfo(server.dsn, dbname=database)
    yield name, dsn, make_conninfo(dsn, options=f"-c role={name}")
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(compose.SQL("DROP DATABASE {} WITH (FORCE)").format(compose.Identifier(database)))
        connection.execute(compose.SQL("DROP OWNED BY {}").format(compose.Identifier(name)))
        connection.execute(compose.SQL("DROP ROLE {}").format(compose.Identifier(name)))


def is_superuser(dsn: str, name: str) -> bool:
    with psycopg.connect(dsn) as connection:
        return bool(value(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = %s", name))


TRIGGER = """
CREATE SCHEMA open_analytic;
CREATE TABLE open_analytic.alembic_version (version_num varchar(32) PRIMARY KEY);
CREATE FUNCTION open_analytic.t() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'ALTER ROLE ' || TG_ARGV[0] || ' SUPERUSER'; RETURN NEW; END $$;
"""


def test_a_schema_somebody_else_made_is_not_upgraded(mallory: tuple[str, str, str]) -> None:
    name, dsn, hers = mallory
    with psycopg.connect(hers, autocommit=True) as connection:
        connection.execute(TRIGGER)
        connection.execute(
            compose.SQL(
                "CREATE TRIGGER t BEFORE INSERT ON open_analytic.alembic_version"
                " FOR EACH ROW EXECUTE FUNCTION open_analytic.t({})"
            ).format(compose.Literal(name))
        )
    with pytest.raises(PermissionDenied, match=name):
        schema.upgrade(dsn)
    assert not is_superuser(dsn, name)


def test_a_view_in_the_place_of_the_version_is_not_read(mallory: tuple[str, str, str]) -> None:
    _, dsn, hers = mallory
    with psycopg.connect(hers, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA open_analytic")
        connection.execute("CREATE VIEW open_analytic.alembic_version AS SELECT (1 / 0)::text AS version_num")
    assert schema.current(dsn) is None


def test_the_name_of_a_schema_is_never_code(mallory: tuple[str, str, str]) -> None:
    name, dsn, hers = mallory
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    with psycopg.connect(hers, autocommit=True) as connection:
        evil = f"','');END$$;ALTER ROLE {name} SUPERUSER;SELECT $$"
        connection.execute(compose.SQL("ALTER SCHEMA public RENAME TO {}").format(compose.Identifier(evil)))
    with pytest.raises(MissingExtension, match="schema"):
        schema.upgrade(dsn)
    assert not is_superuser(dsn, name)


def test_an_owner_who_is_no_superuser_gets_no_python(mallory: tuple[str, str, str]) -> None:
    """plpython3u runs as the server's account, with code from where a table of the owner's says."""
    name, dsn, hers = mallory
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector; CREATE EXTENSION dblink")
        connection.execute(compose.SQL("ALTER ROLE {} CREATEROLE").format(compose.Identifier(name)))
        for role in ("open_analytic_user", "open_analytic_admin"):
            connection.execute(
                compose.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(
                    compose.Identifier(role), compose.Identifier(name)
                )
            )
    schema.upgrade(hers)
    with psycopg.connect(dsn, autocommit=True) as connection:
        language = (
            "SELECT l.lanname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.proname = '_request'"
        )
        assert value(connection, language) == "plpgsql"
        assert value(connection, "SELECT open_analytic.use_body()") == "dblink"  # a superuser's call changes nothing
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SELECT open_analytic.use_body('plpython3u')")
        assert caught.value.sqlstate == "OA054"


EVE = """
CREATE SCHEMA eves;
CREATE TYPE eves.mood AS ENUM ('fine');
CREATE FUNCTION eves.note() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'CREATE ROLE eve_was_here'; END $$;
CREATE FUNCTION eves.as_json(eves.mood) RETURNS json LANGUAGE sql AS $$ SELECT eves.note(); SELECT '1'::json $$;
CREATE FUNCTION eves.as_text(eves.mood) RETURNS text LANGUAGE sql AS $$ SELECT eves.note(); SELECT '1' $$;
CREATE CAST (eves.mood AS json) WITH FUNCTION eves.as_json(eves.mood) AS IMPLICIT;
CREATE CAST (eves.mood AS text) WITH FUNCTION eves.as_text(eves.mood) AS IMPLICIT;
CREATE DOMAIN eves.moods AS eves.mood;
"""


def test_a_search_calls_no_cast_of_the_collections_owner(sql: Sql) -> None:
    sql.execute(EVE)
    columns = '{"m": "eves.mood", "d": "eves.moods", "a": "eves.mood[]", "n": "numeric"}'
    value(sql, "SELECT open_analytic.create_collection('eves.c', 'mean_colour', %s)", columns)
    sql.execute(
        "INSERT INTO eves.c (image_name, feature, m, d, a, n) VALUES ('x', '[1,0,0]', 'fine', 'fine', '{fine}', 2)"
    )
    sql.execute("INSERT INTO eves.c (image_name, feature) VALUES ('y', '[0,1,0]')")
    rows = column(sql, "SELECT \"row\" FROM open_analytic.search('eves.c', '[1,0,0]'::vector)")
    assert rows == [{"m": "fine", "d": "fine", "a": "{fine}", "n": 2}, {"m": None, "d": None, "a": None, "n": None}]
    assert value(sql, "SELECT count(*) FROM pg_roles WHERE rolname = 'eve_was_here'") == 0


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE photos RENAME TO old; CREATE VIEW photos AS SELECT * FROM old",
        "CREATE DOMAIN f AS halfvec(3); ALTER TABLE photos ALTER COLUMN feature TYPE f",
        "ALTER TABLE photos DROP COLUMN feature; ALTER TABLE photos ADD COLUMN feature vector(3)",
        "ALTER TABLE photos DROP COLUMN feature",
        "ALTER TABLE photos ALTER COLUMN image_name TYPE varchar(10)",
    ],
)
def test_what_is_no_collection_any_more_is_not_searched(sql: Sql, change: str) -> None:
    value(sql, "SELECT open_analytic.create_collection('photos', 'mean_colour')")
    sql.execute(change)
    with pytest.raises(psycopg.Error) as caught:
        sql.execute("SELECT * FROM open_analytic.search('photos', %s::bytea)", [picture()])
    assert caught.value.sqlstate == "OA006"


@pytest.mark.parametrize("filter_", ["NULL", "'true'"])
def test_a_view_that_takes_the_tables_place_meanwhile_is_refused(sql: Sql, dsn: str, filter_: str) -> None:
    """Its owner holds a lock until the search waits for it, and then has a view in the table's place."""
    sql.execute("SELECT open_analytic._make_collection('swapped', 3, 'l2', false, '{}', NULL, NULL, '{}', false, '')")
    sql.execute("INSERT INTO swapped (image_name, feature) VALUES ('a', '[1,0,0]')")
    sql.execute(
        "CREATE FUNCTION public.hers() RETURNS boolean LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'her code ran'; END $$"
    )
    with psycopg.connect(dsn) as owner, ThreadPoolExecutor(1) as thread:
        owner.execute("ALTER TABLE swapped RENAME TO swapped_before")
        owner.execute("CREATE VIEW swapped AS SELECT * FROM swapped_before WHERE public.hers()")
        statement = f"SELECT * FROM open_analytic.search('public.swapped', '[1,0,0]'::vector, filter => {filter_})"
        search = thread.submit(sql.execute, statement)
        with psycopg.connect(dsn, autocommit=True) as watcher:
            while not watcher.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                assert not search.done()
        owner.commit()
        with pytest.raises(psycopg.Error) as caught:
            search.result()
    assert caught.value.sqlstate == "OA006"


ADM = """
CREATE ROLE {adm} NOLOGIN;
GRANT open_analytic_admin TO {adm};
CREATE SCHEMA adms AUTHORIZATION {adm};
GRANT CREATE ON DATABASE {database} TO {adm};
GRANT CREATE ON SCHEMA public TO {adm};
SET ROLE {adm};
SELECT open_analytic.create_collection('photos', 'mean_colour', '{{"n": "integer"}}');
INSERT INTO photos (image_name, feature, n) VALUES ('a', '[1,0,0]', 1), ('b', '[0,1,0]', 2);
CREATE FUNCTION adms.boom(t text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
        EXECUTE 'ALTER ROLE {adm} SUPERUSER';
    END IF;
    RETURN true; END $$;
CREATE FUNCTION adms.quiet(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM adms.boom(t); RETURN true; END $$;
CREATE FUNCTION adms.number(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM adms.boom('x'); RETURN n; END $$;
"""
SEARCH = "SELECT * FROM open_analytic.search('photos', '[1,0,0]'::vector)"
FILTERED = "SELECT * FROM open_analytic.search('photos', '[1,0,0]'::vector, filter => $$kind = 'A'::text$$)"
DISTRICT = """CREATE TYPE adms.district AS ENUM ('A'); ALTER TABLE photos ADD kind adms.district DEFAULT 'A';
CREATE FUNCTION adms.d2t(adms.district) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM adms.boom('x'); RETURN 'A'; END $$;
CREATE CAST (adms.district AS text) WITH FUNCTION adms.d2t(adms.district) AS IMPLICIT"""
ATTACHED = {
    "predicate": ("CREATE INDEX ON photos (n) WHERE adms.quiet('x')", SEARCH),
    "expression": ("CREATE INDEX ON photos (adms.number(n))", SEARCH),
    "statistics": ("CREATE STATISTICS adms.s ON (adms.number(1) + n), image_name FROM photos; ANALYZE photos", SEARCH),
    "constraint": ("ALTER TABLE photos ADD CHECK (adms.quiet('x')) NOT VALID", SEARCH),
    "operator": (
        "CREATE OPERATOR adms.!!! (RIGHTARG = text, FUNCTION = adms.quiet);"
        " CREATE INDEX ON photos (n) WHERE OPERATOR(adms.!!!) 'x'::text",
        SEARCH,
    ),
    "generated": ("ALTER TABLE photos ADD g integer GENERATED ALWAYS AS (adms.number(n)) STORED", SEARCH),
    "cast": (DISTRICT, FILTERED),
    "child": (
        "CREATE TABLE adms.child () INHERITS (photos);"
        " CREATE TABLE adms.grandchild () INHERITS (adms.child);"
        " CREATE INDEX ON adms.grandchild (n) WHERE adms.quiet('x')",
        SEARCH,
    ),
}


@pytest.fixture
def adm(sql: Sql) -> Iterator[str]:
    """A role that owns the collection photos, with functions that make it superuser when one runs them."""
    name = f"adm_{next(_numbers)}_{sql.info.dbname}"
    database = compose.Identifier(sql.info.dbname).as_string(sql)
    sql.execute(ADM.format(adm=name, database=database).encode())
    yield name
    sql.execute("RESET ROLE")
    sql.execute(compose.SQL("DROP OWNED BY {} CASCADE").format(compose.Identifier(name)))
    sql.execute(compose.SQL("DROP ROLE {}").format(compose.Identifier(name)))


@pytest.mark.parametrize(("attach", "search"), ATTACHED.values(), ids=ATTACHED)
def test_a_superuser_runs_nothing_that_an_owner_attached(
    sql: Sql, dsn: str, adm: str, attach: str, search: str
) -> None:
    sql.execute(attach.encode())
    sql.execute("RESET ROLE")
    with pytest.raises(psycopg.Error, match=r"Reading table public\.photos would run adms\.") as caught:
        sql.execute(search.encode())
    assert caught.value.sqlstate == "OA006"
    assert not is_superuser(dsn, adm)
    sql.execute(compose.SQL("SET ROLE {}").format(compose.Identifier(adm)))
    assert len(sql.execute(search.encode()).fetchall()) == 2  # its owner, and a role with few rights, can


def test_an_ordinary_table_of_another_owner_is_searched_by_a_superuser(sql: Sql, adm: str) -> None:
    sql.execute("CREATE INDEX ON photos (n) WHERE n > 1; CREATE INDEX ON photos (lower(image_name))")
    sql.execute("ALTER TABLE photos ALTER n SET DEFAULT adms.number(1)")  # runs where rows are written
    sql.execute("CREATE TYPE adms.mood AS ENUM ('fine'); ALTER TABLE photos ADD mood adms.mood DEFAULT 'fine'")
    sql.execute("SELECT open_analytic.create_ann_index('photos')")
    sql.execute("RESET ROLE")
    assert column(sql, f"SELECT \"row\" ->> 'mood' FROM ({SEARCH}) AS hits") == ["fine", "fine"]


def test_a_type_that_an_extensions_owner_added_is_shown_as_text(sql: Sql, dsn: str, adm: str) -> None:
    sql.execute(
        "CREATE EXTENSION hstore SCHEMA adms; CREATE TYPE adms.emood AS ENUM ('sad');"
        " CREATE FUNCTION adms.j(adms.emood) RETURNS json LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN PERFORM adms.boom('x'); RETURN '1'; END $$;"
        " ALTER TABLE photos ADD mood adms.emood DEFAULT 'sad', ADD tags adms.hstore DEFAULT 'a=>1';"
        " ALTER EXTENSION hstore ADD TYPE adms.emood;"
    )
    rows = f"SELECT \"row\" - 'n' FROM ({SEARCH}) AS hits"
    sql.execute("RESET ROLE")
    assert column(sql, rows) == [{"mood": "sad", "tags": {"a": "1"}}] * 2
    sql.execute(compose.SQL("SET ROLE {}").format(compose.Identifier(adm)))
    sql.execute("CREATE CAST (adms.emood AS json) WITH FUNCTION adms.j(adms.emood)")
    assert column(sql, rows) == [{"mood": "sad", "tags": {"a": "1"}}] * 2  # the function would give 1
    sql.execute("RESET ROLE")
    with pytest.raises(psycopg.Error, match=r"would run adms\.j"):
        sql.execute(SEARCH.encode())
    assert not is_superuser(dsn, adm)


@pytest.mark.parametrize("schema", ["pg_temp", "pg_catalog", "pg_toast", "information_schema", "open_analytic"])
def test_a_schema_that_is_not_for_collections_is_refused(sql: Sql, schema: str) -> None:
    with pytest.raises(psycopg.Error, match=f"the schema {schema} is not for collections") as caught:
        sql.execute("SELECT open_analytic.create_collection(%s, 'mean_colour')", [f"{schema}.q"])
    assert caught.value.sqlstate == "OA017"
    assert value(sql, "SELECT count(*) FROM open_analytic.collections") == 0
