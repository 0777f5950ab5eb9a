"""Whether a call can go on: its deadline, its cancellation, and the process that it was made for.

The thread that works for a call carries its token. Threads, locks and sockets do not survive a fork.
"""

import os
import time
from concurrent.futures import CancelledError
from contextvars import ContextVar

from open_analytic.errors import DeadlineExceeded, OtherProcess


class CancelToken:
    """Cancels a call; ``deadline`` is a value of ``time.monotonic``, None for a call without a deadline."""

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self.cancelled = False

    def cancel(self) -> None:
        """Cancel the work that has not started: the caller has gone."""
        self.cancelled = True

    @property
    def gone(self) -> bool:
        """Whether the call was cancelled or its deadline has passed."""
        return self.cancelled or (self.deadline is not None and time.monotonic() > self.deadline)

    def check(self) -> None:
        """Raise CancelledError after a cancellation, DeadlineExceeded after the deadline."""
        if self.cancelled:
            raise CancelledError
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded(hint="Allow more time, send fewer pictures at once, or give the service more cores.")


CANCEL_TOKEN: ContextVar[CancelToken | None] = ContextVar("open_analytic_ticket", default=None)
# Those for whom a batch runs, in the thread that runs it; empty where a model is run for its own thread.
CALLERS: ContextVar[tuple[CancelToken | None, ...]] = ContextVar("open_analytic_callers", default=())


def check_cancelled() -> None:
    """Raise when the call that this thread works for was cancelled or its deadline has passed."""
    if cancel_token := CANCEL_TOKEN.get():
        cancel_token.check()


class Origin:
    """Remembers the process it was made in."""

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_here(self) -> bool:
        """Whether this is still the same process, and not a fork of it."""
        return os.getpid() == self._pid

    def check(self) -> None:
        """Raise OtherProcess in a fork. It takes no lock: a thread of the parent could hold one for ever here."""
        if not self.is_here:
            raise OtherProcess(
                f"The database was opened in process {self._pid}, and this is process {os.getpid()}.",
                hint="Call connect() in this process: a forked process cannot share connections, models and threads.",
            )
