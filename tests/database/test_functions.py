"""The SQL functions are code: applied when the hash in the database differs, without losing what uses them."""

import os
import re
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.errors import Conflict, DatabaseTooNew, MissingExtension, NotMigrated
from open_analytic.service.client import OF_AN_INPUT
from open_analytic.store import functions, schema
from open_analytic.util import resources
from tests.database.test_schema import dump, execute

FOLDER = resources.folder("migrations") / "functions"
FILES = sorted(FOLDER.rglob("*.sql"))

SIGNATURES = """
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ') ' || pg_get_function_result(p.oid)
FROM pg_proc AS p
WHERE p.pronamespace = 'open_analytic'::regnamespace AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
USERS_VIEW = """
CREATE VIEW alike AS SELECT name, distance FROM open_analytic.search('photos', '[1,2,3,4]'::vector, 3);
GRANT SELECT ON alike TO open_analytic_user
"""


def stale(dsn: str) -> None:
    """As a database that another version's functions were applied to."""
    execute(dsn, f"UPDATE open_analytic.code SET hash = '{'0' * 64}'")


def values(dsn: str, statement: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        connection.execute("SET search_path = pg_catalog")
        return [row[0] for row in connection.execute(statement)]


def test_every_file_is_applied_or_chosen() -> None:
    named = {*functions.ORDER, "before", "grants", "helpers"}
    assert {file.stem for file in FOLDER.glob("*.sql")} == named
    assert {file.stem for file in (FOLDER / "bodies").glob("*.sql")} == {"dblink", "plpython3u", "none"}


def test_signatures_are_those_written_down(dsn: str) -> None:
    """What ``before.sql`` keeps: everything else in the schema belongs to another version."""
    lines = sorted(line.replace("public.", "@vector@.") for line in values(dsn, SIGNATURES))
    listed = FOLDER / "signatures.txt"
    if os.environ.get("OPEN_ANALYTIC_WRITE_EXPECTED"):
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert lines == listed.read_text(encoding="utf-8").splitlines(), "OPEN_ANALYTIC_WRITE_EXPECTED=1 writes it anew"


def test_every_function_is_pinned_and_described(dsn: str) -> None:
    missing = """
        SELECT p.proname FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
        WHERE p.pronamespace = 'open_analytic'::regnamespace AND l.lanname <> 'c'
          AND (p.proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY (p.proconfig)
               OR obj_description(p.oid, 'pg_proc') IS NULL)
    """
    # Both forms of create_collection hand on their caller's search_path, and qualify every name.
    assert values(dsn, missing) == ["create_collection", "create_collection"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_sql_is_formatted_to_be_read(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").split("\n")
    assert [line for line in lines if len(line) > 99 or line != line.rstrip() or "\t" in line] == []
    assert lines[-1] == "" != lines[-2]
    # No SQL inside strings inside SQL: a dollar quote opens a body or a DO block, and nothing else.
    inside = re.findall(r"(\S+)\s+(\$\w*\$)\n", "\n".join(lines))
    assert {word for word, _ in inside} <= {"AS", "DO", "END"}


def test_the_errors_of_an_only_input_are_the_same_in_sql_and_in_the_client() -> None:
    text = (resources.folder("migrations") / "functions" / "pipeline_run.sql").read_text("utf-8")
    codes = re.search(r"'sqlstate' NOT IN \((.*?)\)", text, re.DOTALL)
    classes = {kind for each in OF_AN_INPUT for kind in (each, *each.__subclasses__())}
    assert codes
    assert set(re.findall(r"OA\d+", codes[1])) == {kind.sqlstate for kind in classes}


def test_a_changed_hash_creates_them_anew(server: embedded.Server, dsn: str) -> None:
    first = dump(server, dsn)
    execute(dsn, "DROP FUNCTION open_analytic.knn_join")
    execute(dsn, "CREATE OR REPLACE FUNCTION open_analytic._ef(tuples float8) RETURNS integer LANGUAGE sql RETURN 1")
    execute(dsn, "CREATE FUNCTION open_analytic._older(a integer) RETURNS integer LANGUAGE sql RETURN 1")
    stale(dsn)
    with pytest.raises(NotMigrated, match="functions"):
        schema.check(dsn)
    schema.upgrade(dsn)
    schema.check(dsn)
    assert dump(server, dsn) == first


def test_a_view_over_search_survives(dsn: str) -> None:
    execute(dsn, "CREATE TABLE photos (name text); " + USERS_VIEW)
    before = values(dsn, "SELECT pg_get_viewdef('public.alike'::regclass)")
    stale(dsn)
    schema.upgrade(dsn)
    assert values(dsn, "SELECT pg_get_viewdef('public.alike'::regclass)") == before


def test_what_blocks_the_upgrade_is_named_and_nothing_changes(server: embedded.Server, dsn: str) -> None:
    execute(dsn, "CREATE FUNCTION open_analytic.older(a integer) RETURNS integer LANGUAGE sql RETURN 1")
    execute(dsn, "CREATE VIEW uses_older AS SELECT open_analytic.older(1)")
    stale(dsn)
    first = dump(server, dsn)
    with pytest.raises(Conflict, match="uses_older") as caught:
        schema.upgrade(dsn)
    assert "Nothing was changed" in (caught.value.hint or "")
    assert dump(server, dsn) == first


def test_grants_and_the_chosen_body_stay(dsn: str) -> None:
    execute(dsn, "DROP ROLE IF EXISTS granted; CREATE ROLE granted")
    execute(dsn, "GRANT EXECUTE ON FUNCTION open_analytic.embed_for TO granted")
    try:
        body = values(dsn, "SELECT open_analytic.use_body('dblink')")
        stale(dsn)
        schema.upgrade(dsn)
        can = "SELECT has_function_privilege('granted', 'open_analytic.embed_for(regclass, bytea)', 'EXECUTE')::text"
        assert (body, values(dsn, can)) == (["dblink"], ["true"])
        language = (
            "SELECT l.lanname FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE proname = '_request'"
        )
        assert values(dsn, language) == ["plpgsql"]
    finally:
        execute(dsn, "DROP OWNED BY granted; DROP ROLE granted")


def test_functions_of_a_newer_package_are_not_replaced(dsn: str) -> None:
    execute(dsn, "UPDATE open_analytic.code SET version = '999.0.1'")
    for step in (schema.check, schema.upgrade):
        with pytest.raises(DatabaseTooNew, match=r"999\.0\.1"):
            step(dsn)


def test_a_schema_of_vector_that_cannot_stand_in_a_function_is_refused() -> None:
    with pytest.raises(MissingExtension, match="cannot stand inside functions"):
        functions.script("odd'name")


def test_the_digest_covers_every_file() -> None:
    assert re.fullmatch("[0-9a-f]{64}", functions.digest())
