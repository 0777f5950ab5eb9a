"""Writes what an import found, chunk by chunk, one transaction each."""

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from open_analytic.errors import Conflict, InvalidInput
from open_analytic.importer.tally import Tally
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.loading import Loading
from open_analytic.types import CollectionInfo, Row

logger = logging.getLogger(__name__)

CHUNK_ROWS = 64  # pictures written in one transaction
CHUNK_BYTES = 32_000_000
CHUNK_S = 2.0  # what is ready so long after the last is written, for those who look at the counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row to write, and how it is counted."""

    row: Row
    known: bool
    name: str  # of the picture, in a failure
    place: str | None


class Writer:
    """Commits rows chunk by chunk in a thread of its own, one chunk ahead of the engine at most."""

    def __init__(
        self, database: Database, info: CollectionInfo, tally: Tally, load: Loading, *, chunk: int = CHUNK_ROWS
    ) -> None:
        self._database, self._info, self._tally, self._load, self._chunk = database, info, tally, load, chunk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="open_analytic-write")
        self._under_way: Future[None] | None = None
        self._entries: list[Entry] = []
        self._names: set[str] = set()
        self._bytes = 0
        self._handed_over = time.monotonic()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._hand_over()
                self._wait()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def add(self, row: Row, *, known: bool, name: str | None = None, place: str | None = None) -> None:
        if row.name in self._names:  # its second row goes into the next transaction, and wins
            self._hand_over()
        self._names.add(row.name)
        self._entries.append(Entry(row=row, known=known, name=name or row.name, place=place))
        self._bytes += len(row.data or b"")
        waited = time.monotonic() - self._handed_over >= CHUNK_S
        if waited or len(self._entries) >= self._chunk or self._bytes >= CHUNK_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        self._wait()
        if self._entries:
            self._under_way = self._thread.submit(self._write, self._entries)
        self._entries, self._names, self._bytes = [], set(), 0
        self._handed_over = time.monotonic()

    def _wait(self) -> None:
        if self._under_way:
            self._under_way.result()

    def _write(self, entries: list[Entry]) -> None:
        """One transaction; when a row is refused, one each, so that only that row fails."""
        try:
            self._commit(entries)
        except (InvalidInput, Conflict) as error:
            if len(entries) == 1:
                self._tally.fail(entries[0].name, error, place=entries[0].place)
                return
            logger.debug("a row of %d was refused, writing them one by one: %s", len(entries), error)
            for entry in entries:
                self._write([entry])

    def _commit(self, entries: list[Entry]) -> None:
        written = self._database.write(
            lambda connection: store.write(connection, self._info, [entry.row for entry in entries])
        )
        empty = sum(not entry.row.features for entry in entries)
        updated = sum(entry.known for entry in entries if entry.row.features)
        if empty:
            self._tally.count("without_regions", empty)
        if updated:
            self._tally.count("updated", updated)
        self._tally.count("added", len(entries) - empty - updated, rows=written)
        self._load.wrote(written, self._tally.left())
