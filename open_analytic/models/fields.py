"""The fields of a card, converted to the types of a dataclass; a wrong one is named with what was expected of it."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from open_analytic.errors import InvalidCard

T = TypeVar("T")

# Types of fields. msgspec checks a value against them; the description is the expectation in the error.
Text: TypeAlias = Annotated[str, Meta(pattern=r"\S", description="a text")]
Texts: TypeAlias = Annotated[tuple[str, ...], Meta(min_length=1, description="a list of texts")]
Count: TypeAlias = Annotated[int, Meta(ge=0)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
_MAX = sys.float_info.max
Real: TypeAlias = Annotated[float, Meta(ge=-_MAX, le=_MAX, description="a number")]  # not nan or inf
PositiveReal: TypeAlias = Annotated[float, Meta(gt=0, le=_MAX, description="a number above 0")]
Reals: TypeAlias = Annotated[tuple[Real, ...], Meta(description="a list of numbers")]
Colors: TypeAlias = Annotated[tuple[Real, Real, Real], Meta(description="three numbers: red, green, blue")]
PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


class Fields:
    """A table of the card ``path``; ``where`` is its place in it, as ``input.``."""

    def __init__(self, path: Path, table: Mapping[str, Any], where: str = "") -> None:
        self.path, self.table, self.where = path, table, where

    def wrong(self, field: str, expected: str) -> InvalidCard:
        actual = f", not {self.table[field]!r}" if field in self.table else "; it is missing"
        return InvalidCard(
            f"The card {self.path}: {self.where}{field} has to be {expected}{actual}.",
            hint="The cards that come with the package show every field.",
        )

    def only(self, *known: str) -> None:
        """Refuse a field that is none of these."""
        if unknown := sorted(set(self.table) - set(known)):
            raise InvalidCard(
                f"The card {self.path}: {self.where}{unknown[0]} is not a field.", hint=f"Known: {', '.join(known)}."
            )

    def read(self, kind: type[T], *, only: tuple[str, ...] = (), **computed: Any) -> T:
        """The dataclass ``kind`` of this table; ``computed`` are fields that the caller has read.

        Its fields, or those that ``only`` names, are all that the table can have. One with a default can be missing.
        """
        entries = [entry for entry in dataclasses.fields(kind) if entry.name not in computed]  # type: ignore[arg-type]
        self.only(*(only or (entry.name for entry in dataclasses.fields(kind))))  # type: ignore[arg-type]
        hints = get_type_hints(kind, include_extras=True)
        values = {entry.name: self.value(entry.name, hints[entry.name], entry.default) for entry in entries}
        return kind(**values, **computed)

    def value(self, field: str, kind: Any, default: Any = dataclasses.MISSING) -> Any:
        """The field converted to a type, ``default`` where it is missing."""
        if field not in self.table and default is not dataclasses.MISSING:
            return default
        try:
            return msgspec.convert(self.table.get(field), kind)
        except msgspec.ValidationError as error:
            raise self.wrong(field, _expected(kind)) from error

    def text(self, field: str, *, default: Any = dataclasses.MISSING, choices: tuple[str, ...] = ()) -> str:
        """A text, one of ``choices`` where these are given."""
        text: str = self.value(field, Literal[choices] if choices else Text, default)
        return text

    def below(self, field: str) -> "Fields":
        value = self.table.get(field)
        if not isinstance(value, dict) or not value:
            raise self.wrong(field, "a table")
        return Fields(self.path, value, f"{self.where}{field}.")


def _expected(kind: Any) -> str:
    """What a value of a type has to be."""
    if NoneType in get_args(kind):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    plain, meta = get_args(kind)[:2] if get_origin(kind) is Annotated else (kind, Meta())
    if meta.description:
        return str(meta.description)
    limits = [f"at {end} {limit}" for end, limit in (("least", meta.ge), ("most", meta.le)) if limit is not None]
    return PLAIN.get(plain, "of another type") + (f" of {' and '.join(limits)}" if limits else "")
