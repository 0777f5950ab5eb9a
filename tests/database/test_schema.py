"""The schema goes up, down and up again; many at once; and a database that does not fit is refused by name."""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg.conninfo import make_conninfo

from open_analytic.embedded import Server
from open_analytic.errors import (
    BadParameter,
    CannotConnect,
    Conflict,
    DatabaseTooNew,
    MissingExtension,
    NotFound,
    NotMigrated,
    OpenAnalyticError,
    PermissionDenied,
)
from open_analytic.store import schema
from open_analytic.store.error_map import translated
from open_analytic.util import resources

EXPECTED = Path(__file__).with_name("schema.expected")


def dump(server: Server, dsn: str) -> str:
    """The schema as pg_dump tells it, without what changes from run to run."""
    run = subprocess.run(
        [server.bin / "pg_dump", "--schema-only", "--no-owner", "--schema=open_analytic", dsn],
        capture_output=True,
        text=True,
        check=True,
    )
    noise = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
    lines = [line for line in run.stdout.splitlines() if line and not line.startswith(noise)]
    return "\n".join(lines) + "\n"


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def role(server: Server) -> Iterator[str]:
    """A role without any rights that may log in; it and what it got are gone afterwards."""
    name = "nobody_special"
    execute(server.dsn, f"CREATE ROLE {name} LOGIN")
    yield name
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        databases = connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall()
    for (database,) in databases:
        execute(make_conninfo(server.dsn, dbname=database), f"DROP OWNED BY {name}")
    execute(server.dsn, f"DROP ROLE {name}")


def test_schema_is_the_one_written_down(server: Server, dsn: str) -> None:
    text = dump(server, dsn)
    if os.environ.get("OPEN_ANALYTIC_WRITE_EXPECTED"):
        EXPECTED.write_text(text, encoding="utf-8")
    assert text == EXPECTED.read_text(encoding="utf-8"), "OPEN_ANALYTIC_WRITE_EXPECTED=1 writes the file anew"


def test_up_down_up_leaves_the_schema_unchanged(server: Server, empty_dsn: str) -> None:
    schema.upgrade(empty_dsn)
    first = dump(server, empty_dsn)
    schema.downgrade(empty_dsn, "base")
    with psycopg.connect(empty_dsn) as connection:
        left = connection.execute("SELECT to_regnamespace('open_analytic')").fetchone()
    schema.upgrade(empty_dsn)
    assert (left, dump(server, empty_dsn)) == ((None,), first)


def test_three_upgrades_at_once_all_succeed(empty_dsn: str) -> None:
    program = "import sys; from open_analytic.store import schema; schema.upgrade(sys.argv[1])"
    others = [subprocess.Popen([sys.executable, "-c", program, empty_dsn]) for _ in range(2)]
    schema.upgrade(empty_dsn)
    assert [other.wait() for other in others] == [0, 0]
    schema.check(empty_dsn)


def test_threads_may_upgrade_at_once(empty_dsn: str) -> None:
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(schema.upgrade, [empty_dsn] * 3))
    schema.check(empty_dsn)


def test_two_databases_upgrade_and_downgrade_at_once(server: Server) -> None:
    names = ["at_once_1", "at_once_2"]
    for name in names:
        execute(server.dsn, f"CREATE DATABASE {name} TEMPLATE template0")
    dsns = [make_conninfo(server.dsn, dbname=name) for name in names]
    program = "import sys; from open_analytic.store import schema; getattr(schema, sys.argv[1])(*sys.argv[2:])"

    def at_once(*arguments: str) -> list[int]:
        both = [subprocess.Popen([sys.executable, "-c", program, arguments[0], dsn, *arguments[1:]]) for dsn in dsns]
        return [one.wait() for one in both]

    for _ in range(2):
        assert at_once("upgrade") == [0, 0]
        assert at_once("downgrade", "base") == [0, 0]
    assert at_once("upgrade") == [0, 0]
    for dsn in dsns:
        schema.check(dsn)


def test_a_database_says_where_it_stands(empty_dsn: str) -> None:
    assert schema.current(empty_dsn) is None
    with pytest.raises(NotMigrated) as caught:
        schema.check(empty_dsn)
    assert "open-analytic db upgrade" in (caught.value.hint or "")
    schema.upgrade(empty_dsn)
    assert schema.current(empty_dsn) == schema.head()
    schema.check(empty_dsn)
    schema.upgrade(empty_dsn)  # nothing to do is not an error


def test_a_database_newer_than_the_package_is_refused(dsn: str) -> None:
    execute(dsn, "UPDATE open_analytic.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseTooNew, match="9999"):
        schema.check(dsn)
    with pytest.raises(DatabaseTooNew, match="9999"):
        schema.upgrade(dsn)
    with pytest.raises(DatabaseTooNew, match="9999"):
        schema.downgrade(dsn, "base")


def test_an_older_database_is_told_to_upgrade(dsn: str) -> None:
    execute(dsn, "DELETE FROM open_analytic.alembic_version")
    with pytest.raises(NotMigrated):
        schema.check(dsn)


def test_the_printed_script_does_the_same(server: Server, empty_dsn: str, dsn: str, tmp_path: Path) -> None:
    up, down = tmp_path / "up.sql", tmp_path / "down.sql"
    up.write_text(schema.script(), encoding="utf-8")
    down.write_text(schema.script("head", "base"), encoding="utf-8")

    def psql(file: Path) -> None:
        command = [str(server.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", empty_dsn, "-f", str(file)]
        subprocess.run(command, check=True, capture_output=True)

    psql(up)
    schema.check(empty_dsn)
    assert dump(server, empty_dsn) == dump(server, dsn)
    psql(down)
    assert schema.current(empty_dsn) is None
    psql(up)
    schema.check(empty_dsn)


def test_history_is_alembics_own() -> None:
    scripts = ScriptDirectory(str(resources.folder("migrations")))
    known = [step.revision for step in scripts.walk_revisions()]
    assert [step.revision for step in schema.history()] == known[::-1]


def test_released_files_are_unchanged() -> None:
    """``frozen.txt`` has every file of every revision; a line is added when a revision lands, and stays."""
    folder = resources.folder("migrations")
    listed = sorted(line.split()[::-1] for line in (folder / "frozen.txt").read_text(encoding="utf-8").splitlines())
    files = sorted(
        [file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()]
        for part in ("sql", "versions")
        for file in (folder / part).iterdir()
        if file.is_file()
    )
    assert files == listed, "a released revision changed: write a new revision instead; a new one: add its lines"


def test_no_line_ever_left_the_list_of_released_files() -> None:
    """The list itself could be edited with a file: its history since the first release says that it was not."""
    top = resources.checkout()
    first = "f7b69ca"  # the first state that was delivered
    git = ["git", "-C", str(top)]
    if top is None or subprocess.run([*git, "cat-file", "-e", first], capture_output=True, check=False).returncode:
        pytest.skip("GIT MISSING: the history of migrations/frozen.txt is not here.")
    log = [*git, "log", "--format=", "--patch", f"{first}..HEAD", "--", "migrations/frozen.txt"]
    patch = subprocess.run(log, capture_output=True, text=True, check=True).stdout
    assert [line for line in patch.splitlines() if line.startswith("-") and not line.startswith("---")] == []


def test_revisions_create_no_code() -> None:
    """From 0013 on: functions, views, triggers and operators are in migrations/functions."""
    code = re.compile(r"CREATE\s+(OR REPLACE\s+)?(FUNCTION|VIEW|TRIGGER|OPERATOR|AGGREGATE|PROCEDURE)\b")
    files = (resources.folder("migrations") / "sql").glob("*.up.sql")
    newer = {file.name: file.read_text(encoding="utf-8") for file in files if file.name >= "0013"}
    assert newer
    assert [name for name, text in newer.items() if code.search(text)] == []


def test_an_unknown_revision_names_the_known(dsn: str) -> None:
    with pytest.raises(NotFound, match="0001"):
        schema.upgrade(dsn, "0815")


def test_no_right_to_create_anything_names_the_next_step(empty_dsn: str, role: str) -> None:
    with pytest.raises(PermissionDenied) as caught:
        schema.upgrade(make_conninfo(empty_dsn, user=role))
    assert "db sql" in (caught.value.hint or "")
    assert schema.current(empty_dsn) is None


def test_no_right_to_see_the_schema_names_the_role_to_ask_for(dsn: str, role: str) -> None:
    with pytest.raises(PermissionDenied) as caught:
        schema.check(make_conninfo(dsn, user=role))
    assert "open_analytic_user" in (caught.value.hint or "")
    execute(dsn, f"GRANT open_analytic_user TO {role}")
    schema.check(make_conninfo(dsn, user=role))


def test_roles_with_members_outlive_the_schema(server: Server, role: str, empty_dsn: str) -> None:
    schema.upgrade(empty_dsn)
    execute(server.dsn, f"GRANT open_analytic_user TO {role}")
    schema.downgrade(empty_dsn, "base")
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT pg_has_role(%s, 'open_analytic_user', 'member')", [role]).fetchone() == (
            True,
        )


@pytest.mark.parametrize(
    ("version", "expected"),
    [(None, MissingExtension), ("0.7.4", MissingExtension), ("0.8.0", "warned"), ("0.8.4", "fine"), ("0.10", "fine")],
)
def test_pgvector_must_be_new_enough(
    empty_dsn: str, version: str | None, expected: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The check itself, with a table in place of the server's list of extensions."""
    text = (resources.folder("migrations") / "sql" / "0001_catalogue.up.sql").read_text(encoding="utf-8")
    check = text[: text.index("$$;") + 3].replace("pg_catalog.pg_available_extensions", "pg_temp.offered")
    with psycopg.connect(empty_dsn) as connection:
        connection.add_notice_handler(schema.log_warning)
        connection.execute("CREATE TEMP TABLE offered (name text, installed_version text, default_version text)")
        if version:
            connection.execute("INSERT INTO offered VALUES ('vector', NULL, %s)", [version])
        if isinstance(expected, type) and issubclass(expected, OpenAnalyticError):
            with pytest.raises(expected) as caught, translated():
                connection.execute(check)
            assert "pgvector" in caught.value.message
            assert caught.value.hint
            return
        with caplog.at_level(logging.WARNING):
            connection.execute(check)
    assert bool(caplog.records) == (expected == "warned")


def test_a_new_revision_is_for_a_checkout_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "checkout", lambda: None)
    with pytest.raises(BadParameter, match="checkout"):
        schema.revision("add something")


def test_a_new_revision_comes_with_its_sql_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "migrations"
    shutil.copytree(resources.folder("migrations"), copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(resources, "folder", lambda _: copy)
    before = schema.head()
    number = f"{int(before) + 1:04}"
    revision = schema.revision("Faces get a name")
    assert revision.name == f"{number}_faces_get_a_name.py"
    assert sorted(file.name for file in (copy / "sql").glob(f"{number}*")) == [
        f"{number}_faces_get_a_name.down.sql",
        f"{number}_faces_get_a_name.up.sql",
    ]
    assert [step.message for step in schema.history()][-1] == "Faces get a name"
    assert schema.head() == number
    assert "-- Faces get a name" in schema.script(before, number)


def test_no_database_there(tmp_path: Path) -> None:
    with pytest.raises(CannotConnect):
        schema.check(f"host={tmp_path} dbname=nothing")


# A schema of our name that is somebody else's


@pytest.fixture
def ann(server: Server) -> Iterator[str]:
    """An ordinary role, without anything."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE ann LOGIN")
        yield "ann"
        for (name,) in connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall():
            with psycopg.connect(server.dsn, dbname=name, autocommit=True) as each:
                each.execute("DROP OWNED BY ann CASCADE")
        connection.execute("DROP ROLE ann")


FOREIGN = {
    "empty": "CREATE SCHEMA open_analytic AUTHORIZATION ann",
    "table": "CREATE SCHEMA open_analytic AUTHORIZATION ann; CREATE TABLE open_analytic.collections (x integer)",
    "alembic": "CREATE SCHEMA open_analytic AUTHORIZATION ann;"
    " CREATE TABLE open_analytic.alembic_version AS SELECT 'abcd' AS version_num",
}


@pytest.mark.parametrize("act", [schema.check, schema.upgrade], ids=["check", "upgrade"])
@pytest.mark.parametrize("statement", FOREIGN.values(), ids=FOREIGN)
def test_a_schema_of_somebody_else_is_named_with_its_owner(
    empty_dsn: str, ann: str, statement: str, act: Callable[[str], None]
) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute(statement)
    with pytest.raises(PermissionDenied) as caught:
        act(empty_dsn)
    assert caught.value.message == (
        "The database has a schema open_analytic that belongs to ann and has no tables of open_analytic."
    )
    assert caught.value.hint == (
        "When it is meant for open_analytic, run `open-analytic db upgrade` as ann. When it is not, ann or a superuser "
        "can rename it: ALTER SCHEMA open_analytic RENAME TO another_name."
    )


@pytest.mark.parametrize("act", [schema.check, schema.upgrade], ids=["check", "upgrade"])
def test_a_schema_with_other_tables_is_not_touched(empty_dsn: str, act: Callable[[str], None]) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA open_analytic; CREATE TABLE open_analytic.collections (x integer)")
    with pytest.raises(Conflict) as caught:
        act(empty_dsn)
    assert caught.value.message == (
        "The database has a schema open_analytic of postgres with other relations than those of open_analytic, such as "
        "'collections'."
    )
    assert caught.value.hint == (
        "Rename it, then run `open-analytic db upgrade`: ALTER SCHEMA open_analytic RENAME TO another_name."
    )
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA open_analytic RENAME TO another_name")
    schema.upgrade(empty_dsn)
    schema.check(empty_dsn)


def test_an_empty_schema_of_our_name_is_filled(empty_dsn: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA open_analytic; CREATE EXTENSION dblink SCHEMA open_analytic")
    with pytest.raises(NotMigrated):
        schema.check(empty_dsn)
    schema.upgrade(empty_dsn)
    schema.check(empty_dsn)


def test_only_the_owner_of_the_schema_changes_it(dsn: str, ann: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA open_analytic OWNER TO ann")
    for change in (schema.upgrade, lambda dsn: schema.downgrade(dsn, "base")):
        with pytest.raises(PermissionDenied) as caught:
            change(dsn)
        assert (caught.value.message, caught.value.hint) == (
            "The schema open_analytic belongs to ann, who could change what runs with your rights.",
            "Run this as ann.",
        )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER SCHEMA open_analytic OWNER TO postgres")
    with pytest.raises(PermissionDenied) as caught:
        schema.upgrade(make_conninfo(dsn, options="-c role=ann"))
    assert caught.value.hint == "Only the owner of the schema open_analytic, or a superuser, changes it."
