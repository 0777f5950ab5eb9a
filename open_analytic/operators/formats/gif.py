"""GIF: the first frame with its palette and transparency; comments, later frames and extensions are left out."""

import io
import re
import struct
from functools import partial

from PIL.GifImagePlugin import GifImageFile

from open_analytic.errors import BadImage
from open_analytic.operators.formats.header import MAX_PARTS, Header, too_many

BEGINNING = re.compile(rb"GIF8[79]a")
MAX_BLOCKS = 2_000_000  # of at most 255 bytes each
_CONTROL, _IMAGE, _EXTENSION = b"\xf9", 0x2C, b"!"
_BEGINNINGS = re.compile(rb"[,!;]")  # of a frame, of an extension, and the file's end


def read_header(data: bytes) -> Header:
    """The size of the screen, or of the first frame where that is larger."""
    if len(data) < 13:
        raise BadImage("The GIF ends within its header.", hint="The file was cut short.")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = start = 13 + _colours(flags)
    control = b""
    for number in range(MAX_PARTS + 1):
        match = _BEGINNINGS.search(data, place)
        place = match.start() if match else len(data)
        if not match or match[0] != _EXTENSION:
            break
        if number == MAX_PARTS:
            raise too_many("extensions")
        end = _blocks_end(data, place + 2)
        if data[place + 1 : place + 2] == _CONTROL:
            control = data[place:end]
        place = end
    if len(data) < place + 11 or data[place] != _IMAGE:
        raise BadImage("The GIF ends before its first frame.", hint="The file was cut short.")
    left, top, across, down, local = struct.unpack_from("<HHHHB", data, place + 1)
    width, height = max(width, left + across), max(height, top + down)
    if not width or not height or width > 65535 or height > 65535:
        raise BadImage(f"The GIF announces {width} x {height} pixels.", hint="The file might be damaged.")
    end = _blocks_end(data, place + 11 + _colours(local))
    screen = data[:6] + struct.pack("<HH", width, height) + data[10:start]
    cleaned = screen + control + data[place:end] + b";"
    return Header(width=width, height=height, scaled=8, extra=2 * len(cleaned), reader=partial(_open, cleaned))


def _open(data: bytes) -> GifImageFile:
    return GifImageFile(io.BytesIO(data))


def _colours(flags: int) -> int:
    """Bytes of a palette."""
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _blocks_end(data: bytes, place: int) -> int:
    """Where a chain of blocks ends, each with its length before it."""
    size = len(data)
    for _ in range(MAX_BLOCKS):
        if place >= size:
            return size
        length = data[place]
        place += length + 1
        if not length:
            return place
    raise too_many("blocks")
