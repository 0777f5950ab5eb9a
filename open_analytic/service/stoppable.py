"""Work that another task can stop. It runs in the caller's task: one of its own would cost turns of the event loop."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The work was stopped before its end."""


class Stoppable:
    """Awaits one piece of work."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._stopped = False

    async def run(self, work: Awaitable[T]) -> T:
        """What the work gives, or Stopped."""
        task = self._task = asyncio.current_task()
        try:
            return await work
        except asyncio.CancelledError:
            if self._stopped and task and task.cancelling() == 1:
                raise Stopped from None
            raise  # the task itself is to end
        finally:
            self._task = None
            if self._stopped and task:
                task.uncancel()  # ours, whatever the work made of it

    def stop(self) -> None:
        """End the work, if it still runs."""
        if self._task and not self._stopped:
            self._stopped = self._task.cancel()
