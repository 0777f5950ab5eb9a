"""The fields of a card, each checked: a wrong one is named with what was expected of it."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from open_analytic.errors import InvalidCard

Number = TypeVar("Number", int, float)


class Fields:
    """A table of the card ``path``; ``where`` is its place in it, as ``input.``."""

    def __init__(self, path: Path, table: Mapping[str, Any], where: str = "") -> None:
        self.path, self.table, self.where = path, table, where

    def wrong(self, field: str, expected: str) -> InvalidCard:
        given = f", not {self.table[field]!r}" if field in self.table else "; it is missing"
        return InvalidCard(
            f"The card {self.path}: {self.where}{field} has to be {expected}{given}.",
            hint="The cards that come with the package show every field.",
        )

    def only(self, *known: str) -> None:
        """Refuse a field that is none of these."""
        if unknown := sorted(set(self.table) - set(known)):
            raise InvalidCard(
                f"The card {self.path}: {self.where}{unknown[0]} is not a field.", hint=f"Known: {', '.join(known)}."
            )

    def text(
        self,
        field: str,
        *,
        default: str | None = None,
        choices: tuple[str, ...] = (),
        like: re.Pattern[str] | None = None,
        expected: str = "a text",
    ) -> str:
        value = self.table.get(field, default)
        if choices:
            expected = f"one of {', '.join(choices)}"
        if not isinstance(value, str) or not value.strip() or (choices and value not in choices):
            raise self.wrong(field, expected)
        if like and not like.fullmatch(value):
            raise self.wrong(field, expected)
        return value

    def number(self, field: str, *, default: int | None = None, least: int = 0, most: int | None = None) -> int:
        value = self.table.get(field, default)
        if not _is(value, int) or value < least or (most is not None and value > most):
            raise self.wrong(field, f"a whole number of at least {least}{f' and at most {most}' if most else ''}")
        return int(value)

    def flag(self, field: str, *, default: bool) -> bool:
        value = self.table.get(field, default)
        if not isinstance(value, bool):
            raise self.wrong(field, "true or false")
        return value

    def real(self, field: str, *, default: float | None = None) -> float:
        value = self.table.get(field, default)
        if not _is(value, float):
            raise self.wrong(field, "a number")
        return float(value)

    def numbers(self, field: str, kind: type[Number], expected: str, *, count: int | None = None) -> list[Number]:
        """A list of numbers; whole ones are at least 0."""
        value = self.table.get(field)
        if not isinstance(value, list) or (count is not None and len(value) != count):
            raise self.wrong(field, expected)
        if not all(_is(part, kind) and (kind is float or part >= 0) for part in value):
            raise self.wrong(field, expected)
        return [kind(part) for part in value]

    def texts(self, field: str) -> list[str]:
        value = self.table.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise self.wrong(field, "a list of texts")
        return value

    def three(self, field: str) -> tuple[float, float, float]:
        red, green, blue = self.numbers(field, float, "three numbers: red, green, blue", count=3)
        return red, green, blue

    def below(self, field: str) -> "Fields":
        value = self.table.get(field)
        if not isinstance(value, dict) or not value:
            raise self.wrong(field, "a table")
        return Fields(self.path, value, f"{self.where}{field}.")


def _is(value: object, kind: type[int] | type[float]) -> bool:
    """Whether it is a finite number of this kind; TOML's 1 is a float too, its true is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) if kind is int else math.isfinite(value)
