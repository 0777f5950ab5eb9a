"""Calls of several threads through a batcher that begins when all of them are there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from open_analytic.runtime.batcher import Batcher, Ran
from open_analytic.runtime.cache import ModelCache


def batched(
    cache: ModelCache, name: str, calls: list[list[Any]], jobs: int = 0
) -> tuple[list[NDArray[np.float32]], list[Ran]]:
    """The features of each call, of as many threads; and the batches, the first of which begins with all jobs."""
    runs: list[Ran] = []
    batcher = Batcher(
        cache, max_batch=8, max_wait_ms=60_000, runners=1, threads=1, observer=runs.append,
        expected=lambda: 0 if runs else jobs or len(calls),
    )  # fmt: skip
    try:
        with ThreadPoolExecutor(len(calls)) as callers:
            waiting = [callers.submit(batcher.model(name), call) for call in calls]
            return [each.result(60)["features"] for each in waiting], runs
    finally:
        batcher.close()
