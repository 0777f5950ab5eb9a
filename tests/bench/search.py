"""Searches with filters beside the best that can be written by hand: python -m tests.bench.search [FOLDER_OF_PHOTOS].

Every case (a filter, by how it lies to the query) at every recall that is asked for: the recall that came out, whether
there were always k rows, and the time beside the fastest static strategy that reaches that recall, and beside exact.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psycopg
from pgvector import Vector
from pgvector.psycopg import register_vector
from psycopg import sql

import open_analytic
from open_analytic import Collection, OpenAnalytic, embedded
from open_analytic.errors import OpenAnalyticError
from open_analytic.store import collections, schema, tables
from open_analytic.store.connection import connect
from tests.bench import machine, search_others, search_sets, search_static
from tests.bench.search_sets import Case, Filter, Gallery, Halves
from tests.bench.search_static import Ask, Cell, Contestant, race, timed
from tests.bench.sql import home

PIPELINE = "general_feature_extractor"
TARGETS = (0.90, 0.95, 0.99)
DEFAULT_TARGET = 0.95
MOST_BEST, MOST_EXACT, MOST_PLANNING_MS = 1.25, 1.10, 1.0
QUERIES, QUICK_QUERIES, EXPLAINED, PREPARED_RUNS, WORST = 200, 20, 20, 50, 10
SCALE_ROWS = 100_000  # the others are measured up to here

PREPARED = "SELECT name FROM open_analytic.search(%s::text::regclass, %s::vector, %s::integer, %s::text)"
COUNTED = """SELECT count(*), sum(generic_plans) FROM pg_prepared_statements
WHERE statement LIKE 'SELECT name FROM open_analytic.search%'"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One case at one target."""

    gallery: str
    case: Case
    target: float
    ours: Contestant
    best: Contestant
    exact: Contestant
    planning_ms: float  # the median of some queries
    plans: str  # that were carried out, and for how many of them

    @property
    def to_best(self) -> float:
        return self.ours.ms / self.best.ms

    @property
    def to_exact(self) -> float:
        return self.ours.ms / self.exact.ms

    @property
    def excess(self) -> float:
        """How far over its time it is, for the order of the worst: 1 is just at the limit."""
        return max(self.to_best / MOST_BEST, self.to_exact / MOST_EXACT)

    @property
    def short(self) -> list[str]:
        """The promises that are not kept."""
        return [
            promise
            for promise, is_held in {
                "recall": self.ours.recall >= self.target,
                "rows": self.ours.whole,
                "best": self.to_best <= MOST_BEST,
                "exact": self.to_exact <= MOST_EXACT,
                "planning": self.planning_ms < MOST_PLANNING_MS,
            }.items()
            if not is_held
        ]

    def __str__(self) -> str:
        return (
            f"  {self.target:.2f}  {self.case!s:<22} recall {self.ours.recall:.3f}  k rows {yes(self.ours.whole):<3} "
            f"{self.ours.ms:8.2f} ms   best {self.best.name:<15} {self.best.ms:8.2f} ms: {self.to_best:5.2f}   "
            f"exact {self.exact.ms:8.2f} ms: {self.to_exact:5.2f}   "
            f"{'short: ' + ', '.join(self.short) if self.short else 'OK'}   "
            f"({self.planning_ms:.2f} ms to plan; {self.plans})"
        )


def main() -> None:
    """Print every figure with the machine."""
    options = arguments()
    print(machine.describe())
    print_work(options)
    verdicts: list[Verdict] = []
    try:
        with server() as dsn, open_analytic.connect(dsn) as db:
            for name in options.sets:
                verdicts += run(db, name, options)
    finally:  # hours of measuring are not lost with an interruption
        print_summary(verdicts)


def run(db: OpenAnalytic, name: str, options: argparse.Namespace) -> Iterator[Verdict]:
    """Everything about one set."""
    gallery = make(db, name, options)
    if gallery is None:
        return
    collection = load(db, gallery, filter_index=options.filter_index)
    cells = []
    for cell, verdicts in measure(db, collection, gallery, options):
        cells.append(cell)
        yield from verdicts
    print_prepared(db.dsn, gallery, cells, options.k)
    if options.others and len(gallery) <= SCALE_ROWS:
        search_others.compare(gallery, {cell.case: cell for cell in cells}, options.k)
    db.drop_collection(gallery.name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.search", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("photos", nargs="?", type=Path, help="folder for the third set, features of real photos")
    parser.add_argument("--sets", nargs="+", choices=["easy", "hard", "photos"], default=["easy", "hard", "photos"])
    parser.add_argument("--rows", type=int, default=100_000, help="of the generated sets")
    parser.add_argument("--variations", type=int, default=100, help="of each photo")
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--filter-index", action="store_true", help="a B-tree on each column that filters use")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_QUERIES} queries and fewer cases")
    parser.add_argument("--others", action=argparse.BooleanOptionalAction, default=True, help="faiss, LanceDB, Qdrant")
    options = parser.parse_args()
    if options.quick:
        options.queries = min(options.queries, QUICK_QUERIES)
    options.cases = search_sets.QUICK_CASES if options.quick else search_sets.CASES
    return options


def print_work(options: argparse.Namespace) -> None:
    static, cases = len(search_static.strategies()), len(options.cases)
    searches = len(options.sets) * cases * options.queries * (static + len(TARGETS))
    print(
        f"{', '.join(options.sets)}: {cases} cases x {options.queries} queries x ({static} static strategies + "
        f"{len(TARGETS)} targets), at most {searches:,} searches; a strategy that is twice as slow as exact is dropped"
    )


@contextmanager
def server() -> Iterator[str]:
    """The DSN of a fresh embedded server."""
    with ExitStack() as stack:
        started = stack.enter_context(embedded.start(home(stack)))
        schema.upgrade(started.dsn)
        yield started.dsn


def make(db: OpenAnalytic, name: str, options: argparse.Namespace) -> Gallery | None:
    """The gallery of this name; None where its photos are not there."""
    if name != "photos":
        return search_sets.generate(name, options.rows, options.queries)
    if options.photos is None or not options.photos.is_dir():
        print(f"\nPHOTOS MISSING: {options.photos} is no folder, so real features are not measured")
        return None
    db.pipeline_create(PIPELINE)
    return search_sets.from_photos(
        options.photos, partial(features, db), variations=options.variations, queries=options.queries
    )


def features(db: OpenAnalytic, pictures: Iterator[bytes]) -> Halves:
    rows = []
    for result in db.engine.run_many(db.plan(PIPELINE), pictures):
        if isinstance(result, OpenAnalyticError):
            raise result
        rows.append(result.features[0].vector.astype(np.float16))
    return np.stack(rows)


def load(db: OpenAnalytic, gallery: Gallery, *, filter_index: bool) -> Collection:
    """A collection of the gallery's rows with its index, its statistics fresh, calibrated."""
    dim = gallery.vectors.shape[1]
    with connect(db.dsn, autocommit=True) as session:
        collections.make(session, tables.Shape(name=gallery.name, dim=dim, columns=search_sets.COLUMNS))
        collection = db.collection(gallery.name)
        seconds, _ = timed(lambda: collection.import_vectors(gallery.rows()))
        table = sql.Identifier(gallery.name)
        for column in search_sets.COLUMNS if filter_index else ():
            session.execute(sql.SQL("CREATE INDEX ON {} ({})").format(table, sql.Identifier(column)))
        session.execute(sql.SQL("VACUUM (ANALYZE) {}").format(table))
    again, known = timed(collection.measure_index)  # the import did, before the table was vacuumed
    print(f"\n{gallery.name}, {len(gallery):,} rows x {dim}: loaded, indexed and calibrated in {seconds:.0f} s", end="")
    measured = f"a look at every row {known.scan_ms:.1f} ms, exact {known.exact_ms:.1f} ms"
    print(f", calibrated again in {again:.0f} s: {measured}", flush=True)
    return collection


def measure(
    db: OpenAnalytic, collection: Collection, gallery: Gallery, options: argparse.Namespace
) -> Iterator[tuple[Cell, list[Verdict]]]:
    """Every case, its lines printed as soon as they are known."""
    squares = search_sets.rough_squares(gallery)
    with search_static.sessions(db.dsn, gallery.name, gallery, options.k) as statics:
        for case in options.cases:
            filters = [case.filter(gallery, query) for query in range(len(gallery.queries))]
            contestants = [Contestant(name, ask) for name, ask in statics.items()]
            contestants += [
                Contestant(f"search {target}", ours(collection, gallery, options.k, target), target)
                for target in TARGETS
            ]
            cell = Cell(case, filters, search_sets.truth(gallery, squares, filters, options.k), contestants)
            race(cell, gallery)
            verdicts = [
                judge(cell, one, one.target, collection, gallery, options.k) for one in contestants if one.target
            ]
            for verdict in verdicts:
                print(verdict, flush=True)
            yield cell, verdicts


def ours(collection: Collection, gallery: Gallery, k: int, target: float) -> Ask:
    def ask(query: int, condition: Filter) -> list[str]:
        vector = gallery.queries[query].astype(np.float32)
        hits = collection.search(vector, k=k, filter=condition.where, params=condition.params, target_recall=target)
        return [hit.name for hit in hits]

    return ask


def judge(cell: Cell, one: Contestant, target: float, collection: Collection, gallery: Gallery, k: int) -> Verdict:
    explanations = [
        collection.explain_search(
            gallery.queries[query].astype(np.float32),
            k=k, filter=condition.where, params=condition.params, target_recall=target,
        )
        for query, condition in enumerate(cell.filters[:EXPLAINED])
    ]  # fmt: skip
    plans = Counter(each["done"]["plan"] for each in explanations)
    return Verdict(
        gallery=gallery.name,
        case=cell.case,
        target=target,
        ours=one,
        best=cell.best(target),
        exact=cell.contestants[0],
        planning_ms=statistics.median(each["planning_ms"] for each in explanations),
        plans="; ".join(f"{count} x {plan}" for plan, count in plans.most_common()),
    )


def print_prepared(dsn: str, gallery: Gallery, cells: Sequence[Cell], k: int) -> None:
    """The SQL function through a client's prepared statement: after five runs PostgreSQL no longer looks at values."""
    print(f"\n{gallery.name}: the SQL function as a prepared statement, {PREPARED_RUNS} runs a filter")
    short = 0
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=1) as session:
        register_vector(session)

        def ask(query: int, condition: Filter) -> list[str]:
            values = [gallery.name, Vector(gallery.queries[query].astype(np.float32)), k, condition.text]
            return [name for (name,) in session.execute(PREPARED, values)]

        for cell in cells:
            one = Contestant("prepared", ask)
            for run in range(PREPARED_RUNS):
                query = run % len(cell.filters)
                one.answer(gallery, cell.truth, query, cell.filters[query])
            is_held = one.recall >= DEFAULT_TARGET and one.whole
            short += not is_held
            if not is_held:
                print(f"  short: {cell.case!s:<22} recall {one.recall:.3f}, k rows {yes(one.whole)}", flush=True)
        row = session.execute(COUNTED).fetchone()
    statements, generic = row or (0, 0)
    print(f"  {len(cells) - short} of {len(cells)} filters keep recall {DEFAULT_TARGET} and k rows", end="")
    print(f" ({statements} statement prepared, {generic} runs with its generic plan)")


def print_summary(verdicts: Sequence[Verdict]) -> None:
    """How many cells keep each promise, and the worst that do not keep all."""
    print("\n| set | target | cells | recall | k rows | 1.25 x best | 1.1 x exact | planning | all |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, target in dict.fromkeys((each.gallery, each.target) for each in verdicts):
        group = [each for each in verdicts if (each.gallery, each.target) == (name, target)]
        shares = {
            promise: str(sum(promise not in each.short for each in group))
            for promise in ("recall", "rows", "best", "exact", "planning")
        }
        whole = sum(not each.short for each in group)
        print(f"| {name} | {target:.2f} | {len(group)} | {' | '.join(shares.values())} | {whole} |")
    worst = [each for each in verdicts if each.short]
    worst.sort(key=lambda each: (each.ours.recall >= each.target and each.ours.whole, -each.excess))
    if worst:
        print(f"\n{len(worst)} cells are short; those with lost rows first, then the slowest\n")
        print("| set | target | filter | recall | k rows | ms | best static | ms | ratio | of exact | plans | short |")
        print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for each in worst[:WORST]:
        print(
            f"| {each.gallery} | {each.target:.2f} | {each.case} | {each.ours.recall:.3f} | {yes(each.ours.whole)} "
            f"| {each.ours.ms:.2f} | {each.best.name} | {each.best.ms:.2f} | {each.to_best:.2f} | {each.to_exact:.2f} "
            f"| {each.plans} | {', '.join(each.short)} |"
        )


def yes(true: bool) -> str:
    return "yes" if true else "no"


if __name__ == "__main__":
    main()
