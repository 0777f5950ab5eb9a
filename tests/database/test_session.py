"""What the owner of a database, a role or PG* variables set changes neither what we do nor with whose rights."""

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import open_analytic
from open_analytic import embedded
from open_analytic.analyticdb import running
from open_analytic.config import Settings
from open_analytic.store import schema, server_info, session
from open_analytic.store.connection import connect
from open_analytic.types import Vector
from tests.databases import database as new_database

HOSTILE = """
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO public;
CREATE TABLE evil.calls (operator text);
GRANT INSERT ON evil.calls TO public;
CREATE FUNCTION evil.caught(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
        EXECUTE pg_catalog.format('ALTER ROLE %I SUPERUSER', 'alice');
    END IF;
END $$;
"""
SIGNS = {"=": "=", "<>": "<>", "<": "<", ">": ">", "||": "||", "~": "~", "->>": "->>"}
PAIRS = [
    ("text", "text"), ("name", "text"), ("name", "name"), ("oid", "regclass"), ("varchar", "varchar"),
    ("int4", "int4"), ("int8", "int4"), ("int2", "int4"), ("numeric", "int4"), ('"char"', '"char"'), ("text", "name"),
]  # fmt: skip


def _operator(schema_: str, number: int, sign: str, left: str, right: str) -> str:
    result = "text" if sign == "||" else "boolean"
    answer = "NULL::text" if sign == "||" else "true"
    return f"""
        CREATE FUNCTION {schema_}.f{number}({left}, {right}) RETURNS {result} LANGUAGE plpgsql AS $$
        BEGIN PERFORM evil.caught('{sign}'); RETURN {answer}; END $$;
        CREATE OPERATOR {schema_}.{sign} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {schema_}.f{number});"""


FUNCTIONS = """
CREATE FUNCTION evil.to_regclass(text) RETURNS regclass LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.caught('f'); RETURN pg_catalog.to_regclass($1); END $$;
CREATE FUNCTION evil.current_schema() RETURNS name LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.caught('f'); RETURN 'public'; END $$;
CREATE FUNCTION evil.version() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.caught('f'); RETURN pg_catalog.version(); END $$;
CREATE FUNCTION evil.format(text, text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.caught('f'); RETURN pg_catalog.format($1, $2); END $$;
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.caught('f'); RETURN pg_catalog.current_setting($1); END $$;
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.caught(VALUE) IS NOT NULL);
CREATE DOMAIN evil.json AS pg_catalog.json CHECK (evil.caught('json') IS NOT NULL);
CREATE TABLE evil.pg_class (oid oid, relkind "char");
CREATE TABLE evil.pg_locks (n int);
"""


@pytest.fixture
def hostile(server: embedded.Server, empty_dsn: str) -> Iterator[str]:
    """A database of alice, who is no superuser, and who set it up against whoever comes."""
    name = sql.Identifier(str(conninfo_to_dict(empty_dsn)["dbname"]))
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE alice LOGIN")
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO alice").format(name))
    with psycopg.connect(make_conninfo(empty_dsn, user="alice"), autocommit=True) as alice:
        alice.execute(HOSTILE)
        numbers = itertools.count()
        for place in ("evil", "public"):
            for sign, (left, right) in itertools.product(SIGNS, PAIRS):
                alice.execute(_operator(place, next(numbers), sign, left, right))
        alice.execute(FUNCTIONS)
        alice.execute(sql.SQL("ALTER DATABASE {} SET search_path = evil, pg_catalog, public").format(name))
    yield empty_dsn
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        admin.execute("DROP ROLE alice")


def _alice_is_superuser(server: embedded.Server) -> bool:
    with psycopg.connect(server.dsn) as admin:
        return admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'").fetchone() == (True,)


def test_the_owner_of_a_database_gains_nothing_from_a_superuser(
    server: embedded.Server, hostile: str, settings: Settings
) -> None:
    schema.upgrade(hostile)
    assert not _alice_is_superuser(server), "db upgrade"
    with open_analytic.connect(hostile, settings=settings) as db:
        assert not _alice_is_superuser(server), "connect"
        work(db)
    server_info.facts(hostile)
    server_info.sql_facts(hostile)
    assert not _alice_is_superuser(server), "work"
    schema.downgrade(hostile, "base")
    assert not _alice_is_superuser(server), "db downgrade"


def test_a_superuser_does_not_act_as_the_owner_of_a_database(server: embedded.Server, hostile: str) -> None:
    name = str(conninfo_to_dict(hostile)["dbname"])
    with psycopg.connect(make_conninfo(hostile, user="alice"), autocommit=True) as alice:
        alice.execute(sql.SQL("ALTER DATABASE {} SET role = 'alice'").format(sql.Identifier(name)))
    with psycopg.connect(hostile) as superuser:
        assert superuser.execute("SELECT current_user::text").fetchone() == ("alice",)
    schema.upgrade(hostile)
    owners = "SELECT DISTINCT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'open_analytic'"
    with connect(hostile) as connection:
        assert connection.execute("SELECT current_user = session_user").fetchone() == (True,)
        assert connection.execute(owners.encode()).fetchall() == [(connection.info.user,)]
    schema.downgrade(hostile, "base")
    with psycopg.connect(hostile, autocommit=True) as dba:
        dba.execute(schema.script().encode())
    with connect(hostile) as connection:
        assert connection.execute(owners.encode()).fetchall() == [(connection.info.user,)]
    assert not _alice_is_superuser(server)


def test_the_script_for_a_dba_trusts_no_path_either(server: embedded.Server, hostile: str) -> None:
    with psycopg.connect(hostile, autocommit=True) as dba:
        dba.execute(schema.script().encode())
    assert not _alice_is_superuser(server)
    schema.check(hostile)


CREATE = ["collection", "create", "photos", "--pipeline", "general_feature_extractor", "--column", "t:text"]
COMMANDS = [
    ["db", "upgrade"], ["db", "current"], ["db", "check"], ["pipeline", "create", "general_feature_extractor"],
    ["pipeline", "list"], CREATE, ["collection", "list"], ["collection", "index", "photos"],
    ["collection", "drop", "photos", "--yes"], ["doctor"],
]  # fmt: skip


def test_nor_from_a_superusers_commands(server: embedded.Server, hostile: str) -> None:
    for words in COMMANDS:
        command = [sys.executable, "-m", "open_analytic", "--dsn", hostile, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (_alice_is_superuser(server), words) == (False, words)
        assert done.returncode == 0 or words == ["doctor"], (words, done.stderr)


def test_a_script_is_read_with_the_users_path_but_postgresqls_names_win(server: embedded.Server, hostile: str) -> None:
    schema.upgrade(hostile)
    with running.session(hostile) as connection:
        path = connection.execute("SHOW search_path").fetchone()
        assert path == ('evil, public, "public", open_analytic',)
        assert running.table_type(connection, "open_analytic.pipelines", "name") == "text"
        connection.execute("SELECT 'a'::text = 'b', 'a'::name <> 'b'::name, 1 < 2, to_regclass('x'), version()")
    assert not _alice_is_superuser(server)


def test_the_attack_of_these_tests_works(server: embedded.Server, hostile: str) -> None:
    with psycopg.connect(hostile) as superuser:
        superuser.execute(
            "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'x'::name AND 'a'::pg_catalog.text = 'b'"
        )
    assert _alice_is_superuser(server)


def work(db: open_analytic.OpenAnalytic) -> dict[str, object]:
    """The usual operations, and what they give."""
    info = db.pipeline_create("general_feature_extractor")
    photos = db.create_collection(
        "photos", pipeline="general_feature_extractor",
        columns={"title": "varchar(80)", "price": "float8", "day": "date", "at": "timestamptz", "span": "interval",
                 "tags": "text[]", "raw": "bytea", "info": "jsonb"},
    )  # fmt: skip
    rows = [(f"{number}.jpg", _vector(number, info.dim or 0), _values(number)) for number in range(12)]
    report = photos.import_vectors(rows)
    photos.create_index()
    photos.add("more.jpg", vector=_vector(3, info.dim or 0)) if False else None
    query = _vector(2, info.dim or 0)
    hits = photos.search(query, k=4, filter="title <> %(t)s AND price > 0.05", params={"t": "title 1"})
    clusters = photos.cluster(max_distance=0.2)
    state = {
        "report": (report.added, report.rows),
        "hits": [(hit.name, round(hit.distance, 4), hit.row) for hit in hits],
        "explained": photos.explain_search(query, k=3)["done"]["plan"],
        "near": [(pair.name, pair.other) for pair in photos.near_duplicates(max_distance=0.2)],
        "join": len(photos.knn_join(photos, k=1)),
        "clusters": [[member.name for member in cluster.members] for cluster in clusters.clusters],
        "values": photos.values("title"),
        "recall": photos.evaluate(queries=2, k=2).recall,
        "index": photos.index(),
        "deleted": photos.delete(["0.jpg"]),
        "count": photos.count(),
        "columns": dict(photos.info.columns),
        "pipelines": [pipeline.name for pipeline in db.pipelines()],
        "collections": [collection.name for collection in db.collections()],
    }
    db.drop_collection("photos")
    return state


def _vector(number: int, dim: int) -> Vector:
    vector = np.zeros(dim, np.float32)
    vector[number // 2] = 1.0
    vector[number // 2 + 1] = 0.01 * number
    return vector


def _values(number: int) -> dict[str, object]:
    return {
        "title": f"title {number % 3}", "price": number / 3, "day": "2024-02-03", "at": "2024-02-03 04:05:06+00",
        "span": "1 day 02:03:04", "tags": ["a", None, "NULL"], "raw": b"\x00\\x41'", "info": {"a": [1, None]},
    }  # fmt: skip


# Each name with a value that would change what we read, write or mean.
OTHERWISE = {
    "DateStyle": "German, DMY",
    "IntervalStyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "xmlbinary": "hex",
    "xmloption": "document",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "escape_string_warning": "off",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "check_function_bodies": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "plan_cache_mode": "force_generic_plan",
    "exit_on_error": "on",
    "gin_fuzzy_search_limit": "1",
    "restrict_nonsystem_relation_kind": "view, foreign-table",
    "client_encoding": "LATIN1",
    "search_path": "nothing",
    "client_min_messages": "error",
    "lc_monetary": "C",
    "TimeZone": "Asia/Kolkata",
    "statement_timeout": "600000",
    "lock_timeout": "600000",
    "enable_indexscan": "off",
    "enable_seqscan": "off",
    "work_mem": "64kB",
    "jit": "on",
    "synchronous_commit": "off",
    "session_replication_role": "replica",
    "hnsw.ef_search": "1",
    "hnsw.iterative_scan": "off",
    "lc_messages": "C",
}
SESSION = ("client_encoding", "search_path")  # not by PGOPTIONS alone: the DSN names them


@pytest.fixture(scope="module")
def usual(server: embedded.Server, template: str, settings: Settings) -> dict[str, object]:
    with open_analytic.connect(new_database(server, template), settings=settings) as db:
        return work(db)


@pytest.mark.parametrize("place", ["DATABASE", "ROLE"])
def test_no_setting_of_a_database_or_a_role_changes_what_we_do(
    server: embedded.Server, dsn: str, settings: Settings, usual: dict[str, object], place: str
) -> None:
    name, role = str(conninfo_to_dict(dsn)["dbname"]), f"dba_{place.lower()}"
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN SUPERUSER").format(sql.Identifier(role)))
        whom = sql.SQL(place + " {}").format(sql.Identifier(name if place == "DATABASE" else role))
        for key, value in OTHERWISE.items():
            parts = [value] if key == "DateStyle" else value.split(", ")
            values = sql.SQL(", ").join(map(sql.Literal, parts))
            admin.execute(sql.SQL("ALTER {} SET {} = {}").format(whom, sql.SQL(key), values))
    with open_analytic.connect(make_conninfo(dsn, user=role), settings=settings) as db:
        assert _same(work(db), usual)
        schema.downgrade(db.dsn, "0008")
        schema.upgrade(db.dsn)
        schema.check(db.dsn)


def test_nor_do_variables_of_the_environment(
    dsn: str, settings: Settings, usual: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = " ".join(f"-c {key}={value.replace(' ', '')}" for key, value in OTHERWISE.items() if key not in SESSION)
    monkeypatch.setenv("PGOPTIONS", options)
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    monkeypatch.setenv("PGTZ", "America/New_York")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    folder = Path(tempfile.mkdtemp())
    (folder / "pg").symlink_to(str(conninfo_to_dict(dsn)["host"]))  # a local server, as libpq sees it
    plain = make_conninfo(dsn, host=str(folder / "pg"))
    with open_analytic.connect(plain, settings=settings) as db:
        assert _same(work(db), usual)
    with open_analytic.connect(make_conninfo(dsn, options=options), settings=settings) as db:
        assert _same(work(db), usual)


def _same(state: dict[str, object], usual: dict[str, object]) -> bool:
    assert state == usual
    return True


def test_every_setting_is_really_another_one_in_these_tests(dsn: str) -> None:
    with connect(dsn) as connection:
        for name in set(session.SETTINGS) - {"search_path", "client_encoding"}:
            assert name in {key.lower() for key in OTHERWISE}, name
            default = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
            other = next(value for key, value in OTHERWISE.items() if key.lower() == name)
            assert default != (other,), name


def test_the_order_of_day_and_month_stays_the_users(dsn: str, server: embedded.Server) -> None:
    name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET datestyle = 'German, DMY'").format(name))
    with connect(dsn) as connection:
        assert connection.execute("SHOW datestyle").fetchone() == ("ISO, DMY",)
        assert connection.execute("SELECT '3.2.2024'::date::text").fetchone() == ("2024-02-03",)
