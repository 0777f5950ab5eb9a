"""The names of the classes that a model tells apart."""

from collections.abc import Iterable
from typing import Self


class Labels(tuple[str, ...]):
    """The names of a model's classes in their order, in English; ``zh`` are the same in Chinese, or none."""

    zh: tuple[str, ...]

    def __new__(cls, names: Iterable[str] = (), zh: Iterable[str] = ()) -> Self:
        labels = super().__new__(cls, names)
        labels.zh = tuple(zh)
        return labels
