"""AVIF, and HEIC where pillow-heif is installed: both are items in the boxes of one kind of file."""

import io
import re
from collections.abc import Iterator
from functools import partial

from PIL import features
from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile

from open_analytic.errors import BadImage, UnsupportedImage
from open_analytic.kinds.image import HEIF_INSTALLED
from open_analytic.operators.formats import av1, hevc
from open_analytic.operators.formats.boxes import Coded, configurations, first_samples, items, without_notes
from open_analytic.operators.formats.header import ORIENTATION, Header, unsupported

BEGINNING = re.compile(rb"....ftyp(avif|avis|mif1|msf1|miaf|heic|heix|heim|heis|hevc|hevx|hevm|hevs)", re.DOTALL)
MARGIN = 64  # pixels by which a coded picture can be larger than announced: encoders fill up blocks
_AV1, _HEVC = (b"av01",), (b"hvc1", b"hev1")


def read_header(data: bytes) -> Header:
    """Size and orientation; the coded pictures within have to be as large as the file announces."""
    pictures = list(dict.fromkeys([*items(data), *first_samples(data)]))
    kinds = {picture.kind for picture in pictures}
    heic = not kinds & set(_AV1) and (bool(kinds & set(_HEVC)) or data[8:10] == b"he")
    if heic and not HEIF_INSTALLED:
        raise UnsupportedImage(
            "The picture is HEIC, as phones make it, and the package that reads HEIC is not installed.",
            hint="pip install 'open-analytic[heif]', or save it as JPEG.",
        )
    held = sum(size.possible for size in _coded_sizes(data, pictures))
    cleaned = without_notes(data)
    reader = partial(_open_heif if heic else _open_avif, cleaned)
    with reader() as picture:
        width, height = picture.size
        orientation = 1 if heic else int(picture.getexif().get(ORIENTATION, 1))
    return Header(
        width=width,
        height=height,
        scaled=10,
        extra=3 * len(cleaned) + 6 * held,
        orientation=orientation,
        reader=reader,
    )


def _open_avif(data: bytes) -> ImageFile:
    if not features.check("avif"):
        raise unsupported("AVIF, and Pillow was built without it")
    return AvifImageFile(io.BytesIO(data))


def _open_heif(data: bytes) -> ImageFile:
    from pillow_heif import HeifImageFile  # an extra; importing the package registers nothing

    image: ImageFile = HeifImageFile(io.BytesIO(data))  # type: ignore[no-untyped-call]
    return image


def _coded_sizes(data: bytes, pictures: list[Coded]) -> Iterator[av1.Size]:
    """The sizes that AV1 and HEVC themselves say; one that is larger than the file announces is refused."""
    left = 4 * len(data)  # an item and a track can share a piece, but not a thousand of them
    settings = configurations(data)
    wide = (settings[0][21] & 3) + 1 if settings and len(settings[0]) > 21 else 4
    tiles = [picture.size or (0, 0) for picture in pictures if picture.kind in _HEVC]
    largest = max((width for width, _ in tiles), default=0), max((height for _, height in tiles), default=0)
    for size in (size for each in settings for size in hevc.configured(each)):
        yield _checked(av1.Size(*size, size[0] * size[1]), largest)
    for picture in pictures:
        if picture.kind not in _AV1 + _HEVC:
            continue
        left -= sum(max(0, end - start) for start, end in picture.pieces)
        if left < 0:
            raise BadImage("The file's pictures are larger than the file.", hint="The file is damaged.")
        coded = b"".join(data[start:end] for start, end in picture.pieces)
        if picture.kind in _AV1:
            yield from (_checked(size, picture.size or (0, 0)) for size in av1.sizes(coded))
        else:
            yield from (_checked(av1.Size(*size, size[0] * size[1]), largest) for size in hevc.sizes(coded, wide))


def _checked(size: av1.Size, announced: tuple[int, int]) -> av1.Size:
    if size.width > announced[0] + MARGIN or size.height > announced[1] + MARGIN:
        raise BadImage(
            f"The picture announces {announced[0]} x {announced[1]} pixels and contains {size.width} x {size.height}.",
            hint="The file is damaged.",
        )
    return size
