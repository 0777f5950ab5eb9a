"""TIFF files of any kind, written by hand: what a sample is, how samples lie, and how they are packed."""

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}


def tag(number: int, kind: int, *values: int) -> tuple[int, int, tuple[int, ...]]:
    return number, kind, values


def write(
    pages: Sequence[tuple[list[tuple[int, int, tuple[int, ...]]], Sequence[bytes]]],
    *,
    order: str = "<",
    big: bool = False,
) -> bytes:
    """Pages of tags and strips; tags 273 and 279 (or 324 and 325 when tag 322 is there) are added."""
    letter, size, wide, kind = ("Q", 8, 20, 16) if big else ("I", 4, 12, 4)
    mark = b"II" if order == "<" else b"MM"
    first = 16 if big else 8
    body, links = bytearray(), []
    for tags, strips in pages:
        offsets = []
        for strip in strips:
            offsets.append(first + len(body))
            body += strip + bytes(len(strip) % 2)
        tiled = any(number == 322 for number, _, _ in tags)
        whole = sorted([
            *tags,
            tag(324 if tiled else 273, kind, *offsets),
            tag(325 if tiled else 279, 4, *map(len, strips)),
        ])  # fmt: skip
        links.append(first + len(body))
        place = links[-1] + (8 if big else 2) + wide * len(whole) + size
        entries, later = _entries(whole, order, letter, size, place)
        body += struct.pack(order + ("Q" if big else "H"), len(whole)) + entries
        links.append(first + len(body))  # where the next page's place goes
        body += bytes(size) + later
    head = (
        mark + struct.pack(f"{order}HHHQ", 43, 8, 0, links[0])
        if big
        else mark + struct.pack(f"{order}HI", 42, links[0])
    )
    data = bytearray(head + body)
    for number in range(2, len(links), 2):
        struct.pack_into(order + letter, data, links[number - 1], links[number])
    return bytes(data)


def _entries(
    tags: Sequence[tuple[int, int, tuple[int, ...]]], order: str, letter: str, size: int, place: int
) -> tuple[bytes, bytes]:
    """The entries of a page, and the values that are too long for them, which stand from ``place`` on."""
    entries, later = b"", b""
    for number, type_, values in tags:
        packed = struct.pack(f"{order}{len(values)}{_LETTERS[type_]}", *values)
        if len(packed) > size:
            field = struct.pack(order + letter, place + len(later))
            later += packed + bytes(len(packed) % 2)
        else:
            field = packed.ljust(size, b"\0")
        entries += struct.pack(f"{order}HH{letter}", number, type_, len(values)) + field
    return entries, later


def page(
    values: NDArray[Any],
    *,
    order: str = "<",
    photometric: int = 2,
    planes: bool = False,
    rows: int = 0,
    compress: Callable[[bytes], bytes] = bytes,
    compression: int = 1,
    extra: Sequence[int] = (),
    more: Sequence[tuple[int, int, tuple[int, ...]]] = (),
) -> tuple[list[tuple[int, int, tuple[int, ...]]], list[bytes]]:
    """A page of (height, width, samples) numbers in strips of so many rows."""
    height, width, samples = values.shape
    form = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    written = values.astype(values.dtype.newbyteorder(order))  # type: ignore[arg-type]
    parts = [written[:, :, each] for each in range(samples)] if planes else [written]
    rows = rows or height
    strips = [compress(part[top : top + rows].tobytes()) for part in parts for top in range(0, height, rows)]
    tags = [
        tag(256, 4, width),
        tag(257, 4, height),
        tag(258, 3, *[8 * values.dtype.itemsize] * samples),
        tag(259, 3, compression),
        tag(262, 3, photometric),
        tag(277, 3, samples),
        tag(278, 4, rows),
        tag(284, 3, 2 if planes else 1),
        tag(339, 3, *[form] * samples),
        *([tag(338, 3, *extra)] if extra else []),
        *more,
    ]
    return tags, strips


def file(values: NDArray[Any], *, order: str = "<", big: bool = False, **options: Any) -> bytes:
    """A file of one page."""
    return write([page(values, order=order, **options)], order=order, big=big)


DEFLATE: dict[str, Any] = {"compress": zlib.compress, "compression": 8}
