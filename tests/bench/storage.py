"""How features are best stored: python -m tests.bench.storage.

Every column type with every storage, in tables like a collection's: bytes a row, the time of a look at all rows that
leaves features alone, of exact searches and of indexes, and the recall of the vectors as they were in 32 bits. In
brackets: the ratio to halfvec PLAIN, as collections have it; searches are timed in turns with it.
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import psycopg
from pgvector import HalfVector, Vector
from pgvector.psycopg import register_vector

from open_analytic import embedded
from tests.bench import machine
from tests.bench.search_sets import CLUSTERS, COLUMN_SEED, INTRINSIC, NOISE, SEED, SPARE, Numbers, Singles
from tests.bench.search_static import INDEX, timed
from tests.bench.sql import Sql, home

ROWS, QUICK_ROWS = 50_000, 10_000
DIMS, NUMBER_BYTES = (128, 512, 1024), {"halfvec": 2, "vector": 4}
STORAGES = ("PLAIN", "EXTERNAL", "EXTENDED", "MAIN")  # PostgreSQL allows all of them; EXTERNAL is pgvector's default
QUERIES, SCANS, TURN, K = 50, 20, 5, 10
PICTURE, PICTURE_EVERY = bytes(20_000), 10  # zeros will do: its column is EXTERNAL, which compresses nothing

# PostgreSQL counts the heap alone to choose how many processes scan or build: features outside it would get fewer.
# So that only storage differs, one scans and two build.
SESSION = {"max_parallel_workers_per_gather": "0", "max_parallel_maintenance_workers": "1"}
TABLE = """CREATE TABLE {table} (image_name text PRIMARY KEY, image_data bytea STORAGE EXTERNAL,
feature {type}({dim}) STORAGE {storage}, r real, image_sha256 bytea, pipeline_version integer,
imported_at timestamptz NOT NULL DEFAULT now()) WITH (parallel_workers = 1)"""
TARGET = "ALTER TABLE {table} SET (toast_tuple_target = {bytes})"
COPY = "COPY {table} (image_name, image_data, feature, r, image_sha256, pipeline_version) FROM STDIN (FORMAT BINARY)"
TOAST = "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = '{table}'::regclass"
# Of the TOAST table and its index, the share that chunks of features have; 40 bytes of a chunk are not data.
SIZE = """WITH chunks AS MATERIALIZED (
    SELECT chunk_id, sum(octet_length(chunk_data) + 40) AS bytes FROM {toast} GROUP BY chunk_id
) SELECT pg_relation_size('{table}') + pg_total_relation_size('{toast}') * coalesce(sum(bytes) FILTER (
    WHERE chunk_id IN (SELECT pg_column_toast_chunk_id(feature) FROM {table})) / sum(bytes), 0) FROM chunks"""
BUILD = "CREATE INDEX {table}_{kind} ON {table} USING hnsw ({what}) WITH (m = 16, ef_construction = 64)"

OTHER = "SELECT count(*) FROM {table} WHERE r < 0.5"
EXACT = "SELECT image_name FROM {table} ORDER BY (feature <-> %(query)b) + 0 LIMIT {k}"
NEAR = "SELECT image_name FROM {table} ORDER BY feature <-> %(query)b LIMIT {k}"
BINARY = """SELECT image_name FROM (
    SELECT image_name, feature FROM {table}
    ORDER BY binary_quantize(feature)::bit({dim}) <~> binary_quantize(%(query)b)::bit({dim}) LIMIT {ef}
) AS candidates ORDER BY feature <-> %(query)b LIMIT {k}"""
BITS = "(binary_quantize(feature)::bit({dim})) bit_hamming_ops"
# What an index is on, and its searches: how many candidates it gives (ef), and the statement.
INDEXES: dict[str, tuple[str, dict[int, str]]] = {
    "HNSW": ("feature {type}_l2_ops", {100: NEAR}),
    "binary": (BITS, {ef: BINARY.replace("{ef}", str(ef)) for ef in (100, 200)}),
}

Figures: TypeAlias = dict[str, float]  # keyed like the columns of the tables that are printed
STORED = {"bytes a row": ",.0f", "other column, ms": ".1f", "exact, ms": ".1f", "exact, recall": ".3f"}
STORED |= {"HNSW, MB": ".1f", "HNSW, build s": ".1f", "HNSW 100, ms": ".2f", "HNSW 100, recall": ".3f"}
QUANTIZED = {"binary, MB": ".1f", "binary, build s": ".1f", "binary 100, ms": ".2f", "binary 100, recall": ".3f"}
QUANTIZED |= {"binary 200, ms": ".2f", "binary 200, recall": ".3f"}


@dataclass(frozen=True, slots=True)
class Features:
    """Vectors and queries as they are before they are stored, and the numbers of each query's nearest."""

    vectors: Singles
    queries: Singles
    nearest: Numbers  # (queries, k)


@dataclass(frozen=True, slots=True)
class Way:
    """A way of storing features, with a table of its own."""

    dim: int
    type: str
    storage: str

    def __str__(self) -> str:
        return f"{self.type}_{self.dim}_{self.storage}".lower()

    def fill(self, statement: str, **words: object) -> str:
        return statement.format(table=self, type=self.type, dim=self.dim, storage=self.storage, k=K, **words)

    def value(self, vector: Singles) -> Any:
        return HalfVector(vector) if self.type == "halfvec" else Vector(vector)

    def line(self, columns: Mapping[str, str], own: Figures, yardstick: Figures) -> str:
        """Of a Markdown table; recall stands without a ratio."""
        cells = [str(self.dim), self.type, self.storage]
        for name, spec in columns.items():
            ratio = "" if name.endswith("recall") else f" ({own[name] / yardstick[name]:.2f})"
            cells.append(f"{own[name]:{spec}}{ratio}")
        return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print every figure with the machine."""
    options = arguments()
    print(machine.describe())
    print(f"\n{options.rows:,} rows; in brackets the ratio to halfvec PLAIN; recall@{K} of the vectors in 32 bits")
    binary = [heading(QUANTIZED)]
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start(home(stack)))
        sql = stack.enter_context(psycopg.connect(server.dsn, autocommit=True, prepare_threshold=None))
        prepare(sql, options.rows, max(options.dims))
        print(heading(STORED), flush=True)
        for dim in options.dims:
            for way, own, yardstick in measure(sql, dim, generate(dim, options.rows)):
                print(way.line(STORED, own, yardstick), flush=True)
                binary.append(way.line(QUANTIZED, own, yardstick))
    print("\n".join(binary))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.storage", description="How features are best stored.")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--dims", type=int, nargs="+", default=DIMS)
    parser.add_argument("--quick", action="store_const", dest="rows", const=QUICK_ROWS, help=f"{QUICK_ROWS:,} rows")
    return parser.parse_args()


def heading(columns: Mapping[str, str]) -> str:
    return f"\n| dim | type | storage | {' | '.join(columns)} |\n|{'---|' * (3 + len(columns))}"


def prepare(sql: Sql, rows: int, dim: int) -> None:
    """pgvector, and memory for the largest index but not much more: a parallel build fills all of it with zeros."""
    sql.add_notice_handler(lambda notice: print(f"PostgreSQL: {notice.message_primary}"))
    sql.execute("CREATE EXTENSION vector; CREATE EXTENSION pg_prewarm")
    memory = {"maintenance_work_mem": f"{64 + rows * (4 * dim + 2000) // 10**6}MB"}
    for name, value in (SESSION | memory).items():
        sql.execute("SELECT set_config(%s, %s, false)", [name, value])
    register_vector(sql)


def generate(dim: int, rows: int) -> Features:
    """Unit vectors in clusters like the hard ones of search_sets, in any dimension and not rounded."""
    random, inner = np.random.default_rng([SEED, dim]), INTRINSIC["hard"]
    which = random.integers(0, CLUSTERS, rows + QUERIES)
    points = NOISE * random.standard_normal((rows + QUERIES, dim), dtype=np.float32)
    for number in range(CLUSTERS):
        own = np.flatnonzero(which == number)
        base = random.standard_normal((inner, dim), dtype=np.float32) / np.float32(np.sqrt(inner))
        points[own] += random.standard_normal((len(own), inner), dtype=np.float32) @ base
        points[own] += random.standard_normal(dim, dtype=np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    vectors, queries = points[:rows], points[rows:]
    return Features(vectors, queries, np.stack([nearest(vectors, query) for query in queries]))


def nearest(vectors: Singles, query: Singles) -> Numbers:
    """The k nearest. Products, which are rounded, say who may be among them; distances in 64 bits, who is."""
    rows = np.argpartition(-(vectors @ query), K + SPARE)[: K + SPARE]
    apart = np.linalg.norm(vectors[rows].astype(np.float64) - query, axis=1)
    return rows[np.argsort(apart)[:K]]


def measure(sql: Sql, dim: int, features: Features) -> Iterator[tuple[Way, Figures, Figures]]:
    """Each way with the yardstick's figures. The yardstick comes first, and its table stays for the turns."""
    ways = [Way(dim, kind, storage) for kind, storage in itertools.product(NUMBER_BYTES, STORAGES)]
    first: Figures = {}
    for way in ways:
        load(sql, way, features)
        figures: dict[Way, Figures] = {way: {}, ways[0]: {}}
        toasts = {each: str(scalar(sql, each.fill(TOAST))) for each in figures}
        figures[way]["bytes a row"] = float(scalar(sql, way.fill(SIZE, toast=toasts[way]))) / len(features.vectors)
        warm(sql, *map(str, figures), *toasts.values())
        race(sql, features, figures, "other column", OTHER, SCANS)
        race(sql, features, figures, "exact", EXACT, SCANS)
        for kind in INDEXES:
            measure_index(sql, features, figures, kind)
        first = first or figures[way]
        yield way, figures[way], first | figures[ways[0]]
        if way != ways[0]:
            sql.execute(f"DROP TABLE {way}")
    sql.execute(f"DROP TABLE {ways[0]}")


def load(sql: Sql, way: Way, features: Features) -> None:
    """A table as create_collection makes it; unless it is PLAIN, toast_tuple_target stays PostgreSQL's own."""
    sql.execute(way.fill(TABLE))
    if way.storage == "PLAIN":
        sql.execute(way.fill(TARGET, bytes=NUMBER_BYTES[way.type] * way.dim + 1024))
    r = np.random.default_rng(COLUMN_SEED).random(len(features.vectors), dtype=np.float32).tolist()
    with sql.cursor().copy(way.fill(COPY)) as copy:
        copy.set_types(["text", "bytea", way.type, "float4", "bytea", "int4"])
        for number, vector in enumerate(features.vectors):
            picture, sha256 = (PICTURE, PICTURE[:32]) if number % PICTURE_EVERY == 0 else (None, None)
            copy.write_row((f"{number:08}", picture, way.value(vector), r[number], sha256, 1))
    sql.execute(f"VACUUM (ANALYZE) {way}")


def measure_index(sql: Sql, features: Features, figures: dict[Way, Figures], kind: str) -> None:
    """Build the first way's; the yardstick's is there."""
    (what, searches), way = INDEXES[kind], next(iter(figures))
    build = way.fill(BUILD, kind=kind, what=way.fill(what))
    figures[way][f"{kind}, build s"], _ = timed(partial(sql.execute, build))
    figures[way][f"{kind}, MB"] = scalar(sql, f"SELECT pg_relation_size('{way}_{kind}')") / 10**6
    warm(sql, *(f"{each}_{kind}" for each in figures))
    for ef, search in searches.items():
        with sql.transaction():
            for name, value in (INDEX | {"hnsw.ef_search": str(ef)}).items():
                sql.execute("SELECT set_config(%s, %s, true)", [name, value])
            explain, query = "EXPLAIN " + way.fill(search), way.value(features.queries[0])
            plan = str(sql.execute(explain, {"query": query}).fetchall())
            assert f"using {way}_{kind} ".lower() in plan, plan
            race(sql, features, figures, f"{kind} {ef}", search, QUERIES)


def race(sql: Sql, features: Features, by_way: dict[Way, Figures], name: str, search: str, count: int) -> None:
    """Note each way's median and recall, in turns."""
    times, right = {way: list[float]() for way in by_way}, dict.fromkeys(by_way, 0)
    for start, way in itertools.product(range(0, count, TURN), by_way):
        answer = partial(ask, sql, way, way.fill(search), features)
        answer(start)  # caches are another's at first
        for query in range(start, start + TURN):
            seconds, numbers = timed(partial(answer, query))
            times[way].append(seconds)
            right[way] += len(numbers & set(features.nearest[query].tolist()))
    for way, figures in by_way.items():
        figures[f"{name}, ms"] = 1000 * statistics.median(times[way])
        figures[f"{name}, recall"] = right[way] / (K * count)


def ask(sql: Sql, way: Way, statement: str, features: Features, query: int) -> set[int]:
    return {int(name) for (name,) in sql.execute(statement, {"query": way.value(features.queries[query])})}


def scalar(sql: Sql, statement: str) -> Any:
    return (sql.execute(statement).fetchone() or (None,))[0]


def warm(sql: Sql, *relations: str) -> None:
    """Into PostgreSQL's own memory: a scan of a table that is larger than a quarter of that leaves nothing there."""
    for relation in relations:
        sql.execute("SELECT pg_prewarm(%s::regclass)", [relation])


if __name__ == "__main__":
    main()
