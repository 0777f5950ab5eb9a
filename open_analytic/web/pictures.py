"""Pictures of a collection as pages show them: small, upright, encoded again, and cached."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from open_analytic.collection import Collection
from open_analytic.operators.limits import Limits
from open_analytic.regions import box_of
from open_analytic.render import thumbnail

THUMBNAIL, WHOLE = 320, 2048  # pixels of the longer side
MOST_BYTES = 128_000_000


@dataclass(frozen=True, slots=True)
class Rendition:
    """A JPEG, and what tells it from the picture that had its name before."""

    data: bytes
    tag: str


class Album:
    """Pictures made small, the ones longest not looked at thrown out first."""

    def __init__(self, limits: Limits, *, most_bytes: int = MOST_BYTES) -> None:
        self._limits, self._most, self._bytes = limits, most_bytes, 0
        self._renditions: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def show(
        self, collection: Collection, name: str, part: int | None, side: int, *, known: str | None
    ) -> Rendition | str:
        """The picture, a region of it framed; only its tag when the browser has it (``known``) already."""
        digest = collection.digests([name]).get(name)
        # A collection that was created again can have other regions.
        created_ms = round(1000 * collection.info.created_at.timestamp())
        tag = f"{digest.hex()[:24]}-{created_ms}-{'' if part is None else part}-{side}" if digest else None
        if tag and known and f'"{tag}"' in known:
            return tag
        key = (collection.info.name, tag)
        with self._lock:
            if tag and key in self._renditions:
                self._renditions.move_to_end(key)
                return Rendition(self._renditions[key], tag)
        drawn, seen = self._draw(collection, name, part, side)
        if tag is None or seen != digest:  # it was changed meanwhile: the tag belongs to what was there before
            return Rendition(drawn, "")
        self._cache(key, drawn)
        return Rendition(drawn, tag)

    def _draw(self, collection: Collection, name: str, part: int | None, side: int) -> tuple[bytes, bytes]:
        """The JPEG, and the SHA-256 of what it was made from."""
        data, region = (collection.image(name), None) if part is None else collection.region(name, part)
        box = box_of(region)
        if box and side == THUMBNAIL:
            picture = thumbnail.around(data, box, side, self._limits)
        else:
            small = thumbnail.shrink(data, side, self._limits)
            picture = small.picture
            if box:
                thumbnail.frame(picture, box, small.factor)
        return thumbnail.jpeg(picture), hashlib.sha256(data).digest()

    def _cache(self, key: tuple[object, ...], data: bytes) -> None:
        with self._lock:
            self._bytes += len(data) - len(self._renditions.pop(key, b""))
            self._renditions[key] = data
            while self._bytes > self._most:
                self._bytes -= len(self._renditions.popitem(last=False)[1])
