"""The orientation in metadata: EXIF, or XMP where there is no EXIF. Nothing else is read."""

import re
import struct

ORIENTATION = 0x0112
_XMP = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])")
_WIDTHS = {1: "B", 3: "H", 4: "I"}  # BYTE, SHORT and LONG, as writers use them for it
_MAX_ENTRIES = 4096


def orientation(exif: bytes = b"", xmp: bytes = b"") -> int:
    """1 to 8; 1 when there is none, or none that can be read."""
    found = _of_exif(exif.removeprefix(b"Exif\0\0"))
    if found is None and (match := _XMP.search(xmp[:1_000_000])):
        found = int(match[1])
    return found if found and 1 <= found <= 8 else 1


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
