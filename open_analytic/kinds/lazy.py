"""Lists that are too long to be in memory at once."""

from collections.abc import Callable, Sequence
from typing import Any


class Lazy(Sequence[Any]):
    """A list whose elements are made whenever they are asked for, ``at_once`` of them in bounded memory.

    ``held_bytes`` is what it holds itself of the budget of decoded bytes.
    """

    def __init__(self, count: int, at_once: int, make: Callable[[int], Any], *, held_bytes: int = 0) -> None:
        self._count, self.at_once, self._make, self.held_bytes = count, at_once, make, held_bytes

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self._make(each) for each in range(*at.indices(self._count))]
        if not 0 <= at < self._count:
            raise IndexError(at)
        return self._make(at)
