"""A pool of connections. A dead one is noticed when it is taken, and replaced at once, however many there are.

psycopg_pool waits longer and longer for each dead connection it meets, hides why none can be made, and logs it.
"""

import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from open_analytic.cancellation import Origin
from open_analytic.errors import DatabaseError

if TYPE_CHECKING:
    from open_analytic.store.connection import Connection

PATIENT_S = 60.0  # a busy pool is waited for
IDLE_S = 600.0  # a connection that nobody needed for so long is closed
OLD_S = 3600.0  # and one of this age: a backend's memory grows with what it planned

# Without a file of its own, and for numbers of files beyond 1024, where the system has it.
_Selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)


class Pool:
    """Connections to one database, at most ``size`` at once. Threads can share it, processes cannot."""

    def __init__(self, make: "Callable[[], Connection]", size: int) -> None:
        self.size = size
        self._make, self._free = make, threading.Semaphore(size)
        self._idle: deque[Connection] = deque()  # the one used last is at the end
        self._lock, self._open, self._origin = threading.Lock(), True, Origin()

    def take(self) -> "Connection":
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

    def give(self, connection: "Connection") -> None:
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

    def _living(self) -> "Connection | None":
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None or _lives(connection):
                return connection
            connection.close()

    def _refuse_closed(self) -> None:
        if not self._open:
            raise DatabaseError("The database was closed.", hint="Open it again with connect().")


def _lives(connection: "Connection") -> bool:
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
