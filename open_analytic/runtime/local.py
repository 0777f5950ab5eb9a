"""The engine in this process: decoding threads feed batches to the threads that run the models."""

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline import run as pipeline
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.run import RUNNERS, Begun
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import ProgressCallback
from open_analytic.util.cancellation import Origin


class LocalEngine:
    """Meets ``pipeline.engine.Engine`` with models in this process. Threads can share it."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._cache, self._origin = ModelCache(library, settings), Origin()
        self._limits = Limits.of(settings)
        cores = os.cpu_count() or 1
        self._decode_threads = settings.decode_threads or cores
        threads = settings.threads or cores
        self._runners = min(RUNNERS, threads)
        self._half = partial(self._cache.model, threads=threads // self._runners)
        self._batch_size = max(1, (settings.batch_size or 2 * threads) // self._runners)  # side by side no more memory

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""
        self._origin.check()
        return list(pipeline.run(plan, items, self._cache.model, self._limits))

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items: a few batches are held at once."""
        self._origin.check()
        return pipeline.prefetched(
            plan,
            items,
            self._limits,
            partial(self._finish, plan),
            size=batch_size or self._batch_size,
            decoders=self._decode_threads,
            runners=self._runners,
        )

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Pull the models of the plan."""
        self._origin.check()
        for name in plan.models:
            self._cache.pull(name, progress)

    def close(self) -> None:
        """Unload the models."""
        self._cache.clear()

    def _finish(self, plan: Plan, states: list[Begun]) -> list[Result | OpenAnalyticError]:
        return list(pipeline.finish(plan, states, self._half, self._limits))
