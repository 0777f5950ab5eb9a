"""PNG: header, palette, transparency and pixels are kept; of the other chunks only the orientation is read."""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from functools import partial

from PIL.PngImagePlugin import PngImageFile

from open_analytic.errors import BadImage
from open_analytic.operators.formats.header import MAX_PARTS, Header, orientation, too_many

BEGINNING = re.compile(rb"\x89PNG\r\n\x1a\n")
MAX_TEXT = 1_000_000  # bytes of a text that is looked into for an orientation
_GREY = 0  # a colour type
_PROFILE, _XMP = b"Raw profile type exif", b"XML:com.adobe.xmp"
_TEXTS = {_PROFILE, _XMP}


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """(name, body, whether its checksum holds) up to IEND or where the file is cut."""
    place = 8
    for _ in range(MAX_PARTS):
        if place + 8 > len(data):
            return
        length, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        checksum = data[place + 8 + length : place + 12 + length]
        # Pixels have a checksum of their own.
        yield name, body, name == b"IDAT" or checksum == struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
        place += 12 + length
        if name == b"IEND":
            return
    raise too_many("chunks")


def read_header(data: bytes) -> Header:
    """Size and orientation."""
    bodies: dict[bytes, bytes] = {}
    pixels, exif, xmp = [], b"", b""
    seen: set[bytes] = set()  # keys of texts: unpacking each of many would take long
    for name, body, sound in _chunks(data):
        if name == b"IDAT":
            pixels.append(body)
        elif name in (b"IHDR", b"PLTE") and not sound:
            raise BadImage(f"The PNG's chunk {name.decode()} has a wrong checksum.", hint="The file is damaged.")
        elif name in (b"IHDR", b"PLTE", b"tRNS") and sound:
            bodies.setdefault(name, body)
        elif name == b"eXIf":
            exif = exif or body
        elif name in (b"tEXt", b"zTXt", b"iTXt") and (key := body[:80].partition(b"\0")[0]) not in seen:
            seen |= {key} & _TEXTS
            exif, xmp = exif or _raw_profile(name, body), xmp or _xmp(name, body)
    if len(bodies.get(b"IHDR", b"")) < 13:
        raise BadImage("The PNG has no header.", hint="The file was cut short or is damaged.")
    if not pixels:
        raise BadImage("The PNG ends before its pixels.", hint="The file was cut short.")
    width, height, depth, colour = struct.unpack_from(">IIBB", bodies[b"IHDR"])
    if b"tRNS" in bodies:
        bodies[b"tRNS"] = _transparency(bodies[b"tRNS"], depth, colour)
    chunks = [*bodies.items(), (b"IDAT", b"".join(pixels)), (b"IEND", b"")]
    cleaned = b"".join([data[:8], *(_chunk(name, body) for name, body in chunks)])
    return Header(
        width=width,
        height=height,
        scaled=(4 if colour in (2, 4, 6) else 2 if depth == 16 else 1) + 3,
        extra=3 * len(cleaned),
        orientation=orientation(exif, xmp),
        reader=partial(_open, cleaned),
    )


def _open(data: bytes) -> PngImageFile:
    return PngImageFile(io.BytesIO(data))


def _chunk(name: bytes, body: bytes) -> bytes:
    return b"".join([struct.pack(">I4s", len(body), name), body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))])


def _transparency(body: bytes, depth: int, colour: int) -> bytes:
    """A transparent grey in the scale that Pillow gives the pixels: 0 to 255 where they have fewer than 8 bits."""
    if colour == _GREY and depth < 8 and len(body) >= 2:
        (grey,) = struct.unpack_from(">H", body)
        return struct.pack(">H", grey * 255 // (2**depth - 1))
    return body


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(body, MAX_TEXT)
    except zlib.error:
        return b""


def _raw_profile(name: bytes, body: bytes) -> bytes:
    """EXIF as ImageMagick writes it: hexadecimal in a text, behind three lines."""
    key, _, rest = body.partition(b"\0")
    if key != _PROFILE or name == b"iTXt":
        return b""
    text = _inflated(rest[1:]) if name == b"zTXt" else rest[:MAX_TEXT]
    try:
        return bytes.fromhex("".join(text.decode("latin-1").split("\n")[3:]))
    except ValueError:
        return b""


def _xmp(name: bytes, body: bytes) -> bytes:
    key, _, rest = body.partition(b"\0")
    if key != _XMP or name != b"iTXt":
        return b""
    text = rest[2:].split(b"\0", 2)[-1]  # behind language and translated key
    return _inflated(text) if rest[:1] == b"\1" else text[:MAX_TEXT]
