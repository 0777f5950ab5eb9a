"""Work that another task can cancel. It runs in the task of the caller, without a turn of the event loop."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Cancelled(Exception):
    """The work was cancelled before its end."""


class Cancellable:
    """Awaits one piece of work."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._stopped = False

    async def run(self, work: Awaitable[T]) -> T:
        """The result of the work. Errors: Cancelled."""
        task = self._task = asyncio.current_task()
        try:
            return await work
        except asyncio.CancelledError:
            if self._stopped and task and task.cancelling() == 1:
                raise Cancelled from None
            raise  # the task itself is to end
        finally:
            self._task = None
            if self._stopped and task:
                task.uncancel()  # ours, whatever the work made of it

    def stop(self) -> None:
        """End the work, if it still runs."""
        if self._task and not self._stopped:
            self._stopped = self._task.cancel()
