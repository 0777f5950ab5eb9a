"""A form in the body of a request: few fields, at most one file, read to a limit of bytes."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message, Receive

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.service import limits
from open_analytic.service.http_io import body

PIECE = 200_000  # bytes that are unescaped in one go
ESCAPED = 8
MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file of the form, and what its sender calls it."""

    name: str
    data: bytes = field(repr=False)


Value: TypeAlias = str | Upload


async def read(request: Request, *, fields: tuple[str, ...], max_bytes: int) -> dict[str, Value]:
    """The fields by name, each at most once and none but those named; {} when the request has no form.

    It is parsed in a thread: each line of a form in parts, and each escaped letter of the other kind, is work.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await body(request, max_bytes)
    if kind == MULTIPART:
        return _checked_fields(await asyncio.to_thread(_multipart, request, data, len(fields)), fields)
    if kind == URLENCODED:
        return _checked_fields(await asyncio.to_thread(_urlencoded, data, len(fields)), fields)
    if data:
        raise InvalidInput(f"The body is {kind or 'of no type'}, not a form.", hint=f"Send {MULTIPART}.")
    return {}


def _multipart(request: Request, data: bytes, most: int) -> list[tuple[str, Value]]:
    """The fields of a form in parts. Starlette parses with an event loop; this one belongs to the thread."""
    try:
        return asyncio.run(_fields(Request(request.scope, _whole(data)), most, len(data)))
    except HTTPException as error:
        raise InvalidInput(f"The form cannot be read: {error.detail}", hint=f"Send {MULTIPART}.") from error
    except (MultiPartException, FormParserError, UnicodeError) as error:  # the client's charset can be unknown
        raise InvalidInput(f"The form cannot be read: {error}.", hint=f"Send {MULTIPART} in UTF-8.") from error


async def _fields(request: Request, most: int, max_bytes: int) -> list[tuple[str, Value]]:
    async with request.form(max_files=1, max_fields=most, max_part_size=max_bytes) as form:
        return [(name, await _value(value)) for name, value in form.multi_items()]


def _whole(data: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    return receive


async def _value(value: UploadFile | str) -> Value:
    return value if isinstance(value, str) else Upload(name=value.filename or "", data=await value.read())


def _urlencoded(data: bytes, most: int) -> list[tuple[str, Value]]:
    if data.count(b"&") >= most:
        raise InvalidInput(f"The form has more than {most} fields.", hint=f"Send {MULTIPART}.")
    # Of a picture in Base64 one letter in 17 is escaped at most.
    if len(data) > limits.LARGE and ESCAPED * data.count(b"%") > len(data):
        raise InvalidInput(f"More than one in {ESCAPED} letters of the form is escaped.", hint=f"Send {MULTIPART}.")
    fields = (field.partition(b"=") for field in data.split(b"&") if field)
    return [(_unescaped(name), _unescaped(value)) for name, _, value in fields]


def _unescaped(data: bytes) -> str:
    """The text of a name or value, in pieces: between two of them other threads run."""
    chunks, at = [], 0
    while at < len(data):
        end = min(at + PIECE, len(data))
        if end < len(data) and (cut := data.rfind(b"%", end - 2, end)) > at:  # an escape stays in one piece
            end = cut
        chunks.append(unquote_to_bytes(data[at:end].replace(b"+", b" ")))
        at = end
    return b"".join(chunks).decode("utf-8", "replace")


def _checked_fields(entries: Iterable[tuple[str, Value]], fields: tuple[str, ...]) -> dict[str, Value]:
    known: dict[str, Value] = {}
    for name, value in entries:
        if name not in fields:
            raise BadParameter(f"The form has no field {name!r:.80}.", hint=f"Known: {', '.join(fields)}.")
        if name in known:
            raise BadParameter(f"The field {name!r} is there twice.", hint="Send it once.")
        known[name] = value
    return known
