"""One caller's hold on the models: how long it waits, and whether it still does. Carried by the thread that works."""

import time
from concurrent.futures import CancelledError
from contextvars import ContextVar

from open_analytic.errors import DeadlineExceeded


class Ticket:
    """A call under way; ``deadline`` is of ``time.monotonic``, None when the caller waits for as long as it takes."""

    def __init__(self, deadline: float | None = None) -> None:
        self.deadline = deadline
        self.cancelled = False

    def cancel(self) -> None:
        """The caller has gone: what is not running yet is not run."""
        self.cancelled = True

    @property
    def gone(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.cancelled or (self.deadline is not None and time.monotonic() > self.deadline)

    def check(self) -> None:
        """Raise when nobody waits for the answer any more."""
        if self.cancelled:
            raise CancelledError
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DeadlineExceeded(hint="Allow more time, send fewer pictures at once, or give the service more cores.")


TICKET: ContextVar[Ticket | None] = ContextVar("open_analytic_ticket", default=None)
# Those for whom a batch runs, in the thread that runs it; empty where a model is run for its own thread.
CALLERS: ContextVar[tuple[Ticket | None, ...]] = ContextVar("open_analytic_callers", default=())


def check_ticket() -> None:
    """Raise when nobody waits any more for what this thread does."""
    if ticket := TICKET.get():
        ticket.check()
