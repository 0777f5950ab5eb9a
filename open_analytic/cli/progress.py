"""Long work as bars on standard error; where that is no terminal, a line now and then."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from open_analytic.cli.failures import printable
from open_analytic.cli.output import stderr

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from open_analytic.types import Progress, ProgressCallback

EVERY_S = 10.0  # between two lines in a log


@contextmanager
def bar(what: str) -> "Iterator[ProgressCallback]":
    """A callback that shows where the work stands, until the block ends."""
    if not stderr().is_terminal:
        yield _Lines(what)
        return
    with _bars() as bars:
        yield _Bars(bars, what)


class _Bars:
    """One bar for each kind of work the callback hears of, the first one from the start."""

    def __init__(self, bars: "Bars", what: str) -> None:
        self._bars, self._lock = bars, threading.Lock()
        self._waiting: TaskID | None = bars.add_task(printable(what), total=None, note="")
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: "Progress") -> None:
        with self._lock:
            if progress.what not in self._tasks:
                if self._waiting is not None:
                    self._bars.remove_task(self._waiting)
                    self._waiting = None
                self._tasks[progress.what] = self._bars.add_task(printable(progress.what), total=None, note="")
            self._bars.update(
                self._tasks[progress.what], completed=progress.done, total=progress.total, note=_note(progress)
            )


class _Lines:
    """For a log: the first line after ten seconds, nothing for work that is done by then."""

    def __init__(self, what: str) -> None:
        self._what, self._last, self._lock = what, time.monotonic(), threading.Lock()

    def __call__(self, progress: "Progress") -> None:
        with self._lock:
            if time.monotonic() - self._last < EVERY_S:
                return
            self._last = time.monotonic()
        stderr().print(
            f"{self._what}: {printable(progress.what)}: {_note(progress)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _note(progress: "Progress") -> str:
    """``120 of 200, 3 failed, 80 waiting``; large counts are bytes only for downloads."""
    unit = progress.what.startswith(("download", "fetch"))
    done, total = (
        (_megabytes(value) if unit else f"{value:,}") if value is not None else None
        for value in (progress.done, progress.total)
    )
    notes = [f"{done} of {total}" if total is not None else str(done)]
    if progress.failed:
        notes.append(f"{progress.failed:,} failed")
    if progress.total is not None and not unit:
        notes.append(f"{progress.total - progress.done:,} waiting")
    return ", ".join(notes)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _bars() -> "Bars":
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(compact=True),
        console=stderr(),
        transient=True,
    )
