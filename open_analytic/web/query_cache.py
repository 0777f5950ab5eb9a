"""Files people search with, kept in memory for a while, so that a search can be changed, linked and gone back to."""

import hashlib
import io
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from PIL import Image

from open_analytic.collection import Collection
from open_analytic.errors import BadParameter, UnknownQuery
from open_analytic.kinds.general import BYTES
from open_analytic.kinds.kind import Kind
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits
from open_analytic.render import thumbnail
from open_analytic.types import Box, Feature
from open_analytic.web.media import Media

PREVIEW = 1024  # pixels of the longer side
REGION = 1200  # of the shorter side at least, when a large picture is halved before a rectangle is cut from it
MOST_BYTES = 256_000_000
MOST_FOUND = 50  # rectangles and collections whose answer is kept of one picture


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFeatures:
    """What a pipeline found in a file, or in a rectangle of a picture, and how long that took."""

    features: tuple[Feature, ...]
    milliseconds: float


@dataclass(slots=True, kw_only=True)
class CachedQuery:
    """One file. ``results`` is by collection and rectangle."""

    id: str
    data: bytes
    preview: Media  # what a page shows or plays of it
    size: tuple[int, int] | None  # width and height of an upright picture
    results: dict[tuple[object, ...], QueryFeatures] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """What it takes in memory, about."""
        return len(self.data) + (0 if self.preview.data is self.data else len(self.preview.data))

    def look(self, collection: Collection, region: Box | None, limits: Limits) -> QueryFeatures:
        """What the collection's pipeline finds; asked again it is there at once."""
        info = collection.info
        key = (info.name, info.created_at, info.version, region)
        entry = self.results.get(key)
        if entry is None:
            kind = searched_by_file(collection)
            if region and not kind.drawable:
                raise BadParameter(f"A {kind.noun} has no rectangles.", hint="Search without region.")
            start = time.perf_counter()
            features = collection.regions(_cut(self.data, region, limits) if region else self.data)
            entry = self.results[key] = QueryFeatures(
                features=features, milliseconds=1000 * (time.perf_counter() - start)
            )
            for old in list(self.results)[:-MOST_FOUND]:
                self.results.pop(old, None)
        return entry


class QueryCache:
    """Files by their ids, the ones longest unused thrown out first."""

    def __init__(self, limits: Limits, *, most_bytes: int = MOST_BYTES) -> None:
        self._limits, self._most = limits, most_bytes
        self._queries: OrderedDict[str, CachedQuery] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, data: bytes, kind: Kind = BYTES) -> CachedQuery:
        """Keep a file. The same bytes have the same id in all collections of a modality."""
        id_ = hashlib.sha256(data + (b"" if kind.drawable else kind.modality.encode())).hexdigest()[:32]
        with self._lock:
            if id_ in self._queries:
                self._queries.move_to_end(id_)
                return self._queries[id_]
        preview, size = self._preview(data, kind)
        cached = CachedQuery(id=id_, data=data, preview=preview, size=size)
        with self._lock:
            cached = self._queries.setdefault(id_, cached)
            while len(self._queries) > 1 and sum(one.bytes for one in self._queries.values()) > self._most:
                self._queries.popitem(last=False)
        return cached

    def _preview(self, data: bytes, kind: Kind) -> tuple[Media, tuple[int, int] | None]:
        if not kind.drawable:
            return Media(data, kind.media_type(data) if kind.media_type else "application/octet-stream"), None
        small = thumbnail.shrink(data, PREVIEW, self._limits)
        return Media(thumbnail.jpeg(small.picture), "image/jpeg"), small.original

    def get(self, id_: str) -> CachedQuery:
        """The file of this id, or UnknownQuery."""
        with self._lock:
            if id_ not in self._queries:
                raise UnknownQuery(hint="Search with the picture again.")
            self._queries.move_to_end(id_)
            return self._queries[id_]


def searched_by_file(collection: Collection) -> Kind:
    """The kind of the files that search it; BadParameter when a search of it takes a text."""
    kind = collection.kind
    if kind.encode:
        raise BadParameter("The collection's pipeline takes no picture.", hint="Search with a text.")
    return kind


def _cut(data: bytes, region: Box, limits: Limits) -> bytes:
    """A rectangle of the upright picture, as a picture of its own without loss."""
    picture = decode_image(data, limits, shrink_to=REGION)
    (across, down), (height, width) = picture.scale, picture.sides
    left, top = max(0, round(region.x / across)), max(0, round(region.y / down))
    right = min(width, round((region.x + region.width) / across))
    bottom = min(height, round((region.y + region.height) / down))
    if right <= left or bottom <= top:
        raise BadParameter("The rectangle has nothing of the picture.", hint="Draw it on the picture.")
    file = io.BytesIO()
    Image.fromarray(picture.pixels[top:bottom, left:right]).save(file, "BMP")
    return file.getvalue()
