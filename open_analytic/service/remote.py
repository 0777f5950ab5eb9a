"""An engine that is elsewhere: plans are made here, models run in a service."""

import itertools
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from open_analytic.errors import ImageTooLarge, OpenAnalyticError, ServiceBusy, UnknownPlan
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.service.client import Client
from open_analytic.types import Box, Feature, Json, ProgressCallback

BATCH = 16  # pictures a request
SIDE_BY_SIDE = 3  # requests under way
REQUEST_BYTES = 32_000_000  # of the pictures of a request; a larger picture goes alone
TIMEOUT_S = 600.0  # of one request; the service may have to fetch its models first
BUSY_S = 60.0  # a service that has too much to do is asked again for so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """Meets ``pipeline.engine.Result`` with what the service told."""

    output: Json
    features: tuple[Feature, ...] = field(default=())


class RemoteEngine:
    """Meets ``pipeline.engine.Engine``. May be shared by threads."""

    def __init__(self, address: str, *, token: str | None = None) -> None:
        self._client = Client(address, token=token, timeout_s=TIMEOUT_S)

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        """A result or an error for each item, in order."""
        return [result for part in _portions(items) for result in self._patiently(plan, part)]

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
            except ImageTooLarge:  # all of them together are more than the service reads
                if len(items) == 1:
                    raise
                middle = len(items) // 2
                return self._patiently(plan, items[:middle]) + self._patiently(plan, items[middle:])

    def _run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        parameters = json.dumps(dict(plan.parameters), sort_keys=True)
        try:
            found = self._client.run(plan.hash, items, give="whole", parameters=parameters, pause=_wait)
        except UnknownPlan:
            self._client.define(plan.hash, plan.name, plan.spec.as_dict(), pause=_wait)
            found = self._client.run(plan.hash, items, give="whole", parameters=parameters, pause=_wait)
        return [error if error else _received(text or "") for text, error in found]

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        """The same for any number of items: a few requests are under way at once."""
        source = iter(items)
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="open_analytic-remote") as threads:
            ahead = [threads.submit(self._part, plan, part) for part in self._parts(source, batch_size, SIDE_BY_SIDE)]
            while ahead:
                yield from ahead.pop(0).result()
                ahead += [threads.submit(self._part, plan, part) for part in self._parts(source, batch_size, 1)]

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        """Tell the service of the plan; it has the models."""
        self._client.define(plan.hash, plan.name, plan.spec.as_dict(), pause=_wait)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @staticmethod
    def _parts(source: Iterator[Item], batch_size: int | None, count: int) -> Iterator[list[Item]]:
        for _ in range(count):
            part = list(itertools.islice(source, batch_size or BATCH))
            if part:
                yield part

    def _part(self, plan: Plan, part: list[Item]) -> list[Result | OpenAnalyticError]:
        """Items that cannot be read, or are errors already, stay at home."""
        read = [_read(item) for item in part]
        answers = iter(self.run(plan, [item for item in read if isinstance(item, bytes)]))
        return [next(answers) if isinstance(item, bytes) else item for item in read]


def _portions(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    start, size = 0, 0
    for end, item in enumerate(items):
        if end > start and size + len(item) > REQUEST_BYTES:
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
    told = json.loads(text)
    features = tuple(
        Feature(
            vector=np.array(each["vector"], np.float32),
            box=Box(**each["box"]) if each["box"] else None,
            attributes=each["attributes"],
        )
        for each in told["features"]
    )
    return Received(output=told["output"], features=features)


def _wait() -> None:
    """Python looks for Ctrl-C by itself."""
