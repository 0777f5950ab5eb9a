"""The work of both protocols (HTTP and PostgreSQL): a bounded number of calls, each with its deadline."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias, TypeVar

import orjson

from open_analytic import regions
from open_analytic.config import Settings
from open_analytic.errors import DeadlineExceeded, InvalidPipeline, OpenAnalyticError
from open_analytic.errors import ServiceBusy as Busy
from open_analytic.errors import ServiceUnavailable as Unavailable
from open_analytic.kinds.image import nothing
from open_analytic.pipeline.engine import Engine, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.types import Feature
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken
from open_analytic.util.jsonable import numbers

T = TypeVar("T")

# What is given back: the pipeline's output; its only vector; the vector to search with; output and features.
Give: TypeAlias = Literal["output", "vector", "query", "whole"]
GIVES: tuple[Give, ...] = ("output", "vector", "query", "whole")
RETRY_AFTER_S = 1
AT_ONCE = 8  # parts of one call that wait for a thread or compute


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one input: JSON text, or its error."""

    text: str | None = None
    error: OpenAnalyticError | None = None


class Work:
    """Calls of every door on one engine. All but the engine's part happens on the event loop."""

    def __init__(self, engine: Engine, plans: Plans, settings: Settings, metrics: Metrics, *, batch_size: int) -> None:
        self.engine, self.plans, self.metrics, self.max_bytes = engine, plans, metrics, settings.max_bytes
        self._batch_size = batch_size
        self._most, self._most_bytes = settings.service_queue, settings.service_queue_bytes
        threads = settings.service_threads or 16 * (os.cpu_count() or 1)
        self._runs = _Lane(threads, "open_analytic-call")
        # One connection is left to those who ask for a pipeline by its name.
        self._searches = _Lane(max(1, settings.connections - 1), "open_analytic-search")
        self._calls, self._bytes = 0, 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    @property
    def under_way(self) -> int:
        """Calls that wait or compute."""
        return self._calls

    @contextmanager
    def admitted(self, size: int, *, own: int = 0) -> Iterator[None]:
        """A place for a call that announces ``size`` bytes, or ServiceBusy; ``own`` are those it has reserved."""
        if self.draining:
            self.metrics.errors.labels(Unavailable.sqlstate).inc()
            raise Unavailable("The inference service is shutting down.", hint="Try again in a moment.")
        # One request alone is let in, whatever its size: the limits of a request hold for it.
        if self._calls >= self._most or (self._bytes > own and self._bytes + size > self._most_bytes):
            raise self._busy()
        self._calls, self._bytes = self._calls + 1, self._bytes + size
        self._idle.clear()
        self.metrics.under_way.set(self._calls)
        try:
            yield
        finally:
            self._calls, self._bytes = self._calls - 1, self._bytes - size
            self.metrics.under_way.set(self._calls)
            if not self._calls:
                self._idle.set()

    def reserve(self, size: int) -> None:
        """Count the bytes of a request that comes in parts, each of which was admitted, until ``release``."""
        self._bytes += size

    def release(self, size: int) -> None:
        """Count bytes no more that were reserved."""
        self._bytes -= size

    def _busy(self) -> Busy:
        self.metrics.errors.labels(Busy.sqlstate).inc()
        return Busy(
            f"The inference service has {self._calls} calls, {self._bytes:,} bytes under way, as many as it accepts.",
            hint=f"Try again in {RETRY_AFTER_S} s, or raise OPEN_ANALYTIC_SERVICE_QUEUE or _QUEUE_BYTES.",
        )

    async def run(
        self, plan: Plan, items: Sequence[bytes], *, give: Give, door: str, timeout_s: float | None = None
    ) -> list[Answer]:
        """An answer for each item, in order. Cancelling it stops what does not run yet."""
        _check_give(plan, give)
        batches = [items[at : at + self._batch_size] for at in range(0, len(items), self._batch_size)]
        with self._measured(plan, door):
            done = await _all(self._runs, [partial(self._compute, plan, batch, give) for batch in batches], timeout_s)
        answers = [answer for batch in done for answer in batch]
        self.metrics.inputs.labels(self.metrics.label(plan.name)).inc(len(items))
        for answer in answers:
            if answer.error:
                self.metrics.errors.labels(answer.error.sqlstate).inc()
        return answers

    async def search(self, function: Callable[[], T], *, timeout_s: float | None = None) -> T:
        """What the function gives, in a thread that runs have no use for, with a deadline as a run has it."""
        (result,) = await _all(self._searches, [function], timeout_s)
        return result

    def _compute(self, plan: Plan, items: Sequence[bytes], give: Give) -> list[Answer]:
        return [_answer(plan, result, give) for result in self.engine.run(plan, items)]

    @contextmanager
    def _measured(self, plan: Plan, door: str) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        except Exception as error:
            known = error if isinstance(error, OpenAnalyticError) else OpenAnalyticError
            self.metrics.errors.labels(known.sqlstate).inc()
            raise
        finally:
            self.metrics.requests.labels(door, self.metrics.label(plan.name)).inc()
            self.metrics.seconds.labels(self.metrics.label(plan.name)).observe(time.monotonic() - start)

    async def idle(self, timeout_s: float) -> bool:
        """Whether every call came to its end within this time."""
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """End the threads."""
        for lane in (self._runs, self._searches):
            lane.threads.shutdown(wait=True, cancel_futures=True)


class _Lane:
    """Threads for one kind of call, and places in them."""

    def __init__(self, size: int, name: str) -> None:
        self.threads = ThreadPoolExecutor(size, thread_name_prefix=name)
        self.places = asyncio.Semaphore(size)


async def _all(lane: _Lane, functions: Sequence[Callable[[], T]], timeout_s: float | None) -> list[T]:
    """Run the functions in threads and return their results before the deadline; a timeout cancels the others."""
    cancel_token = CancelToken(None if timeout_s is None else time.monotonic() + timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            if len(functions) == 1:  # as nearly every call: a task more would be a turn of the loop more
                return [await _in_thread(lane, functions[0], cancel_token)]
            return await _in_order(lane, functions, cancel_token)
    except TimeoutError:
        raise DeadlineExceeded(hint="Allow more time, or send fewer pictures at once.") from None
    finally:
        cancel_token.cancel()


async def _in_order(lane: _Lane, functions: Sequence[Callable[[], T]], cancel_token: CancelToken) -> list[T]:
    """What they give. A few tasks take one after the other: a call has as few, whatever its size."""
    results: dict[int, T] = {}
    waiting = iter(enumerate(functions))

    async def take() -> None:
        for number, function in waiting:
            results[number] = await _in_thread(lane, function, cancel_token)

    await asyncio.gather(*(take() for _ in range(min(AT_ONCE, len(functions)))))
    return [results[number] for number in range(len(functions))]


async def _in_thread(lane: _Lane, function: Callable[[], T], cancel_token: CancelToken) -> T:
    def work() -> T:
        CANCEL_TOKEN.set(cancel_token)  # until the thread's next call sets its own
        cancel_token.check()
        return function()

    loop = asyncio.get_running_loop()
    await lane.places.acquire()
    running = lane.threads.submit(work)
    # A place is free when its thread is: the thread can go on after its caller has left.
    running.add_done_callback(lambda _: loop.call_soon_threadsafe(lane.places.release))
    return await asyncio.wrap_future(running)


def _check_give(plan: Plan, give: Give) -> None:
    if give in ("output", "whole") or (plan.vector is not None and not (give == "vector" and plan.many)):
        return
    raise InvalidPipeline(
        f"Pipeline {plan.name!r} gives {'a list of vectors' if plan.many else 'no vector'}, not one.",
        hint="Use pipeline_run and take what you want of its output.",
    )


def _answer(plan: Plan, result: Result | OpenAnalyticError, give: Give) -> Answer:
    if isinstance(result, OpenAnalyticError):
        return Answer(error=result)
    if give == "output":
        return Answer(_json(result.output))
    if give == "whole":
        return Answer(_json({"output": result.output, "features": [_plain(feature) for feature in result.features]}))
    if not result.features:
        return Answer(error=nothing(plan.region, "Give a picture that shows {}."))
    return Answer(_json(numbers(max(result.features, key=lambda feature: feature.extent).vector)))


def _json(value: object) -> str:
    """ASCII only, as PostgreSQL's protocol carries it here whatever a database's encoding is."""
    text = orjson.dumps(value).decode()  # a tenth of json's time for a thousand numbers
    return text if text.isascii() else json.dumps(value)


def _plain(feature: Feature) -> dict[str, object]:
    place = regions.to_json(feature.region)
    return {"vector": numbers(feature.vector), **place, "attributes": dict(feature.attributes)}


class Cancelled(Exception):
    """The work was cancelled before its end."""


class Cancellable:
    """One piece of work that another task can cancel. It runs in the task of the caller, without a turn of the loop."""

    def __init__(self) -> None:
        self._task: asyncio.Task[object] | None = None
        self._stopped = False

    async def run(self, work: Awaitable[T]) -> T:
        """The result of the work. Errors: Cancelled."""
        task = self._task = asyncio.current_task()
        try:
            return await work
        except asyncio.CancelledError:
            if self._stopped and task and task.cancelling() == 1:
                raise Cancelled from None
            raise  # the task itself is to end
        finally:
            self._task = None
            if self._stopped and task:
                task.uncancel()  # ours, whatever the work made of it

    def stop(self) -> None:
        """End the work, if it still runs."""
        if self._task and not self._stopped:
            self._stopped = self._task.cancel()
