"""The names of the classes that a model tells apart, and how a result writes one."""

from collections.abc import Iterable
from typing import Self

from open_analytic.types import Json, Label, Object


class Labels(tuple[str, ...]):
    """The names of a model's classes in their order, in English; ``zh`` are the same in Chinese, or none."""

    zh: tuple[str, ...]

    def __new__(cls, names: Iterable[str] = (), zh: Iterable[str] = ()) -> Self:
        labels = super().__new__(cls, names)
        labels.zh = tuple(zh)
        return labels


def labelled(value: Label | Object) -> Json:
    """Its label and score; the Chinese label only where there is one."""
    chinese = {"label_zh": value.label_zh} if value.label_zh else {}
    return {"label": value.label, **chinese, "score": value.score}
