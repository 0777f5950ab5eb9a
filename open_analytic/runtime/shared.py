"""The engine of the service: all callers, in all threads, share models and batches."""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline import run as pipeline
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.run import RUNNERS, Begun
from open_analytic.runtime.batcher import Batcher, Observer
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import ProgressCallback


class SharedEngine:
    """Meets ``pipeline.engine.Engine``; each call runs in its caller's thread, its models in those of the batcher."""

    def __init__(self, library: Library, settings: Settings, *, observer: Observer = lambda ran: None) -> None:
        self._cache = ModelCache(library, settings)
        self._limits = Limits.of(settings)
        self._under_way, self._lock = 0, threading.Lock()
        cores = settings.threads or os.cpu_count() or 1
        self.batch_size = settings.service_max_batch or cores
        self._decode_threads = settings.decode_threads or os.cpu_count() or 1
        self._batcher = Batcher(
            self._cache,
            max_batch=self.batch_size,
            max_wait_ms=settings.service_max_wait_ms,
            runners=min(RUNNERS, cores),
            threads=settings.threads,
            expected=lambda: self._under_way,
            observer=observer,
        )

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""
        with self._counted():
            return list(pipeline.run(plan, items, self._batcher.model, self._limits))

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items: a few batches are held at once."""
        return pipeline.prefetched(
            plan,
            items,
            self._limits,
            partial(self._finish, plan),
            size=batch_size or self.batch_size,
            decoders=self._decode_threads,
            runners=RUNNERS,
        )

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Pull and load the models of the plan, for a caller alone and for several at once."""
        for name in plan.models:
            self._cache.pull(name, progress)
            self._batcher.load(name)

    def loaded(self) -> dict[str, int]:
        """Bytes of weights in memory, by model."""
        return self._cache.loaded()

    def unload_idle(self, idle_s: float) -> list[str]:
        """Unload the models that no call has used since; their names."""
        return self._cache.unload_idle(idle_s)

    def close(self) -> None:
        """Finish what runs, and unload the models."""
        self._batcher.close()
        self._cache.clear()

    def _finish(self, plan: Plan, states: list[Begun]) -> list[Result | OpenAnalyticError]:
        with self._counted():
            return list(pipeline.finish(plan, states, self._batcher.model, self._limits))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1
            self._batcher.look_again()
