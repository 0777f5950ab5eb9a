"""An engine that is elsewhere: plans are made here, models run in a service."""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from open_analytic import regions
from open_analytic.errors import BadParameter, InputTooLarge, OpenAnalyticError, ServiceBusy, UnknownPlan
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.service.client import Client
from open_analytic.service.failover import Breaker, first_answer
from open_analytic.service.limits import MAX_ITEMS
from open_analytic.types import Feature, Json, ProgressCallback
from open_analytic.util.cancellation import Origin

T = TypeVar("T")

BATCH = 16  # pictures a request
SIDE_BY_SIDE = 3  # requests under way, of each node
REQUEST_BYTES = 32_000_000  # of the pictures of a request; a larger picture goes alone
TIMEOUT_S = 600.0  # of one request; the service might have to fetch its models first
BUSY_S = 60.0  # a service that has too much to do is asked again for so long
BETWEEN = re.compile(r"[\s,]+(?=unix:/|https?://)")  # a socket's path can have a comma


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Meets ``pipeline.engine.Result`` with what the service sent."""

    output: Json
    features: tuple[Feature, ...] = field(default=())


class RemoteEngine:
    """Meets ``pipeline.engine.Engine``. Threads can share it.

    Several addresses, each an argument or separated by commas, are nodes that serve the same models. Requests are
    spread over them; one that does not answer is left alone for some seconds, and its requests go to the others.
    """

    def __init__(self, *addresses: str, token: str | None = None, breaker: Breaker | None = None) -> None:
        nodes = dict.fromkeys(node for text in addresses for node in BETWEEN.split(text.strip().rstrip(",")))
        if not nodes:
            raise BadParameter("A remote engine needs an address.", hint="Write unix:/path or http://host:port.")
        self._clients, self._origin = [Client(node, token=token) for node in nodes], Origin()
        self._breaker = breaker or Breaker()
        self._turns = itertools.count()  # its next is atomic

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""
        return [result for batch in _portions(items) for result in self._patiently(plan, batch)]

    def _patiently(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """Results of one request; a service that has too much to do is asked again."""
        give_up = time.monotonic() + BUSY_S
        while True:
            try:
                return self._run(plan, items)
            except ServiceBusy:
                if time.monotonic() > give_up:
                    raise
                time.sleep(1.0)
            except InputTooLarge as error:  # all of them together are more than the service reads
                if len(items) == 1:
                    raise plan.input_kind.too_large(error.message, hint=error.hint) from error
                middle = len(items) // 2
                return self._patiently(plan, items[:middle]) + self._patiently(plan, items[middle:])

    def _run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        parameters = json.dumps(dict(plan.parameters), sort_keys=True)

        def ask(client: Client, deadline: float) -> list[tuple[str | None, OpenAnalyticError | None]]:
            def run() -> list[tuple[str | None, OpenAnalyticError | None]]:
                return client.run(plan.hash, items, give="whole", parameters=parameters, pause=_wait, deadline=deadline)

            try:
                return run()
            except UnknownPlan:
                client.define(plan.hash, plan.name, plan.spec.as_dict(), pause=_wait, deadline=deadline)
                return run()

        return [error if error else _received(text or "") for text, error in self._ask_nodes(ask)]

    def _ask_nodes(self, ask: Callable[[Client, float], T]) -> T:
        """The first answer, from the nodes in turn."""
        self._origin.check()
        turn = next(self._turns) % len(self._clients)
        nodes = self._clients[turn:] + self._clients[:turn]
        return first_answer(nodes, ask, breaker=self._breaker, pause=_wait, timeout_s=TIMEOUT_S)

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items: a few requests are under way at once."""
        source, count = iter(items), SIDE_BY_SIDE * len(self._clients)
        with ThreadPoolExecutor(count, thread_name_prefix="open_analytic-remote") as threads:
            ahead = [threads.submit(self._run_batch, plan, batch) for batch in self._batches(source, batch_size, count)]
            while ahead:
                yield from ahead.pop(0).result()
                ahead += [
                    threads.submit(self._run_batch, plan, batch) for batch in self._batches(source, batch_size, 1)
                ]

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Tell the service of the plan; it has the models."""

        def define(client: Client, deadline: float) -> None:
            client.define(plan.hash, plan.name, plan.spec.as_dict(), pause=_wait, deadline=deadline)

        self._ask_nodes(define)

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()

    @staticmethod
    def _batches(source: Iterator[Item], batch_size: int | None, count: int) -> Iterator[list[Item]]:
        for _ in range(count):
            batch = list(itertools.islice(source, batch_size or BATCH))
            if batch:
                yield batch

    def _run_batch(self, plan: Plan, batch: list[Item]) -> list[Result | OpenAnalyticError]:
        """Items that cannot be read, or are errors already, stay at home."""
        read = [_read(item) for item in batch]
        answers = iter(self.run(plan, [item for item in read if isinstance(item, bytes)]))
        return [next(answers) if isinstance(item, bytes) else item for item in read]


def _portions(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start, size = 0, 0
    for end, item in enumerate(items):
        if end > start and (size + len(item) > REQUEST_BYTES or end - start >= MAX_ITEMS):
            yield items[start:end]
            start, size = end, 0
        size += len(item)
    if items:
        yield items[start:]


def _read(item: Item) -> bytes | OpenAnalyticError:
    try:
        return item() if callable(item) else item
    except OpenAnalyticError as error:
        return error


def _received(text: str) -> Received:
    answer = json.loads(text)
    features = tuple(
        Feature(
            vector=np.array(each["vector"], np.float32),
            region=regions.from_json(each),
            attributes=each["attributes"],
        )
        for each in answer["features"]
    )
    return Received(output=answer["output"], features=features)


def _wait() -> None:
    """Python looks for Ctrl-C by itself."""
