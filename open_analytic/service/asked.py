"""What the body of a request says: pictures, JSON, a search with its options."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.types import Hit

SEARCH_OPTIONS = ("k", "where", "params", "max_distance", "target_recall", "after")


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("application/json")


def is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 20  # Python refuses to read what has thousands of digits


def json_object(text: str | bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"This is not JSON: {error}.", hint="/openapi.json says what is taken.") from error
    if not isinstance(found, dict):
        raise InvalidInput("This is not a JSON object.", hint="/openapi.json says what is taken.")
    return found


def items(body: bytes) -> list[bytes]:
    """The pictures of a batch. One that is too large is left to the pipeline, whose limits name it."""
    texts = json_object(body).get("inputs")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidInput("inputs is not a list of texts.", hint="Give the pictures in Base64.")
    return [_base64(text) for text in texts]


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"An input is not Base64: {error}.", hint="Encode the picture's bytes.") from error


def query(request: Request, body: bytes) -> tuple[Any, dict[str, Any]]:
    """What is searched for, and how: JSON says both; a picture as it is has its options in the query string."""
    if not is_json(request):
        given = dict(request.query_params)
        options: dict[str, Any] = {key: given.pop(key) for key in SEARCH_OPTIONS if key in given}
        if "k" in options:
            options["k"] = int(options["k"]) if is_number(options["k"]) else options["k"]
        options |= {key: json_object(options[key]) for key in ("params", "after") if key in options}
        return body, _known(options, given)
    given = json_object(body)
    options = {key: given.pop(key) for key in SEARCH_OPTIONS if key in given}
    image, vector = given.pop("image", None), given.pop("vector", None)
    if (image is None) == (vector is None):
        raise InvalidInput("What is searched for?", hint="Give one of: image (Base64), vector (numbers).")
    if image is None and not isinstance(vector, list):  # a text would be taken for a path of ours
        raise InvalidInput("vector is not a list of numbers.", hint="Send [0.1, 0.2, ...].")
    if image is not None and not isinstance(image, str):
        raise InvalidInput("image is not a text.", hint="Give the picture in Base64.")
    return (vector if image is None else _base64(image)), _known(options, given)


def _known(options: dict[str, Any], rest: Mapping[str, Any]) -> dict[str, Any]:
    if rest:
        raise BadParameter(f"A search has no option {sorted(rest)[0]!r}.", hint=f"Known: {', '.join(SEARCH_OPTIONS)}.")
    if not isinstance(options.get("params", {}), Mapping | None):
        raise BadParameter("params is not an object.", hint="Give values by the names in the filter.")
    if "after" in options:
        options["after"] = _last(options["after"])
    return options


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
