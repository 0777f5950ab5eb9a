"""Bytes to upright RGB pictures. Pictures are hostile: format, size and cost are read before anything is decoded."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import features
from PIL.ImageFile import ImageFile

from open_analytic.errors import BadImage, ImageTooLarge, OpenAnalyticError, UnsupportedImage
from open_analytic.kinds.image import HEIF_INSTALLED, Picture
from open_analytic.operators.formats import avif, bmp, gif, jpeg, png, tiff, webp
from open_analytic.operators.formats.header import STRIP_PIXELS, Header
from open_analytic.operators.limits import Limits, NoRoom
from open_analytic.operators.operator import Between
from open_analytic.types import Image

# What a file begins with, and what reads its header. ``PIL.Image.open`` would try more formats, and apply a limit on
# pixels that belongs to the whole process; a JPEG with several pictures (MPO) is read as the first of them.
READERS: Mapping[str, tuple[re.Pattern[bytes], Callable[[bytes], Header]]] = {
    "JPEG": (jpeg.BEGINNING, jpeg.read_header),
    "PNG": (png.BEGINNING, png.read_header),
    "WebP": (webp.BEGINNING, webp.read_header),
    "GIF": (gif.BEGINNING, gif.read_header),
    "BMP": (bmp.BEGINNING, bmp.read_header),
    "TIFF": (tiff.BEGINNING, tiff.read_header),
    "AVIF": (avif.BEGINNING, avif.read_header),
}
FORMATS = (
    *(name for name in READERS if name not in ("WebP", "AVIF") or features.check(name.lower())),
    *(["HEIC"] if HEIF_INSTALLED else []),
)

UPRIGHT: Mapping[int, Callable[[Image], Image]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}


def decode_image(data: bytes, limits: Limits, *, shrink_to: Annotated[int, Between(0, 8192)] = 0) -> Picture:
    """The first frame of a picture as (h, w, 3) RGB, upright by its EXIF note, transparency on white.

    A large picture is halved while its shorter side stays at ``shrink_to`` pixels or more (0: never): JPEG as it is
    decoded, which is quick, others afterwards. The factor depends on the picture alone.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"The picture has {len(data):,} bytes; at most {limits.max_bytes:,} are read.",
            hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
        )
    read_header = _reader(data)
    try:
        header = read_header(data)
        _check_pixels(header, limits)
        factor = halving(min(header.width, header.height), shrink_to)
        weight = header.cost(factor if header.draft else 1)
        with limits.reserved(weight, f"The picture of {header.width} x {header.height} pixels"):
            return _read(header, factor, shrink_to)
    except (OpenAnalyticError, NoRoom):
        raise
    except MemoryError as error:
        raise ImageTooLarge(
            "There is not enough memory to decode the picture.", hint="Lower OPEN_ANALYTIC_DECODE_BYTES."
        ) from error
    except Exception as error:  # on hostile bytes Pillow's readers raise nearly anything
        raise BadImage(
            f"The picture cannot be read: {str(error).rstrip('.') or type(error).__name__}.",
            hint="The file might be cut short or damaged.",
        ) from error


def _reader(data: bytes) -> Callable[[bytes], Header]:
    if not data:
        raise BadImage("The picture is empty: it has no bytes.", hint="The file was perhaps not written to its end.")
    for beginning, read_header in _readers():
        if beginning.match(data):
            return read_header
    raise UnsupportedImage(
        "The bytes are not a picture of a known format.", hint=f"Formats that are read: {', '.join(FORMATS)}."
    )


def is_picture(data: bytes) -> bool:
    """Whether the bytes begin as those of a format that is read here."""
    return any(beginning.match(data) for beginning, _ in _readers())


def _readers() -> Iterator[tuple[re.Pattern[bytes], Callable[[bytes], Header]]]:
    """Of the formats that Pillow decodes here; that of AVIF also names HEIC, which shares its container."""
    return (reader for name, reader in READERS.items() if name in FORMATS or name == "AVIF")


def _check_pixels(header: Header, limits: Limits) -> None:
    if header.width * header.height > limits.max_pixels:
        raise ImageTooLarge(
            f"The picture has {header.width} x {header.height} pixels; at most {limits.max_pixels:,} are decoded.",
            hint="OPEN_ANALYTIC_MAX_PIXELS raises it.",
        )


def _read(header: Header, factor: int, shrink_to: int) -> Picture:
    width, height = header.width, header.height
    pixels = header.array() if header.array else _decoded(header, header.reader, factor)
    if not header.complete and not np.array_equal(pixels, _decoded(header, header.again, factor)):
        raise BadImage("The picture ends before its pixels do.", hint="The file was cut short.")
    if header.turn_first:
        pixels = _upright(pixels, header)
    left = halving(min(pixels.shape[0], pixels.shape[1]), shrink_to)
    if left > 1:
        import cv2  # with the first large picture: making a plan does without

        size = (pixels.shape[1] // left, pixels.shape[0] // left)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if not header.turn_first:
        pixels = _upright(pixels, header)
    if header.orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(pixels, (width / pixels.shape[1], height / pixels.shape[0]))


def _upright(pixels: Image, header: Header) -> Image:
    return np.ascontiguousarray(UPRIGHT[header.orientation](pixels)) if header.orientation in UPRIGHT else pixels


def _decoded(header: Header, reader: Callable[[], ImageFile] | None, factor: int) -> Image:
    """What Pillow reads, as RGB."""
    assert reader is not None  # noqa: S101 - a header has a reader or an array
    with reader() as picture:
        if picture.size != (header.width, header.height):
            raise BadImage(
                f"The picture announces {header.width} x {header.height} pixels and has "
                f"{picture.width} x {picture.height}.",
                hint="The file is damaged.",
            )
        if header.draft and factor > 1:
            picture.draft(None, (header.width // factor, header.height // factor))
        picture.load()
        return _rgb(picture, ignore_alpha=header.opaque_if_empty and _is_empty(picture))


def _is_empty(picture: Pillow.Image) -> bool:
    """Whether its alpha channel is 0 everywhere."""
    return picture.mode == "RGBA" and np.asarray(picture.getextrema())[3].max() == 0


def halving(side: int, shrink_to: int) -> int:
    """The largest of 1, 2, 4, 8 by which the side can be divided."""
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or (shrink_to and side // factor >= shrink_to))


def _rgb(picture: Pillow.Image, *, ignore_alpha: bool = False) -> Image:
    """(h, w, 3), a strip at a time: each step on a whole picture would take a copy of it."""
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    white = _white(picture) if picture.mode.startswith(("I", "F")) else 0
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = picture if rows >= height else picture.crop((0, top, width, bottom))
        pixels[top:bottom] = _grey(strip, white) if white else _colour(strip, ignore_alpha=ignore_alpha)
    return pixels


def _colour(picture: Pillow.Image, *, ignore_alpha: bool) -> Image:
    if not ignore_alpha and (picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info):
        coloured = picture.convert("RGBA")
        white = Pillow.new("RGBA", coloured.size, "white")
        picture = Pillow.alpha_composite(white, coloured)
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _white(picture: Pillow.Image) -> float:
    """The number that is white in a deep grey picture: by its type, or the range that holds its numbers."""
    if picture.mode.startswith("I;16"):
        return 65535.0
    most = np.asarray(picture.getextrema()).max()
    return next((white for white in (255.0, 65535.0) if most <= white), float(2**32 - 1))


def _grey(picture: Pillow.Image, white: float) -> NDArray[np.uint8]:
    """Deep grey pictures brought to 0..255, their transparent grey to white."""
    values = np.asarray(picture)
    deep = values.astype(np.float32) / np.float32(white / 255)
    grey: NDArray[np.uint8] = np.clip(np.rint(deep), 0, 255).astype(np.uint8)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return grey[:, :, None]
