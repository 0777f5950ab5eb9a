"""BMP: header, colour masks, and the cases Pillow does not read."""

import io
import re
import struct
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL.BmpImagePlugin import BmpImageFile

from open_analytic.errors import BadImage, ImageTooLarge
from open_analytic.operators.formats.header import Header, unsupported
from open_analytic.types import Image

BEGINNING = re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL)  # and the size of the second header
RAW, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6
_NAMES = {4: "JPEG", 5: "PNG"}
MAX_RUN_PIXELS, MAX_RUN_BYTES = 16_000_000, 4_000_000  # run lengths are decoded in Python: about 3 s
_KNOWN = {  # to Pillow, as red, green, blue and alpha
    32: {
        (0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0),
    },
    24: {(0xFF0000, 0xFF00, 0xFF, 0)},
    16: {(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)},
}  # fmt: skip


def read_header(data: bytes) -> Header:
    """Size and kind. An alpha channel that is 0 everywhere is none: programs leave the fourth byte empty."""
    width, height, bits, compression, size = _announced(data)
    if not width or not height:
        raise BadImage(f"The BMP announces {width} x {abs(height)} pixels.", hint="The file might be damaged.")
    if compression in _NAMES or compression not in (RAW, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS):
        raise unsupported(f"a BMP that contains {_NAMES.get(compression, f'method {compression}')}")
    if compression in (RLE8, RLE4):
        _check_runs(width * abs(height), len(data))
    if compression in (BITFIELDS, ALPHA_BITFIELDS):
        masks = _masks(data, size, compression)
        if (masks if bits == 32 else (*masks[:3], 0)) not in _KNOWN.get(bits, ()) or compression == ALPHA_BITFIELDS:
            if bits not in (16, 32):
                raise unsupported(f"a BMP with colour masks and {bits} bits a pixel")
            decode = partial(_decode, data, (abs(height), width), bits, masks, top_first=height < 0)
            return Header(width=width, height=abs(height), scaled=12, array=decode)
    scaled = (1 if bits <= 8 else 4) + 3
    return Header(width=width, height=abs(height), scaled=scaled, reader=partial(_open, data), opaque_if_empty=True)


def _open(data: bytes) -> BmpImageFile:
    return BmpImageFile(io.BytesIO(data))


def _announced(data: bytes) -> tuple[int, int, int, int, int]:
    """Width, height (negative: the first row is the topmost), bits a pixel, compression, size of the second header."""
    try:
        (size,) = struct.unpack_from("<I", data, 14)
        if size == 12:
            width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
            return width, height, bits, RAW, size
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    except struct.error:
        raise BadImage("The BMP ends within its header.", hint="The file was cut short.") from None
    return max(width, 0), height, bits, compression, size


def _check_runs(pixels: int, size: int) -> None:
    if pixels > MAX_RUN_PIXELS or size > MAX_RUN_BYTES:
        raise ImageTooLarge(
            f"The BMP is run-length encoded, with {pixels:,} pixels in {size:,} bytes; "
            f"at most {MAX_RUN_PIXELS:,} in {MAX_RUN_BYTES:,} are decoded.",
            hint="Save it as PNG.",
        )


def _masks(data: bytes, size: int, compression: int) -> tuple[int, int, int, int]:
    if len(data) < 70:
        raise BadImage("The BMP ends within its header.", hint="The file was cut short.")
    red, green, blue, alpha = struct.unpack_from("<IIII", data, 54)
    return red, green, blue, alpha if size >= 56 or compression == ALPHA_BITFIELDS else 0


def _decode(
    data: bytes, sides: tuple[int, int], bits: int, masks: tuple[int, int, int, int], *, top_first: bool
) -> Image:
    """Pixels by their masks, transparency on white."""
    (start,) = struct.unpack_from("<I", data, 10)
    height, width = sides
    stride = (width * bits + 31) // 32 * 4
    if start + stride * height > len(data):
        raise BadImage("The BMP ends before its pixels do.", hint="The file was cut short.")
    rows = np.frombuffer(data, np.uint8, stride * height, start).reshape(height, stride)
    whole = np.ascontiguousarray(rows[:, : width * bits // 8]).view(f"<u{bits // 8}")
    whole = whole if top_first else whole[::-1]
    opaque = not masks[3] or not (whole & masks[3]).any()
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, 256):
        strip = whole[top : top + 256]
        cover = None if opaque else _channel(strip, masks[3])
        for place, mask in enumerate(masks[:3]):
            colour = _channel(strip, mask)
            if cover is not None:
                colour = colour * (cover / 255) + (255 - cover)
            pixels[top : top + 256, :, place] = np.rint(colour)
    return pixels


def _channel(values: NDArray[np.unsignedinteger], mask: int) -> NDArray[np.floating]:
    """A mask's bits as 0..255."""
    if not mask:
        return np.zeros(values.shape, np.float32)
    lowest = (mask & -mask).bit_length() - 1
    return ((values & mask) >> lowest).astype(np.float32) * (255 / (mask >> lowest))
