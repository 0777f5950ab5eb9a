"""Bytes to upright RGB pictures. Pictures are hostile: format and size are looked at before anything is decoded."""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from open_analytic.errors import BadImage, ImageTooLarge, UnsupportedImage
from open_analytic.operators.kinds import Between
from open_analytic.types import Image

Pillow.init()  # fills Pillow.OPEN; AVIF is there when Pillow was built with its codec
FORMATS = tuple(name for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF") if name in Pillow.OPEN)
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, OverflowError, MemoryError, struct.error,
           zlib.error)  # fmt: skip  # what Pillow's readers raise on damaged files


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may be: bytes of its file, and width times height once decoded."""

    max_bytes: int = 50_000_000
    max_pixels: int = 80_000_000


def decode_image(data: bytes, limits: Limits, *, shrink_to: Annotated[int, Between(0, 8192)] = 0) -> Image:
    """The first frame of a picture as (h, w, 3) RGB, upright by its EXIF note, transparency on white.

    A large picture is halved while its shorter side stays at ``shrink_to`` pixels or more (0: never): JPEG as it is
    decoded, which is quick, others afterwards. The factor depends on the picture alone.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"The picture has {len(data):,} bytes; at most {limits.max_bytes:,} are read.",
            hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
        )
    try:
        with Pillow.open(io.BytesIO(data), formats=FORMATS) as picture:
            return _read(picture, limits, shrink_to)
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning) as error:
        raise ImageTooLarge(f"The picture has too many pixels: {error}", hint="Make it smaller.") from error
    except UnidentifiedImageError as error:
        raise _unknown(data) from error
    except _BROKEN as error:
        raise BadImage(f"The picture cannot be read: {error}.", hint="The file may be cut short or damaged.") from error


def _unknown(data: bytes) -> BadImage:
    if not data:
        return BadImage("The picture is empty: it has no bytes.", hint="The file may not have been written to its end.")
    return UnsupportedImage(
        "The bytes are not a picture of a known format.", hint=f"Known: {', '.join(FORMATS)}. Bytes: {data[:8]!r}..."
    )


def _read(picture: Pillow.Image, limits: Limits, shrink_to: int) -> Image:
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels; at most {limits.max_pixels:,} are decoded.",
            hint="OPEN_ANALYTIC_MAX_PIXELS raises it.",
        )
    if not width or not height:
        raise BadImage(f"The picture has {width} x {height} pixels.")
    factor = halving(min(width, height), shrink_to)
    if factor > 1:
        picture.draft(None, (width // factor, height // factor))
    picture.load()
    ImageOps.exif_transpose(picture, in_place=True)
    pixels = _rgb(picture)
    left = halving(min(pixels.shape[:2]), shrink_to)
    if left > 1:
        size = (pixels.shape[1] // left, pixels.shape[0] // left)
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return pixels


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
