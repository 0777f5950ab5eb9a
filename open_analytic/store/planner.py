"""Explains searches, and measures the index. The database chooses the plan of each search."""

import logging
from typing import Any

from open_analytic.errors import Conflict, PermissionDenied
from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.store.search import arguments, opened
from open_analytic.types import CollectionInfo, RecallCurve, Vector

logger = logging.getLogger(__name__)

QUERIES, SECONDS = 200, 60.0
SMALL = 20_000_000  # rows times dim: up to here every row is measured when nothing is known of the index
CHANGED = 1.5  # as many times more rows, or fewer, make a recall curve out of date


def explain(connection: Connection, info: CollectionInfo, vector: Vector, options: SearchOptions) -> dict[str, Any]:
    """The plan of a search, the reason in a sentence, its alternatives, and how it went. The search is done for it.

    ``options.after`` changes nothing: the plan is that of the first page.
    """
    values = arguments(connection, info, vector, options)
    with opened(connection, info, options.timeout_s):
        row = connection.execute(query("search_explain"), values).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    explanation: dict[str, Any] = row[0]
    return explanation


def measure_index(
    database: Database | str, info: CollectionInfo, *, queries: int = QUERIES, seconds: float = SECONDS
) -> RecallCurve:
    """Measure recall and time of the index. An interrupted measurement leaves the last curve in place."""
    dsn = database if isinstance(database, str) else database.dsn
    values = {"table": tables.identifier(info).as_string(), "queries": queries, "seconds": seconds}
    with translated(), connect(dsn, autocommit=True) as connection:
        row = connection.execute(query("measure_index"), values).fetchone()
    assert row is not None  # noqa: S101 - the function gives one row or fails
    return _recall_curve(row)


def recall_curve(connection: Connection, info: CollectionInfo) -> RecallCurve | None:
    """The last curve; None when the index was never measured."""
    schema, table = tables.split(info.name)
    row = connection.execute(query("recall_curve"), {"schema": schema, "table": table}).fetchone()
    return _recall_curve(row) if row else None


def out_of_date(known: RecallCurve | None, rows: int) -> bool:
    """Whether a collection of ``rows`` rows should be measured again."""
    return known is None or not known.rows / CHANGED <= rows <= known.rows * CHANGED


def measure_if_useful(database: Database, info: CollectionInfo) -> None:
    """Measure the index if searches use it and its recall curve is missing or of another size."""
    with database.reading() as connection:
        _, rows = collections.count(connection, info)
        if rows * info.dim <= SMALL or not out_of_date(recall_curve(connection, info), rows):
            return
    try:
        measure_index(database, info, queries=QUERIES, seconds=SECONDS)
    except (PermissionDenied, Conflict) as error:  # no right to do so, or another session is at it
        logger.info("the index of %s was not measured: %s", info.name, error)


def _recall_curve(row: tuple[Any, ...]) -> RecallCurve:
    measured_at, rows, queries, scan_ms, exact_ms, efforts, first_ms, all_ms, ranks, recalls = row
    return RecallCurve(
        measured_at=measured_at,
        rows=int(rows),
        queries=queries,
        scan_ms=scan_ms,
        exact_ms=exact_ms,
        efforts=tuple(efforts),
        first_ms=tuple(first_ms),
        all_ms=tuple(all_ms),
        ranks=tuple(ranks),
        recalls=tuple(map(tuple, recalls)),
    )
