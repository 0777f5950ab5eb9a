"""What the wire says: requests read from bytes, answers written as messages of PostgreSQL's protocol, version 3.0."""

import binascii
import json
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from open_analytic.errors import InvalidPipeline, OpenAnalyticError
from open_analytic.service import limits

PROTOCOL, TEXT_OID = 3 << 16, 25
SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102

SHORT = 200  # bytes of what is no request: the connection's encoding, or nothing
PIECE = 1_000_000  # digits that are read in one go: between two of them other threads run

_RUN = re.compile(rb"(?:TIMEOUT ([0-9]{1,9}) )?RUN (output|vector|query) ([0-9a-fA-F]{64}) ")
_DEFINE = re.compile(rb"DEFINE ([0-9a-fA-F]{64}) ")
_DESCRIBE = re.compile(rb"DESCRIBE ")
_RUN_BEGINS = re.compile(rb"(?:TIMEOUT [0-9]{1,9} )?RUN ")
_ENCODING = re.compile(rb"\s*set\s+client_encoding\s+to\s+'([A-Za-z0-9_-]{1,32})'[\s;]*\Z", re.IGNORECASE)
_EMPTY = re.compile(rb"[\s;]*\Z")


class Refusal(Exception):
    """What the client asked is answered with an ErrorResponse; a fatal one also ends the connection."""

    def __init__(self, sqlstate: str, message: str, *, hint: str | None = None, fatal: bool = False) -> None:
        self.sqlstate, self.message, self.hint, self.fatal = sqlstate, message, hint, fatal
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run a pipeline on inputs. ``parameters`` is the text of a JSON object that nobody has read yet."""

    give: str  # output or vector
    hash: str
    parameters: str = field(repr=False)
    items: tuple[bytes, ...] = field(repr=False)
    timeout_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Define:
    """Keep a pipeline's definition under its hash. ``text`` is JSON that nobody has read yet."""

    hash: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """Say what a definition does. ``text`` is JSON that nobody has read yet."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """What libpq asks when its database is not in UTF8; answers are ASCII, so any encoding will do."""

    name: str


Command: TypeAlias = Run | Define | Describe
Row: TypeAlias = tuple[str | None, str | None]  # (output, error): JSON in ASCII


def parse(query: bytes | bytearray, *, max_bytes: int) -> Command | Encoding | None:
    """The request in a query's text; none for an empty one."""
    if match := _RUN.match(query):
        timeout_ms, give, hash_ = match.groups()
        parameters, start = _parameters(query, match.end())
        return Run(
            give=give.decode(),
            hash=hash_.decode().lower(),
            parameters=parameters,
            items=tuple(_items(query, start, max_bytes)),
            timeout_ms=None if timeout_ms is None else int(timeout_ms),
        )
    if match := _DEFINE.match(query):
        return Define(hash=match[1].decode().lower(), text=_definition(query, match.end()))
    if match := _DESCRIBE.match(query):
        return Describe(text=_definition(query, match.end()))
    if len(query) <= SHORT and (match := _ENCODING.match(query)):
        return Encoding(name=match[1].decode())
    if len(query) <= SHORT and _EMPTY.match(query):
        return None
    raise _not_ours()


def too_long(beginning: bytes, length: int, *, max_bytes: int) -> OpenAnalyticError | Refusal:
    """What a query is answered that was not even read."""
    if _RUN_BEGINS.match(beginning):
        return limits.too_large(f"The request has {length:,} bytes", max_bytes)
    return Refusal("54000", f"The query has {length:,} bytes; at most {limits.hex_bytes(max_bytes):,} are read.")


def too_long_in_parts(max_bytes: int) -> OpenAnalyticError:
    """The same for one that comes in parts."""
    return limits.too_large(f"The request has more than {limits.hex_bytes(max_bytes):,} bytes", max_bytes)


def is_setting(query: bytes | bytearray) -> bool:
    """Whether a query is about the connection rather than a request."""
    return len(query) <= SHORT and _ENCODING.match(query) is not None


def _parameters(query: bytes | bytearray, start: int) -> tuple[str, int]:
    """The parameters' text, and where the inputs begin."""
    end = query.find(b" ", start)
    if end < 0:
        raise _not_ours()
    limits.check_parameters((end - start) // 2)
    text = query[start:end]
    return "{}" if text == b"-" else _text(text), end + 1


def _items(query: bytes | bytearray, start: int, max_bytes: int) -> Iterator[bytes]:
    view, number, together = memoryview(query), 1, 0
    while start <= len(query):
        end = query.find(b" ", start)
        end = len(query) if end < 0 else end
        together += (end - start) // 2
        if number > limits.MAX_ITEMS:
            raise limits.too_many()
        if end - start > 2 * max_bytes or together > limits.items_bytes(max_bytes):
            raise limits.too_large(f"Input {number} is too large", max_bytes)
        empty = end - start == 1 and query[start] == ord("-")
        yield b"" if empty else _unhex(view[start:end])
        start, number = end + 1, number + 1


def _definition(query: bytes | bytearray, start: int) -> str:
    if len(query) - start > 2 * limits.DEFINITION_BYTES:
        raise InvalidPipeline(f"The definition is too long; at most {limits.DEFINITION_BYTES:,} bytes are read.")
    return _text(query[start:])


def _text(digits: bytes | bytearray) -> str:
    try:
        return _unhex(digits).decode()
    except UnicodeDecodeError as error:
        raise _not_ours() from error


def _unhex(digits: bytes | bytearray | memoryview) -> bytes:
    if not digits:
        raise _not_ours()
    try:
        if len(digits) <= PIECE:
            return binascii.unhexlify(digits)
        return b"".join(binascii.unhexlify(digits[at : at + PIECE]) for at in range(0, len(digits), PIECE))
    except binascii.Error as error:
        raise _not_ours() from error


def _not_ours() -> Refusal:
    return Refusal(
        "0A000",
        "This is no SQL server: open_analytic's inference service answers its own requests only.",
        hint="They are RUN, DEFINE and DESCRIBE with hexadecimal operands; SQL belongs to your database.",
    )


def violation(what: str) -> Refusal:
    """The client does not speak the protocol; there is no way to go on with it."""
    return Refusal("08P01", what, fatal=True)


def message(kind: bytes, body: bytes = b"") -> bytes:
    """One message of the backend."""
    return kind + struct.pack("!i", len(body) + 4) + body


READY = message(b"Z", b"I")
EMPTY = message(b"I")
AUTHENTICATED = message(b"R", struct.pack("!i", 0))
ASK_PASSWORD = message(b"R", struct.pack("!i", 3))
_COLUMN = struct.pack("!ihihih", 0, 0, TEXT_OID, -1, -1, 0)
_COLUMNS = message(b"T", struct.pack("!h", 2) + b"output\0" + _COLUMN + b"error\0" + _COLUMN)


def agree(version: int, body: bytes) -> bytes:
    """What a StartupMessage is answered: nothing when it asks for 3.0 alone, else NegotiateProtocolVersion.

    The user, the database and the rest are not looked at.
    """
    if version >> 16 != PROTOCOL >> 16:
        raise Refusal("0A000", f"Protocol {version >> 16}.{version & 0xFFFF} is not spoken; 3.0 is.", fatal=True)
    fields = body.split(b"\0")
    if fields[-2:] != [b"", b""] or len(fields) % 2:
        raise violation("The startup message is not a list of names and values.")
    options = [name for name in fields[:-2:2] if name.startswith(b"_pq_.")]
    if version == PROTOCOL and not options:
        return b""
    return message(b"v", struct.pack("!ii", PROTOCOL, len(options)) + b"".join(name + b"\0" for name in options))


def parameter(name: str, value: str) -> bytes:
    """ParameterStatus."""
    return message(b"S", _string(name) + _string(value))


def greeting(pid: int, key: bytes) -> bytes:
    """The messages that a client gets after it is admitted."""
    parameters = {
        "server_version": "15.0 (open_analytic)",
        "server_encoding": "UTF8",
        "client_encoding": "UTF8",
        "standard_conforming_strings": "on",
        "integer_datetimes": "on",
        "DateStyle": "ISO",
    }
    statuses = b"".join(parameter(name, value) for name, value in parameters.items())
    return AUTHENTICATED + statuses + message(b"K", struct.pack("!i", pid) + key) + READY


def encoding_set(encoding: Encoding) -> bytes:
    """CommandComplete with the parameter that changed."""
    return message(b"C", b"SET\0") + parameter("client_encoding", encoding.name)


def refused(refusal: Refusal) -> bytes:
    """ErrorResponse."""
    severity = "FATAL" if refusal.fatal else "ERROR"
    fields = {"S": severity, "V": severity, "C": refusal.sqlstate, "M": refusal.message, "H": refusal.hint}
    body = b"".join(code.encode() + _string(value) for code, value in fields.items() if value is not None)
    return message(b"E", body + b"\0")


def answer(rows: Sequence[Row]) -> bytes:
    """A result set of rows (output, error). Text that is not ASCII is a bug and raises."""
    lines = [message(b"D", b"\0\2" + _cell(output) + _cell(error)) for output, error in rows]
    return b"".join((_COLUMNS, *lines, message(b"C", b"SELECT %d\0" % len(rows))))


def failure(error: OpenAnalyticError) -> bytes:
    """A result set of one row that holds the error."""
    return answer([(None, json.dumps(error.as_dict()))])


def _cell(value: str | None) -> bytes:
    if value is None:
        return struct.pack("!i", -1)
    return struct.pack("!i", len(value)) + value.encode("ascii")


def _string(text: str) -> bytes:
    return text.encode("ascii", "backslashreplace").replace(b"\0", b"?") + b"\0"


PART_ANSWER = answer([("null", None)]) + READY  # what a part of a request is answered
