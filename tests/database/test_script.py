"""Scripts on a real database: what runs, what is committed, where an error is."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import open_analytic
from open_analytic import errors
from open_analytic.analyticdb import running
from open_analytic.analyticdb.translation import translate
from open_analytic.cli.context import Context
from open_analytic.cli.sql import sql
from open_analytic.store.connection import Connection


@pytest.fixture
def session(dsn: str) -> Iterator[Connection]:
    with running.session(dsn) as connection:
        yield connection


def run(session: Connection, script: str) -> list[tuple[str, tuple[tuple[Any, ...], ...]]]:
    """What the server says of each statement, and its rows."""
    dims = {"face_feature_extractor": 128}
    statements = translate(script, pipeline_dim=dims.get, table_type=partial(running.table_type, session))
    return [(outcome.tag, outcome.rows) for outcome in running.run(session, statements)]


def rows(session: Connection, query: str) -> list[Any]:
    return session.execute(query.encode()).fetchall()


SCRIPT = """\
CREATE EXTENSION IF NOT EXISTS open_analytic;
CREATE EXTENSION IF NOT EXISTS fastann;
CREATE TABLE t (name text PRIMARY KEY, feature REAL[] NOT NULL) DISTRIBUTED BY (name);
CREATE INDEX i ON t USING ann (feature) WITH (dim = 3, distancemeasure = L2, hnsw_m = 8);
INSERT INTO t VALUES ('a', translate('[1,2,3]', '[]', '{}')::real[]), ('b', ARRAY[4, 5, 6]::real[]);
SELECT name FROM t ORDER BY feature <-> '[4,5,5]' LIMIT 1;
"""
DEFINITIONS = "SELECT indexdef FROM pg_indexes WHERE tablename = 't' AND indexname <> 't_pkey'"
TYPE = (
    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'feature'"
)


def test_a_script_runs(session: Connection) -> None:
    assert run(session, SCRIPT) == [
        ("CREATE EXTENSION", ()),
        ("CREATE TABLE", ()),
        ("CREATE INDEX", ()),
        ("INSERT 0 2", ()),
        ("SELECT 1", (("b",),)),
    ]
    assert rows(session, TYPE) == [("vector(3)",)]
    assert rows(session, DEFINITIONS) == [
        ("CREATE INDEX i ON public.t USING hnsw (feature vector_l2_ops) WITH (m='8', ef_construction='200')",)
    ]


@pytest.mark.parametrize(
    ("type_", "metric", "expected"),
    [("real[]", "ip", "vector(3)"), ("vector", "cosine", "vector(3)"), ("halfvec(3)", "l2", "halfvec(3)")],
)
def test_a_table_that_is_there_is_converted_with_its_rows(
    session: Connection, type_: str, metric: str, expected: str
) -> None:
    run(session, f"CREATE TABLE t (feature {type_}); INSERT INTO t VALUES (ARRAY[1, 2, 3]::real[]), (NULL)")
    run(session, f"CREATE INDEX ON public.t USING ann (feature) WITH (dim = 3, distancemeasure = {metric})")
    assert rows(session, TYPE) == [(expected,)]
    assert rows(session, "SELECT feature::text FROM t") == [("[1,2,3]",), (None,)]
    operators = f"{expected.split('(')[0]}_{metric}_ops"
    definition = f"CREATE INDEX t_feature_idx ON public.t USING hnsw (feature {operators}) WITH (ef_construction='200')"
    assert rows(session, DEFINITIONS) == [(definition,)]


def test_a_script_may_run_again(session: Connection) -> None:
    again = SCRIPT.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS").replace("INDEX i", "INDEX IF NOT EXISTS i")
    run(session, again.split("INSERT")[0])
    assert run(session, again)[-1] == ("SELECT 1", (("b",),))


def test_statements_that_postgresql_runs_alone_are_run_alone(session: Connection) -> None:
    script = "CREATE TABLE t (a int); CREATE INDEX CONCURRENTLY ON t (a); VACUUM t; SELECT '50%', 'a;b' -- %s"
    assert [tag for tag, _ in run(session, script)] == ["CREATE TABLE", "CREATE INDEX", "VACUUM", "SELECT 1"]


def failure(session: Connection, script: str) -> dict[str, Any]:
    with pytest.raises(errors.OpenAnalyticError) as caught:
        run(session, script)
    return caught.value.as_dict()


def test_an_error_says_where_and_what_stays(session: Connection) -> None:
    script = "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n\nSELECT a,\n  nothing\nFROM t;\nDROP TABLE t;"
    assert failure(session, script) == {
        "type": "DatabaseError",
        "sqlstate": "OA050",
        "message": 'Statement 3 (line 4, SELECT a, nothing FROM t) failed in line 5: column "nothing" does not exist.',
        "hint": "What the statements before it committed stays.",
    }
    assert rows(session, "SELECT a FROM t") == [(1,)]


def test_an_error_in_a_transaction_undoes_the_transaction(session: Connection, dsn: str) -> None:
    script = (
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2); INSERT INTO t VALUES ('x')"
    )
    assert failure(session, script) == {
        "type": "DatabaseError",
        "sqlstate": "OA050",
        "message": "Statement 5 (line 1, INSERT INTO t VALUES ('x')) failed: "
        'invalid input syntax for type integer: "x".',
        "hint": "The transaction it was in is undone; what was committed before stays.",
    }
    with running.session(dsn) as other:
        assert rows(other, "SELECT a FROM t") == [(1,)]


def test_a_first_statement_that_fails_leaves_nothing_to_speak_of(session: Connection) -> None:
    assert failure(session, "SELEC 1") == {
        "type": "DatabaseError",
        "sqlstate": "OA050",
        "message": 'Statement 1 (line 1, SELEC 1) failed: syntax error at or near "SELEC".',
        "hint": None,
    }


def test_a_broken_constraint_is_the_error_it_is_everywhere(session: Connection) -> None:
    with pytest.raises(
        errors.BadParameter, match=r"^Statement 2 \(line 1, INSERT INTO t VALUES \(1\), \(1\)\) failed: "
    ):
        run(session, "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (1)")


def test_begin_and_commit_work(session: Connection, dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    run(session, "BEGIN; CREATE TABLE t (a int); COMMIT; BEGIN; INSERT INTO t VALUES (1); ROLLBACK")
    assert caplog.records == []
    with running.session(dsn) as other:
        assert rows(other, "SELECT count(*) FROM t") == [(0,)]
        run(other, "BEGIN; INSERT INTO t VALUES (1)")
    assert [record.message for record in caplog.records] == [
        "The script ends inside a transaction, which is undone: COMMIT is missing."
    ]
    assert rows(session, "SELECT count(*) FROM t") == [(0,)]


def test_a_warning_of_the_server_is_one_of_ours(session: Connection, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "open_analytic"):
        run(session, "DO $$ BEGIN RAISE WARNING 'careful'; RAISE NOTICE 'by the way'; END $$")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "careful"),
        ("INFO", "by the way"),
    ]


def test_a_pipeline_tells_its_dim_before_and_after_it_is_created(db: open_analytic.OpenAnalytic) -> None:
    names = ("face_feature_extractor", "general_feature_extractor", "face_analyzer", "nothing")
    dims = [running.pipeline_dim(db, name) for name in names]
    db.pipeline_create("face_feature_extractor")
    assert [*dims, running.pipeline_dim(db, names[0])] == [128, 1024, 128, None, 128]


def script(folder: Path, text: str) -> Path:
    file = folder / "script.sql"
    file.write_text(text, encoding="utf-8-sig")
    return file


OUTPUT = r"""
SELECT 1 AS n, NULL AS nothing, '\x0001'::bytea AS short, repeat('a', 2000)::bytea AS long, '{"a": [1]}'::json AS doc;
SELECT 1.5::real AS a, 'x' AS a WHERE false;
CREATE TABLE t (a int);
"""


def test_the_command_prints_tables(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql(Context(dsn=dsn), script(tmp_path, OUTPUT))
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "n  nothing  short   long                                 doc",
        r'1           \x0001  \x6161616161616161... (2,000 bytes)  {"a": [1]}',
        "",
        "a  a_2",
    ]
    assert printed.err == "CREATE TABLE\n"


def test_the_command_prints_json(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql(Context(dsn=dsn, json=True), script(tmp_path, OUTPUT))
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        [{"n": 1, "nothing": None, "short": "0001", "long": "61" * 2000, "doc": {"a": [1]}}],
        [],
    ]


def test_explain_prints_and_runs_nothing(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = script(tmp_path, SCRIPT.replace("INSERT", "SELECT 1,\n\t2;\nINSERT"))
    sql(Context(dsn=dsn), file, explain=True)
    assert capsys.readouterr().out.splitlines()[:14] == [
        "-- Line 1: open_analytic is here already: its schema is kept by the migrations of this package.",
        "-- CREATE EXTENSION IF NOT EXISTS open_analytic",
        "-- Line 2: pgvector does here what fastann does in AnalyticDB.",
        "-- CREATE EXTENSION IF NOT EXISTS fastann",
        "CREATE EXTENSION IF NOT EXISTS vector;",
        "-- Line 3: DISTRIBUTED is dropped, one server holds the table. feature is vector(3), for the index of line 4.",
        "-- CREATE TABLE t (name text PRIMARY KEY, feature REAL[] NOT NULL) DISTRIBUTED BY (name)",
        "CREATE TABLE t (name text PRIMARY KEY, feature vector(3) NOT NULL);",
        "-- Line 4: ann is HNSW of pgvector here, with the distance l2.",
        "-- CREATE INDEX i ON t USING ann (feature) WITH (dim = 3, distancemeasure = L2, hnsw_m = 8)",
        "CREATE INDEX i ON t USING hnsw (feature vector_l2_ops) WITH (m = 8, ef_construction = 200);",
        "-- Line 5: PostgreSQL takes it as it is.",
        "SELECT 1,",
        "\t2;",
    ]
    with running.session(dsn) as other:
        assert rows(other, "SELECT to_regclass('t')") == [(None,)]


def test_explain_says_what_postgresql_cannot_read(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "CREAT EXTENSION x;\nSELECT 1\n  FROM # comment;\nSELECT * FROM nowhere;\nSELECT $1;\nVACUUM;\nSELECT 'é' !;"
    sql(Context(dsn=dsn), script(tmp_path, text), explain=True)
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("--")] == [
        '-- Line 1: PostgreSQL cannot read it: syntax error at or near "CREAT".',
        '-- Line 2: PostgreSQL cannot read it in line 3: syntax error at or near "#".',
        "-- Line 4: PostgreSQL takes it as it is.",
        "-- Line 5: PostgreSQL takes it as it is.",
        "-- Line 6: PostgreSQL takes it as it is.",
        "-- Line 7: PostgreSQL cannot read it: syntax error at end of input.",
    ]


def test_explain_in_json(dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql(Context(dsn=dsn, json=True), script(tmp_path, "\nSELECT 1;"), explain=True)
    assert json.loads(capsys.readouterr().out) == [
        {"number": 1, "line": 2, "source": "SELECT 1", "becomes": ["SELECT 1"], "why": "PostgreSQL takes it as it is."}
    ]


def test_a_script_that_cannot_be_read_is_said_so(dsn: str, tmp_path: Path) -> None:
    file = tmp_path / "latin.sql"
    file.write_bytes("SELECT 'é'".encode("latin-1"))
    with pytest.raises(errors.UnreadableFile, match="not UTF-8 text"):
        sql(Context(dsn=dsn), file)
    with pytest.raises(errors.UnreadableFile, match="No such file"):
        sql(Context(dsn=dsn), tmp_path / "none.sql")
