"""What a file announces of its picture before anything is decoded, and its orientation in EXIF or XMP."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from PIL.ImageFile import ImageFile

from open_analytic.errors import ImageTooLarge, UnsupportedImage
from open_analytic.types import Image

SCAN_PIXELS = 2_000_000_000  # of all scans of a progressive JPEG: 8 s at most, where usual encoders write 6 to 17 scans
STRIP_PIXELS, STRIP_BYTES = 250_000, 12  # brought to RGB at once, and what each of them takes meanwhile
MAX_PARTS = 100_000  # chunks, blocks or strips of a file; a usual 50 MB picture has fewer than 10,000
ORIENTATION = 0x0112
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")
_WIDTHS = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT and LONG, as writers use them for it
_MAX_ENTRIES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A picture's size, its orientation, and what decoding it takes.

    ``fixed`` bytes a pixel are needed at any scale, ``scaled`` ones at the scale that ``draft`` chooses; ``extra``
    bytes do not depend on the pixels.
    """

    width: int
    height: int
    scaled: int
    fixed: int = 0
    extra: int = 0
    orientation: int = 1
    draft: bool = False  # whether the decoder can divide both sides by 2, 4 or 8, as JPEG's does
    reader: Callable[[], ImageFile] | None = None  # opens the cleaned file
    array: Callable[[], Image] | None = None  # decodes it, where Pillow cannot
    complete: bool = True  # whether the file's end is there; if not, the reader's result is compared with ``again``
    again: Callable[[], ImageFile] | None = None
    turn_first: bool = False  # before a picture is halved, as Pillow does with a TIFF: vectors stay what they were
    opaque_if_empty: bool = False  # whether an alpha channel of zeros only means that there is none

    def cost(self, factor: int = 1) -> int:
        """Bytes that decoding takes at its peak, both sides divided by ``factor``."""
        pixels = self.width * self.height
        scaled = -(-self.width // factor) * -(-self.height // factor)
        return pixels * self.fixed + scaled * self.scaled + min(scaled, STRIP_PIXELS) * STRIP_BYTES + self.extra


def too_many(what: str) -> ImageTooLarge:
    """A file of so many small parts that reading them one by one takes longer than its pixels."""
    return ImageTooLarge(
        f"The picture's file has more than {MAX_PARTS:,} {what}.", hint="Save it again with another program."
    )


def unsupported(what: str) -> UnsupportedImage:
    """A kind of a known format that is not read; ``what`` names it."""
    return UnsupportedImage(f"The picture is {what}, which is not read.", hint="Save it as PNG or 8-bit JPEG.")


def orientation(exif: bytes = b"", xmp: bytes = b"") -> int:
    """1 to 8; 1 when there is none, or none that can be read."""
    value = _of_exif(exif.removeprefix(b"Exif\0\0"))
    if value is None and (match := _XMP.search(xmp[:1_000_000])):
        value = int(match[1])
    return value if value and 1 <= value <= 8 else 1


def _of_exif(block: bytes) -> int | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 10:
        return None
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return None
    (count,) = struct.unpack_from(f"{order}H", block, start)
    for place in range(start + 2, start + 2 + 12 * min(count, _MAX_ENTRIES), 12):
        if place + 12 > len(block):
            return None
        tag, kind = struct.unpack_from(f"{order}HH", block, place)
        if tag == ORIENTATION:
            return struct.unpack_from(order + _WIDTHS[kind], block, place + 8)[0] if kind in _WIDTHS else None
    return None
