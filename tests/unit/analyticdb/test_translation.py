"""What statements of AnalyticDB become, and what is refused."""

from collections.abc import Mapping

import pytest

from open_analytic.analyticdb.statement import Statement
from open_analytic.analyticdb.translation import SAME, translate
from open_analytic.errors import UntranslatableStatement

DIMS = {"general_feature_extractor": 1024, "face_feature_extractor": 128, "scene_recognition": None}
USUAL = " WITH (ef_construction = 200)"
HNSW = "ann is HNSW of pgvector here, with the distance l2."


def translated(script: str, types: Mapping[tuple[str, str], str] | None = None) -> list[Statement]:
    known = types or {}
    return translate(script, pipeline_dim=DIMS.get, table_type=lambda table, column: known.get((table, column)))


def becomes(script: str, types: Mapping[tuple[str, str], str] | None = None) -> list[str]:
    return [text for statement in translated(script, types) for text in statement.becomes]


def test_a_statement_knows_where_it_was_and_why_it_changed() -> None:
    script = "-- start\nCREATE EXTENSION fastann;\n\nSELECT 1 -- one\n  + 1;"
    assert translated(script) == [
        Statement(
            number=1, line=2, source="CREATE EXTENSION fastann", becomes=("CREATE EXTENSION IF NOT EXISTS vector",),
            why="pgvector does here what fastann does in AnalyticDB.",
        ),
        Statement(
            number=2, line=4, source="SELECT 1 -- one\n  + 1", becomes=("SELECT 1 -- one\n  + 1",), why=SAME
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("CREATE EXTENSION open_analytic", []),
        ('create extension if not exists "open_analytic" with schema public', []),
        ("CREATE EXTENSION IF NOT EXISTS pg_trgm", ["CREATE EXTENSION IF NOT EXISTS pg_trgm"]),
        ("DROP EXTENSION pg_trgm", ["DROP EXTENSION pg_trgm"]),
        ("SET fastann.hnsw_ef_search = 200", ["SET hnsw.ef_search = 200"]),
        ("SET LOCAL fastann.build_parallel_processes TO 4", ["SET LOCAL max_parallel_maintenance_workers TO 4"]),
        ("RESET fastann.hnsw_ef_search", ["RESET hnsw.ef_search"]),
        ("SET work_mem = '1GB'", ["SET work_mem = '1GB'"]),
        ("CREATE TABLE t (a int) DISTRIBUTED BY (a)", ["CREATE TABLE t (a int)"]),
        ("CREATE TABLE t (a int)\n  -- spread\n  DISTRIBUTED RANDOMLY", ["CREATE TABLE t (a int)\n  -- spread\n  "]),
        ("CREATE TABLE t (a int) DISTRIBUTED REPLICATED PARTITION BY RANGE (a)",
         ["CREATE TABLE t (a int) PARTITION BY RANGE (a)"]),
        ("CREATE TABLE t AS SELECT distributed FROM s DISTRIBUTED BY (a)",
         ["CREATE TABLE t AS SELECT distributed FROM s"]),
        ("CREATE TABLE t (a int) WITH (fillfactor = 70)", ["CREATE TABLE t (a int) WITH (fillfactor = 70)"]),
        ("CREATE TABLE t (feature real[])", ["CREATE TABLE t (feature real[])"]),
        ("CREATE INDEX ON t USING hnsw (feature vector_ip_ops)", None),
        ("CREATE INDEX ann ON t (a)", ["CREATE INDEX ann ON t (a)"]),
        ("SELECT * FROM t ORDER BY feature <-> ARRAY[1, 2]::real[] LIMIT 3", None),
        ("SELECT open_analytic.pipeline_create('x', $$ {\"steps\": []} $$)", None),
        ("INSERT INTO t VALUES (:'v', pg_read_binary_file('/a;b'), '50%')", None),
        ("DO $$ BEGIN CREATE EXTENSION fastann; END $$", None),
    ],
)  # fmt: skip
def test_statements_by_themselves(script: str, expected: list[str] | None) -> None:
    assert becomes(script) == ([script] if expected is None else expected)


def table(type_: str, more: str = "") -> str:
    return f"CREATE TABLE t (name text, feature {type_} NOT NULL{more})"


@pytest.mark.parametrize(
    ("declared", "with_", "column", "index"),
    [
        ("real[]", " WITH (dim = 1024)", "vector(1024)", f"vector_l2_ops){USUAL}"),
        ("REAL [ ]", " WITH (DIM='8', DISTANCEMEASURE='L2')", "vector(8)", f"vector_l2_ops){USUAL}"),
        ("float4[]", " WITH (dim=8, distancemeasure=IP)", "vector(8)", f"vector_ip_ops){USUAL}"),
        ("real ARRAY", " WITH (dim=8, distancemeasure=cosine)", "vector(8)", f"vector_cosine_ops){USUAL}"),
        ("real[8]", "", "vector(8)", f"vector_l2_ops){USUAL}"),
        ("float2[]", " WITH (dim = 8)", "halfvec(8)", f"halfvec_l2_ops){USUAL}"),
        ("real[]", " WITH (dim = 2000)", "vector(2000)", f"vector_l2_ops){USUAL}"),
        ("real[]", " WITH (dim = 2001)", "halfvec(2001)", f"halfvec_l2_ops){USUAL}"),
        ("vector", " WITH (dim = 8)", "vector(8)", f"vector_l2_ops){USUAL}"),
        ("vector(8)", "", "vector(8)", f"vector_l2_ops){USUAL}"),
        ("halfvec(3000)", " WITH (dim = 3000)", "halfvec(3000)", f"halfvec_l2_ops){USUAL}"),
        ("real[]", " WITH (dim=8, hnsw_m=16, hnsw_ef_construction=100)", "vector(8)",
         "vector_l2_ops) WITH (m = 16, ef_construction = 100)"),
        ("real[]", " WITH (dim=8, hnsw_m=100)", "vector(8)", "vector_l2_ops) WITH (m = 100, ef_construction = 200)"),
        ("real[]", " WITH (dim=8, hnsw_m=64)", "vector(8)", "vector_l2_ops) WITH (m = 64, ef_construction = 200)"),
        ("real[]", " WITH (dim=8, hnsw_ef_construction=600)", "vector(8)",
         "vector_l2_ops) WITH (ef_construction = 600)"),
        ("real[]", " WITH (dim=8, pq_enable=0, external_storage=off, pq_segments=4) TABLESPACE fast WHERE name > ''",
         "vector(8)", f"vector_l2_ops){USUAL} TABLESPACE fast WHERE name > ''"),
    ],
)  # fmt: skip
def test_a_feature_with_an_ann_index_is_a_vector(declared: str, with_: str, column: str, index: str) -> None:
    script = f"{table(declared)}; CREATE INDEX IF NOT EXISTS i ON t USING ann (feature){with_}"
    assert becomes(script) == [table(column), f"CREATE INDEX IF NOT EXISTS i ON t USING hnsw (feature {index}"]


def test_only_the_type_changes_in_a_table() -> None:
    script = """CREATE TABLE IF NOT EXISTS Public."T" (
    id bigint, -- a number; not real[]
    "Fe a" REAL [] /* 1024 */ NOT NULL,
    other real[],
    PRIMARY KEY (id)
)
DISTRIBUTED BY (id);
CREATE INDEX CONCURRENTLY ON "T" USING ann("Fe a") WITH (dim = 3)"""
    assert translated(script) == [
        Statement(
            number=1, line=1, source=script.split(";\nCREATE INDEX")[0], becomes=("""\
CREATE TABLE IF NOT EXISTS Public."T" (
    id bigint, -- a number; not real[]
    "Fe a" vector(3) /* 1024 */ NOT NULL,
    other real[],
    PRIMARY KEY (id)
)""",),
            why="DISTRIBUTED is dropped, one server holds the table. Fe a is vector(3), for the index of line 8.",
        ),
        Statement(
            number=2, line=8, source='CREATE INDEX CONCURRENTLY ON "T" USING ann("Fe a") WITH (dim = 3)',
            becomes=(f'CREATE INDEX CONCURRENTLY ON "T" USING hnsw("Fe a" vector_l2_ops){USUAL}',), why=HNSW,
        ),
    ]  # fmt: skip


ALTER = "ALTER TABLE t ALTER COLUMN feature TYPE {0} USING feature::{0}"
INDEX = "CREATE INDEX ON t USING ann (feature)"
L2 = f"CREATE INDEX ON t USING hnsw (feature vector_l2_ops){USUAL}"


@pytest.mark.parametrize(
    ("there", "with_", "expected"),
    [
        ("real[]", " WITH (dim = 3)", [ALTER.format("vector(3)"), L2]),
        ("real[]", " WITH (dim = 3000)",
         [ALTER.format("halfvec(3000)"), f"CREATE INDEX ON t USING hnsw (feature halfvec_l2_ops){USUAL}"]),
        ("vector", " WITH (dim = 3)", [ALTER.format("vector(3)"), L2]),
        ("vector(3)", "", [L2]),
        ("halfvec(3)", " WITH (dim = 3)", [f"CREATE INDEX ON t USING hnsw (feature halfvec_l2_ops){USUAL}"]),
        (None, " WITH (dim = 3)", [ALTER.format("vector(3)"), L2]),
    ],
    ids=["array", "long array", "vector without dim", "vector", "halfvec", "unknown"],
)  # fmt: skip
def test_a_table_of_the_database_is_converted_first(there: str | None, with_: str, expected: list[str]) -> None:
    assert becomes(INDEX + with_, {("t", "feature"): there} if there else {}) == expected


def test_a_second_index_finds_the_column_converted() -> None:
    script = f"{INDEX} WITH (dim = 3); {INDEX} WITH (distancemeasure = cosine)"
    assert becomes(script, {("t", "feature"): "real[]"}) == [
        ALTER.format("vector(3)"),
        L2,
        f"CREATE INDEX ON t USING hnsw (feature vector_cosine_ops){USUAL}",
    ]


def test_a_script_that_runs_again_looks_at_the_table_that_is_there() -> None:
    script = f"CREATE TABLE IF NOT EXISTS t (feature real[]); {INDEX} WITH (dim = 3)"
    assert becomes(script, {("t", "feature"): "vector(3)"}) == [
        "CREATE TABLE IF NOT EXISTS t (feature real[])",
        L2,
    ]


def test_a_table_that_sqlglot_cannot_read_is_converted_when_it_is_there() -> None:
    definition = "CREATE TEMP TABLE t (feature real[], data bytea STORAGE EXTERNAL) ON COMMIT PRESERVE ROWS"
    assert becomes(f"{definition}; {INDEX} WITH (dim = 3)") == [
        definition,
        ALTER.format("vector(3)"),
        L2,
    ]


def test_a_table_made_anew_is_another_table() -> None:
    script = f"{table('real[]')}; {INDEX} WITH (dim = 3); DROP TABLE t; {table('real[]')}; {INDEX} WITH (dim = 4)"
    assert becomes(script) == [
        table("vector(3)"),
        L2,
        "DROP TABLE t",
        table("vector(4)"),
        L2,
    ]


FACE = (
    "translate((open_analytic.pipeline_run_dist_random('face_feature_extractor', d)::json->'face_emb')::text,"
    " '[]', '{}')::real[]"
)


@pytest.mark.parametrize(
    "fill",
    [
        f"INSERT INTO t (feature, name) SELECT {FACE}, n FROM s",
        f"INSERT INTO public.t SELECT n, {FACE} FROM s",
        f"INSERT INTO t VALUES ('a', {FACE}), ('b', {FACE})",
        f"INSERT INTO t SELECT n, e FROM (SELECT n, {FACE} AS e FROM s) AS inner_",
        "WITH r AS (SELECT n, open_analytic.pipeline_run('face_feature_extractor', d) AS j FROM s) "
        "INSERT INTO t (name, feature) SELECT n, (j->'e')::text::real[] FROM r",
        "INSERT INTO t SELECT n, (r->'e')::text::vector FROM s, "
        "LATERAL open_analytic.pipeline_run('face_feature_extractor', d) AS r",
        f"INSERT INTO t SELECT n, {FACE} FROM s UNION ALL SELECT n, {FACE} FROM s2",
        "UPDATE t SET feature = open_analytic.embed('face_feature_extractor', d)",
        "SELECT open_analytic.pipeline_create('face_feature_extractor')",
    ],
    ids=["listed", "unlisted", "values", "subquery", "with", "lateral", "union", "update", "created"],
)
def test_a_dim_that_the_pipeline_does_not_give_is_refused(fill: str) -> None:
    with pytest.raises(UntranslatableStatement) as caught:
        translated(f"{table('real[]')};\n{INDEX} WITH (dim = 512);\n{fill}")
    assert caught.value.as_dict() == {
        "type": "UntranslatableStatement",
        "sqlstate": "OA021",
        "message": "Statement 2 (line 2, CREATE INDEX ON t USING ann (feature) WITH ...): "
        "t.feature would have dim 512, but the pipeline face_feature_extractor gives 128 numbers.",
        "hint": "Write WITH (dim = 128).",
    }


@pytest.mark.parametrize(
    "rest",
    [
        f"INSERT INTO other (feature) SELECT {FACE} FROM s; "
        "SELECT open_analytic.pipeline_create('general_feature_extractor')",
        f"INSERT INTO t (name, feature) SELECT {FACE}, ready FROM s",
        "INSERT INTO t VALUES ('a', '{1,2,3}'); SELECT open_analytic.pipeline_create('face_feature_extractor')",
        "SELECT open_analytic.pipeline_create('face_feature_extractor', '{}')",
        "SELECT open_analytic.pipeline_create('scene_recognition')",
    ],
    ids=["other table", "other column", "own values", "own definition", "no vector"],
)
def test_a_pipeline_that_does_not_fill_the_column_says_nothing_of_it(rest: str) -> None:
    dim = 1024 if "general" in rest else 512
    assert becomes(f"{table('real[]')}; {INDEX} WITH (dim = {dim}); {rest}")[0] == table(f"vector({dim})")


def test_the_pipeline_tells_the_dim_that_the_index_leaves_out() -> None:
    assert becomes(f"{table('real[]')}; {INDEX}; INSERT INTO t SELECT n, {FACE} FROM s")[0] == table("vector(128)")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"{INDEX} WITH (dim = 3, lists = 4)", "An ann index has no option 'lists'."),
        (f"{INDEX} WITH (dim = 3, pq_enable = 1)",
         "pq_enable asks for product quantisation, which pgvector does not have."),
        (f"{INDEX} WITH (dim = 3, external_storage = 1)",
         "external_storage asks for an index beside the pages of the database, which pgvector does not have."),
        (f"{INDEX} WITH (dim = 3, distancemeasure = hamming)", "There is no distancemeasure HAMMING."),
        (f"{INDEX} WITH (dim = 3, dim = 4)", "dim stands twice in WITH."),
        (f"{INDEX} WITH (dim = 0)", "dim is 0."),
        (f"{INDEX} WITH (dim = 4001)", "dim is 4001."),
        (f"{INDEX} WITH (dim = 3, hnsw_m = 200)", "hnsw_m is 200."),
        (f"{INDEX} WITH (dim = 3, hnsw_m = 50, hnsw_ef_construction = 99)",
         "hnsw_ef_construction is 99; pgvector wants twice hnsw_m."),
        (f"{INDEX} WITH (dim)", "It cannot be read."),
        ("CREATE INDEX ON t USING ann (a, b)",
         "An ann index is on one column, without an expression, an order or an operator class."),
        ("CREATE INDEX ON t USING ann (feature vector_l2_ops)",
         "An ann index is on one column, without an expression, an order or an operator class."),
        (INDEX, "How many numbers t.feature has is not known."),
        (f"CREATE TABLE t (feature smallint[]); {INDEX} WITH (dim = 3)",
         "t.feature is SMALLINT[]; an ann index takes real[]."),
        (f"CREATE TABLE t (feature real[][]); {INDEX} WITH (dim = 3)",
         "t.feature is REAL[][]; an ann index takes real[]."),
        (f"CREATE TABLE t (feature vector(4)); {INDEX} WITH (dim = 3)", "The index has dim 3, t.feature is vector(4)."),
        (f"CREATE TABLE t (feature vector(2001)); {INDEX}",
         "t.feature is vector(2001); pgvector indexes vector up to 2000."),
        ("CREATE TABLE t (a int) WITH (appendonly = true, orientation = column)",
         "PostgreSQL has no storage option appendonly."),
        ("CREATE TABLE t (a int ENCODING (compresstype = zstd))", "PostgreSQL has no ENCODING of a column."),
        ("CREATE TABLE t (a date) PARTITION BY RANGE (a) (START ('2020-01-01') END ('2021-01-01') EVERY ('1 month'))",
         "PARTITION BY with its partitions inside is not PostgreSQL's."),
        ("SET fastann.pq_amp = 10", "The setting fastann.pq_amp has no counterpart in pgvector."),
        ("DROP EXTENSION IF EXISTS fastann CASCADE", "The extension fastann cannot be dropped by a script."),
    ],
)  # fmt: skip
def test_what_cannot_be_translated_is_refused_by_name(script: str, why: str) -> None:
    with pytest.raises(UntranslatableStatement) as caught:
        translated(script)
    assert caught.value.message.split("): ", 1)[1] == why
    assert caught.value.hint
