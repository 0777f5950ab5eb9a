"""Reads requests and writes errors: bodies up to a limit, callers that leave, the token, names in addresses."""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Scope

from open_analytic.errors import DatabaseError, DeadlineExceeded, ImageTooLarge, OpenAnalyticError, StorageFull
from open_analytic.service import limits
from open_analytic.service.work import Cancellable, Cancelled
from open_analytic.util.jsonable import jsonable

T = TypeVar("T")

logger = logging.getLogger(__name__)

NAME = "open_analytic_name"  # in a route: f"/collections/{{name:{NAME}}}"


class _Name(Convertor[str]):
    """A name as the last part of an address: any text, with slashes and line ends, which Starlette's "path" has not.

    It is registered under a name of its own, so that other applications of the process keep Starlette's convertors.
    """

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(NAME, _Name())


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 20  # Python refuses to read what has thousands of digits


def length(request: Request, most: int) -> int:
    """The bytes of the body to hold at most: the limit, or the announced length when that is less."""
    text = request.headers.get("content-length", "")
    return min(most, int(text)) if _is_number(text) else most


async def body(request: Request, most: int) -> bytes:
    """The body. One that is too large is refused by the length it announces, or else as soon as it is longer."""
    announced = request.headers.get("content-length", "")
    if _is_number(announced) and int(announced) > most:
        raise _too_large(int(announced), most)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.BODY_S):
            async for chunk in request.stream():
                size += len(chunk)
                chunks.append(chunk)
                if size > most:
                    raise _too_large(size, most)
    except TimeoutError:
        raise DeadlineExceeded(
            f"The request was not there within {limits.BODY_S:.0f} s.",
            hint="Send less at once, or over a faster network.",
        ) from None
    return b"".join(chunks) if size <= limits.LARGE else await asyncio.to_thread(b"".join, chunks)


def _too_large(size: int, most: int) -> ImageTooLarge:
    return ImageTooLarge(
        f"The request has {size:,} bytes; at most {most:,} are read.",
        hint="Send a smaller input, or raise OPEN_ANALYTIC_MAX_BYTES.",
    )


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """What the work gives; it is stopped when the client goes away."""
    cancellable = Cancellable()
    gone = asyncio.ensure_future(_disconnected(request))
    gone.add_done_callback(lambda done: None if done.cancelled() else cancellable.stop())
    try:
        return await cancellable.run(work)
    except Cancelled:
        raise ClientDisconnect from None
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json_bytes(value: object) -> bytes:
    """The body of an answer; a large one is made where the value is: in a thread."""
    return json.dumps(jsonable(value), allow_nan=False, separators=(",", ":")).encode()


def outward(error: OpenAnalyticError) -> OpenAnalyticError:
    """The error as clients see it. What fails behind the service names hosts, roles and folders: its log has them."""
    inner = isinstance(error, DatabaseError | StorageFull) and error.http_status >= 500
    if not inner:
        return error
    logger.warning("answered with %s: %s", type(error).__name__, error.message)
    return type(error)(hint="The service's log says more.")


def refusal(error: OpenAnalyticError, headers: Mapping[str, str] | None = None) -> Response:
    """The answer that tells an error, the same from every door."""
    error = outward(error)
    text = json.dumps(error.as_dict())  # in ASCII: a message can quote half a surrogate pair
    return Response(text, error.http_status, dict(headers or {}), "application/json")


def unexpected() -> Response:
    """The answer when something failed that nobody foresaw."""
    return refusal(OpenAnalyticError("Something went wrong in the inference service.", hint="Its log says what."))


def is_tcp(scope: Scope) -> bool:
    server = scope.get("server")
    return bool(server and server[1] is not None)


def claims(scope: Scope) -> bool:
    """Whether a request shows something in place of the token."""
    return b"authorization" in dict(scope["headers"])


def shows(scope: Scope, token: str | None) -> bool:
    """Whether a request shows the token."""
    credentials = dict(scope["headers"]).get(b"authorization", b"")
    return bool(token) and hmac.compare_digest(credentials, f"Bearer {token}".encode())
