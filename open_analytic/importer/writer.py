"""Writes the rows of an import, chunk by chunk, one transaction each, and counts what happens: its report."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from open_analytic.errors import Conflict, InvalidInput, OpenAnalyticError
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.loading import Loading
from open_analytic.types import CollectionInfo, Failure, ImportReport, LeftOut, Progress, ProgressCallback, Row

logger = logging.getLogger(__name__)

CHUNK_ROWS = 64  # pictures written in one transaction
CHUNK_BYTES = 32_000_000
CHUNK_S = 2.0  # what is ready so long after the last is written, for those who look at the counts

Count: TypeAlias = Literal["added", "updated", "unchanged", "skipped", "without_regions"]


@dataclass(slots=True)
class Tally:
    """What happened so far. Reading and writing count from two threads."""

    total: int | None = None
    progress: ProgressCallback | None = None
    outward: Callable[[str, OpenAnalyticError], OpenAnalyticError] | None = None  # a picture's error as readers see it
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    without_regions: int = 0
    rows: int = 0
    failed: list[Failure] = field(default_factory=list)
    left_out: Sequence[LeftOut] = ()
    unmatched: Sequence[str] = ()
    ignored_columns: Sequence[str] = ()
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stopped: bool = False  # set from outside: what did not begin yet is left out
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: Count, pictures: int = 1, *, rows: int = 0) -> None:
        with self.lock:
            setattr(self, what, getattr(self, what) + pictures)
            self.rows += rows
            self._tell()

    def fail(self, name: str, error: OpenAnalyticError, *, place: str | None = None) -> None:
        # Where it was raised the picture was at hand: with that every bad picture would stay in memory.
        error = self.outward(name, error) if self.outward else error
        error = error.at(place) if place else error
        error.__traceback__ = error.__cause__ = error.__context__ = None
        with self.lock:
            self.failed.append(Failure(name=name, error=error, place=place))
            self._tell()

    def take_back(self, kind: type[OpenAnalyticError]) -> list[str]:
        """Failures of one class no longer count: their pictures come again, or were decided on. The names."""
        with self.lock:
            names = [failure.name for failure in self.failed if type(failure.error) is kind]
            self.failed = [failure for failure in self.failed if type(failure.error) is not kind]
        return names

    def _tell(self) -> None:
        if self.progress:
            self.progress(Progress(what="import", done=self.done(), total=self.total, failed=len(self.failed)))

    @property
    def seconds(self) -> float:
        """How long it takes so far, or took."""
        return (self.ended or time.monotonic()) - self.started

    def end(self) -> None:
        """Nothing more will happen."""
        self.ended = self.ended or time.monotonic()

    def left(self) -> int | None:
        """How many are to come at most; None when nobody knows."""
        return None if self.total is None else self.total - self.done()

    def done(self) -> int:
        """Pictures that nothing more happens to."""
        return self.added + self.updated + self.unchanged + self.skipped + self.without_regions + len(self.failed)

    def report(self) -> ImportReport:
        return ImportReport(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            skipped=self.skipped,
            without_regions=self.without_regions,
            rows=self.rows,
            failed=tuple(sorted(self.failed, key=lambda failure: failure.name)),
            left_out=tuple(self.left_out),
            unmatched=tuple(self.unmatched),
            ignored_columns=tuple(self.ignored_columns),
            seconds=self.seconds,
        )


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
