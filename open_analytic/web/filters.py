"""Conditions on a collection's own columns, chosen on a page: which there can be, and what they are in SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from open_analytic.collection import Collection
from open_analytic.errors import BadParameter, InvalidFilter
from open_analytic.store.tables import is_text
from open_analytic.types import CollectionInfo

MOST = 20  # conditions of one search
COMPARED = ("=", "<>", "<", "<=", ">", ">=")
EMPTY = ("is null", "is not null")
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": ("=", "<>", "contains", "in", *EMPTY),
    "number": (*COMPARED, "in", *EMPTY),
    "boolean": ("=", *EMPTY),
    "date": (*COMPARED, *EMPTY),
    "time": (*COMPARED, *EMPTY),
    "other": EMPTY,
}
KINDS: Mapping[str, str] = {  # by the first word of PostgreSQL's name of the type
    "text": "text", "character": "text", "citext": "text", "uuid": "text",
    "smallint": "number", "integer": "number", "bigint": "number", "real": "number", "double": "number",
    "numeric": "number", "boolean": "boolean", "date": "date", "timestamp": "time",
}  # fmt: skip
LISTED = ("text", "number", "boolean")  # whose few values are offered in a list


def kind(type_: str) -> str:
    """What a column holds, as far as conditions on it go."""
    word = "citext" if _is_citext(type_) else type_.split("(")[0].split(" ")[0]
    return "other" if type_.endswith("[]") else KINDS.get(word, "other")


def _is_citext(type_: str) -> bool:
    """The type of the extension citext, which can be in any schema."""
    return type_.rpartition(".")[2] == "citext"


def offered(collection: Collection) -> list[dict[str, Any]]:
    """The columns that can be asked for, with their operators, and their values when these are few."""
    return [
        {
            "column": column,
            "type": kind(type_),
            "operators": list(OPERATORS[kind(type_)]),
            "values": collection.values(column) if kind(type_) in LISTED else None,
        }
        for column, type_ in collection.info.columns.items()
    ]


def condition(info: CollectionInfo, conditions: Any) -> tuple[str | None, dict[str, str]]:
    """The condition for ``search(filter=, params=)``, in which every one holds; None when there is none."""
    if not isinstance(conditions, Sequence) or isinstance(conditions, str) or len(conditions) > MOST:
        raise BadParameter(
            "filter is not a list of conditions.",
            hint=f'Give at most {MOST} such as {{"column": "city", "operator": "=", "value": "Oslo"}}.',
        )
    params: dict[str, str] = {}
    texts = [_one(info, one, params) for one in conditions]
    return " AND ".join(texts) or None, params


def _one(info: CollectionInfo, one: Any, params: dict[str, str]) -> str:
    column, operator, value = _read(info, one)
    name = quoted(column)
    if operator in EMPTY:
        return f"{name} {operator.upper()}"
    if operator == "contains":  # LIKE would give meanings to some letters of the value
        place = _bound(_text(value, column), params)
        return f"pg_catalog.strpos({_lower(name)}, {_lower(place)}) {qualified('>')} 0"
    if _is_citext(info.columns[column]):  # its own operators stand in the extension's schema
        return _regardless_of_case(name, operator, value, column, params)
    if operator == "in":
        texts = [_text(item, column) for item in _list(value, column)]
        return f"{name} {qualified('=')} ANY ({_bound(_array(texts), params)})"
    return f"{name} {qualified(operator)} {_bound(_text(value, column), params)}"


def _regardless_of_case(name: str, operator: str, value: Any, column: str, params: dict[str, str]) -> str:
    """What citext's operators compare."""
    if operator != "in":
        return f"{_lower(name)} {qualified(operator)} {_lower(_bound(_text(value, column), params))}"
    texts = [_lower(_bound(_text(item, column), params)) for item in _list(value, column)]
    return f"{_lower(name)} {qualified('=')} ANY (ARRAY[{', '.join(texts)}])"


def quoted(column: str) -> str:
    """A column's name in a condition with values."""
    return sql.Identifier(column).as_string().replace("%", "%%")


def qualified(operator: str) -> str:
    """PostgreSQL's own operator: one that somebody made in a schema of the search path would run its owner's code."""
    return f"OPERATOR(pg_catalog.{operator})"


def _lower(expression: str) -> str:
    return f"pg_catalog.lower({expression}::pg_catalog.text)"


def _read(info: CollectionInfo, one: Any) -> tuple[str, str, Any]:
    column, operator = (one.get("column"), one.get("operator")) if isinstance(one, Mapping) else (None, None)
    if not isinstance(column, str) or column not in info.columns:
        raise BadParameter(
            f"{column!r:.80} is no column of collection {info.name!r}.",
            hint=f"Your columns: {', '.join(info.columns) or 'none'}.",
        )
    known = OPERATORS[kind(info.columns[column])]
    if operator not in known:
        raise BadParameter(
            f"A filter on {column!r} has no operator {operator!r:.40}.", hint=f"There are: {', '.join(known)}."
        )
    return column, operator, one.get("value")


def _list(value: Any, column: str) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= 1000:
        raise BadParameter(f"The filter's value for {column!r} is not a list.", hint="Give 1 to 1000 values.")
    return value


def _text(value: Any, column: str) -> str:
    """The value as text, which PostgreSQL reads as the column's type."""
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str) or len(value) > 10_000:
        raise BadParameter(f"The filter's value for {column!r} is {value!r:.40}.", hint="Give a text or a number.")
    if not is_text(value):
        raise InvalidFilter(
            f"The filter's value for {column!r} is {value!r:.40}, which no database text can hold.",
            hint="Take out NUL characters and halves of surrogate pairs.",
        )
    return value


def _bound(value: str, params: dict[str, str]) -> str:
    params[name := f"v{len(params)}"] = value
    return f"%({name})s"


def _array(values: Sequence[str]) -> str:
    """An array as PostgreSQL reads it: its type is then the column's, as that of a single value is."""
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join(f'"{value}"' for value in escaped) + "}"
