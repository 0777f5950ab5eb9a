"""Dataclasses as the types of requests: msgspec checks what a caller sends, and the same type describes it in OpenAPI.

``Meta`` of a field holds its limits and its description; ``Rule`` holds what msgspec does not know about it.
"""

import json
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from open_analytic.errors import BadParameter, InvalidInput, OpenAnalyticError

T = TypeVar("T")

HINT = "/openapi.json describes the request."
PLAIN = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The error of a field, and how it is read from a query string."""

    expected: str = ""  # completes "k has to be ..."; "": made of the type and its limits
    hint: str = ""
    error: type[OpenAnalyticError] = BadParameter
    from_text: Callable[[str], Any] | None = None  # where it is more than a number or a text; raises ValueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A field of a request's type."""

    name: str
    hint: Any  # the annotation
    plain: Any  # the type without limits and None
    meta: msgspec.Meta
    rule: Rule
    default: Any
    required: bool

    def refusal(self, problem: str) -> OpenAnalyticError:
        """The error: what the field has to be, what it is, and the next step."""
        hint = self.rule.hint or (f"Give {self.meta.ge} to {self.meta.le}." if self.meta.le is not None else HINT)
        return self.rule.error(f"{self.name} has to be {self.expected}{problem}.", hint=hint)

    @property
    def expected(self) -> str:
        if self.rule.expected:
            return self.rule.expected
        if get_origin(self.plain) is Literal:
            return f"one of {', '.join(get_args(self.plain))}"
        ends = "" if self.meta.le is None else f" from {self.meta.ge} to {self.meta.le}"
        return PLAIN.get(self.plain, "of another type") + ends


def entries(kind: Any) -> tuple[Entry, ...]:
    """The fields of a request's type, in their order."""
    return _entries(kind)


@cache
def _entries(kind: Any) -> tuple[Entry, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        Entry(
            name=field.name, hint=hints[field.name], plain=_plain(hints[field.name]),
            meta=_limits([each for each in _metadata(hints[field.name]) if isinstance(each, msgspec.Meta)]),
            rule=next((each for each in _metadata(hints[field.name]) if isinstance(each, Rule)), Rule()),
            default=field.default, required=field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    )  # fmt: skip


def _metadata(hint: Any) -> Iterator[Any]:
    """What ``Annotated`` adds to a type, the outermost first."""
    if get_origin(hint) is Annotated:
        yield from hint.__metadata__
    for each in () if get_origin(hint) is Literal else get_args(hint):
        yield from _metadata(each)


def _limits(metas: Sequence[msgspec.Meta]) -> msgspec.Meta:
    limited = (meta for meta in metas if meta.le is not None or meta.max_length is not None)
    return next(limited, metas[0] if metas else msgspec.Meta())


def json_value(text: str | bytes) -> Any:
    """What a caller's JSON says; InvalidInput where it is none, or too deep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {error}.", hint=HINT) from error


def json_object(text: str | bytes) -> dict[str, Any]:
    """The same, where it has to be an object."""
    value = json_value(text)
    if not isinstance(value, dict):
        raise InvalidInput("This is not a JSON object.", hint=HINT)
    return value


def from_query(kind: type[T], values: Mapping[str, Any], *, only: str = "") -> T:
    """The request of a query string or a form. ``only`` names the request, where other names are refused."""
    texts = dict(values)
    for entry in entries(kind):
        if isinstance(texts.get(entry.name), str):  # not a file
            texts[entry.name] = _from_text(entry, texts[entry.name])
    return from_json(kind, texts, only=only)


def from_json(kind: type[T], values: Mapping[str, Any], *, only: str = "") -> T:
    """The request of a JSON object. The error names the first wrong field; other names are ignored, or refused."""
    known = entries(kind)
    if only and (unknown := sorted(values.keys() - {entry.name for entry in known})):
        names = ", ".join(entry.name for entry in known)
        raise BadParameter(f"{only} has no option {unknown[0]!r:.80}.", hint=f"Known: {names}.")
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, UnicodeError):  # JSON can have half a surrogate pair
        # One by one: msgspec's error does not name the field in our words.
        return kind(
            **{entry.name: _checked(entry, values) for entry in known if entry.required or entry.name in values}
        )


def query_parameters(kind: type[Any], *, place: str = "query") -> list[dict[str, Any]]:
    """The parameters of a query string in OpenAPI."""
    return [_parameter(entry, place) for entry in entries(kind)]


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a body, without references."""
    (_, components) = msgspec.json.schema_components([kind], ref_template="{name}")
    schema: dict[str, Any] = _inlined(components[kind.__name__], components)
    return schema


def _checked(entry: Entry, values: Mapping[str, Any]) -> Any:
    if entry.name not in values:
        raise entry.refusal("; it is missing")
    try:
        return msgspec.convert(values[entry.name], entry.hint)
    except (msgspec.ValidationError, UnicodeError) as error:
        value, most = values[entry.name], entry.meta.max_length
        if isinstance(value, str) and most is not None and len(value) > most:
            message = f"The {entry.name} has {len(value):,} characters; at most {most:,} are read."
            raise entry.rule.error(message, hint=entry.rule.hint or HINT) from error
        raise entry.refusal(f", not {_text_of(value)}") from error


def _from_text(entry: Entry, text: str) -> Any:
    """What a text stands for; a text that is no number is left to the check."""
    try:
        if entry.rule.from_text:
            return entry.rule.from_text(text)
        if entry.plain is int and text.isascii() and text.isdigit() and len(text) < 20:  # Python reads no 5,000 digits
            return int(text)
        return float(text) if entry.plain is float else text
    except (ValueError, RecursionError) as error:
        raise entry.refusal(f", not {_text_of(text)}") from error


def _text_of(value: Any) -> str:
    """The beginning of a value: one of a hostile caller can be long or deep."""
    return f"{value[:40]!r}" if isinstance(value, str) else f"{reprlib.repr(value):.40}"


def _parameter(entry: Entry, place: str) -> dict[str, Any]:
    schema = msgspec.json.schema(Annotated[str, entry.meta] if entry.rule.from_text else entry.hint)
    schema |= schema.pop("anyOf", [{}])[0]  # the type beside null
    described = {"description": text} if (text := schema.pop("description", "")) else {}
    if entry.default not in (None, MISSING, "") and not entry.rule.from_text:
        schema["default"] = entry.default
    parameter = {"name": entry.name, "in": place, **described, "schema": schema}
    return parameter | ({"required": True} if entry.required else {})


def _plain(hint: Any) -> Any:
    """The type without its limits and None."""
    if get_origin(hint) is Annotated:
        return _plain(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return next(_plain(each) for each in get_args(hint) if each is not NoneType)
    return hint


def _inlined(schema: Any, components: Mapping[str, Any]) -> Any:
    """A schema with what it refers to in its place, and without titles."""
    if isinstance(schema, list):
        return [_inlined(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"]], components)
    return {key: _inlined(each, components) for key, each in schema.items() if key != "title" or isinstance(each, dict)}
