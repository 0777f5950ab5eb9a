"""What the body of a request says: pictures, JSON, a search with its options."""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.search_options import SearchOptions
from open_analytic.service import limits
from open_analytic.types import Hit, Text

PIECE = 1_000_000  # letters of Base64 that are read in one go, a multiple of four
OTHERS = 16  # values in a batch beside its inputs
QUERIES = ("image", "text", "vector")
SEARCH_OPTIONS = ("k", "filter", "params", "max_distance", "target_recall", "after")


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("application/json")


def is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 20  # Python refuses to read what has thousands of digits


def json_object(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {error}.", hint="/openapi.json describes the request.") from error
    if not isinstance(found, dict):
        raise InvalidInput("This is not a JSON object.", hint="/openapi.json describes the request.")
    return found


def parameters_text(request: Request) -> str:
    """A pipeline's parameters in JSON, as they stand in the URL."""
    text = request.query_params.get("parameters", "{}")
    limits.check_parameters(len(text.encode("utf-8", "surrogatepass")))
    return text


def items(body: bytes, *, max_bytes: int) -> list[bytes]:
    """The pictures of a batch. One that is too large is left to the pipeline, whose limits name it."""
    most = limits.MAX_ITEMS + OTHERS
    if body.count(b",") > most or body.count(b'"') > 4 * most:  # before each of them becomes an object
        raise limits.too_many()
    rest, lifted = _lift(body)
    try:
        told = orjson.loads(rest)
    except ValueError as error:
        raise InvalidInput(f"This is not JSON: {error}.", hint="/openapi.json describes the request.") from error
    texts = told.get("inputs") if isinstance(told, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput("inputs is not a list of texts.", hint='Send {"inputs": [...]}, the pictures in Base64.')
    if len(texts) > limits.MAX_ITEMS:
        raise limits.too_many(len(texts))
    encoded = [lifted[text] if text in lifted else text.encode() for text in texts]
    if sum(len(each) * 3 // 4 - bytes(each[-2:]).count(b"=") for each in encoded) > limits.items_bytes(max_bytes):
        raise limits.too_large("All inputs together are too large", max_bytes)
    return [_base64(each) for each in encoded]


def _lift(body: bytes) -> tuple[bytes, dict[str, memoryview]]:
    """JSON with a mark for each long string, and the strings: a parser would copy them and stop all threads."""
    if b"\\" in body:  # then a quote need not end a string
        return body, {}
    parts: list[bytes] = []
    lifted: dict[str, memoryview] = {}
    secret, view, at = secrets.token_hex(16), memoryview(body), 0  # nobody can send a mark
    start = body.find(b'"')
    while start >= 0 and (end := body.find(b'"', start + 1)) >= 0:
        if end - start > PIECE:
            mark = f"{secret}{len(lifted)}"
            lifted[mark] = view[start + 1 : end]
            parts += [body[at : start + 1], mark.encode()]
            at = end
        start = body.find(b'"', end + 1)
    return b"".join((*parts, body[at:])), lifted


def _base64(data: bytes | memoryview) -> bytes:
    """In pieces: between two of them other threads run."""
    parts = []
    try:
        for at in range(0, len(data), PIECE):
            piece = bytes(data[at : at + PIECE])
            ends = b"=" in piece  # what follows padding is judged together with it
            parts.append(base64.b64decode(bytes(data[at:]) if ends else piece, validate=True))
            if ends:
                break
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"An input is not Base64: {error}.", hint="Encode the picture's bytes.") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def query(request: Request, body: bytes) -> tuple[Any, SearchOptions]:
    """What is searched for, and how: JSON has both; a picture as it is has its options in the query string."""
    if not is_json(request):
        return body, _options(_texts(request.query_params))
    if body.count(b",") > limits.JSON_VALUES:
        raise InvalidInput(
            f"The search has more than {limits.JSON_VALUES:,} values.", hint="/openapi.json describes the request."
        )
    values = json_object(body)
    queries = {key: value for key in QUERIES if (value := values.pop(key, None)) is not None}
    if len(queries) != 1:
        raise InvalidInput("There is no query.", hint="Give one of: image (Base64), text, vector (numbers).")
    ((key, query_),) = queries.items()
    return _query(key, query_), _options(values)


def _query(key: str, value: Any) -> Any:
    """What is searched for. A text is marked as one: a str would be taken for a path of the service's machine."""
    if key == "vector":
        if not isinstance(value, list):
            raise InvalidInput("vector is not a list of numbers.", hint="Send [0.1, 0.2, ...].")
        return value
    if not isinstance(value, str):
        hint = "Give the picture in Base64." if key == "image" else 'Send {"text": "a red house"}.'
        raise InvalidInput(f"{key} is not a text.", hint=hint)
    return Text(value) if key == "text" else _base64(value.encode("utf-8", "surrogatepass"))


def _texts(values: Mapping[str, str]) -> dict[str, Any]:
    """Options of a query string: numbers and JSON objects are texts there."""
    options: dict[str, Any] = dict(values)
    if is_number(options.get("k", "")):
        options["k"] = int(options["k"])
    return options | {key: json_object(options[key]) for key in ("params", "after") if key in options}


def _options(values: dict[str, Any]) -> SearchOptions:
    """The options by their names; ``where`` is the deprecated name of ``filter``."""
    unknown = sorted(set(values) - {*SEARCH_OPTIONS, "where"})
    if unknown:
        raise BadParameter(f"A search has no option {unknown[0]!r:.80}.", hint=f"Known: {', '.join(SEARCH_OPTIONS)}.")
    if not isinstance(values.get("params", {}), Mapping | None):
        raise BadParameter("params is not an object.", hint="Give values by the names in the filter.")
    where = values.pop("where", None)
    if where is not None and values.get("filter") is not None:
        raise BadParameter("Both filter and where are present.", hint="where is the old name of filter: give filter.")
    if where is not None:
        values["filter"] = where
    return SearchOptions(**(values | {"after": _last(values.get("after"))}))


def _last(told: Any) -> Hit | None:
    """The last hit of the page before, of which only the place in the order is needed."""
    if told is None:
        return None
    try:
        part = told.get("part")
        return Hit(
            name=str(told["name"]), distance=float(told["distance"]), row={}, part=None if part is None else int(part)
        )
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise BadParameter(
            "after is not a hit.", hint='Give the last one of the page before: {"distance": 0.5, "name": "cat.jpg"}.'
        ) from error
