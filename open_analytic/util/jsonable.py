"""Converts values of the package to types that JSON has."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import orjson


def jsonable(value: Any) -> Any:
    """The value made of what JSON has."""
    if hasattr(value, "as_dict"):
        return jsonable(value.as_dict())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value) if not field.name.startswith("_"))
        return {name: jsonable(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        return jsonable(numbers(value))
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):  # JSON has none; in PostgreSQL's words
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def numbers(array: Any) -> Any:
    """An array's numbers as JSON has them: of 32-bit ones the few digits that tell them apart, not those of 64 bits."""
    if not math.isfinite(array.sum()):  # orjson would write null
        return array.tolist()
    return orjson.loads(orjson.dumps(array.copy(order="C"), option=orjson.OPT_SERIALIZE_NUMPY))
