"""A text as a string tensor, for graphs that have their own tokenizer."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from open_analytic.models.fields import Fields
from open_analytic.models.inputs import text
from open_analytic.models.inputs.base import Arrays, Graph, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class StringsInput:
    """A value is a text; all texts share a batch."""

    type: Literal["strings"] = "strings"
    name: str
    layout: str  # N: (n,), or N1: (n, 1)
    max_characters: int

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        fields.only("type", "name", "layout", "max_characters")
        return cls(
            name=fields.text("name"),
            layout=fields.text("layout", default="N", choices=("N", "N1")),
            max_characters=fields.number("max_characters", default=100_000, least=1, most=text.MAX_CHARACTERS),
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    def identity(self) -> list[Any]:
        return [self.layout]

    def load(self, graph: Graph) -> "StringsFeed":
        return StringsFeed(self, graph)


class StringsFeed:
    """Meets ``base.Feed``."""

    def __init__(self, card: StringsInput, graph: Graph) -> None:
        self._card, self._model = card, graph.model
        self._dtype = graph.dtype(card.name, {"tensor(string)": np.object_})

    def read(self, values: Values) -> Values:
        for value in values:
            text.check(value, self._model, self._card.max_characters)
        return list(values)

    def key(self, value: str) -> Hashable:
        return ()

    def row_bytes(self, value: str) -> int:
        return 4 * self._card.max_characters  # the longest text of its key, in UTF-8

    def arrays(self, values: Values) -> Arrays:
        column = np.array(values, self._dtype)
        return {self._card.name: column if self._card.layout == "N" else column[:, None]}
