"""The real engine with a gate before it, and pictures to send through."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from open_analytic.errors import OpenAnalyticError
from open_analytic.pipeline.engine import Item, Result
from open_analytic.pipeline.plan import Plan
from open_analytic.runtime.batcher import Ran
from open_analytic.runtime.shared import SharedEngine
from open_analytic.types import ProgressCallback


class GatedEngine:
    """The real engine. Calls tell that they came, what they bring, and wait at the gate when it is shut."""

    def __init__(self, engine: SharedEngine, ran: list[Ran]) -> None:
        self.engine, self.ran = engine, ran
        self.seen: list[bytes] = []
        self.entered, self.gate = threading.Semaphore(0), threading.Event()
        self.gate.set()

    def run(self, plan: Plan, items: Sequence[bytes]) -> list[Result | OpenAnalyticError]:
        self.seen += items
        self.entered.release()
        assert self.gate.wait(30)
        return self.engine.run(plan, items)

    def run_many(
        self, plan: Plan, items: Iterable[Item], *, batch_size: int | None = None
    ) -> Iterator[Result | OpenAnalyticError]:
        return self.engine.run_many(plan, items, batch_size=batch_size)

    def prepare(self, plan: Plan, progress: ProgressCallback | None = None) -> None:
        self.engine.prepare(plan, progress)

    def loaded(self) -> dict[str, int]:
        return self.engine.loaded()

    def close(self) -> None:
        self.gate.set()
        self.engine.close()


def colour(number: int) -> bytes:
    """A picture of one colour: red, green, or a blue of its own."""
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (255 * (number == 0), 255 * (number == 1), number if number > 1 else 0)).save(
        file, "PNG"
    )
    return file.getvalue()


GREEN = colour(1)
