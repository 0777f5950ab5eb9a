"""Limits on an input, checked before it is decoded, and the memory that all decoding of a process shares.

Inputs are hostile. The budget is a weighted semaphore of bytes: first come, first served.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from open_analytic.config import Settings
from open_analytic.errors import ImageTooLarge, InputTooLarge, ServiceBusy
from open_analytic.operators.memory import total_bytes
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken

SHARE = 4  # by default a quarter of the memory
MOST_WAITING = 8  # times the budget: who comes later to a service is refused, for the wait is hopeless
LOOK_AGAIN_S = 0.1  # for callers that have gone meanwhile


class NoRoom(Exception):
    """The budget has no room now, and the caller holds some of it: waiting could wait for itself."""


class Budget:
    """Counts bytes. Everybody who decodes takes them before, and gives them back when the pixels are gone."""

    def __init__(self) -> None:
        self._used = 0
        self._waiting: deque[tuple[int, object]] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self._used

    @property
    def waiting(self) -> int:
        """Callers that wait."""
        return len(self._waiting)

    def take(self, weight: int, most: int, *, wait: bool = True) -> None:
        """Take bytes of at most ``most`` in all, in the order of callers; NoRoom where waiting is not allowed.

        A caller with a cancel token waits until its deadline. In a service, one that would have to wait for many
        times the budget is refused with ServiceBusy.
        """
        cancel_token, me = CANCEL_TOKEN.get(), object()
        with self._changed:
            if not self._waiting and self._used + weight <= most:
                self._used += weight
                return
            if not wait:
                raise NoRoom
            if cancel_token and sum(each for each, _ in self._waiting) + weight > MOST_WAITING * most:
                raise _busy(len(self._waiting))
            self._waiting.append((weight, me))
            try:
                self._wait(weight, most, cancel_token, me)
                self._used += weight
            finally:
                self._waiting.remove((weight, me))
                self._changed.notify_all()

    def _wait(self, weight: int, most: int, cancel_token: CancelToken | None, me: object) -> None:
        while self._waiting[0][1] is not me or self._used + weight > most:
            if cancel_token:
                cancel_token.check()
            self._changed.wait(LOOK_AGAIN_S if cancel_token else None)

    def give_back(self, weight: int) -> None:
        """Return bytes."""
        if weight:
            with self._changed:
                self._used -= weight
                self._changed.notify_all()


def _busy(count: int) -> ServiceBusy:
    return ServiceBusy(
        f"{count} large pictures wait for memory to be decoded in.",
        hint="Try again in a moment, or raise OPEN_ANALYTIC_DECODE_BYTES.",
    )


class Hold:
    """What one picture on its way through a pipeline has of the budget, until it is released."""

    def __init__(self, *, times: int = 1, beside: int = 0, wait: bool = True) -> None:
        """``times`` it is decoded; ``beside`` are bytes of what is made of it; ``wait`` is ``Budget.take``'s."""
        self._times, self._beside, self._wait = times, beside, wait
        self._weight = 0

    def take(self, weight: int, most: int, what: str, error: type[InputTooLarge] = ImageTooLarge) -> None:
        """Take the bytes of decoding, once for all of its decodings."""
        if self._weight:
            return
        whole = weight * self._times + self._beside
        check(whole, most, what, error)
        budget().take(whole, most, wait=self._wait)
        self._weight = whole

    def keep(self, weight: int) -> None:
        """Release all but the bytes that are still in use."""
        left = min(self._weight, weight + self._beside)
        budget().give_back(self._weight - left)
        self._weight = left

    def __del__(self) -> None:  # of a call that began and never finished
        self.release()

    def release(self) -> None:
        """Give all of it back."""
        budget().give_back(self._weight)
        self._weight = 0


@contextmanager
def reserved(weight: int, most: int, what: str, error: type[InputTooLarge] = ImageTooLarge) -> Iterator[None]:
    """Bytes of the budget for a while; ``what`` names the picture where they are more than there can be."""
    check(weight, most, what, error)
    budget().take(weight, most)
    try:
        yield
    finally:
        budget().give_back(weight)


def check(weight: int, most: int, what: str, error: type[InputTooLarge] = ImageTooLarge) -> None:
    """Refuse what is too large for the whole budget."""
    if weight > most:
        raise error(
            f"{what} takes {weight:,} bytes of memory to decode; at most {most:,} are used.",
            hint="OPEN_ANALYTIC_DECODE_BYTES raises it.",
        )


def default_bytes() -> int:
    """The default memory budget of all pictures together."""
    return total_bytes() // SHARE


_BUDGETS: dict[int, Budget] = {}


def budget() -> Budget:
    """The one of this process; a forked process begins with its own, empty."""
    shared = _BUDGETS.get(os.getpid())
    return shared or _BUDGETS.setdefault(os.getpid(), Budget())


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture can have: bytes of its file, width times height once decoded, and bytes while it is decoded.

    ``decode_bytes`` is of all pictures of the process together (0: a quarter of the memory). A picture that goes
    through a pipeline carries a ``hold`` on them. ``too_large`` is the error of what has more.
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 80_000_000
    decode_bytes: int = 0
    hold: Hold | None = None
    too_large: type[InputTooLarge] = ImageTooLarge

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings say."""
        return cls(settings.max_bytes, settings.max_pixels, settings.decode_bytes)

    def check_bytes(self, data: bytes, noun: str = "input") -> None:
        """InputTooLarge (OA013), as at every door, when the bytes are more than ``max_bytes``."""
        if len(data) > self.max_bytes:
            raise self.too_large(
                f"The {noun} has {len(data):,} bytes; at most {self.max_bytes:,} are read.",
                hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
            )

    def reserved(self, weight: int, what: str) -> AbstractContextManager[None]:
        """Room for the bytes of a decoding; InputTooLarge names them where there can never be so much."""
        most = self.decode_bytes or default_bytes()
        if self.hold is None:
            return reserved(weight, most, what, self.too_large)
        self.hold.take(weight, most, what, self.too_large)
        return nullcontext()
