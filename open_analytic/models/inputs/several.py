"""Several named inputs: a value is a mapping with an entry for each."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from open_analytic.errors import ModelFailed
from open_analytic.models.inputs.base import Arrays, Feed, Graph, Input, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralInputs:
    """The tables ``[inputs.NAME]`` of a card: ``{"image": ..., "text": ...}`` is a value."""

    type: Literal["several"] = "several"
    inputs: Mapping[str, Input]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for each in self.inputs.values() for name in each.names)

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(name for each in self.inputs.values() for name in each.files)

    def identity(self) -> dict[str, Any]:
        return {name: [each.type, list(each.names), each.identity()] for name, each in self.inputs.items()}

    def load(self, graph: Graph) -> "SeveralFeed":
        return SeveralFeed({name: each.load(graph) for name, each in self.inputs.items()}, graph.model)


class SeveralFeed:
    """Meets ``base.Feed``; a ready value is a tuple with a part for each input."""

    def __init__(self, feeds: Mapping[str, Feed], model: str) -> None:
        self._feeds, self._model = feeds, model

    def read(self, values: Values) -> Values:
        for value in values:
            if not isinstance(value, Mapping) or value.keys() != self._feeds.keys():
                raise ModelFailed(
                    f"Model {self._model!r} takes {len(self._feeds)} inputs: {', '.join(self._feeds)}.",
                    hint="Give a value for each of them by its name.",
                )
        columns = [feed.read([value[name] for value in values]) for name, feed in self._feeds.items()]
        return list(zip(*columns, strict=True))

    def key(self, value: tuple[Any, ...]) -> Hashable:
        return tuple(feed.key(each) for feed, each in zip(self._feeds.values(), value, strict=True))

    def row_bytes(self, value: tuple[Any, ...]) -> int:
        return sum(feed.row_bytes(each) for feed, each in zip(self._feeds.values(), value, strict=True))

    def arrays(self, values: Values) -> Arrays:
        columns = zip(*values, strict=True)
        merged: Arrays = {}
        for feed, column in zip(self._feeds.values(), columns, strict=True):
            merged |= feed.arrays(column)
        return merged
