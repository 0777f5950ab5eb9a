"""WebP: the chunks of the first frame are kept, with a right size; of the others only the orientation is read."""

import io
import re
import struct
from collections.abc import Iterator
from functools import partial

from PIL.WebPImagePlugin import WebPImageFile

from open_analytic.errors import BadImage
from open_analytic.operators.formats.header import MAX_PARTS, Header, orientation, too_many

BEGINNING = re.compile(rb"RIFF....WEBP", re.DOTALL)
PIXELS = (b"VP8 ", b"VP8L", b"ANMF")  # a frame; behind the first of them nothing is decoded
_NOTES = 0b0010_1100  # the flags of VP8X that announce ICC, EXIF and XMP


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    for _ in range(MAX_PARTS):
        if place + 8 > len(data):
            return
        name, length = struct.unpack_from("<4sI", data, place)
        yield name, data[place + 8 : place + 8 + length]
        place += 8 + length + length % 2
    raise too_many("chunks")


def read_header(data: bytes) -> Header:
    """Size and orientation; of an animation the first frame."""
    bodies: list[tuple[bytes, bytes]] = []
    exif, xmp, framed = b"", b"", False
    for name, body in _chunks(data):
        if name == b"EXIF":
            exif = exif or body
        elif name == b"XMP ":
            xmp = xmp or body
        elif name in (b"VP8X", b"ANIM", b"ALPH", *PIXELS) and not framed:
            bodies.append((name, bytes([body[0] & ~_NOTES]) + body[1:] if name == b"VP8X" and body else body))
            framed = name in PIXELS
    if not framed:
        raise BadImage("The WebP ends before its pixels.", hint="The file was cut short.")
    width, height = _size(bodies)
    chunks = b"".join(struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2) for name, body in bodies)
    cleaned = b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
    return Header(
        width=width,
        height=height,
        scaled=24,  # two canvases of the animation decoder, its frame, a copy, Pillow's pixels, and ours
        extra=3 * len(cleaned),
        orientation=orientation(exif, xmp),
        reader=partial(_open, cleaned),
    )


def _open(data: bytes) -> WebPImageFile:
    return WebPImageFile(io.BytesIO(data))


def _size(bodies: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """(width, height) of the canvas; a frame that is larger than it is refused, for libwebp decodes it first."""
    sizes = [size for name, body in bodies if (size := _announced(name, body))]
    if not sizes:
        raise BadImage("The WebP announces no size.", hint="The file is damaged.")
    if any(width > sizes[0][0] or height > sizes[0][1] for width, height in sizes):
        raise BadImage("The WebP's frame is larger than its canvas.", hint="The file is damaged.")
    return sizes[0]


def _announced(name: bytes, body: bytes) -> tuple[int, int] | None:
    if name == b"VP8X" and len(body) >= 10:
        return _three(body, 4) + 1, _three(body, 7) + 1
    if name == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        (bits,) = struct.unpack_from("<I", body, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if name == b"ANMF" and len(body) >= 16:
        return _three(body, 6) + 1, _three(body, 9) + 1
    return None


def _three(body: bytes, place: int) -> int:
    return int.from_bytes(body[place : place + 3], "little")
