"""Values of Python, NumPy and pandas as PostgreSQL takes them: for columns (``values``, imports) and for ``params``.

pandas is never imported: its values are known by what they are called and what they can do.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import psycopg
from psycopg import abc
from psycopg.adapt import PyFormat
from psycopg.types.json import Jsonb

from open_analytic.errors import BadParameter, BadText
from open_analytic.store import tables

MISSING = ("NAType", "NaTType")  # of pandas
FLOATS = ("real", "double precision", "float4", "float8")
VECTORS = ("vector", "halfvec")  # of pgvector, which writes them as JSON writes a list
GIVE = "Give text, a number, a date, bytes, None, or a list of them; for a column of the type json anything JSON has."
ADAPT = (psycopg.Error, TypeError, ValueError, OverflowError, RecursionError)


def column_text(transformer: abc.Transformer, name: str, value: Any, type_: str, *, is_json: bool) -> str | None:
    """The text that the server casts to a column's type; None: the value is missing. For json text is JSON already.

    NaN is a number in a column of floats and a missing value in any other.
    """
    try:
        adapted_value = adapted(value, nan=type_.removesuffix("[]") in FLOATS, tuples=not type_.endswith("[]"))
        if adapted_value is None:
            return None
        is_json = is_json or type_.rpartition(".")[2] in VECTORS
        text = adapted_value if isinstance(adapted_value, str) else _written(transformer, adapted_value, is_json)
    except ADAPT as error:
        raise BadParameter(
            f"A value of the type {type(value).__name__} cannot be stored in the column {name!r}.", hint=GIVE
        ) from error
    if not tables.is_text(text):
        raise BadParameter(
            f"The value {text!r:.80} for the column {name!r} holds what no database text can.",
            hint="Take out NUL characters.",
        )
    return text


def check_text(name: str, data: bytes) -> None:
    """BadText for an input that a column of text cannot hold."""
    try:
        at = data.decode().find("\0")
    except UnicodeDecodeError as error:
        raise BadText(
            f"The bytes of {name!r:.200} are not text in UTF-8: byte {error.start:,} does not fit.",
            hint="Convert the text to UTF-8.",
        ) from error
    if at >= 0:
        raise BadText(f"The text of {name!r:.200} has a NUL at character {at:,}.", hint="Leave it out.")


def parameters(connection: psycopg.Connection[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a filter as the driver takes them; BadParameter names one that it cannot."""
    cursor = psycopg.ClientCursor(connection)
    converted = {}
    for name, value in params.items():
        try:
            ready = adapted(value)
            converted[name] = Jsonb(ready) if isinstance(ready, dict) else ready
            cursor.mogrify("%s", [converted[name]])
        except ADAPT as error:
            raise BadParameter(
                f"The parameter {name!r} cannot be sent to the database: {error}.".replace("..", "."), hint=GIVE
            ) from error
    return converted


def adapted(value: Any, *, nan: bool = True, tuples: bool = False) -> Any:
    """The value with NumPy's and pandas' types replaced by Python's; None when it is missing.

    ``nan`` says whether a float's NaN is a number, ``tuples`` whether a tuple is a row of values and not a list.
    """
    if value is None or type(value).__name__ in MISSING:
        return None
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, np.generic):
        value = _scalar(value)
    if isinstance(value, float):
        return None if math.isnan(value) and not nan else value
    if isinstance(value, Mapping):
        return {key: adapted(item, nan=nan, tuples=tuples) for key, item in value.items()}
    if isinstance(value, tuple) and tuples:
        return tuple(adapted(item, nan=nan, tuples=tuples) for item in value)
    if _is_many(value):
        return [adapted(item, nan=nan, tuples=tuples) for item in _items(value)]
    return value


def _scalar(value: "np.generic[Any]") -> Any:
    """A number, text or moment of NumPy. What datetime cannot hold stays text, as PostgreSQL reads it."""
    if isinstance(value, np.datetime64 | np.timedelta64) and np.isnat(value):
        return None
    if isinstance(value, np.datetime64):
        days = np.datetime_data(value)[0] in ("Y", "M", "W", "D")
        python = value.astype("datetime64[D]" if days else "datetime64[us]").item()
        return str(value) if isinstance(python, int) else python
    if isinstance(value, np.timedelta64):
        return value.astype("timedelta64[us]").item()
    if isinstance(value, np.longdouble):
        return float(value)
    return value.item()


def _is_many(value: Any) -> bool:
    """Whether this is a list of values: a list, a set, a range, an array, a Series, but no table and no text."""
    if isinstance(value, list | tuple | set | frozenset | range | np.ndarray) or _is_view(value):
        return True
    return hasattr(value, "to_numpy") and isinstance(value, Iterable) and not hasattr(value, "columns")


def _is_view(value: Any) -> bool:
    return type(value).__name__ in ("dict_keys", "dict_values")


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, set | frozenset):
        try:
            return iter(sorted(value))
        except TypeError:  # of several types
            return iter(value)
    return iter(value)


def _written(transformer: abc.Transformer, value: Any, is_json: bool) -> str:
    if is_json:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    if isinstance(value, dict):
        value = Jsonb(value)
    return bytes(transformer.get_dumper(value, PyFormat.TEXT).dump(value) or b"").decode()
