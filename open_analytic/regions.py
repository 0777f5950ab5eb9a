"""Regions: the part of an input that a value was made of. Each has its ``extent``, in its own unit.

A region's class says how a collection holds it: the name and the SQL type of its column, an array whose elements are
its fields in their order. ``migrations/functions/regions.sql`` says the same to the functions in SQL.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle in pixels of the upright picture, origin top left."""

    column: ClassVar[str] = "box"
    sql_type: ClassVar[str] = "float4[]"

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

    @property
    def label(self) -> str:
        """``64x80+12+30``: width, height and the corner, in pixels."""
        return f"{self.width:.0f}x{self.height:.0f}{self.x:+.0f}{self.y:+.0f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a recording, in seconds from its beginning."""

    column: ClassVar[str] = "span"
    sql_type: ClassVar[str] = "float8[]"

    start: float
    end: float

    @property
    def extent(self) -> float:
        """Seconds."""
        return self.end - self.start

    @property
    def label(self) -> str:
        """``1.5-3 s``: start and end, in seconds."""
        return f"{round(self.start, 3):.12g}-{round(self.end, 3):.12g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSpan:
    """A part of a text, in characters from its beginning; ``end`` is the first character after it."""

    column: ClassVar[str] = "text_span"
    sql_type: ClassVar[str] = "int4[]"

    start: int
    end: int

    @property
    def extent(self) -> float:
        """Characters."""
        return float(self.end - self.start)

    @property
    def label(self) -> str:
        """``120-480``: start and end, in characters."""
        return f"{self.start}-{self.end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A picture of a video: its number, from 0 on, and its time in seconds from the beginning."""

    column: ClassVar[str] = "frame"
    sql_type: ClassVar[str] = "float8[]"

    number: int
    seconds: float

    @property
    def extent(self) -> float:
        """Frames: 1."""
        return 1.0

    @property
    def label(self) -> str:
        """``48 (2 s)``: the number, and the time in seconds."""
        return f"{self.number} ({round(self.seconds, 3):.12g} s)"


Region: TypeAlias = Box | Span | TextSpan | Frame  # the part of an input that a value was made of
RegionType: TypeAlias = type[Box] | type[Span] | type[TextSpan] | type[Frame]
TYPES: Mapping[str, RegionType] = {type_.column: type_ for type_ in (Box, Span, TextSpan, Frame)}
LARGEST = {"int4[]": 2**31 - 1, "float4[]": 3.4028234e38}  # that an element can be
BOX = Box.column  # what collections of regions have where nothing else is known of them


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


def hit_keys(region: Region | None) -> dict[str, Any]:
    """What a hit or a row says of its region: ``box``, which can be None, and ``region`` where that is no box."""
    return {"box": box_of(region)} | ({} if region is None or isinstance(region, Box) else {"region": region})


def to_row(region: Region | None) -> list[float] | None:
    """The elements of its column."""
    return None if region is None else [_number(field)(getattr(region, field.name)) for field in fields(region)]


def fits(region: Region) -> bool:
    """Whether its column holds its numbers; psycopg's binary form would cut off what is too large."""
    largest = LARGEST.get(region.sql_type, math.inf)
    return not any(largest < abs(element) < math.inf for element in to_row(region) or ())


def from_row(column: str | None, elements: Sequence[float | None] | None) -> Region | None:
    """The region that a row holds; None where it holds none, or an array of something else."""
    if column is None or elements is None:
        return None
    places = fields(TYPES[column])
    try:
        values = {field.name: _number(field)(value) for field, value in zip(places, elements, strict=True)}
    except (TypeError, ValueError, OverflowError):  # another length or dimension, NULL, no whole number
        return None
    return TYPES[column](**values)


def _number(field: Any) -> Any:
    """The type of a field: float, or int."""
    return field.type
