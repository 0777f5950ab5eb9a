"""Connections: a pool that notices those the server closed, set up for vectors, with every foreign error translated."""

import logging
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeAlias

import psycopg
import psycopg_pool
from pgvector.psycopg import register_vector
from psycopg import conninfo
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from open_analytic import libpq
from open_analytic.config import Settings
from open_analytic.errors import CannotConnect, NotMigrated
from open_analytic.store.faults import translated

logger = logging.getLogger(__name__)

Connection: TypeAlias = psycopg.Connection[Any]
Address: TypeAlias = Callable[[], str]  # the DSN as it is at the moment


class _Connection(psycopg.Connection[Any]):
    """A connection that PG* variables do not lead astray when it goes to an embedded server."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        if not libpq.is_own(conninfo_to_dict(conninfo)):
            return super().connect(conninfo, **options)
        with libpq.private():
            return super().connect(conninfo, **options)


# Without a file of its own, and for numbers of files beyond 1024, where the system has it.
_Selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)

QUICK_S = 2.0  # after so long without a connection we look whether the server is there at all
PATIENT_S = 60.0  # a busy pool is waited for

# Where pgvector was installed into a schema of its own, its operators are found there.
SETUP = """
SELECT set_config('search_path',
                  pg_catalog.concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(n.nspname)), false)
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
WHERE e.extname = 'vector' AND n.nspname <> ALL (current_schemas(true))
"""


class Database:
    """One pool of connections to one database. May be shared by threads.

    An address is asked for the DSN at each new connection: an embedded server that was started anew is elsewhere.
    """

    def __init__(self, dsn: str | Address, settings: Settings) -> None:
        self._address: Address = dsn if callable(dsn) else lambda: dsn
        options(self.dsn)  # raises when it cannot be read
        self._pool: psycopg_pool.ConnectionPool[Connection] = psycopg_pool.ConnectionPool(
            lambda: options(self.dsn),
            connection_class=_Connection,
            min_size=0,
            max_size=max(1, settings.connections),
            configure=_configure,
            check=_check,
            reconnect_timeout=QUICK_S,
            open=False,
            name="open_analytic",
        )
        self._pool.open()

    @property
    def dsn(self) -> str:
        """Where the database is now; an embedded server that has ended is started again."""
        return self._address()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in one transaction: committed at the end, rolled back by an exception."""
        with self._lent() as connection, connection.transaction():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that may change nothing, and leaves no setting behind."""
        with self._lent() as connection:
            connection.read_only = True
            try:
                with connection.transaction(force_rollback=True):
                    yield connection
            finally:
                if connection.info.transaction_status == TransactionStatus.IDLE:
                    connection.read_only = None
                else:  # what it is in nobody knows: the pool makes another
                    connection.close()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        with translated():
            connection = self._take()
            try:
                yield connection
            finally:
                self._pool.putconn(connection)

    def close(self) -> None:
        """Close every connection. May be called twice."""
        self._pool.close()

    def _take(self) -> Connection:
        try:
            return self._pool.getconn(QUICK_S)
        except psycopg_pool.PoolTimeout:
            connect(self.dsn).close()  # raises when the server is not there
        return self._pool.getconn(PATIENT_S)


def connect(dsn: str, *, autocommit: bool = False, vectors: bool = True) -> Connection:
    """One connection outside the pool; ``vectors=False`` where pgvector may not be there yet."""
    parameters = options(dsn)
    try:
        connection = _Connection.connect(parameters, autocommit=autocommit)
    except psycopg.OperationalError as error:
        raise CannotConnect(
            f"The database cannot be reached: {_reason(error)}.", hint=_next_step(parameters)
        ) from error
    if vectors:
        try:
            with translated():
                _configure(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def options(dsn: str) -> str:
    """The DSN with what we rely on: UTF-8, a name to be seen by, and an end to waiting."""
    try:
        given = conninfo.conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:  # its message repeats the DSN, and so the password
        raise CannotConnect(
            "The DSN cannot be read.",
            hint="Write postgresql://user:password@host:5432/database, or host=... dbname=... user=...",
        ) from None
    ours = {"connect_timeout": "10", "fallback_application_name": "open_analytic"}
    parameters = ours | given | {"client_encoding": "UTF8"}
    if libpq.is_own(given):
        parameters = libpq.explicit(parameters)
    return conninfo.make_conninfo(**parameters)  # type: ignore[arg-type]


def _next_step(dsn: str) -> str:
    if libpq.is_own(conninfo.conninfo_to_dict(dsn)):
        return "The embedded server has ended, or starts anew. Run it again; `open-analytic db status` shows its log."
    return "Check that the server runs, and host, port, user, password and database of the DSN."


def _reason(error: psycopg.OperationalError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].removesuffix(".") if lines else type(error).__name__


def _check(connection: Connection) -> None:
    """Whether the server closed it: then there is something to read. Otherwise nobody is asked, which takes time."""
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if selector.select(0):
            psycopg_pool.ConnectionPool.check_connection(connection)


def _configure(connection: Connection) -> None:
    connection.prepare_threshold = None  # a prepared search gets a generic plan, which loses rows
    connection.execute("SET standard_conforming_strings = on")  # as the lexer reads filters
    connection.execute(SETUP)
    try:
        register_vector(connection)
    except psycopg.ProgrammingError as error:
        raise NotMigrated(
            "The database does not have the extension vector (pgvector).", hint="Run `open-analytic db upgrade`."
        ) from error
    if not connection.autocommit:
        connection.commit()
