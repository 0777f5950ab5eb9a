"""JPEG: frame and scans. Kept are the tables, the frame, and the two notes libjpeg needs to know the colours."""

import io
import re
import struct
from functools import partial

from PIL.JpegImagePlugin import JpegImageFile

from open_analytic.errors import BadImage, ImageTooLarge
from open_analytic.operators.formats.header import MAX_PARTS, SCAN_PIXELS, Header, orientation, too_many, unsupported

BEGINNING = re.compile(rb"\xff\xd8\xff")
END = b"\xff\xd9"
MAX_EXIF = 1_000_000  # bytes of it that are looked into
PAD = b"\x55\xaa" * 64  # where bits lack, they decode to something else than the zeros that libjpeg makes up
_MARKER = re.compile(rb"\xff([^\x00\xff])")  # between segments; bytes that are none are skipped
_IN_SCAN = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # the first marker behind coded bits
_ALONE = {0x01, 0xD8, *range(0xD0, 0xD8)}  # markers without a length
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_READ = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # baseline, extended and progressive, by Huffman or arithmetic codes
_PROGRESSIVE = {0xC2, 0xCA}
_TABLES = {0xDB, 0xC4, 0xCC, 0xDD}
_NAMES = {0xC3: "a lossless JPEG", 0xCB: "a lossless JPEG", 0xCF: "a hierarchical JPEG"}


class _Head:
    """The segments before the first scan."""

    def __init__(self, data: bytes) -> None:
        self.parts = [data[:2]]
        self.frame: bytes | None = None
        self.kind = 0
        self.exif, self.xmp = b"", b""
        place, count = 2, 0
        while True:
            match = _MARKER.search(data, place)
            if match is None or match.end() + 2 > len(data):
                raise BadImage("The JPEG ends before its pixels.", hint="The file was cut short.")
            marker, place = match[1][0], match.end()
            if marker in _ALONE:
                continue
            if marker == 0xD9:
                raise BadImage("The JPEG ends before its pixels.", hint="The file was cut short.")
            if marker == 0xDA:
                self.scan = place - 2
                return
            (length,) = struct.unpack_from(">H", data, place)
            self._segment(marker, data[place + 2 : place + length], data[place : place + length])
            place += max(length, 2)
            count += 1
            if count > MAX_PARTS:
                raise too_many("segments")

    def _segment(self, marker: int, body: bytes, whole: bytes) -> None:
        adobe = marker == 0xEE and body[:5] == b"Adobe" and len(body) >= 12
        jfif = marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 14
        if marker in _FRAMES:
            self.frame, self.kind = self.frame or body, marker
        if marker in _TABLES or marker in _FRAMES or adobe or jfif:
            self.parts += [bytes((0xFF, marker)), whole]
        if marker == 0xE1 and body[:6] == b"Exif\0\0" and len(self.exif) < MAX_EXIF:
            self.exif += body[6:] if self.exif else body  # longer notes go on in the next segment
        if marker == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            self.xmp = body


def read_header(data: bytes) -> Header:
    """Size, scans and orientation; refused are kinds that libjpeg does not read, and more scans than time allows."""
    head = _Head(data)
    height, width, components = _frame(head)
    several = head.kind in _PROGRESSIVE or data[head.scan + 4 : head.scan + 5] != bytes([components])
    end = _check_scans(data, head.scan, width * height) if several else len(data)
    complete = data.find(END, head.scan, end) >= 0
    head.parts.append(data[head.scan : end] if complete else data[head.scan : end].rstrip(b"\xff"))
    if not complete:
        head.parts.append(END)
    cleaned = b"".join(head.parts)
    return Header(
        width=width,
        height=height,
        fixed=2 * components if several else 0,  # coefficients of 16 bits
        scaled=(1 if components == 1 else 4) + 3,
        extra=3 * len(cleaned),
        orientation=orientation(head.exif, head.xmp),
        draft=True,
        reader=partial(_open, cleaned),
        complete=complete,
        again=None if complete else partial(_open, cleaned[: -len(END)] + PAD + END),
    )


def _open(data: bytes) -> JpegImageFile:
    picture = JpegImageFile(io.BytesIO(data))
    picture.decodermaxblock = len(data)  # in parts, Pillow would copy again what libjpeg has not used up, as fill bytes
    return picture


def _frame(head: _Head) -> tuple[int, int, int]:
    if head.frame is None or len(head.frame) < 6:
        raise BadImage("The JPEG has no frame before its pixels.", hint="The file might be damaged.")
    bits, height, width, components = struct.unpack_from(">BHHB", head.frame)
    if head.kind not in _READ:
        raise unsupported(_NAMES.get(head.kind, "a hierarchical or lossless JPEG"))
    if bits != 8:
        raise unsupported(f"a JPEG of {bits} bits a sample")
    if components not in (1, 3, 4):
        raise unsupported(f"a JPEG of {components} components")
    if not width or not height:
        raise BadImage(f"The JPEG announces {width} x {height} pixels.", hint="The file might be damaged.")
    return height, width, components


def _check_scans(data: bytes, place: int, pixels: int) -> int:
    """Where the file's picture ends, once its scans are counted: each of them goes over all pixels."""
    scans, count = 0, 0
    while (match := _IN_SCAN.search(data, place)) is not None:
        marker, place = match[1][0], match.end()
        count += 1
        if marker == 0xD9:
            return place
        scans += marker == 0xDA
        if scans * pixels > SCAN_PIXELS and scans > 1:
            raise ImageTooLarge(
                f"The JPEG has {scans:,} scans or more of {pixels:,} pixels; "
                f"at most {SCAN_PIXELS:,} pixels are decoded in all scans.",
                hint="Save it again as a JPEG with fewer scans.",
            )
        if count > MAX_PARTS:
            raise too_many("segments")
        if marker not in _ALONE and place + 2 <= len(data):
            place += max(2, struct.unpack_from(">H", data, place)[0])
    return len(data)
