"""What callers of the service send: each type checks a request and describes it in OpenAPI; inputs come in Base64."""

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import orjson
from msgspec import Meta
from starlette.requests import Request

from open_analytic.errors import BadParameter, InvalidInput
from open_analytic.search_options import LARGEST_K, TARGET_RECALL, SearchOptions
from open_analytic.service import limits
from open_analytic.service.typed import HINT, Rule, entries, from_json, from_query, json_object
from open_analytic.service.work import Give
from open_analytic.types import Hit, Text

PIECE = 1_000_000  # letters of Base64 that are read in one go, a multiple of four
OTHERS = 16  # values in a batch beside its inputs

Base64: TypeAlias = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_K)]
_AFTER = 'Give the last one of the page before: {"distance": 0.5, "name": "cat.jpg"}.'
_GIVE = "output, vector, query (of the largest region), or whole (output and features)."


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The query string of a run."""

    parameters: Annotated[str, Meta(description="JSON object of the pipeline's parameters.")] = "{}"
    give: Annotated[Give, Meta(description=_GIVE)] = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The body of a run of several inputs."""

    inputs: Annotated[
        list[Base64],
        Meta(extra_json_schema={"maxItems": limits.MAX_ITEMS}),
        Rule(expected="a list of texts", error=InvalidInput, hint='Send {"inputs": [...]}, the pictures in Base64.'),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a search in JSON is for."""

    image: Annotated[Base64 | None, Rule(error=InvalidInput, hint="Give the picture in Base64.")] = None
    text: Annotated[
        str | None,
        Meta(description="Where the pipeline's input is text."),
        Rule(error=InvalidInput, hint='Send {"text": "a red house"}.'),
    ] = None
    vector: Annotated[
        list[float] | None, Rule(expected="a list of numbers", error=InvalidInput, hint="Send [0.1, 0.2, ...].")
    ] = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.image, self.text, self.vector)) != 1:
            raise InvalidInput("There is no query.", hint="Give one of: image (Base64), text, vector (numbers).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of a hit in the order."""

    name: str
    distance: float
    part: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a search is done: in its JSON, or in the query string beside a picture."""

    k: Annotated[Count | None, Rule(hint="Give the number of hits, 0 or more.")] = 10
    filter: Annotated[str | None, Meta(description="An SQL condition on the collection's columns.")] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(description="Values for %(name)s in filter."),
        Rule(expected="an object", hint="Give values by the names in the filter.", from_text=json_object),
    ] = None
    max_distance: float | None = None
    target_recall: Annotated[
        float, Meta(gt=0, le=1), Rule(expected="a number above 0, at most 1", hint="Give a share such as 0.95.")
    ] = TARGET_RECALL
    after: Annotated[
        Place | None,
        Meta(description="The last hit of the page before."),
        Rule(expected="a hit", hint=_AFTER, from_text=json_object),
    ] = None
    where: Annotated[
        str | None, Meta(description="The deprecated name of filter.", extra_json_schema={"deprecated": True})
    ] = None

    def __post_init__(self) -> None:
        if self.where is not None and self.filter is not None:
            hint = "where is the old name of filter: give filter."
            raise BadParameter("Both filter and where are present.", hint=hint)

    def search_options(self) -> SearchOptions:
        """As a collection takes them."""
        last = None
        if self.after:
            last = Hit(name=self.after.name, distance=self.after.distance, row={}, part=self.after.part)
        return SearchOptions(
            k=self.k, filter=self.where if self.filter is None else self.filter, params=self.params,
            max_distance=self.max_distance, target_recall=self.target_recall, after=last,
        )  # fmt: skip


def is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("application/json")


def run_options(request: Request) -> RunOptions:
    """The options of a run, whose parameters are JSON that nobody has read yet."""
    options = from_query(RunOptions, request.query_params)
    limits.check_parameters(len(options.parameters.encode("utf-8", "surrogatepass")))
    return options


def items(body: bytes, *, max_bytes: int) -> list[bytes]:
    """The pictures of a batch. One that is too large is left to the pipeline, whose limits name it."""
    most = limits.MAX_ITEMS + OTHERS
    if body.count(b",") > most or body.count(b'"') > 4 * most:  # before each of them becomes an object
        raise limits.too_many()
    rest, lifted = _lift(body)
    try:
        document = orjson.loads(rest)
    except ValueError as error:
        raise InvalidInput(f"This is not JSON: {error}.", hint=HINT) from error
    texts = from_json(Batch, document if isinstance(document, dict) else {}).inputs
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
        return body, from_query(Options, request.query_params, only="A search").search_options()
    if body.count(b",") > limits.JSON_VALUES:
        raise InvalidInput(f"The search has more than {limits.JSON_VALUES:,} values.", hint=HINT)
    values = json_object(body)
    what = {entry.name: values.pop(entry.name) for entry in entries(Query) if entry.name in values}
    options = from_json(Options, values, only="A search").search_options()
    return _sought(from_json(Query, what)), options


def _sought(query: Query) -> Any:
    """What is searched for. A text is marked as one: a str would be taken for a path of the service's machine."""
    if query.image is not None:
        return _base64(query.image.encode("utf-8", "surrogatepass"))
    return query.vector if query.text is None else Text(query.text)
