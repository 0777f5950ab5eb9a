"""The engine in this process: decoding threads feed batches to the threads that run the models."""

import itertools
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.image import Limits
from open_analytic.pipeline import run as pipeline
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.run import State
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import ProgressCallback

RUNNERS = 2  # batches that run side by side: two runs of half the threads waste less on waiting than one of all
BATCHES_AHEAD = RUNNERS + 1  # one more is decoded meanwhile


class LocalEngine:
    """Meets ``pipeline.engine.Engine`` with models in this process. May be shared by threads."""

    def __init__(self, library: Library, settings: Settings) -> None:
        self._cache = ModelCache(library, settings)
        self._limits = Limits(settings.max_bytes, settings.max_pixels)
        cores = os.cpu_count() or 1
        self._decode_threads = settings.decode_threads or cores
        threads = settings.threads or cores
        self._runners = min(RUNNERS, threads)
        self._half = partial(self._cache.model, threads=threads // self._runners)
        self._batch_size = max(1, (settings.batch_size or 2 * threads) // self._runners)  # side by side no more memory

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""
        return list(pipeline.run(plan, items, self._cache.model, self._limits))

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items: at most ``BATCHES_AHEAD`` batches are held at once."""
        size = batch_size or self._batch_size
        source = iter(items)
        batches: deque[Future[list[Result | OpenAnalyticError]]] = deque()
        decoders = ThreadPoolExecutor(self._decode_threads, thread_name_prefix="open_analytic-decode")
        runner = ThreadPoolExecutor(self._runners, thread_name_prefix="open_analytic-run")
        try:
            while True:
                while len(batches) < BATCHES_AHEAD and (part := list(itertools.islice(source, size))):
                    states = [decoders.submit(begin, plan, item, self._limits) for item in part]
                    batches.append(runner.submit(self._finish, plan, states))
                if not batches:
                    return
                yield from batches.popleft().result()
        finally:
            runner.shutdown(wait=False, cancel_futures=True)
            decoders.shutdown(wait=True, cancel_futures=True)
            runner.shutdown(wait=True)

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Pull the models of the plan."""
        for name in plan.models:
            self._cache.pull(name, progress)

    def close(self) -> None:
        """Let go of the models."""
        self._cache.clear()

    def _finish(self, plan: Plan, states: list[Future[State | OpenAnalyticError]]) -> list[Result | OpenAnalyticError]:
        return list(pipeline.finish(plan, [state.result() for state in states], self._half, self._limits))


def begin(plan: Plan, item: Item, limits: Limits) -> State | OpenAnalyticError:
    """Read an item, where that is still to be done, and take it through the steps before the first model."""
    try:
        data = item() if callable(item) else item
    except OpenAnalyticError as error:
        return error
    return data if isinstance(data, OpenAnalyticError) else pipeline.begin(plan, data, limits)
