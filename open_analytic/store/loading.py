"""The index and an import: out of the way of many rows while they come, built and measured when all are there."""

import logging
import math
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

import psycopg
from psycopg import sql

from open_analytic.errors import OpenAnalyticError, PermissionDenied
from open_analytic.store import indexes, planner, tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import CollectionInfo, ImportReport, ProgressCallback

logger = logging.getLogger(__name__)

# Measured at 512 numbers, two busy cores, 5,000 to 100,000 rows there: a row into the index 3.4 to 6.6 ms, building it
# 0.5 ms a row (idle: 2.1 and 0.2). So building all again costs what inserting a seventh to a thirteenth of them does.
SHARE = 10
LEAST = 2_000  # rows; below it is about seconds
LOCK_MS = 500  # how long searches wait behind the drop at most
NEVER = math.inf


class DroppedIndex(NamedTuple):
    """The index as it was made, and the rows there are."""

    name: str
    m: int
    ef_construction: int
    rows: int


@contextmanager
def loading(database: Database, info: CollectionInfo, progress: ProgressCallback | None) -> Iterator["Loading"]:
    """For an import to tell what it wrote. At its end the index is back; when it fails a warning says what to do."""
    load = Loading(database, info)
    try:
        yield load
        load.restore(progress)
    except BaseException:
        load.warn()
        raise
    finally:
        load.close()


class Loading:
    """Drops the index once this import has written a tenth of what was there. It drops once, and never fights:
    where another builds or drops, or could, the import goes on inserting."""

    def __init__(self, database: Database, info: CollectionInfo) -> None:
        self._database, self._info = database, info
        self._dropped: DroppedIndex | None = None  # what was dropped
        self._holder: Connection | None = None  # keeps others from building meanwhile
        self._written, self._due = 0, float(LEAST)

    def wrote(self, rows: int, left: int | None) -> None:
        """So many rows were committed; at most so many pictures are to come, when somebody knows."""
        self._written += rows
        if self._holder:
            self._stay(self._holder)
        elif self._written >= self._due and (left is None or left >= self._due):
            try:
                with translated():
                    self._due = self._drop()
            except OpenAnalyticError as error:  # what ails the server, the next rows meet by themselves
                self._due = NEVER
                logger.info("the index of %s stays while rows come: %s", self._info.name, error)

    def restore(self, progress: ProgressCallback | None) -> None:
        """Build what was dropped, unless somebody did meanwhile."""
        if self._dropped is None:
            return
        if self._holder:
            self._stay(self._holder)
        with translated(), ExitStack() as stack:
            connection = self._holder or stack.enter_context(connect(self._database.dsn, autocommit=True))
            stack.enter_context(indexes.alone(connection, self._info, progress))
            if indexes.state(connection, self._info) != "ready":
                _, m, ef_construction, _ = self._dropped
                indexes.replace(
                    connection,
                    self._database.dsn,
                    self._info,
                    m=m,
                    ef_construction=ef_construction,
                    index=self._dropped.name,
                    progress=progress,
                )

    def warn(self) -> None:
        """Say what is missing when the import ends early."""
        if self._dropped:
            logger.warning(
                "The index of %s was dropped to import faster and is not back: searches measure every row. Build it: "
                "`open-analytic collection index %s --m %d --ef-construction %d`; the next import builds one, too.",
                self._info.name,
                shlex.quote(self._info.name),
                self._dropped.m,
                self._dropped.ef_construction,
            )

    def close(self) -> None:
        """Let others build."""
        if self._holder:
            with suppress(psycopg.Error):  # it is lost: the server sees it by itself
                indexes.unlock(self._holder)
            self._holder.close()

    def _drop(self) -> float:
        """Drop the index if that is worth it and ours to do; from how many rows on to ask again."""
        with ExitStack() as stack:
            connection = stack.enter_context(connect(self._database.dsn, autocommit=True))
            tables.check(connection, self._info)
            stack.callback(indexes.unlock, connection)
            index = self._only_index(connection) if indexes.lock(connection, self._info) else None
            if index is None:
                return NEVER
            due = max(LEAST, (index.rows - self._written) / SHARE)
            if self._written < due:
                return due
            self._dropped = index  # already now: the answer to the drop can be lost
            try:
                with connection.transaction():
                    connection.execute(query("index_drop_soon"), {"lock_ms": str(LOCK_MS)})
                    name = sql.Identifier(self._info.schema, index.name)
                    connection.execute(query("index_drop_now").format(index=name))
            except psycopg.Error as error:
                if not connection.broken:
                    self._dropped = None
                if not isinstance(error, psycopg.errors.LockNotAvailable):
                    raise
                return self._written + due
            self._holder = connection
            stack.pop_all()
            logger.info("the index of %s is dropped while rows come, and built at the end", self._info.name)
        return NEVER

    def _only_index(self, connection: Connection) -> DroppedIndex | None:
        """The one index there is, if it can be built in memory again: without, building is as slow as inserting."""
        statement = query("index_made").format(table=tables.bound(self._info))
        table = tables.identifier(self._info).as_string(connection)
        opclass = indexes.OPCLASSES[self._info.metric]
        candidates = [DroppedIndex(*row) for row in connection.execute(statement, {"table": table, "opclass": opclass})]
        if (
            len(candidates) != 1
            or indexes.graph_bytes(self._info, candidates[0].rows, candidates[0].m) > indexes.MOST_BYTES
        ):
            return None
        return candidates[0]

    def _stay(self, holder: Connection) -> None:
        """A sign of life: a silent connection can be cut, and others would build then."""
        try:
            holder.execute("SELECT 1")
        except psycopg.Error:
            holder.close()
            self._holder = None


def after_import(
    database: Database, info: CollectionInfo, report: ImportReport, progress: ProgressCallback | None
) -> None:
    """Build the index where there is none, and measure it where its recall curve is out of date.

    Also after an import that found all there: the one before can have ended without the index.
    """
    missing = (report.rows or report.unchanged) and _state(database, info) != "ready"
    if missing:
        try:
            indexes.create(database, info, progress=progress, wait=False)
        except PermissionDenied as error:  # its owner can, who only imports cannot
            logger.warning("%s has no index, so searches measure every row: %s", info.name, error)
    if report.rows or missing:
        planner.measure_if_useful(database, info)


def _state(database: Database, info: CollectionInfo) -> str:
    with database.reading() as connection:
        return indexes.state(connection, info)
