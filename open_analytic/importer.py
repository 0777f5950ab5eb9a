"""Pictures to collection: known ones dropped, the rest through the engine, rows committed chunk by chunk.

Files are read, decoded, run and written at the same time; memory is bounded by bytes, not by the number of files.
"""

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from open_analytic import folder
from open_analytic.config import Settings
from open_analytic.errors import (
    InvalidInput,
    InvalidName,
    OpenAnalyticError,
)
from open_analytic.pipeline.engine import Engine, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.loading import Loading, loading
from open_analytic.types import (
    CollectionInfo,
    Failure,
    Feature,
    ImportReport,
    PathLike,
    Progress,
    ProgressCallback,
    Row,
    Vector,
)

logger = logging.getLogger(__name__)

Values: TypeAlias = Mapping[str, Mapping[str, Any]] | Callable[[str], Mapping[str, Any]]
VectorRow: TypeAlias = tuple[str, Vector | Sequence[float], Mapping[str, Any] | None]
Named: TypeAlias = tuple[str, bytes | OpenAnalyticError]  # a picture's name, and its bytes or why they are not there

CHUNK_FILES = 64  # names asked for in one query, rows written in one transaction
CHUNK_BYTES = 32_000_000
CHUNK_S = 2.0  # what is ready so long after the last is written, for those who look at the counts
CHUNK_VECTORS = 2_000


@dataclass(frozen=True, slots=True)
class _Picture:
    name: str
    data: bytes
    sha256: bytes
    known: bool


@dataclass(slots=True)
class Tally:
    """What happened so far. Reading and writing count from two threads."""

    total: int | None = None
    progress: ProgressCallback | None = None
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rows: int = 0
    failed: list[Failure] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stopped: bool = False  # set from outside: what did not begin yet is left out
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, *, added: int = 0, updated: int = 0, unchanged: int = 0, rows: int = 0) -> None:
        with self.lock:
            self.added += added
            self.updated += updated
            self.unchanged += unchanged
            self.rows += rows
            self._tell()

    def fail(self, name: str, error: OpenAnalyticError) -> None:
        # Where it was raised the picture was at hand: with that every bad picture would stay in memory.
        error.__traceback__ = error.__cause__ = error.__context__ = None
        with self.lock:
            self.failed.append(Failure(name=name, error=error))
            self._tell()

    def _tell(self) -> None:
        if self.progress:
            self.progress(Progress(what="import", done=self._done(), total=self.total, failed=len(self.failed)))

    @property
    def seconds(self) -> float:
        """How long it takes so far, or took."""
        return (self.ended or time.monotonic()) - self.started

    def end(self) -> None:
        """Nothing more will happen."""
        self.ended = self.ended or time.monotonic()

    def left(self) -> int | None:
        """How many are to come at most; None when nobody knows."""
        return None if self.total is None else self.total - self._done()

    def _done(self) -> int:
        return self.added + self.updated + self.unchanged + len(self.failed)

    def report(self) -> ImportReport:
        return ImportReport(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            rows=self.rows,
            failed=tuple(sorted(self.failed, key=lambda failure: failure.name)),
            seconds=self.seconds,
        )


def import_files(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: CollectionInfo,
    paths: PathLike | Iterable[PathLike],
    *,
    values: Values | None = None,
    progress: ProgressCallback | None = None,
    settings: Settings,
) -> ImportReport:
    """Import files and folders. A picture that cannot be used is a failure in the report; the rest goes on.

    What is already there with the same bytes is left alone, a changed file replaces its rows. Each chunk is one
    transaction: an interruption loses the chunk under way, and the next run goes on from there.
    """
    places = folder.places(paths)
    tally = Tally(sum(1 for _ in folder.find(places)), progress)
    files = ((file.name, file.bytes(settings.max_bytes)) for file in folder.find(places))
    return import_pictures(database, engine, plan, info, files, values=values, tally=tally)


def import_pictures(
    database: Database,
    engine: Engine,
    plan: Plan,
    info: CollectionInfo,
    pictures: Iterable[Named],
    *,
    values: Values | None = None,
    tally: Tally,
) -> ImportReport:
    """Import pictures as they come, each with its name. A picture that cannot be used is a failure in the report."""
    engine.prepare(plan)
    pending: deque[_Picture | str] = deque()
    results = engine.run_many(plan, _feed(database, info, pictures, pending, tally))
    with loading(database, info, tally.progress) as load:
        with _Writer(database, info, tally, load) as writer:
            for result in results:
                item = pending.popleft()
                row = _row(item, result, values)
                if isinstance(row, Row):
                    writer.add(row, known=isinstance(item, _Picture) and item.known)
                else:
                    tally.fail(item if isinstance(item, str) else item.name, row)
        return tally.report()


def import_vectors(
    database: Database, info: CollectionInfo, rows: Iterable[VectorRow], *, progress: ProgressCallback | None = None
) -> ImportReport:
    """Import features computed elsewhere; a name that is already there is replaced."""
    tally = Tally(len(rows) if isinstance(rows, Sequence) else None, progress)
    seen: set[str] = set()
    with loading(database, info, progress) as load:
        with _Writer(database, info, tally, load, chunk=CHUNK_VECTORS) as writer:
            for batch in _batches(rows, CHUNK_VECTORS):
                with database.transaction() as connection:
                    seen.update(store.known(connection, info, [name for name, _, _ in batch]))
                for name, vector, values in batch:
                    feature = Feature(vector=vector)  # type: ignore[arg-type]  # the store checks and converts it
                    writer.add(Row(name=name, features=(feature,), values=values or {}), known=name in seen)
                    seen.add(name)
        return tally.report()


def _feed(
    database: Database,
    info: CollectionInfo,
    pictures: Iterable[Named],
    pending: "deque[_Picture | str]",
    tally: Tally,
) -> Iterator[bytes | OpenAnalyticError]:
    """What the engine is given, in order: the bytes of new and changed pictures, and errors in their place."""
    names: set[str] = set()
    for chunk in _chunks(pictures):
        with database.transaction() as connection:
            known = store.known(connection, info, [name for name, _ in chunk if _storable(name)])
        for name, data in chunk:
            if tally.stopped:
                return
            if (problem := _name_problem(name, names)) is not None:
                data = problem
            names.add(name)
            if isinstance(data, OpenAnalyticError):
                pending.append(name)
                yield data
                continue
            sha256 = hashlib.sha256(data).digest()
            if known.get(name) == sha256:
                tally.count(unchanged=1)
                continue
            pending.append(_Picture(name, data, sha256, name in known))
            yield data


def _name_problem(name: str, names: set[str]) -> InvalidName | None:
    if not _storable(name):
        return InvalidName(f"The name {name!r} is not valid UTF-8.", hint="Rename the file.")
    if name in names:
        return InvalidName(
            f"Two files are called {name!r}.",
            hint="Import a folder above both, so that their paths tell them apart.",
        )
    return None


def _storable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _chunks(pictures: Iterable[Named]) -> Iterator[list[Named]]:
    chunk: list[Named] = []
    size = 0
    for picture in pictures:
        chunk.append(picture)
        size += len(picture[1]) if isinstance(picture[1], bytes) else 0
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _row(item: _Picture | str, result: Result | OpenAnalyticError, values: Values | None) -> Row | OpenAnalyticError:
    if isinstance(result, OpenAnalyticError):
        return result
    assert isinstance(item, _Picture)  # noqa: S101 - files without bytes were given to the engine as errors
    given = values(item.name) if callable(values) else (values or {}).get(item.name, {})
    return Row(name=item.name, features=result.features, data=item.data, sha256=item.sha256, values=given)


def _batches(rows: Iterable[VectorRow], size: int) -> Iterator[list[VectorRow]]:
    batch: list[VectorRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


class _Writer:
    """Commits rows chunk by chunk in a thread of its own, one chunk ahead of the engine at most."""

    def __init__(
        self, database: Database, info: CollectionInfo, tally: Tally, load: Loading, *, chunk: int = CHUNK_FILES
    ) -> None:
        self._database, self._info, self._tally, self._load, self._chunk = database, info, tally, load, chunk
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="open_analytic-write")
        self._under_way: Future[None] | None = None
        self._rows: list[tuple[Row, bool]] = []
        self._names: set[str] = set()
        self._bytes = 0
        self._handed_over = time.monotonic()

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._hand_over()
                self._wait()
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def add(self, row: Row, *, known: bool) -> None:
        if row.name in self._names:  # its second row goes into the next transaction, and wins
            self._hand_over()
        self._names.add(row.name)
        self._rows.append((row, known))
        self._bytes += len(row.data or b"")
        waited = time.monotonic() - self._handed_over >= CHUNK_S
        if waited or len(self._rows) >= self._chunk or self._bytes >= CHUNK_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        self._wait()
        if self._rows:
            self._under_way = self._thread.submit(self._write, self._rows)
        self._rows, self._names, self._bytes = [], set(), 0
        self._handed_over = time.monotonic()

    def _wait(self) -> None:
        if self._under_way:
            self._under_way.result()

    def _write(self, rows: list[tuple[Row, bool]]) -> None:
        """One transaction; when a row is refused, one each, so that only that row fails."""
        try:
            self._commit(rows)
        except InvalidInput as error:
            if len(rows) == 1:
                self._tally.fail(rows[0][0].name, error)
                return
            logger.debug("a row of %d was refused, writing them one by one: %s", len(rows), error)
            for row in rows:
                self._write([row])

    def _commit(self, rows: list[tuple[Row, bool]]) -> None:
        with self._database.transaction() as connection:
            written = store.write(connection, self._info, [row for row, _ in rows])
        updated = sum(known for _, known in rows)
        self._tally.count(added=len(rows) - updated, updated=updated, rows=written)
        self._load.wrote(written, self._tally.left())
