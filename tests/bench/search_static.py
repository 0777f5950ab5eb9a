"""What a user of pgvector could write by hand and keep: strategies that are the same for every filter and query."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias, TypeVar

import psycopg
from pgvector import HalfVector
from psycopg import sql

from open_analytic.store.connection import Connection, connect
from tests.bench.search_sets import Case, Filter, Gallery, Grade, Truth, grade

Ask: TypeAlias = Callable[[int, Filter], Sequence[str]]  # a query's number and its filter: the names found
T = TypeVar("T")

EFS = (40, 100, 200, 400, 1000)
EXACT = "exact"
TURN, TRIES = 10, 5
PATIENCE = 2.0  # times as slow as exact, which meets every target: no longer a candidate for the best

PLAIN = """SELECT image_name, feature <-> %(query)b AS distance FROM {table} WHERE {where}
ORDER BY feature <-> %(query)b LIMIT {k}"""
SORTED = "WITH nearest AS MATERIALIZED (" + PLAIN + ") SELECT * FROM nearest ORDER BY distance + 0"
MEASURED = """WITH matches AS MATERIALIZED (
    SELECT image_name, feature <-> %(query)b AS distance FROM {table} WHERE {where}
) SELECT * FROM matches ORDER BY distance LIMIT {k}"""

# Who is named after the index uses it: PostgreSQL would at times measure every row instead.
INDEX = {"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off"}
# To the end when it must: the best that an iterative scan can do for recall.
WHOLE = {"hnsw.max_scan_tuples": "2147483647", "hnsw.scan_mem_multiplier": "8"}


@dataclass(frozen=True, slots=True)
class Strategy:
    """A statement, and settings of its session."""

    name: str
    statement: str
    settings: Mapping[str, str] = field(default_factory=dict)


def strategies() -> list[Strategy]:
    """Measuring every row that matches, plain pgvector as the planner likes it, iterative scans in both orders."""
    rows = [Strategy(EXACT, MEASURED)]
    rows += [Strategy(f"plain ef {ef}", PLAIN, {"hnsw.ef_search": str(ef)}) for ef in (40, 200)]
    for order, statement in {"strict": PLAIN, "relaxed": SORTED}.items():
        for ef in EFS:
            settings = {"hnsw.iterative_scan": f"{order}_order", "hnsw.ef_search": str(ef)}
            rows.append(Strategy(f"{order} ef {ef}", statement, settings | INDEX | WHOLE))
    return rows


@contextmanager
def sessions(dsn: str, table: str, gallery: Gallery, k: int) -> Iterator[dict[str, Ask]]:
    """Every strategy with a session of its own, exact first. What takes too long to be the best is ended."""
    with ExitStack() as stack:
        asks: dict[str, Ask] = {}
        for strategy in strategies():
            session = stack.enter_context(connect(dsn, autocommit=True))
            if asks:
                session.execute(f"SET statement_timeout = {_limit_ms(asks[EXACT])}")
            for name, value in strategy.settings.items():
                session.execute("SELECT set_config(%s, %s, false)", [name, value])
            asks[strategy.name] = partial(ask, session, strategy.statement, table, gallery, k)
        yield asks


def _limit_ms(exact: Ask) -> int:
    """Beyond this nobody can be the best, whatever the filter."""
    seconds = statistics.median(timed(partial(exact, query, Filter()))[0] for query in range(TRIES))
    return max(100, round(1000 * PATIENCE * seconds))


def ask(
    session: Connection, statement: str, table: str, gallery: Gallery, k: int, query: int, condition: Filter
) -> list[str]:
    """The names, nearest first. Only they and the distances are asked for, which is the least one can."""
    text = sql.SQL(statement).format(
        table=sql.Identifier(table), where=sql.SQL(condition.where or "true"), k=sql.Literal(k)
    )
    values = {"query": HalfVector(gallery.queries[query]), **condition.params}
    return [name for name, _ in session.execute(text, values)]


@dataclass(slots=True)
class Contestant:
    """Who answers the queries of a case, and how it went so far."""

    name: str
    ask: Ask
    target: float | None = None  # of open_analytic's searches
    dropped: bool = False  # too slow to be the best, so not measured to the end
    times: list[float] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)

    @property
    def may_drop(self) -> bool:
        return self.target is None and self.name != EXACT

    @property
    def ms(self) -> float:
        return 1000 * statistics.median(self.times)

    @property
    def recall(self) -> float:
        return statistics.fmean(each.recall for each in self.grades)

    @property
    def whole(self) -> bool:
        """Whether every answer had k rows, or all there are."""
        return all(each.whole for each in self.grades)

    def answer(self, gallery: Gallery, truth: Truth, query: int, condition: Filter) -> None:
        """Ask once, and note how long it took and how good it was."""
        seconds, names = timed(partial(self.ask, query, condition))
        self.times.append(seconds)
        self.grades.append(grade(gallery, truth, query, condition, names))


@dataclass(frozen=True, slots=True)
class Cell:
    """A case with its filter for each query, what there is to find, and who looks for it; the first is exact."""

    case: Case
    filters: Sequence[Filter]
    truth: Truth
    contestants: Sequence[Contestant]

    def best(self, target: float) -> Contestant:
        """The fastest static strategy whose recall meets the target, few rows or not; exact always does."""
        able = [one for one in self.contestants if one.target is None and not one.dropped and one.recall >= target]
        return min(able, key=lambda one: one.ms)


def race(cell: Cell, gallery: Gallery) -> None:
    """Every query to everyone, in turns of ten."""
    for start in range(0, len(cell.filters), TURN):
        turn = range(start, min(start + TURN, len(cell.filters)))
        for one in cell.contestants:
            if not one.dropped:
                _take_turn(one, cell, gallery, turn)


def _take_turn(one: Contestant, cell: Cell, gallery: Gallery, turn: range) -> None:
    exact = cell.contestants[0]
    try:
        one.ask(turn[-1], cell.filters[turn[-1]])  # caches are another's at first
        for query in turn:
            one.answer(gallery, cell.truth, query, cell.filters[query])
            if one.may_drop and len(one.times) >= TRIES and one.ms > PATIENCE * exact.ms:
                one.dropped = True
                return
    except psycopg.errors.QueryCanceled:
        if not one.may_drop:
            raise
        one.dropped = True


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
