"""Many inputs through a pipeline: some are decoded while those before them are run."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeAlias

from open_analytic.errors import OpenAnalyticError
from open_analytic.operators.limits import Limits
from open_analytic.pipeline import run as pipeline
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.pipeline.run import Begun

Finish: TypeAlias = Callable[[list[Begun]], Sequence[Result | OpenAnalyticError]]

RUNNERS = 2  # batches that run side by side: two runs of half the threads waste less on waiting than one of all
BATCHES_AHEAD = RUNNERS + 1  # one more is decoded meanwhile


def results(
    plan: Plan, items: Iterable[Item], limits: Limits, finish: Finish, *, size: int, decoders: int, runners: int
) -> Iterator[Result | OpenAnalyticError]:
    """A result or an error for each item, in order: at most ``BATCHES_AHEAD`` batches of ``size`` are held at once.

    The threads have the cancel token of the caller: what waits in them ends with it.
    """
    source = iter(items)
    batches: deque[Future[Sequence[Result | OpenAnalyticError]]] = deque()
    decoding = ThreadPoolExecutor(decoders, thread_name_prefix="open_analytic-decode")
    running = ThreadPoolExecutor(runners, thread_name_prefix="open_analytic-run")
    try:
        while True:
            while len(batches) < BATCHES_AHEAD and (part := list(itertools.islice(source, size))):
                states = [decoding.submit(copy_context().run, _begin, plan, item, limits) for item in part]
                batches.append(running.submit(copy_context().run, _finish, finish, states))
            if not batches:
                return
            yield from batches.popleft().result()
    finally:
        running.shutdown(wait=False, cancel_futures=True)
        decoding.shutdown(wait=True, cancel_futures=True)
        running.shutdown(wait=True)


def _begin(plan: Plan, item: Item, limits: Limits) -> Begun:
    """Read an item, where that is still to be done, and take it through the steps before the first model."""
    try:
        data = item() if callable(item) else item
    except OpenAnalyticError as error:
        return error
    return data if isinstance(data, OpenAnalyticError) else pipeline.begin(plan, data, limits, wait=False)


def _finish(finish: Finish, states: list[Future[Begun]]) -> Sequence[Result | OpenAnalyticError]:
    return finish([state.result() for state in states])
