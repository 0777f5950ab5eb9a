"""What requests to the site's JSON API carry: names, numbers and choices, read and checked."""

import json
from collections.abc import Callable
from typing import Any, get_args

from starlette.requests import Request

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.service.request_parsing import is_number, json_object
from open_analytic.types import OnConflict
from open_analytic.web.texts import WHOLE

MOST_NAMES = 200  # of a page


def choice(text: Any) -> OnConflict:
    for choice in get_args(OnConflict):
        if text == choice:
            return choice  # type: ignore[no-any-return]
    raise BadParameter(f"on_conflict is {text!r:.80}.", hint=f"Choose of: {', '.join(get_args(OnConflict))}.")


def url(data: bytes) -> Callable[[], str]:
    """Reads it where it is fetched: in a thread."""

    def read() -> str:
        url = json_object(data).get("url")
        if not isinstance(url, str):
            raise InvalidInput("url is not a text.", hint='Send a picture\'s bytes, or {"url": "https://..."}.')
        return url

    return read


def name(request: Request) -> str:
    name = request.query_params.get("name")
    if not name:
        raise BadParameter("The name of a picture is missing.", hint="Give it in the query string: ?name=cat.jpg.")
    return name


def part(request: Request) -> int | None:
    text = request.query_params.get("part")
    if text is None:
        return None
    if not (text.isascii() and is_number(text) and len(text) < 10):
        raise BadParameter(f"part is {text!r:.40}.", hint="Give a whole number, 0 or more.")
    return int(text)


def limit(request: Request) -> int:
    text = request.query_params.get("limit", "60")
    if not (text.isascii() and is_number(text) and 1 <= int(text) <= MOST_NAMES):
        raise BadParameter(f"limit is {text!r:.40}.", hint=f"Give 1 to {MOST_NAMES}.")
    return int(text)


def text_length(request: Request) -> int:
    text = request.query_params.get("length", str(WHOLE))
    if not (text.isascii() and is_number(text) and len(text) < 10 and 1 <= int(text) <= WHOLE):
        raise BadParameter(f"length is {text!r:.40}.", hint=f"Give 1 to {WHOLE}.")
    return int(text)


def digests(told: dict[str, Any]) -> dict[str, bytes]:
    """Names with their SHA-256."""
    try:
        return {str(file["name"]): bytes.fromhex(file["sha256"]) for file in told["files"]}
    except (LookupError, TypeError, ValueError) as error:
        raise InvalidInput(
            "files is not a list of names with their SHA-256.",
            hint=f"Send {json.dumps({'files': [{'name': 'cat.jpg', 'sha256': '9f86...'}]})}.",
        ) from error
