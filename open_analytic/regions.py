"""Regions: the part of an input that a value was made of. Each has its ``extent``, in its own unit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels of the upright picture, origin top left."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def extent(self) -> float:
        """Square pixels."""
        return self.area


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a recording, in seconds from its beginning."""

    start: float
    end: float

    @property
    def extent(self) -> float:
        """Seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpan:
    """A part of a text, in characters from its beginning; ``end`` is the first character after it."""

    start: int
    end: int

    @property
    def extent(self) -> float:
        """Characters."""
        return float(self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture of a film: its number, from 0 on, and its time in seconds from the beginning."""

    number: int
    seconds: float

    @property
    def extent(self) -> float:
        """Frames: 1."""
        return 1.0


Region: TypeAlias = Box | Span | TextSpan | Frame  # the part of an input that a value was made of
TYPES: Mapping[str, type[Box] | type[Span] | type[TextSpan] | type[Frame]] = {
    "box": Box,
    "span": Span,
    "text_span": TextSpan,
    "frame": Frame,
}


def box_of(region: Region | None) -> Box | None:
    """The region when it is a box, else None."""
    return region if isinstance(region, Box) else None


def to_json(region: Region | None) -> dict[str, Any]:
    """As the inference service sends it: ``box`` is the box or None, another region is beside it by its type's name."""
    document: dict[str, Any] = {"box": None}
    for name, type_ in TYPES.items():
        if isinstance(region, type_):
            document[name] = asdict(region)
    return document


def from_json(document: Mapping[str, Any]) -> Region | None:
    """The region that ``to_json`` wrote among other keys."""
    return next((type_(**document[name]) for name, type_ in TYPES.items() if document.get(name)), None)
