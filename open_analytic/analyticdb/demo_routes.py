"""The routes of the original demo, for its clients: the same fields and the same JSON, with statuses that are true.

The original answers 200 to everything and says in ``code`` what it meant; here the status is that code.
"""

import asyncio
import base64
import binascii
import json
import unicodedata
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Protocol, TypeVar

from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from open_analytic.analyticdb import form
from open_analytic.analyticdb.form import Upload, Value
from open_analytic.collection import Collection
from open_analytic.errors import (
    BadImage,
    Conflict,
    InvalidInput,
    InvalidName,
    NoFace,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    UnknownCollection,
    UnknownImage,
)
from open_analytic.operators.limits import Limits
from open_analytic.render import thumbnail
from open_analytic.service import limits
from open_analytic.service.http_io import json_bytes, length, outward
from open_analytic.service.typed import Rule, entries, from_query
from open_analytic.service.work import RETRY_AFTER_S
from open_analytic.store.sources import UPLOAD
from open_analytic.util.jsonable import jsonable

T = TypeVar("T")

CALL_S = 300.0  # of a search or an insert, of which the first loads its models
TOP_K, MOST = 10, 200  # the original's slider
SIDE = 224  # pixels of a hit's picture, as the original kept them
NOT_IN_NAMES = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of pairs, line ends


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoForm:
    """The form of a search and of an insert: the page of the original sends the same with both."""

    image: Annotated[
        Any,  # a text or an Upload
        Meta(
            description="A data URL, Base64, or a file; a URL where those are enabled.",
            extra_json_schema={"type": "string"},
        ),
        Rule(expected="a picture", error=InvalidInput, hint="Send a data URL, Base64 or a file."),
    ]
    image_name: Annotated[
        str | UnsetType,
        Meta(description="Of an insert; its last part is kept. Default: a new one."),
        Rule(hint="Send the name as text."),
    ] = UNSET
    top_k: Annotated[int, Meta(ge=1, le=MOST)] = TOP_K

    def __post_init__(self) -> None:
        if not (self.image.data if isinstance(self.image, Upload) else self.image):
            raise InvalidInput("The field image is empty.", hint="Send a data URL, Base64 or a file in it.")


class DemoDoors(Protocol):
    """What the routes need of the site."""

    @property
    def max_bytes(self) -> int:
        """Of one picture."""

    def collection(self, name: str) -> Collection:
        """The collection; UnknownCollection when it is not there. Blocks."""

    def prepare(self, name: str, pipeline: str) -> None:
        """Create the pipeline and the collection where they are not there. Blocks."""

    def fetch(self, url: str) -> bytes:
        """The picture at a URL; refused where URL queries are off. Blocks."""

    def admitted(self, size: int) -> AbstractContextManager[None]:
        """A place for a request of ``size`` bytes, or ServiceBusy."""

    async def busy(self, work: Callable[[], T], *, timeout_s: float | None = None) -> T:
        """What blocking work gives, done in a thread within the limits of the service and the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A collection of the original demo, and the pipeline it is filled by."""

    collection: str
    pipeline: str


DEMOS: Mapping[str, Demo] = {
    "image_search": Demo(collection="image_search_table", pipeline="general_feature_extractor"),
    "face_search": Demo(collection="face_search_table", pipeline="face_feature_extractor"),
}


def routes(doors: DemoDoors) -> list[Route]:
    """Four of each demo. As in the original init is a GET; unlike there nothing is inserted by one."""
    rows = []
    for name, demo in DEMOS.items():
        calls = _Calls(doors, demo)
        rows += [
            Route(f"/{name}/search", _answering(calls.search), methods=["GET", "POST"]),
            Route(f"/{name}/insert", _answering(calls.insert), methods=["POST"]),
            Route(f"/{name}/init", _answering(calls.init), methods=["GET", "POST"]),
            Route(f"/{name}/count", _answering(calls.count), methods=["GET"]),
        ]
    return rows


class _Calls:
    """What the routes of one demo do. None is an answer without a result."""

    def __init__(self, doors: DemoDoors, demo: Demo) -> None:
        self._doors, self._demo = doors, demo

    async def search(self, request: Request) -> list[Any]:
        """[name, picture as a data URL, distance] of each hit, the nearest first."""
        form = await self._form(request)
        return await self._doors.busy(partial(self._find, form.image, form.top_k), timeout_s=CALL_S)

    async def insert(self, request: Request) -> list[Any]:
        form = await self._form(request)
        return await self._doors.busy(partial(self._put, _name(form), form.image), timeout_s=CALL_S)

    async def init(self, _: Request) -> None:
        await self._doors.busy(partial(self._doors.prepare, self._demo.collection, self._demo.pipeline))

    async def count(self, _: Request) -> list[int]:
        return await self._doors.busy(self._count)

    async def _form(self, request: Request) -> DemoForm:
        # Base64 is a third longer than the picture, and some of its letters are escaped in a form.
        most = self._doors.max_bytes * 3 // 2 + 100_000
        with self._doors.admitted(length(request, most)):
            names = tuple(entry.name for entry in entries(DemoForm))
            return from_query(DemoForm, await form.read(request, fields=names, max_bytes=most))

    def _find(self, image: Value, k: int) -> list[Any]:
        picture, collection = self._picture(image), self._collection()
        hits = collection.search(picture, k=k)
        thumbnails = {name: _inline(collection, name) for name in dict.fromkeys(hit.name for hit in hits)}
        return [[hit.name, thumbnails[hit.name], jsonable(round(hit.distance, 3))] for hit in hits]

    def _put(self, name: str, image: Value) -> list[Any]:
        data = self._picture(image)
        collection = self._collection()
        if not _is_there(collection, name, data):
            collection.add(name, data, source=_source(image))
            _refuse_faceless(collection, name)
        return []

    def _count(self) -> list[int]:
        """None when there is no collection yet: the original has its tables from the start."""
        try:
            return [self._doors.collection(self._demo.collection).count()]
        except UnknownCollection:
            return [0]

    def _collection(self) -> Collection:
        """Made when it is not there, as the original does before it searches or inserts."""
        try:
            return self._doors.collection(self._demo.collection)
        except UnknownCollection:
            self._doors.prepare(self._demo.collection, self._demo.pipeline)
            return self._doors.collection(self._demo.collection)

    def _picture(self, image: Value) -> bytes:
        """The bytes of the picture: a file's, those of a data URL or of bare Base64, or what is at a URL."""
        if isinstance(image, Upload):
            return image.data
        if image.lower().startswith(("http://", "https://")):
            return self._doors.fetch(image)
        try:
            # Some encoders break lines.
            return base64.b64decode("".join(image.rpartition(",")[2].split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidInput(
                f"The field image is not Base64: {error}.", hint="Send a data URL, Base64 or a file."
            ) from error


def _source(image: Value) -> str:
    """Where the picture comes from."""
    return image if isinstance(image, str) and image.lower().startswith(("http://", "https://")) else UPLOAD


def _inline(collection: Collection, name: str) -> str:
    """A hit's picture, small, as a data URL; empty when there is none that can be shown."""
    try:
        data = collection.image(name)
        small = thumbnail.shrink(data, SIDE, Limits(max_bytes=len(data)))
    except (UnknownImage, BadImage):
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(thumbnail.jpeg(small.picture)).decode()}"


def _name(form: DemoForm) -> str:
    """What the picture will be called: the last part of the path that was sent, or a name nobody has."""
    path: str | UnsetType = form.image_name
    if path is UNSET:
        path = form.image.name if isinstance(form.image, Upload) else ""
        if not path:
            return str(uuid.uuid4())
    base = path.replace("\\", "/").rpartition("/")[2]
    name = "".join(letter for letter in base if unicodedata.category(letter) not in NOT_IN_NAMES).strip()
    if name in ("", ".", ".."):
        raise InvalidName(f"{path!r:.80} names no picture.", hint="Give a file's name, or leave image_name out.")
    limits.check_name(name)
    return name


def _is_there(collection: Collection, name: str, data: bytes) -> bool:
    """The original keeps the base names of files only, so those of two folders meet; it refused the second, too."""
    try:
        there = collection.image(name)
    except UnknownImage:
        return False
    if there != data:
        raise Conflict(f"Another picture is called {name!r:.120}.", hint="Give a different image_name.")
    return True


def _refuse_faceless(collection: Collection, name: str) -> None:
    """A picture that can never be found is not kept: a collection of all faces takes it without any."""
    try:
        collection.feature(name)
    except UnknownImage:
        collection.delete(name)
        raise NoFace(hint="Send a picture that shows a face.") from None


def _answering(call: Callable[[Request], Awaitable[list[Any] | None]]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint: ``code``, ``msg`` and the result, or the error, which also has the form it has elsewhere."""

    async def endpoint(request: Request) -> Response:
        try:
            result = await call(request)
        except OpenAnalyticError as error:
            return _refused(error)
        answer = {"code": 200, "msg": ""} | ({} if result is None else {"result": result})
        return Response(await asyncio.to_thread(json_bytes, answer), media_type="application/json")

    return endpoint


def _refused(error: OpenAnalyticError) -> Response:
    error = outward(error)
    body = {"code": error.http_status, "msg": error.message} | error.as_dict()
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, ServiceBusy | ServiceUnavailable) else {}
    # In ASCII: a message can quote half a surrogate pair.
    return Response(json.dumps(body), error.http_status, headers, "application/json")
