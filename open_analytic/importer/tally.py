"""The counts of an import while it runs, and its report."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from open_analytic.errors import OpenAnalyticError
from open_analytic.types import Failure, ImportReport, LeftOut, Progress, ProgressCallback

Count: TypeAlias = Literal["added", "updated", "unchanged", "skipped", "without_regions"]


@dataclass(slots=True)
class Tally:
    """What happened so far. Reading and writing count from two threads."""

    total: int | None = None
    progress: ProgressCallback | None = None
    outward: Callable[[str, OpenAnalyticError], OpenAnalyticError] | None = None  # a picture's error as readers see it
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    without_regions: int = 0
    rows: int = 0
    failed: list[Failure] = field(default_factory=list)
    left_out: Sequence[LeftOut] = ()
    unmatched: Sequence[str] = ()
    ignored_columns: Sequence[str] = ()
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    stopped: bool = False  # set from outside: what did not begin yet is left out
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: Count, pictures: int = 1, *, rows: int = 0) -> None:
        with self.lock:
            setattr(self, what, getattr(self, what) + pictures)
            self.rows += rows
            self._tell()

    def fail(self, name: str, error: OpenAnalyticError, *, place: str | None = None) -> None:
        # Where it was raised the picture was at hand: with that every bad picture would stay in memory.
        error = self.outward(name, error) if self.outward else error
        error = error.at(place) if place else error
        error.__traceback__ = error.__cause__ = error.__context__ = None
        with self.lock:
            self.failed.append(Failure(name=name, error=error, place=place))
            self._tell()

    def take_back(self, kind: type[OpenAnalyticError]) -> list[str]:
        """Failures of one class no longer count: their pictures come again, or were decided on. The names."""
        with self.lock:
            names = [failure.name for failure in self.failed if type(failure.error) is kind]
            self.failed = [failure for failure in self.failed if type(failure.error) is not kind]
        return names

    def _tell(self) -> None:
        if self.progress:
            self.progress(Progress(what="import", done=self.done(), total=self.total, failed=len(self.failed)))

    @property
    def seconds(self) -> float:
        """How long it takes so far, or took."""
        return (self.ended or time.monotonic()) - self.started

    def end(self) -> None:
        """Nothing more will happen."""
        self.ended = self.ended or time.monotonic()

    def left(self) -> int | None:
        """How many are to come at most; None when nobody knows."""
        return None if self.total is None else self.total - self.done()

    def done(self) -> int:
        """Pictures that nothing more happens to."""
        return self.added + self.updated + self.unchanged + self.skipped + self.without_regions + len(self.failed)

    def report(self) -> ImportReport:
        return ImportReport(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            skipped=self.skipped,
            without_regions=self.without_regions,
            rows=self.rows,
            failed=tuple(sorted(self.failed, key=lambda failure: failure.name)),
            left_out=tuple(self.left_out),
            unmatched=tuple(self.unmatched),
            ignored_columns=tuple(self.ignored_columns),
            seconds=self.seconds,
        )
