"""Items that a browser plays: their bytes as they are stored, whole or in the range that it asks for."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from open_analytic.collection import Collection
from open_analytic.errors import BadParameter

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)  # one range; several are answered with the whole
# What was imported plays, and can do nothing else where it is opened as a page of its own.
POLICY = "default-src 'none'; media-src 'self'; sandbox"


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes and their type."""

    data: bytes
    type: str


def of(collection: Collection, name: str) -> Media:
    """An item of a collection; BadParameter where browsers do not play such items."""
    media_type = collection.kind.media_type
    if media_type is None:
        raise BadParameter(f"Collection {collection.name!r} holds nothing to play.", hint="Ask for /picture or /text.")
    data = collection.image(name)
    return Media(data, media_type(data))


def answer(media: Media, request: Mapping[str, str], *, cache: str = "private, no-cache") -> Response:
    """200 with all of it, 206 with a range, 304 when the browser has it, 416 for a range that is not there."""
    size, tag = len(media.data), f'"{hashlib.sha256(media.data).hexdigest()[:32]}"'
    headers = {
        "Accept-Ranges": "bytes", "ETag": tag, "Cache-Control": cache, "Content-Security-Policy": POLICY,
    }  # fmt: skip
    if tag in request.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    place = _range(request.get("range", ""), size) if request.get("if-range", tag) == tag else None
    if place is None:
        return Response(media.data, media_type=media.type, headers=headers)
    if not place:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {place.start}-{place.stop - 1}/{size}"
    return Response(media.data[place.start : place.stop], 206, headers, media.type)


def _range(text: str, size: int) -> range | None:
    """The bytes that a Range header asks for; none of them where they lie behind the end. None: it is no range."""
    match = RANGE.fullmatch(text.strip())
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)
