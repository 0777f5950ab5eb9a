"""Calls of many threads become batches of a real network: who is merged with whom, who waits, who is not run at all."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from open_analytic.config import Settings
from open_analytic.errors import DeadlineExceeded, ServiceUnavailable, UnknownModel
from open_analytic.models.library import Library
from open_analytic.runtime.batcher import Batcher, Ran
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Images
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken
from tests.models.runtime.recorded import BAD, Recorder, first_rows, pictures, submitted, write

LONG_MS = 60_000  # twice what a test waits for an answer: a call that waits this long fails it


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    settings = Settings.read({}, cards=(write(tmp_path / "cards"),), models_dir=tmp_path / "models", threads=1)
    recorder = Recorder(cache=ModelCache(Library(settings), settings))
    recorder.gate.set()
    return recorder


@pytest.fixture
def make(recorder: Recorder) -> Iterator[Callable[..., Batcher]]:
    """A batcher on the recorded networks; by default everybody waits for seven others."""
    batchers = []

    def make(**options: Any) -> Batcher:
        arguments: dict[str, Any] = {
            "max_batch": 8,
            "max_wait_ms": LONG_MS,
            "runners": 2,
            "threads": 1,
            "expected": lambda: 8,
        } | options
        batchers.append(Batcher(recorder, **arguments))
        return batchers[-1]

    yield make
    recorder.gate.set()
    for batcher in batchers:
        batcher.close()


def test_calls_of_many_threads_are_one_batch_and_each_gets_its_own_rows(
    make: Callable[..., Batcher], recorder: Recorder
) -> None:
    answers = submitted(make(), *[pictures(value) for value in range(8)])
    assert answers == [{"features": [value]} for value in range(8)]
    (seen,) = recorder.seen
    assert sorted(seen.values) == list(range(8))


def test_callers_give_as_many_pictures_as_they_like(make: Callable[..., Batcher], recorder: Recorder) -> None:
    answers = submitted(make(expected=lambda: 3), pictures(1), pictures(2, 3, 4), pictures(5, 6))
    assert answers == [{"features": [1]}, {"features": [2, 3, 4]}, {"features": [5, 6]}]
    assert [len(seen.values) for seen in recorder.seen] == [6]


def test_a_caller_alone_waits_for_nobody(make: Callable[..., Batcher], recorder: Recorder) -> None:
    assert submitted(make(expected=lambda: 1), pictures(7)) == [{"features": [7]}]
    assert len(recorder.seen) == 1


def test_nobody_is_waited_for_once_the_call_has_gone(make: Callable[..., Batcher]) -> None:
    under_way, waiting = [1, 2], threading.Event()

    def expected() -> int:
        waiting.set()
        return len(under_way)

    batcher = make(expected=expected)
    with ThreadPoolExecutor(1) as caller:
        call = caller.submit(batcher.model("mean_colour"), pictures(7))
        assert waiting.wait(30)
        under_way.pop()
        batcher.look_again()
        assert first_rows(call.result(30)) == {"features": [7]}


def test_who_waited_long_enough_is_run_without_the_others(make: Callable[..., Batcher]) -> None:
    assert submitted(make(max_wait_ms=1), pictures(7)) == [{"features": [7]}]


def test_no_batch_is_larger_than_max_batch(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher = make(max_batch=4, expected=lambda: 1)
    assert submitted(batcher, pictures(*range(10))) == [{"features": list(range(10))}]
    assert sorted(seen.values for seen in recorder.seen) == [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9)]


def test_a_caller_is_not_split_to_fill_a_batch(make: Callable[..., Batcher], recorder: Recorder) -> None:
    answers = submitted(make(max_batch=4, expected=lambda: 2, max_wait_ms=1), pictures(1, 2, 3), pictures(4, 5, 6))
    assert answers == [{"features": [1, 2, 3]}, {"features": [4, 5, 6]}]
    assert sorted(seen.values for seen in recorder.seen) == [(1, 2, 3), (4, 5, 6)]


def test_models_sizes_and_outputs_are_not_mixed(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher = make(max_batch=2, expected=lambda: 1_000)  # only a full batch is run
    small, large = pictures(1), pictures(2, side=32)
    kinds: list[tuple[str, Images, tuple[str, ...] | None]] = [
        ("mean_colour", small, None),
        ("colours", small, None),
        ("colours", large, None),
        ("colours", large, ("brightest",)),
        ("colours", large, ("brightest", "features")),
    ]
    calls = kinds + kinds
    with ThreadPoolExecutor(len(calls)) as callers:
        waiting = [callers.submit(batcher.model(name), batch, outputs) for name, batch, outputs in calls]
        answers = [first_rows(each.result(30)) for each in waiting]
    both, all_roles = {"brightest": [2], "features": [2]}, {"features": [1], "brightest": [1]}
    assert answers == [{"features": [1]}, all_roles, both, {"brightest": [2]}, both] * 2
    assert len(recorder.seen) == len(kinds)
    assert {(seen.name, seen.values, seen.side, seen.outputs) for seen in recorder.seen} == {
        (name, (int(batch[0, 0, 0, 0]),) * 2, batch.shape[1], outputs) for name, batch, outputs in kinds
    }


def test_a_full_batch_does_not_wait_behind_one_that_waits(make: Callable[..., Batcher]) -> None:
    waiting = threading.Event()

    def expected() -> int:
        waiting.set()
        return 1_000

    batcher = make(max_batch=2, expected=expected)
    with ThreadPoolExecutor(1) as first:
        waits = first.submit(batcher.model("mean_colour"), pictures(7))
        assert waiting.wait(30)
        assert submitted(batcher, pictures(1), pictures(2), name="colours") == [
            {"features": [value], "brightest": [value]} for value in (1, 2)
        ]
        assert not waits.done()
        assert submitted(batcher, pictures(8)) == [{"features": [8]}]
        assert first_rows(waits.result(30)) == {"features": [7]}


def test_what_the_network_cannot_bear_fails_its_caller_alone(make: Callable[..., Batcher], recorder: Recorder) -> None:
    answers = submitted(make(expected=lambda: 3), pictures(1), pictures(BAD), pictures(2, 3))
    assert answers == [{"features": [1]}, "ModelFailed: Cannot bear (255,).", {"features": [2, 3]}]
    assert sorted(len(seen.values) for seen in recorder.seen) == [1, 1, 2, 4]


def test_a_fault_nobody_thought_of_reaches_every_caller_and_the_next_is_served(
    make: Callable[..., Batcher], recorder: Recorder
) -> None:
    batcher = make(expected=lambda: 2)
    flat = np.zeros((1, 0, 16, 3), np.uint8)  # no rows: the network's own code stumbles
    first, second = submitted(batcher, flat, flat)
    assert first == second
    assert not first.startswith(("ModelFailed", "ServiceUnavailable"))
    assert submitted(batcher, pictures(1), pictures(2)) == [{"features": [1]}, {"features": [2]}]


def test_no_pictures_are_an_error_and_stop_nobody(make: Callable[..., Batcher]) -> None:
    batcher = make(expected=lambda: 1)
    (answer,) = submitted(batcher, pictures(1)[:0])
    assert answer == "ModelFailed: A model was called with no values. Call it with at least one."
    assert submitted(batcher, pictures(1)) == [{"features": [1]}]


def test_a_model_that_cannot_be_had_is_said_before_anything_waits(
    make: Callable[..., Batcher], recorder: Recorder
) -> None:
    with pytest.raises(UnknownModel):
        make().model("nobody")
    assert recorder.seen == []


def test_the_model_looks_like_a_model(make: Callable[..., Batcher]) -> None:
    batcher = make()
    assert [(batcher.model(name).name, batcher.model(name).size) for name in ("mean_colour", "colours")] == [
        ("mean_colour", (16, 16)),
        ("colours", None),
    ]


def test_a_cancelled_ticket_is_not_run(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher, cancel_token = make(expected=lambda: 2), CancelToken()
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(_with_ticket, cancel_token, lambda: batcher.model("mean_colour")(pictures(1)))
        cancel_token.cancel()
        assert submitted(batcher, pictures(2)) == [{"features": [2]}]
        with pytest.raises(CancelledError):
            first.result(30)
    assert [seen.values for seen in recorder.seen] == [(2,)]


def test_when_all_are_cancelled_the_network_sees_nothing(make: Callable[..., Batcher], recorder: Recorder) -> None:
    cancel_token = CancelToken()
    cancel_token.cancel()
    with pytest.raises(CancelledError):
        _with_ticket(cancel_token, lambda: make(expected=lambda: 1).model("mean_colour")(pictures(1)))
    assert recorder.seen == []


def test_a_passed_deadline_is_not_run(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher = make(expected=lambda: 1)
    with pytest.raises(DeadlineExceeded):
        _with_ticket(CancelToken(time.monotonic() - 1), lambda: batcher.model("mean_colour")(pictures(1)))
    assert recorder.seen == []
    late = CancelToken(time.monotonic() + 3600)
    assert first_rows(_with_ticket(late, lambda: batcher.model("mean_colour")(pictures(1)))) == {"features": [1]}


def _with_ticket(cancel_token: CancelToken, work: Callable[[], Any]) -> Any:
    context = copy_context()
    context.run(CANCEL_TOKEN.set, cancel_token)
    return context.run(work)


def test_alone_a_caller_gets_every_thread_and_side_by_side_runners_share_them(
    make: Callable[..., Batcher], recorder: Recorder
) -> None:
    batcher = make(threads=4, expected=lambda: 1)
    recorder.gate.clear()
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(batcher.model("mean_colour"), pictures(1))
        assert recorder.entered.acquire(timeout=30)
        second = callers.submit(batcher.model("mean_colour"), pictures(2))
        assert recorder.entered.acquire(timeout=30)
        recorder.gate.set()
        assert [first_rows(each.result(30)) for each in (first, second)] == [{"features": [1]}, {"features": [2]}]
    assert [(seen.values, seen.threads) for seen in recorder.seen] == [((1,), 4), ((2,), 2)]


def test_what_comes_while_all_run_is_the_next_batch(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher = make(runners=1, max_batch=3, expected=lambda: 1_000)
    recorder.gate.clear()
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(batcher.model("mean_colour"), pictures(0, 0, 0))
        assert recorder.entered.acquire(timeout=30)
        with ThreadPoolExecutor(3) as others:
            next_ones = [others.submit(batcher.model("mean_colour"), pictures(value)) for value in (1, 2, 3)]
            recorder.gate.set()
            assert [first_rows(each.result(30)) for each in next_ones] == [{"features": [value]} for value in (1, 2, 3)]
        assert first_rows(first.result(30)) == {"features": [0, 0, 0]}
    assert [sorted(seen.values) for seen in recorder.seen] == [[0, 0, 0], [1, 2, 3]]


def test_everybody_gets_the_own_rows_whatever_is_going_on(make: Callable[..., Batcher]) -> None:
    under_way: list[int] = []
    batcher = make(max_wait_ms=1, expected=lambda: len(under_way), max_batch=5)

    def call(number: int) -> None:
        under_way.append(number)
        values = [(number * 7 + place) % BAD for place in range(number % 9 + 1)]
        side = (16, 24)[number % 2]
        assert first_rows(batcher.model("colours")(pictures(*values, side=side), ("features",))) == {"features": values}
        under_way.remove(number)

    with ThreadPoolExecutor(16) as callers:
        list(callers.map(call, range(200)))


def test_every_batch_is_told_of(make: Callable[..., Batcher], recorder: Recorder) -> None:
    ran: list[Ran] = []
    batcher = make(runners=1, max_batch=2, expected=lambda: 1_000, observer=ran.append)
    recorder.gate.clear()
    with ThreadPoolExecutor(3) as callers:
        before = time.monotonic()
        first = callers.submit(batcher.model("mean_colour"), pictures(1, 2))
        assert recorder.entered.acquire(timeout=30)
        computing = time.monotonic()
        oldest = callers.submit(batcher.model("mean_colour"), pictures(3))
        wait_until(lambda: waiting(batcher) == 1)
        oldest_waits = time.monotonic()
        wait_until(lambda: time.monotonic() > oldest_waits + 0.1)  # so that the two differ
        newest = callers.submit(batcher.model("mean_colour"), pictures(4))
        wait_until(lambda: waiting(batcher) == 2)
        released = time.monotonic()
        recorder.gate.set()
        for call in (first, oldest, newest):
            call.result(30)
    after = time.monotonic()
    assert [(batch.model, batch.rows) for batch in ran] == [("mean_colour", 2), ("mean_colour", 2)]
    assert released - computing <= ran[0].compute_s <= after - before
    assert 0 <= ran[0].waited_s <= computing - before
    assert released - oldest_waits <= ran[1].waited_s <= after - computing  # of the oldest, not of the newest
    assert 0 < ran[1].compute_s <= after - released


def test_the_oldest_of_all_models_is_run_first(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher = make(runners=1, max_batch=1, expected=lambda: 1_000)
    recorder.gate.clear()
    calls = [("mean_colour", 1), ("mean_colour", 2), ("colours", 3), ("mean_colour", 4), ("colours", 5)]
    with ThreadPoolExecutor(len(calls)) as callers:
        waits = []
        for number, (name, value) in enumerate(calls):
            waits.append(callers.submit(batcher.model(name), pictures(value)))
            if number == 0:
                assert recorder.entered.acquire(timeout=30)
            wait_until(lambda number=number: waiting(batcher) == number)  # type: ignore[misc]
        recorder.gate.set()
        for each in waits:
            each.result(30)
    assert [(seen.name, *seen.values) for seen in recorder.seen] == calls


def waiting(batcher: Batcher) -> int:
    """Calls that no runner has taken yet."""
    return sum(map(len, list(batcher._waiting.values())))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes soon, or fail."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_call_that_is_running_is_not_waited_for(make: Callable[..., Batcher], recorder: Recorder) -> None:
    under_way = [1]
    batcher = make(expected=lambda: len(under_way))
    recorder.gate.clear()
    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(batcher.model("mean_colour"), pictures(1))
        assert recorder.entered.acquire(timeout=30)
        under_way.append(2)
        second = callers.submit(batcher.model("mean_colour"), pictures(2))
        assert recorder.entered.acquire(timeout=30)
        recorder.gate.set()
        assert [first_rows(each.result(30)) for each in (first, second)] == [{"features": [1]}, {"features": [2]}]


def test_closing_finishes_what_waits_and_refuses_what_comes(make: Callable[..., Batcher]) -> None:
    waiting = threading.Event()

    def expected() -> int:
        waiting.set()
        return 1_000

    batcher = make(expected=expected)
    model = batcher.model("mean_colour")
    with ThreadPoolExecutor(2) as threads:
        call = threads.submit(model, pictures(1))
        assert waiting.wait(30)
        threads.submit(batcher.close).result(30)
        assert first_rows(call.result(30)) == {"features": [1]}
    with pytest.raises(ServiceUnavailable):
        model(pictures(1))


def test_idle_models_are_let_go_of_and_loaded_again(make: Callable[..., Batcher], recorder: Recorder) -> None:
    batcher, cache = make(expected=lambda: 1, threads=4), recorder.cache
    batcher.load("mean_colour")
    size = cache.model("mean_colour", threads=4).bytes
    assert cache.loaded() == {"mean_colour": 2 * size}  # for a caller alone, and for two
    assert cache.unload_idle(3600) == []
    assert cache.unload_idle(0) == ["mean_colour"]
    assert cache.loaded() == {}
    assert submitted(batcher, pictures(1)) == [{"features": [1]}]
    assert cache.loaded() == {"mean_colour": size}
