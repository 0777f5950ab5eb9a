"""Values of the database in Python: what no Python type can hold arrives as PostgreSQL's own text, not as an error."""

import json
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

CANNOT = (psycopg.DataError, ValueError, OverflowError, RecursionError, NotImplementedError)
NO_TIMEDELTA = (b"mon", b"year", b"infinity")  # words of an interval


def register(connection: psycopg.Connection[Any]) -> None:
    """Read the values of this connection so."""
    for name, loader in LOADERS.items():
        connection.adapters.register_loader(name, loader)


class _Or(Loader):
    """psycopg's loader of a type, or the text where that one fails."""

    format = Format.TEXT

    def __init__(self, oid: int, context: Any = None) -> None:
        super().__init__(oid, context)
        usual = psycopg.adapters.get_loader(oid, Format.TEXT)
        assert usual is not None  # noqa: S101 - a type of LOADERS
        self._usual = usual(oid, context)

    def load(self, data: Buffer) -> Any:
        try:
            return self._usual.load(data)
        except CANNOT:
            return bytes(data).decode()


class _Interval(_Or):
    """A timedelta has no months, and a month is not thirty days; psycopg reads infinity as nothing at all."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data)
        return text.decode() if any(word in text for word in NO_TIMEDELTA) else super().load(data)


class _Range(_Or):
    """As a whole, when one of its bounds is text."""

    def load(self, data: Buffer) -> Any:
        value = super().load(data)
        return bytes(data).decode() if _has_text(value) else value


def _has_text(value: Any) -> bool:
    if isinstance(value, Multirange):
        return any(map(_has_text, value))
    return isinstance(value, Range) and (isinstance(value.lower, str) or isinstance(value.upper, str))


class _Json(Loader):
    """Text for numbers beyond a float, for depths beyond Python's, and for letters that are none."""

    format = Format.TEXT

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        try:
            value = json.loads(text, parse_float=_finite)
            if "\\u" in text:
                json.dumps(value, ensure_ascii=False).encode()
        except CANNOT:
            return text
        return value


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise OverflowError(text)
    return number


LOADERS: dict[str, type[Loader]] = {
    **dict.fromkeys(("date", "time", "timetz", "timestamp", "timestamptz", "inet", "cidr"), _Or),
    "interval": _Interval,
    **dict.fromkeys(("daterange", "tsrange", "tstzrange"), _Range),
    **dict.fromkeys(("datemultirange", "tsmultirange", "tstzmultirange"), _Range),
    **dict.fromkeys(("json", "jsonb"), _Json),
}
