"""Stops a model's run that takes too long, or whose callers have all gone: a graph can hold a loop without an end."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from open_analytic.cancellation import CancelToken

POLL_S = 0.25


class Stoppable(Protocol):
    """A run's options; ONNX Runtime looks at ``terminate`` before each node."""

    terminate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    options: Stoppable
    deadline: float
    callers: Sequence[CancelToken | None]  # None: one who waits for as long as it takes

    @property
    def wanted(self) -> bool:
        alone = bool(self.callers) and all(caller is not None and caller.gone for caller in self.callers)
        return not alone and time.monotonic() < self.deadline


class Watch:
    """Runs under way; one thread looks at them, and only while there are any."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s or float("inf")
        self._runs: dict[int, _Run] = {}
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, options: Stoppable, callers: Sequence[CancelToken | None] = ()) -> Iterator[None]:
        """Watch a run for as long as the block takes."""
        run = _Run(options=options, deadline=time.monotonic() + self._limit_s, callers=callers)
        number = next(self._numbers)
        with self._changed:
            self._runs[number] = run
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="open_analytic-watch", daemon=True)
                self._thread.start()
            elif len(self._runs) == 1:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._runs[number]

    def close(self) -> None:
        """End the thread; the next run starts another."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread:
            thread.join()

    def _work(self) -> None:
        with self._changed:
            while self._thread is threading.current_thread():
                for run in self._runs.values():
                    if not run.wanted:
                        run.options.terminate = True
                self._changed.wait(POLL_S if self._runs else None)
