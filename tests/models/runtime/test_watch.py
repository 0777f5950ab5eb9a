"""A graph that never ends is stopped: at the limit of one run, or as soon as nobody waits for it."""

import io
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import DeadlineExceeded
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.local import LocalEngine
from open_analytic.runtime.shared import SharedEngine
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken
from tests import tiny

FOREVER = 2**62  # rounds of the graph's loop


def settings(folder: Path, **more: int) -> Settings:
    cards = tiny.write_slow(tiny.write(folder / "cards"), steps=FOREVER)
    return Settings.read({}, cards=(cards,), models_dir=folder / "models", **more)


def endless(library: Library) -> Plan:
    return plan(load(tiny.slow_pipeline(), "slow_colour"), library.cards)


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20), (255, 0, 0)).save(file, "PNG")
    return file.getvalue()


def test_a_run_ends_at_its_limit_and_the_engine_goes_on(tmp_path: Path) -> None:
    chosen, before = settings(tmp_path, model_run_s=2), set(threading.enumerate())
    library = Library(chosen)
    engine = LocalEngine(library, chosen)
    with pytest.raises(DeadlineExceeded) as stopped:
        engine.run(endless(library), [picture()])
    assert stopped.value.message == (
        "Model 'slow_colour' was stopped: its run took too long, or nobody waited for it any more."
    )
    colours = plan(load(tiny.PIPELINE, "mean_colour"), library.cards)
    assert [result.output for result in engine.run(colours, [picture()])] == [{"feature": [1.0, 0.0, 0.0]}]  # type: ignore[union-attr]
    engine.close()
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("callers", [1, 3], ids=["alone", "in a batch"])
@pytest.mark.parametrize("how", ["cancelled", "deadline"])
def test_threads_are_free_when_every_caller_has_gone(tmp_path: Path, callers: int, how: str) -> None:
    chosen = settings(tmp_path, model_run_s=0)
    library = Library(chosen)
    engine, what = SharedEngine(library, chosen), endless(library)
    cancel_tokens = [CancelToken(time.monotonic() + 1 if how == "deadline" else None) for _ in range(callers)]
    ended: list[object] = []

    def call(cancel_token: CancelToken) -> None:
        CANCEL_TOKEN.set(cancel_token)
        try:
            engine.run(what, [picture()])
        except (CancelledError, DeadlineExceeded) as error:
            ended.append(type(error))

    threads = [threading.Thread(target=call, args=(cancel_token,)) for cancel_token in cancel_tokens]
    for thread in threads:
        thread.start()
    while engine._batcher._running == 0:  # until the graph is in its loop
        time.sleep(0.01)
    for cancel_token in cancel_tokens if how == "cancelled" else []:
        cancel_token.cancel()
    for thread in threads:
        thread.join(60)
    assert len(ended) == callers
    assert set(ended) <= {DeadlineExceeded, CancelledError}
    engine.close()
