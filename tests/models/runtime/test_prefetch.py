"""Batches under way when the caller leaves: what runs is finished, what waits is not begun."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.engine import Result
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.run import Begun, prefetched
from open_analytic.pipeline.spec import load
from tests import tiny


def test_batches_that_wait_are_not_run_once_the_caller_has_left(tmp_path: Path) -> None:
    settings = Settings.read({}, cards=(tiny.write(tmp_path / "cards"),), models_dir=tmp_path / "models")
    colours = plan(load(tiny.PIPELINE, "mean_colour"), Library(settings).cards)
    gate, ran = threading.Event(), []

    def finish(states: list[Begun]) -> Sequence[Result | OpenAnalyticError]:
        ran.extend(states)
        if len(ran) == 2:
            assert gate.wait(30)
        return [state for state in states if isinstance(state, OpenAnalyticError)]

    items = [OpenAnalyticError(str(number)) for number in range(10)]
    results = prefetched(colours, items, Limits(), finish, size=1, decoders=1, runners=1)
    assert next(results) is items[0]
    while len(ran) < 2:
        time.sleep(0.001)
    with ThreadPoolExecutor(1) as other:
        closing = other.submit(results.close)  # type: ignore[attr-defined]
        while any(thread.name.startswith("open_analytic-decode") for thread in threading.enumerate()):
            time.sleep(0.001)  # they end after the waiting batches were cancelled
        gate.set()
        closing.result(30)
    assert ran == items[:2]
