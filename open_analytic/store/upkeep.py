"""What a collection needs after an import or a new index: an index where there is none, a recall curve of its size."""

import logging

from open_analytic.errors import Conflict, PermissionDenied
from open_analytic.store import collections, indexes, planner
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo, ImportReport, ProgressCallback

logger = logging.getLogger(__name__)


def after_import(
    database: Database, info: CollectionInfo, report: ImportReport, progress: ProgressCallback | None
) -> None:
    """Also after an import that found all there: the one before can have ended without the index."""
    missing = (report.rows or report.unchanged) and _state(database, info) != "ready"
    if missing:
        try:
            indexes.create(database, info, progress=progress, wait=False)
        except PermissionDenied as error:  # its owner can, who only imports cannot
            logger.warning("%s has no index, so searches measure every row: %s", info.name, error)
    if report.rows or missing:
        measure_if_useful(database, info)


def measure_if_useful(database: Database, info: CollectionInfo) -> None:
    """Measure the index if searches use it and its recall curve is missing or of another size."""
    with database.reading() as connection:
        _, rows = collections.count(connection, info)
        if rows * info.dim <= planner.SMALL or not planner.out_of_date(planner.recall_curve(connection, info), rows):
            return
    try:
        planner.measure_index(database, info, queries=planner.QUERIES, seconds=planner.SECONDS)
    except (PermissionDenied, Conflict) as error:  # no right to do so, or another session is at it
        logger.info("the index of %s was not measured: %s", info.name, error)


def _state(database: Database, info: CollectionInfo) -> str:
    with database.reading() as connection:
        return indexes.state(connection, info)
