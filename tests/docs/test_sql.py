"""docs/sql.md lists every SQL function with the arguments and the result that PostgreSQL tells, and no other."""

import re
from pathlib import Path

import psycopg

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sql.md").read_text("utf-8")

# Functions of an extension that was put into our schema (dblink) are not ours.
FUNCTIONS = """
SELECT format('%s(%s) RETURNS %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid))
FROM pg_proc AS p
WHERE p.pronamespace = 'open_analytic'::regnamespace AND p.proname NOT LIKE '\\_%'
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  )
"""


def test_the_page_lists_every_function_as_it_is(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        functions = [row[0] for row in connection.execute(FUNCTIONS)]
    written = re.findall(r"^\w+\(.*\) RETURNS .*$", PAGE, re.MULTILINE)
    assert sorted(written) == sorted(functions)
    assert len(functions) > 10


def test_the_page_names_the_columns_of_its_tables(dsn: str) -> None:
    statement = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum"
    for table in ("nodes", "settings", "current_pipelines"):
        lines = re.sub(r"\n  (?=\S)", " ", PAGE).splitlines()  # an item of a list is one line
        (line,) = [line for line in lines if line.lstrip("|- ").startswith(f"`open_analytic.{table}`")]
        with psycopg.connect(dsn) as connection:
            columns = [row[0] for row in connection.execute(statement, [f"open_analytic.{table}"])]
        assert re.findall(r"`(\w+)`", line)[: len(columns)] == columns
