"""Connections and their pool: nothing in the database changes what our statements mean; faults become our errors."""

import logging
import os
import re
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import IsolationLevel, conninfo, sql
from psycopg.pq import TransactionStatus

from open_analytic.config import Settings, written
from open_analytic.errors import CannotConnect, ConnectionLost, DatabaseError, NotMigrated, OpenAnalyticError
from open_analytic.store import session, values
from open_analytic.store.error_map import met_another, refused, translated
from open_analytic.util import libpq
from open_analytic.util.cancellation import Origin


class Address(Protocol):
    """Where a database is: one that was restarted is elsewhere."""

    def __call__(self) -> str:
        """The DSN as it is at the moment."""
        ...

    def explain(self, error: OpenAnalyticError) -> OpenAnalyticError:
        """The error of a connection that broke, or a better one."""
        ...


logger = logging.getLogger(__name__)

Result = TypeVar("Result")
ATTEMPTS = 4  # for a transaction that meets others

# Of a pool.
PATIENT_S = 60.0  # a busy pool is waited for
IDLE_S = 600.0  # a connection that nobody needed for so long is closed
OLD_S = 3600.0  # and one of this age: a backend's memory grows with what it planned

# Without a file of its own, and for numbers of files beyond 1024, where the system has it.
_Selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)

# As a part of a search_path: what stands before it would win over PostgreSQL's own names.
_PG_CATALOG = re.compile(r'(?:^|(?<=,))\s*(?:pg_catalog|"pg_catalog")\s*(?:,|$)')

# What a filter can leave in a session, though its transaction is undone and writes nothing. DISCARD ALL would throw
# away the plans of our functions, too.
FORGET = "DEALLOCATE ALL; SELECT pg_catalog.pg_advisory_unlock_all()"

# How to write one; also in the hint for one that cannot be read.
FORMS = "Write postgresql://user:password@host:5432/database, or host=... dbname=... user=..."


class Connection(psycopg.Connection[Any]):
    """A session that ``connect`` has set up. Its search_path has nothing but PostgreSQL's own schema."""

    path = session.DEFAULT_PATH  # the user's own search_path, for the types of columns
    filter_path: str | None = None  # the search_path of filters; None: PostgreSQL's own schema
    extension = "public"  # the schema of pgvector
    pooled = False  # a pooler stands between
    opened = used = 0.0  # by time.monotonic()

    @property
    def type_path(self) -> str:
        """The search_path that names of types are read with: PostgreSQL's own win."""
        return ", ".join(filter(None, (session.PATH, self.script_path)))

    @property
    def script_path(self) -> str:
        """The user's own search_path, then pgvector's schema; PostgreSQL's own names win, where it is not named."""
        path = _PG_CATALOG.sub("", self.path).strip(", ")
        return ", ".join(filter(None, (path, sql.Identifier(self.extension).as_string())))

    def begin(self) -> None:
        """Set the transaction up, where a pooler can have put it into another session."""
        if self.pooled:
            self.execute(session.assignments(local=True).encode())

    def abandon(self) -> None:
        """Close the socket in a fork, without a message to the server: the parent goes on using it."""
        os.close(self.fileno())

    def __del__(self, *_: Any) -> None:
        """No warning about a connection in a pool: it ends with the process."""
        if not self.used:
            super().__del__()


class Pool:
    """Connections to one database, at most ``size`` at once. Threads can share it, processes cannot.

    A dead one is noticed when it is taken, and replaced at once, however many there are. psycopg_pool waits longer and
    longer for each dead connection it meets, hides why none can be made, and logs it.
    """

    def __init__(self, make: Callable[[], Connection], size: int) -> None:
        self.size = size
        self._make, self._free = make, threading.Semaphore(size)
        self._idle: deque[Connection] = deque()  # the one used last is at the end
        self._lock, self._open, self._origin = threading.Lock(), True, Origin()

    def take(self) -> Connection:
        """A connection that lives, for one thread until ``give``. CannotConnect where none can be made."""
        self._origin.check()
        self._refuse_closed()
        if not self._free.acquire(timeout=PATIENT_S):
            raise DatabaseError(
                "No connection to the database came free in time.",
                hint="Use fewer threads, or raise OPEN_ANALYTIC_CONNECTIONS.",
            )
        try:
            self._refuse_closed()
            return self._living() or self._make()
        except BaseException:
            self._free.release()
            raise

    def give(self, connection: Connection) -> None:
        """Take a connection back. One that is in a transaction, broken or old is closed."""
        if not self._origin.is_here:
            return
        idle = connection.info.transaction_status == TransactionStatus.IDLE
        now = connection.used = time.monotonic()
        with self._lock:
            if keep := idle and self._open and now - connection.opened < OLD_S:
                self._idle.append(connection)
            late = []
            while self._idle and now - self._idle[0].used > IDLE_S:
                late.append(self._idle.popleft())
        for old in late if keep else [*late, connection]:
            old.close()
        self._free.release()

    def close(self) -> None:
        """Close those that are idle, and each other one when it is given back. Can be called twice.

        In a fork the sockets are closed without a message to the server: they are the parent's.
        """
        if not self._origin.is_here:
            while self._idle:
                with suppress(psycopg.Error, OSError):
                    self._idle.pop().abandon()
            return
        with self._lock:
            self._open, idle = False, list(self._idle)
            self._idle.clear()
        for connection in idle:
            connection.close()

    def _living(self) -> Connection | None:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None or _lives(connection):
                return connection
            connection.close()

    def _refuse_closed(self) -> None:
        if not self._open:
            raise DatabaseError("The database was closed.", hint="Open it again with connect().")


def _lives(connection: Connection) -> bool:
    """Whether the server has not closed it: then there is something to read. Else nobody is asked, which takes time."""
    try:
        with _Selector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            if selector.select(0):
                connection.execute("")
                connection.rollback()
    except psycopg.Error:
        return False
    return True


class Database:
    """Connections to one database. Can be shared by threads; a fork needs its own.

    An address is asked for the DSN at each new connection: an embedded server that was restarted is elsewhere.
    """

    def __init__(self, dsn: str | Address, settings: Settings) -> None:
        self._address = written(dsn) if isinstance(dsn, str) else dsn
        self._filter_path = settings.filter_path
        options(self.dsn)  # raises when it cannot be read
        self._pool = Pool(self._connect, max(1, settings.connections))

    @property
    def dsn(self) -> str:
        """Where the database is now; an embedded server that has ended is started again."""
        return self._address if isinstance(self._address, str) else self._address()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection in one transaction: committed at the end, rolled back by an exception."""
        with self._lent(read_only=False) as connection:
            yield connection

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """The result of work in a transaction; done again a few times when it met another one, as in a deadlock."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.transaction() as connection:
                    return work(connection)
            except DatabaseError as error:
                if attempt == ATTEMPTS or not met_another(error):
                    raise
                logger.info("a transaction is run again: %s", error.message)
        raise AssertionError  # the last attempt returned or raised

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in a transaction that can change nothing, and leaves no setting and no lock behind."""
        with self._lent(read_only=True) as connection:
            yield connection

    @contextmanager
    def _lent(self, *, read_only: bool) -> Iterator[Connection]:
        try:
            with translated():
                connection, stack = self._begun(read_only)
                with stack:
                    yield connection
        except (ConnectionLost, CannotConnect) as error:
            better = error if isinstance(self._address, str) else self._address.explain(error)
            if better is error:
                raise
            raise better from error

    def _begun(self, read_only: bool) -> tuple[Connection, ExitStack]:
        """A connection in a transaction, and what ends both.

        Where the server closes a connection just as its transaction begins, nothing was done yet: another is taken.
        """
        for attempts_left in reversed(range(self._pool.size + 1)):
            connection = self._pool.take()
            try:
                with ExitStack() as stack:
                    stack.callback(self._pool.give, connection)
                    if read_only:
                        stack.enter_context(_reads(connection))
                    stack.enter_context(connection.transaction(force_rollback=read_only))
                    connection.begin()
                    return connection, stack.pop_all()
            except psycopg.OperationalError:
                if not (connection.closed and attempts_left):
                    raise
        raise AssertionError  # the last attempt returns or raises

    def close(self) -> None:
        """Close every connection. Can be called twice, and in a fork."""
        self._pool.close()

    def _connect(self) -> Connection:
        connection = connect(self.dsn)
        connection.filter_path = self._filter_path
        return connection


@contextmanager
def _reads(connection: Connection) -> Iterator[None]:
    """Transactions inside can change nothing; what they leave in the session is given back."""
    connection.read_only = True
    try:
        yield
    finally:
        if connection.info.transaction_status == TransactionStatus.IDLE:
            connection.read_only = None
            _forget(connection)
        else:  # what it is in nobody knows: the pool makes another
            connection.close()


def _forget(connection: Connection) -> None:
    """Release what outlives a transaction that is undone: advisory locks and prepared statements."""
    connection.autocommit = True
    try:
        connection.execute(FORGET.encode())
    finally:
        connection.autocommit = False


def connect(dsn: str, *, autocommit: bool = False, vectors: bool = True) -> Connection:
    """One connection outside the pool; ``vectors=False`` where pgvector does not have to be there yet."""
    connection = _opened(options(dsn))
    try:
        with translated():
            state = session.prepare(connection)
    except BaseException:
        connection.close()
        raise
    if vectors and state.extension is None:
        connection.close()
        raise NotMigrated(
            "The database does not have the extension vector (pgvector).", hint="Run `open-analytic db upgrade`."
        )
    connection.path, connection.pooled = state.path, state.pooled
    connection.extension = state.extension or Connection.extension
    connection.opened = time.monotonic()
    connection.prepare_threshold = None  # a prepared search gets a generic plan, which loses rows
    connection.autocommit = autocommit
    return connection


def _opened(parameters: str) -> Connection:
    own = libpq.is_own(conninfo.conninfo_to_dict(parameters))
    try:
        with libpq.private() if own else nullcontext():
            connection = Connection.connect(parameters, autocommit=True)
    except psycopg.Error as error:
        raise refused(error, embedded=own) from error
    values.register(connection)
    connection.isolation_level, connection.deferrable = IsolationLevel.READ_COMMITTED, False
    return connection


def options(dsn: str) -> str:
    """The DSN with what we rely on: UTF-8, a name to be seen by, and an end to waiting."""
    try:
        keywords = conninfo.conninfo_to_dict(written(dsn))
    except psycopg.ProgrammingError:  # its message repeats the DSN, and so the password
        raise CannotConnect("The DSN cannot be read.", hint=FORMS) from None
    ours = {"connect_timeout": "10", "fallback_application_name": "open_analytic"}
    parameters = ours | keywords | {"client_encoding": "UTF8"}
    if libpq.is_own(keywords):
        parameters = libpq.explicit(parameters)
    return conninfo.make_conninfo(**parameters)  # type: ignore[arg-type]
