"""Deadline and cancellation of a call. The thread that works for the call carries its token."""

import time
from concurrent.futures import CancelledError
from contextvars import ContextVar

from open_analytic.errors import DeadlineExceeded


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
