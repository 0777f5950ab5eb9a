"""Bytes to upright RGB pictures. Pictures are hostile: format and size are looked at before anything is decoded."""

import io
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from open_analytic.errors import BadImage, ImageTooLarge, OpenAnalyticError, UnsupportedImage
from open_analytic.operators.kinds import Between
from open_analytic.operators.picture import Picture
from open_analytic.types import Image

# What a file begins with, and its reader. ``PIL.Image.open`` would try more formats, and apply a limit on pixels that
# belongs to the whole process; a JPEG with several pictures (MPO) is read as the first of them.
READERS: Mapping[str, tuple[re.Pattern[bytes], Callable[..., ImageFile]]] = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), JpegImagePlugin.JpegImageFile),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), PngImagePlugin.PngImageFile),
    "WebP": (re.compile(rb"RIFF....WEBP", re.DOTALL), WebPImagePlugin.WebPImageFile),
    "GIF": (re.compile(rb"GIF8[79]a"), GifImagePlugin.GifImageFile),
    "BMP": (re.compile(rb"BM....\0\0\0\0", re.DOTALL), BmpImagePlugin.BmpImageFile),
    "TIFF": (re.compile(rb"II[*+]\0|MM\0[*+]"), TiffImagePlugin.TiffImageFile),
    "AVIF": (re.compile(rb"....ftyp(avif|avis|mif1)", re.DOTALL), AvifImagePlugin.AvifImageFile),
}
FORMATS = tuple(name for name in READERS if name not in ("WebP", "AVIF") or features.check(name.lower()))

ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT: Mapping[int, Callable[[Image], Image]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: pixels[::-1].transpose(1, 0, 2),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: pixels[:, ::-1].transpose(1, 0, 2),
}
_MURMURS: tuple[Any, ...] = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)  # as warnings.filters has it


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may be: bytes of its file, and width times height once decoded."""

    max_bytes: int = 50_000_000
    max_pixels: int = 80_000_000


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
    reader = _reader(data)
    if _MURMURS not in warnings.filters:  # notes on damaged metadata; a picture is read, or it is an error
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    try:
        with reader(io.BytesIO(data)) as picture:
            return _read(picture, limits, shrink_to)
    except OpenAnalyticError:
        raise
    except Exception as error:  # on hostile bytes Pillow's readers raise nearly anything
        raise BadImage(
            f"The picture cannot be read: {str(error).rstrip('.') or type(error).__name__}.",
            hint="The file may be cut short or damaged.",
        ) from error


def _reader(data: bytes) -> Callable[..., ImageFile]:
    if not data:
        raise BadImage("The picture is empty: it has no bytes.", hint="The file may not have been written to its end.")
    for name, (beginning, reader) in READERS.items():
        if beginning.match(data) and name in FORMATS:
            return reader
    raise UnsupportedImage(
        "The bytes are not a picture of a known format.", hint=f"Known: {', '.join(FORMATS)}. Bytes: {data[:8]!r}..."
    )


def _read(picture: ImageFile, limits: Limits, shrink_to: int) -> Picture:
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels; at most {limits.max_pixels:,} are decoded.",
            hint="OPEN_ANALYTIC_MAX_PIXELS raises it.",
        )
    factor = halving(min(width, height), shrink_to)
    if factor > 1:
        picture.draft(None, (width // factor, height // factor))
    picture.load()
    pixels = _rgb(picture)
    left = halving(min(pixels.shape[:2]), shrink_to)
    if left > 1:
        size = (pixels.shape[1] // left, pixels.shape[0] // left)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    orientation = _orientation(picture)
    if orientation in UPRIGHT:
        pixels = np.ascontiguousarray(UPRIGHT[orientation](pixels))
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return Picture(pixels, (width / pixels.shape[1], height / pixels.shape[0]))


def _orientation(picture: ImageFile) -> int:
    """The EXIF note on which way is up; 1 when there is none, or none that can be read."""
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a damaged note is no note: the picture itself is whole
        return 1


def halving(side: int, shrink_to: int) -> int:
    """The largest of 1, 2, 4, 8 by which the side may be divided."""
    return max(factor for factor in (1, 2, 4, 8) if factor == 1 or (shrink_to and side // factor >= shrink_to))


def _rgb(picture: Pillow.Image) -> Image:
    if picture.mode == "RGB":
        return np.asarray(picture)
    if picture.mode.startswith(("I", "F")):
        return _grey(np.asarray(picture))
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        white = Pillow.new("RGBA", coloured.size, "white")
        return np.asarray(Pillow.alpha_composite(white, coloured).convert("RGB"))
    return np.asarray(picture.convert("RGB"))


def _grey(values: NDArray[np.generic]) -> Image:
    """Deep grey pictures (16 bits, 32 bits, floats) brought to 0..255 by the range their type means."""
    deep = np.nan_to_num(values.astype(np.float32), posinf=0, neginf=0)
    if np.issubdtype(values.dtype, np.floating):
        deep *= 255 if deep.size and deep.max() <= 1 else 1
    elif values.dtype.itemsize == 2 or deep.max(initial=0) > 255:
        deep /= 257  # 65535 is white
    grey = np.clip(np.rint(deep), 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
