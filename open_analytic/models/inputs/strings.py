"""A text as a string tensor, for graphs that have their own tokenizer."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from msgspec import Meta

from open_analytic.models.fields import Fields, Text
from open_analytic.models.inputs import text
from open_analytic.models.inputs.base import Arrays, Graph, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class StringsInput:
    """A value is a text; all texts share a batch."""

    type: Literal["strings"] = "strings"
    name: Text
    layout: Literal["N", "N1"] = "N"  # (n,), or (n, 1)
    max_characters: Annotated[int, Meta(ge=1, le=text.MAX_CHARACTERS)] = 100_000

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        return fields.read(cls)

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
