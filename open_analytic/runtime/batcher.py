"""Calls of many threads merged into batches. A batched model looks like a model, so an operator cannot tell.

Runners take what waits, the oldest first: while all are busy batches grow by themselves, and a caller who is alone
waits for nobody.
"""

import itertools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from open_analytic.errors import DeadlineExceeded, OpenAnalyticError, ServiceUnavailable
from open_analytic.models.card import ModelCard
from open_analytic.models.inputs.base import Feed, Input, Values
from open_analytic.runtime.session import Arrays, Group, groups, in_order, joined, most_rows, stacked
from open_analytic.util.cancellation import CALLERS, CANCEL_TOKEN, CancelToken

Key: TypeAlias = tuple[str, Hashable, tuple[str, ...] | None]  # model, what its feed says can be stacked, outputs
Observer: TypeAlias = Callable[["Ran"], None]


class Network(Protocol):
    """What a batch is run by; ``runtime.session.OnnxModel`` is one."""

    @property
    def feed(self) -> Feed: ...

    def run(self, values: Values, outputs: tuple[str, ...] | None = None) -> Arrays: ...


class Networks(Protocol):
    """Where models come from; ``runtime.cache.ModelCache`` is one."""

    def model(self, name: str, threads: int | None = None) -> Network: ...
    def card(self, name: str) -> ModelCard: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A batch that was run: rows, seconds the oldest of them waited, seconds of the model."""

    model: str
    rows: int
    waited_s: float
    compute_s: float


@dataclass(slots=True, kw_only=True)
class _Job:
    """One caller's values of one key, at most a batch of them."""

    batch: Values
    most: int  # rows of a batch of this key
    cancel_token: CancelToken | None
    since: float = field(default_factory=time.monotonic)
    answer: "Future[Arrays]" = field(default_factory=Future)


class Batcher:
    """Runs jobs for every model of a cache; ``expected`` tells how many calls are under way in all."""

    def __init__(
        self,
        cache: Networks,
        *,
        max_batch: int,
        max_wait_ms: float,
        runners: int,
        threads: int = 0,
        expected: Callable[[], int] = lambda: 1,
        observer: Observer = lambda ran: None,
    ) -> None:
        self._cache, self._expected, self._observer = cache, expected, observer
        self._max_batch, self._max_wait_s = max_batch, max_wait_ms / 1000
        self._threads, self._shared = threads, max(1, (threads or os.cpu_count() or 1) // runners)
        self._waiting: OrderedDict[Key, list[_Job]] = OrderedDict()
        self._running = 0  # jobs in the hands of runners
        self._open = True
        self._changed = threading.Condition()
        self._runners = [
            threading.Thread(target=self._work, name=f"open_analytic-batch-{number}", daemon=True)
            for number in range(runners)
        ]
        for runner in self._runners:
            runner.start()

    def model(self, name: str) -> "BatchedModel":
        """The model of this name, its calls merged with those of other threads; one that cannot load raises here."""
        self._cache.model(name, threads=self._threads)
        return BatchedModel(name, self, self._cache)

    def load(self, name: str) -> None:
        """Have the model in memory, for a caller alone and for several side by side."""
        for threads in {self._threads, self._shared}:
            self._cache.model(name, threads=threads)

    def look_again(self) -> None:
        """A call has ended: calls that wait to share a batch with it stop waiting."""
        with self._changed:
            if self._waiting:
                self._changed.notify_all()

    def close(self) -> None:
        """Finish what waits, then end."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        for runner in self._runners:
            runner.join()

    def read(self, name: str, values: Values) -> Values:
        """The values of a model, checked and ready; no run is waited for."""
        return self._cache.model(name, threads=self._threads).feed.read(values)

    def submit(self, name: str, batch: Values, outputs: tuple[str, ...] | None) -> Arrays:
        """Wait for the arrays of the batch, which can hold values of other callers."""
        feed = self._cache.model(name, threads=self._threads).feed
        grouped = groups(feed, feed.read(batch))
        jobs = {(name, group.key, outputs): self._jobs(feed, group) for group in grouped}
        self._hand_over(jobs)
        results = [joined([job.answer.result() for job in each]) for each in jobs.values()]
        return in_order(grouped, results)

    def _jobs(self, feed: Feed, group: Group) -> list[_Job]:
        most, cancel_token = most_rows(feed, group.values[0], self._max_batch), CANCEL_TOKEN.get()
        return [_Job(batch=piece, most=most, cancel_token=cancel_token) for piece in group.cut(most)]

    def _hand_over(self, jobs: Mapping[Key, list[_Job]]) -> None:
        """Give the jobs to the runners; one with nobody to share a batch with is run here."""
        with self._changed:
            if not self._open:
                raise ServiceUnavailable("The models have been unloaded: the service is shutting down.")
            one = sum(map(len, jobs.values())) == 1
            alone = one and not self._running and not self._waiting and self._expected() <= 1
            if alone:
                self._running += 1
            else:
                for key, each in jobs.items():
                    self._waiting.setdefault(key, []).extend(each)
                self._changed.notify_all()
        if alone:  # no thread is changed
            ((key, each),) = jobs.items()
            self._finish(key, each, self._threads)

    def _work(self) -> None:
        while True:
            with self._changed:
                work = self._take()
                if work is None:
                    return
                key, jobs = work
                # Alone, a caller gets every core; side by side, runners share them.
                alone = not self._running and not self._waiting
                self._running += len(jobs)
            self._finish(key, jobs, self._threads if alone else self._shared)

    def _finish(self, key: Key, jobs: list[_Job], threads: int) -> None:
        """Run jobs that count as running already."""
        try:
            self._run(key, jobs, threads)
        finally:
            with self._changed:
                self._running -= len(jobs)
                self._changed.notify_all()

    def _take(self) -> tuple[Key, list[_Job]] | None:
        """The oldest jobs that fit together, once it is not worth waiting for more; None at the end."""
        while True:
            if not self._waiting:
                if not self._open:
                    return None
                self._changed.wait()
                continue
            patience = {key: self._patience(jobs) for key, jobs in self._waiting.items()}
            if ready := [key for key, left in patience.items() if left <= 0]:
                key = min(ready, key=lambda key: self._waiting[key][0].since)
                return key, self._pick(key)
            self._changed.wait(min(patience.values()))

    def _patience(self, jobs: list[_Job]) -> float:
        """Seconds to wait for company: none for a full batch, nor when every call under way is here already."""
        here = self._running + sum(map(len, self._waiting.values()))
        full = sum(len(job.batch) for job in jobs) >= jobs[0].most
        if full or self._expected() <= here or not self._open:
            return 0.0
        return self._max_wait_s - (time.monotonic() - jobs[0].since)

    def _pick(self, key: Key) -> list[_Job]:
        jobs, rows = self._waiting[key], 0
        picked: list[_Job] = []
        while jobs and (not picked or rows + len(jobs[0].batch) <= jobs[0].most):
            rows += len(jobs[0].batch)
            picked.append(jobs.pop(0))
        if not jobs:
            del self._waiting[key]
        return picked

    def _run(self, key: Key, jobs: list[_Job], threads: int) -> None:
        """Give every job its answer, whatever happens: who does not get one waits for ever."""
        try:
            model = self._cache.model(key[0], threads=threads)
        except Exception as error:  # noqa: BLE001 - handed to the callers
            _fail(jobs, error)
            return
        self._compute(key, model, jobs)

    def _compute(self, key: Key, model: Network, jobs: list[_Job]) -> None:
        live = [job for job in jobs if _still_wanted(job)]
        if not live:
            return
        started = time.monotonic()
        try:
            with _for(live):
                arrays = model.run(stacked([job.batch for job in live]), key[2])
            results = _shared_out(arrays, [len(job.batch) for job in live])
            ran = time.monotonic() - started
            rows = sum(len(job.batch) for job in live)
            self._observer(Ran(model=key[0], rows=rows, waited_s=started - live[0].since, compute_s=ran))
        except OpenAnalyticError as error:
            if len(live) == 1 or isinstance(error, DeadlineExceeded):
                _fail(live, error)
                return
            for job in live:  # one of them can be the one that the model fails on
                self._compute(key, model, [job])
        except Exception as error:  # noqa: BLE001 - handed to the callers
            _fail(live, error)
        else:
            for job, result in zip(live, results, strict=True):
                job.answer.set_result(result)


class BatchedModel:
    """Meets ``types.Model``."""

    def __init__(self, name: str, batcher: Batcher, cache: Networks) -> None:
        self.name, self._batcher, self._cache = name, batcher, cache

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels, None when any will do."""
        return self._cache.card(self.name).size

    @property
    def input(self) -> Input:
        """What it takes: an operator reads the sample rate there, for instance."""
        return self._cache.card(self.name).input

    def read(self, values: Values) -> Values:
        """The values as the graph's arrays are made of them, such as tokens of texts."""
        return self._batcher.read(self.name, values)

    def __call__(self, batch: Values, outputs: tuple[str, ...] | None = None) -> Arrays:
        """Arrays by role, the first axis the batch."""
        return self._batcher.submit(self.name, batch, outputs)


def _shared_out(arrays: Arrays, counts: list[int]) -> list[Arrays]:
    """For each caller as many rows as it gave values, in their order."""
    ends = list(itertools.accumulate(counts))
    return [
        {role: array[end - count : end] for role, array in arrays.items()}
        for count, end in zip(counts, ends, strict=True)
    ]


@contextmanager
def _for(jobs: list[_Job]) -> Iterator[None]:
    """Name the callers to the model, which stops when they all have gone."""
    token = CALLERS.set(tuple(job.cancel_token for job in jobs))
    try:
        yield
    finally:
        CALLERS.reset(token)


def _fail(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        job.answer.set_exception(error)


def _still_wanted(job: _Job) -> bool:
    try:
        if job.cancel_token:
            job.cancel_token.check()
    except (DeadlineExceeded, CancelledError) as error:
        job.answer.set_exception(error)
        return False
    return True
