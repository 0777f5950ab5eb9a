"""What one request can bring, and how long clients are waited for: the same at every door, which all read it here."""

from open_analytic.errors import ImageTooLarge, InvalidInput, InvalidName
from open_analytic.service import PARAMETERS_BYTES as PARAMETERS_BYTES
from open_analytic.service import check_parameters as check_parameters

MAX_ITEMS = 1024  # inputs of one request
ITEMS_FACTOR = 4  # all inputs of one request together, in units of max_bytes
DEFINITION_BYTES = 4_000_000  # as many characters as the pipeline room reads, in UTF-8
NAME_BYTES = 2_000  # of a picture, in UTF-8: as the store takes, for the sake of the primary key's index
BUNDLE_FILES = 100  # of one request

JSON_BYTES = 1_000_000  # of a request in JSON that brings no picture
SEARCH_BYTES = 2_000_000  # of a search in JSON, beside its picture
JSON_VALUES = 500_000  # in a request: one value takes up to 16 times its text in memory
LARGE = 262_144  # bytes; from here on a body is read, or an answer is written, in a thread

HEAD_BYTES = 3 * PARAMETERS_BYTES + 16_384  # of an HTTP request beside its body; a URL escapes a byte by three
HEAD_S = 10.0  # from the connection, or a request's first byte, to the end of its head; TLS has as long before
BODY_S = 300.0  # from a request's first byte to its last; the same time for a client to read an answer
STALL_S = 75.0  # for a client over HTTP to read the next piece of an answer
IDLE_S = 600.0  # between two requests on a Unix socket: a backend keeps its connection from call to call
TCP_IDLE_S = 75.0  # the same over TCP, where clients are not known
CLOSING_S = 2.0  # for a client to read why the connection ends
WRONG_TOKEN_S = 1.0  # before a wrong token is answered


def items_bytes(max_bytes: int) -> int:
    """The most bytes that the inputs of one request have together."""
    return ITEMS_FACTOR * max_bytes


def hex_bytes(max_bytes: int) -> int:
    """The longest query of the wire: its inputs in hexadecimal, or a definition, with the words around them."""
    return 2 * items_bytes(max_bytes) + 2 * DEFINITION_BYTES + 4 * PARAMETERS_BYTES


def base64_bytes(max_bytes: int) -> int:
    """The longest batch in JSON: its inputs in Base64, with the signs around each."""
    return items_bytes(max_bytes) * 4 // 3 + 100 * MAX_ITEMS


def check_name(name: str) -> None:
    """InvalidName when a picture's name has more bytes than the primary key of a collection takes."""
    if (size := len(name.encode("utf-8", "surrogatepass"))) > NAME_BYTES:
        raise InvalidName(
            f"The name {name[:40]!r}... has {size:,} bytes; at most {NAME_BYTES:,} are taken.", hint="Rename the file."
        )


def too_many(count: int | None = None) -> InvalidInput:
    """The error of a request with more inputs than are read."""
    has = "too many" if count is None else f"{count:,}"
    return InvalidInput(f"The request has {has} inputs; at most {MAX_ITEMS:,} are read at once.")


def too_large(what: str, max_bytes: int) -> ImageTooLarge:
    """The error of a request whose inputs have too many bytes."""
    together = items_bytes(max_bytes)
    return ImageTooLarge(f"{what}; at most {max_bytes:,} bytes an input and {together:,} a request are read.")
