"""The HNSW index of a collection: built beside running searches and imports, with progress, never left half made."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Literal, TypeAlias

import psycopg
from psycopg import sql

from open_analytic.errors import BadParameter, UnknownCollection
from open_analytic.store import tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import EF_CONSTRUCTION, CollectionInfo, M, Metric, Progress, ProgressCallback

logger = logging.getLogger(__name__)

Tell: TypeAlias = Callable[[int], None]
State: TypeAlias = Literal["ready", "invalid", "absent", "building"]

OPCLASSES: dict[Metric, str] = {"l2": "halfvec_l2_ops", "cosine": "halfvec_cosine_ops", "ip": "halfvec_ip_ops"}
POLL_S = 0.2
CHECK_MS = 1000  # how often a server that builds looks whether its client is still there
KEY = 1_397_050_988  # first half of the advisory lock of one who builds; the other half is the table
GONE = "A renamed table stays its collection: open it again by its new name; `collection list` names all."
# Of maintenance_work_mem. A graph that outgrows it builds many times slower.
LEAST_BYTES, MOST_BYTES = 64 << 20, 2 << 30
WORKERS = 2


def state(connection: Connection, info: CollectionInfo) -> State:
    """Whether searches can use an index of all rows, or why not."""
    with translated():
        valid, invalid, building = _look(connection, info)
    if valid:
        return "ready"
    if building:
        return "building"
    return "invalid" if invalid else "absent"


def create(
    database: Database | str,
    info: CollectionInfo,
    *,
    m: int = M,
    ef_construction: int = EF_CONSTRUCTION,
    progress: ProgressCallback | None = None,
    wait: bool = True,
) -> None:
    """Build the index, in place of the one there is. A second caller waits while another builds it, and is done then.

    With ``wait=False`` it is left to the other at once.
    """
    check(m, ef_construction)
    dsn = database if isinstance(database, str) else database.dsn
    with translated(), connect(dsn, autocommit=True) as connection:
        if not wait and not lock(connection, info):
            return
        with alone(connection, info, progress) as waited:
            if not (waited and _look(connection, info)[0]):
                replace(connection, dsn, info, m=m, ef_construction=ef_construction, progress=progress)


def replace(
    connection: Connection,
    dsn: str,
    info: CollectionInfo,
    *,
    m: int,
    ef_construction: int,
    progress: ProgressCallback | None,
    index: str | None = None,
) -> None:
    """Build the index, in place of the one there is, on the connection of one who is alone."""
    tables.check(connection, info)
    old, left_over, _ = _look(connection, info)
    drop_named(connection, info, left_over)
    rows = _count(connection, info)
    build(
        connection,
        dsn,
        info,
        rows,
        m=m,
        ef_construction=ef_construction,
        index=index,
        progress=progress and partial(tell, progress, rows),
    )
    drop_named(connection, info, old)


def build(
    connection: Connection,
    dsn: str,
    info: CollectionInfo,
    rows: int,
    *,
    m: int,
    ef_construction: int,
    progress: Tell | None,
    index: str | None = None,
    where: str | None = None,
) -> None:
    """Build an index of ``rows`` rows: in memory, by several, and nothing is left of it when that fails."""
    _prepare(connection, info, rows, m)
    statement = create_statement(
        info.name,
        info.metric,
        m=m,
        ef_construction=ef_construction,
        concurrently=rows > 0,
        index=index,
        where=where,
        extension=connection.extension,
    )
    _build(connection, dsn, info, statement, progress)


def clear(connection: Connection, info: CollectionInfo) -> None:
    """Drop what an interrupted build left."""
    drop_named(connection, info, _look(connection, info)[1])


def drop(database: Database | str, info: CollectionInfo) -> None:
    """Drop the index; searches measure every row then."""
    dsn = database if isinstance(database, str) else database.dsn
    with translated(), connect(dsn, autocommit=True) as connection:
        valid, invalid, _ = _look(connection, info)
        drop_named(connection, info, [*valid, *invalid, *_partial(connection, info)])


def create_statement(
    name: str,
    metric: Metric,
    *,
    m: int = M,
    ef_construction: int = EF_CONSTRUCTION,
    concurrently: bool = True,
    index: str | None = None,
    where: str | None = None,
    extension: str | None = None,
) -> sql.Composed:
    """The CREATE INDEX. Without a name for it PostgreSQL takes ``index_name``'s, or one like it when that is taken.

    ``extension`` is the schema of pgvector; without it the session's search_path has to name it.
    """
    return query("index_create").format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
        index=sql.Identifier(index) if index else sql.SQL(""),
        table=sql.Identifier(*tables.split(name)),
        opclass=sql.Identifier(*filter(None, (extension, OPCLASSES[metric]))),
        m=sql.Literal(m),
        ef_construction=sql.Literal(ef_construction),
        where=sql.SQL(f"WHERE {where}" if where else ""),  # written by the database
    )


def index_name(name: str) -> str:
    """What PostgreSQL calls the index of a collection by itself."""
    suffix = "_feature_idx"
    table = tables.split(name)[1].encode()[: 63 - len(suffix)].decode(errors="ignore")
    return table + suffix


def _look(connection: Connection, info: CollectionInfo) -> tuple[list[str], list[str], bool]:
    """The names of valid and of invalid indexes, and whether someone is building one."""
    table = tables.identifier(info).as_string(connection)
    values = {"table": table, "opclass": OPCLASSES[info.metric], "key": KEY}
    row = connection.execute(query("index_state"), values).fetchone()
    if row is None:
        raise UnknownCollection(f"There is no table {info.name!r} any more.", hint=GONE)
    valid, invalid, building = row
    return valid, invalid, building


def _partial(connection: Connection, info: CollectionInfo) -> list[str]:
    """The names of those that have the rows with one value."""
    values = {"table": tables.identifier(info).as_string(connection), "opclass": OPCLASSES[info.metric]}
    return [name for (name,) in connection.execute(query("index_partial"), values)]


def _surplus(connection: Connection, info: CollectionInfo) -> list[str]:
    """The names of indexes that are exact copies of others and were not named by a user."""
    values = {"table": tables.identifier(info).as_string(connection), "name": index_name(info.name)}
    return [name for (name,) in connection.execute(query("index_surplus"), values)]


def lock(connection: Connection, info: CollectionInfo) -> bool:
    """Be the only one who builds, until the session ends; False when another is. Never waits."""
    values = {"table": tables.identifier(info).as_string(connection), "key": KEY}
    return connection.execute(query("index_lock"), values).fetchone() != (False,)  # NULL: the table is gone


def unlock(connection: Connection) -> None:
    """Let others build. Closing the session does too, but only when the server comes to see it."""
    if not connection.broken:
        connection.execute(query("index_unlock"))


@contextmanager
def alone(connection: Connection, info: CollectionInfo, progress: ProgressCallback | None) -> Iterator[bool]:
    """Only one builds at a time; gives whether another did before. Asking again and again, since to wait inside a
    statement would make the other's CREATE INDEX CONCURRENTLY wait for us."""
    waited = False
    while not lock(connection, info):
        waited = True
        if progress:
            progress(Progress(what="index", done=0))
        time.sleep(POLL_S)
    try:
        if waited:  # the other can have been killed before it dropped the index that its own replaces
            drop_named(connection, info, _surplus(connection, info))
        yield waited
    finally:
        unlock(connection)


def graph_bytes(info: CollectionInfo, rows: int, m: int) -> int:
    """The memory in which the index of ``rows`` rows is built at once."""
    return rows * (2 * info.dim + 30 * m + 250)


def _prepare(connection: Connection, info: CollectionInfo, rows: int, m: int) -> None:
    """Memory for the graph, as much as it needs and no more than is sane, and workers to share the work."""
    graph = graph_bytes(info, rows, m)
    values = {"wanted": max(graph, LEAST_BYTES) >> 10, "most": MOST_BYTES >> 10, "workers": str(WORKERS)}
    connection.execute(query("index_budget"), values)
    with suppress(psycopg.DatabaseError):  # a server on a platform that cannot, or before PostgreSQL 14
        connection.execute(query("index_watch"), {"check_ms": str(CHECK_MS)})


def _build(
    connection: Connection, dsn: str, info: CollectionInfo, statement: sql.Composed, progress: Tell | None
) -> None:
    try:
        try:
            _run(connection, dsn, statement, progress)
        except (psycopg.errors.DiskFull, psycopg.errors.OutOfMemory):
            # Workers share the graph in /dev/shm, which containers keep small. All of it is asked for before the
            # first row, so nothing was lost: build it alone.
            logger.info("no shared memory for parallel workers; building the index of %s without", info.name)
            clear(connection, info)
            connection.execute("SET max_parallel_maintenance_workers = 0")
            _run(connection, dsn, statement, progress)
    except BaseException:
        if not connection.broken:
            clear(connection, info)
        raise


def _run(connection: Connection, dsn: str, statement: sql.Composed, progress: Tell | None) -> None:
    """Run it in a thread, tell how far it is, and cancel it when we are interrupted."""
    with ThreadPoolExecutor(1, thread_name_prefix="open_analytic-index") as thread:
        work = thread.submit(connection.execute, statement)
        try:
            _follow(work, dsn, connection.info.backend_pid, progress)
            work.result()
        except BaseException:
            if not work.done():
                connection.cancel_safe()
                work.exception()
            raise


def _follow(work: "Future[psycopg.Cursor[object]]", dsn: str, backend: int, progress: Tell | None) -> None:
    if progress is None:
        return
    with connect(dsn, autocommit=True, vectors=False) as watcher:
        while not _finished(work):
            row = watcher.execute(query("index_progress"), {"backend": backend}).fetchone()
            if row:
                progress(row[0])


def _finished(work: "Future[psycopg.Cursor[object]]") -> bool:
    try:
        work.exception(POLL_S)
    except TimeoutError:
        return False
    return True


def drop_named(connection: Connection, info: CollectionInfo, names: list[str]) -> None:
    """Drop these indexes, without stopping searches."""
    for name in names:
        connection.execute(query("index_drop").format(index=sql.Identifier(info.schema, name)))


def _count(connection: Connection, info: CollectionInfo) -> int:
    row = connection.execute(query("index_rows").format(table=tables.identifier(info))).fetchone()
    return int(row[0]) if row else 0


def tell(progress: ProgressCallback, total: int, done: int, *, before: int = 0) -> None:
    """How far one is; ``before`` are the rows of indexes built before."""
    progress(Progress(what="index", done=min(before + done, total), total=total))


def check(m: int, ef_construction: int) -> None:
    """Refuse sizes pgvector does not take."""
    if not 2 <= m <= 100:
        raise BadParameter(f"m is {m!r}.", hint="Give 2 to 100.")
    if not max(4, 2 * m) <= ef_construction <= 1000:
        raise BadParameter(f"ef_construction is {ef_construction!r}.", hint=f"Give {max(4, 2 * m)} to 1000.")
