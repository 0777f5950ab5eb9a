"""Whether searches keep their recall: a share of them is done again exactly in the background, or many at once."""

import logging
import math
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from psycopg import sql

from open_analytic.errors import BadParameter, OpenAnalyticError
from open_analytic.search_options import SearchOptions
from open_analytic.store import planner, search, tables
from open_analytic.store.connection import Database
from open_analytic.store.queries import query
from open_analytic.store.search import DEFAULT
from open_analytic.types import CollectionInfo, Hit, RecallReport, Vector

logger = logging.getLogger(__name__)

ENOUGH = 20  # audits before a warning says anything
WARN_S = 600.0  # between two warnings
WAITING = 10  # audits at most, so that they never hold up who closes
REST = 50.0  # times as long as an audit took, nothing is audited after it: searches keep the machine to themselves
AUDIT_S = 30.0  # of each search of an audit; the one it repeats had the time of its own caller
SAMPLED = 3.0  # rows asked for, times those needed


class Auditor:
    """Repeats every Nth search exactly in the background, and pauses after each. Threads can share it."""

    def __init__(self, database: Database, *, percent: int, rest: float = REST) -> None:
        self._database, self._rest = database, rest
        self._every = round(100 / percent) if percent > 0 else 0
        self._seen, self._waiting, self._warned, self._rested_at = 0, 0, -WARN_S, -math.inf
        self._lock, self._thread = threading.Lock(), ThreadPoolExecutor(1, thread_name_prefix="open_analytic-audit")

    def saw(self, info: CollectionInfo, vector: Vector, hits: Sequence[Hit], options: SearchOptions) -> None:
        """A search that was done. What it should have found is looked for later, when its turn comes."""
        is_due = self._every and hits and options.target_recall < 1 and options.after is None
        if not is_due:
            return
        with self._lock:
            self._seen += 1
            if self._seen % self._every or self._waiting >= WAITING or time.monotonic() < self._rested_at:
                return
            self._waiting += 1
        try:
            self._thread.submit(self._audit, info, vector, hits, options)
        except RuntimeError:  # closed meanwhile
            self._waiting = 0

    def settle(self) -> None:
        """Wait for audits under way."""
        self._thread.submit(lambda: None).result()

    def close(self) -> None:
        """What has not begun is not done any more."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _audit(self, info: CollectionInfo, vector: Vector, hits: Sequence[Hit], options: SearchOptions) -> None:
        begun = time.monotonic()
        try:
            options = replace(options, timeout_s=AUDIT_S)
            plan = explained(self._database, info, vector, options)
            if plan != "exact":
                self._record(info, plan, options, recall(hits, again(self._database, info, vector, options)))
        except OpenAnalyticError as error:  # the searches themselves are well
            logger.info("a search of %s was not audited: %s", info.name, error)
        finally:
            with self._lock:
                self._waiting -= 1
                self._rested_at = time.monotonic() + self._rest * (time.monotonic() - begun)

    def _record(self, info: CollectionInfo, plan: str, options: SearchOptions, measured: float) -> None:
        schema, table = tables.split(info.name)
        record(self._database, info, plan, options, measured)
        with self._database.reading() as connection:
            row = connection.execute(
                query("audit_quality"), {"schema": schema, "table": table, "plan": plan}
            ).fetchone()
        if row and row[0] >= ENOUGH and row[1] < row[2] and time.monotonic() - self._warned > WARN_S:
            self._warned = time.monotonic()
            logger.warning(
                "searches of %s find %.3f of the nearest rows, %.3f were asked for: "
                "run `open-analytic collection measure-index %s`",
                info.name,
                row[1],
                row[2],
                info.name,
            )


def evaluate(
    database: Database, info: CollectionInfo, *, queries: int = 100, options: SearchOptions = DEFAULT
) -> RecallReport:
    """Search for rows of the collection, also exactly, and compare. A row is not its own neighbour."""
    k, target_recall = options.k or 0, options.target_recall
    if queries < 1 or k < 1:
        raise BadParameter(f"{queries} queries for {k} rows measure nothing.", hint="Give at least one of each.")
    options, original = replace(options, k=k + 1, after=None), options
    recalls, times, exact_times, plans = [], [], [], Counter[str]()
    for name, vector in _sample(database, info, queries):
        plan = explained(database, info, vector, options)
        start = time.monotonic()
        hits = again(database, info, vector, options, target_recall)
        between = time.monotonic()
        true = again(database, info, vector, options)
        exact_times.append(1000 * (time.monotonic() - between))
        times.append(1000 * (between - start))
        plans[plan] += 1
        recalls.append(recall(_others(hits, name, k), _others(true, name, k)))
        if plan != "exact":
            record(database, info, plan, original, recalls[-1])
    if not recalls:
        raise BadParameter(f"Collection {info.name!r} has no rows to search for.", hint="Import some first.")
    return RecallReport(
        queries=len(recalls),
        k=k,
        target_recall=target_recall,
        recall=statistics.mean(recalls),
        worst=min(recalls),
        ms=statistics.median(times),
        exact_ms=statistics.median(exact_times),
        plans=dict(plans),
    )


def recall(hits: Sequence[Hit], true: Sequence[Hit]) -> float:
    """Which part of the true neighbours was found; those that are equally near count."""
    if not true:
        return 1.0
    return min(1.0, sum(hit.distance <= true[-1].distance for hit in hits) / len(true))


def explained(database: Database, info: CollectionInfo, vector: Vector, options: SearchOptions) -> str:
    """How the search is really done: index, exact, or one after the other."""
    with database.reading() as connection:
        explanation = planner.explain(connection, info, vector, options)
    return str(explanation["done"]["plan"])


def again(
    database: Database, info: CollectionInfo, vector: Vector, options: SearchOptions, target_recall: float = 1.0
) -> list[Hit]:
    """The same search at another recall; at 1 what it should have found."""
    with database.reading() as connection:
        return search.search(connection, info, vector, replace(options, target_recall=target_recall))


def record(database: Database, info: CollectionInfo, plan: str, options: SearchOptions, measured: float) -> None:
    """Keep it for ``open_analytic.search_quality``. A standby keeps nothing."""
    values = {
        "table": tables.identifier(info).as_string(), "plan": plan, "k": options.k or 0,
        "filtered": options.filter is not None, "target_recall": options.target_recall, "recall": measured,
    }  # fmt: skip
    with database.transaction() as connection:
        if connection.execute("SHOW in_hot_standby").fetchone() == ("on",):  # a query would fix the mode
            return
        connection.execute("SET TRANSACTION READ WRITE")
        connection.execute(query("audit_record"), values)


def _sample(database: Database, info: CollectionInfo, count: int) -> list[tuple[str, Vector]]:
    with database.reading() as connection, search.opened(connection, info, None):
        (rows,) = connection.execute(query("index_rows").format(table=tables.identifier(info))).fetchone() or (0,)
        statement = query("evaluation_sample").format(
            table=tables.identifier(info),
            name=sql.Identifier(info.inputs.name),
            percent=sql.Literal(min(100.0, 100 * (SAMPLED * count + 20) / max(1, rows))),
            count=sql.Literal(count),
        )
        return [(name, feature.to_numpy().astype("float32")) for name, feature in connection.execute(statement)]


def _others(hits: Sequence[Hit], name: str, k: int) -> list[Hit]:
    """Without the picture itself, and no more than were asked for."""
    return [hit for hit in hits if hit.name != name][:k]
