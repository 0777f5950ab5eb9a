"""Regions: the part of an input that a value was made of. Each has its ``extent``, in its own unit."""

from dataclasses import dataclass
from typing import TypeAlias


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


def box_of(region: Region | None) -> Box | None:
    """The region when it is a box, else None."""
    return region if isinstance(region, Box) else None
