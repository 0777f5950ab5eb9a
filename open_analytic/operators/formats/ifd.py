"""Tags of TIFF pages: read from classic TIFF and BigTIFF in either byte order, written as classic TIFF."""

import struct
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from open_analytic.errors import BadImage

Order: TypeAlias = Literal["<", ">"]  # of bytes, the lowest or the highest first
MAX_PAGES = 1000
MAX_ENTRIES = 4096
SUB_PAGES = 330
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_SHORT, _LONG = 3, 4


class Entry(NamedTuple):
    """A tag's type, and the bytes of all its values in the file's byte order."""

    kind: int
    body: bytes


class Page:
    """The tags of one page."""

    def __init__(self, order: Order, entries: Mapping[int, Entry]) -> None:
        self.order, self.entries = order, entries

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The values of a tag with whole numbers."""
        kind, body = self.entries.get(tag, (0, b""))
        if kind not in _INTEGERS or not body:
            return default
        return tuple(np.frombuffer(body, np.dtype(_INTEGERS[kind]).newbyteorder(self.order)).tolist())

    def number(self, tag: int, default: int) -> int:
        """The first of them."""
        return self.numbers(tag, (default,))[0]


class File:
    """The pages of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order: Order = "<" if data[:2] == b"II" else ">"
        self._big = b"+" in data[2:4]
        self._offset, self._size = ("Q", 8) if self._big else ("I", 4)

    def pages(self) -> Iterator[Page]:
        """Each page, followed by those that it names as its own."""
        (place,) = self._unpack(self._offset, 8 if self._big else 4)
        seen: set[int] = set()
        waiting = [place]
        while waiting and len(seen) < MAX_PAGES:
            place = waiting.pop()
            if place in seen or not 8 <= place < len(self.data):
                continue
            seen.add(place)
            page, following = self._page(place)
            waiting += [following, *reversed(page.numbers(SUB_PAGES)[:MAX_PAGES])]
            yield page

    def _page(self, place: int) -> tuple[Page, int]:
        (count,) = self._unpack("Q" if self._big else "H", place)
        width, start = (20, place + 8) if self._big else (12, place + 2)
        if count > MAX_ENTRIES:
            raise BadImage(f"A page of the TIFF announces {count:,} tags.", hint="The file is damaged.")
        end, entries = start + count * width, {}
        for at in range(start, end, width):
            tag, kind, number = self._unpack(f"HH{self._offset}", at)
            if tag not in entries and kind in _SIZES:
                entries[tag] = Entry(kind, self._body(at + width - self._size, number * _SIZES[kind]))
        there = end + self._size <= len(self.data)  # where the last page ends the file, some writers leave out the zero
        return Page(self.order, entries), self._unpack(self._offset, end)[0] if there else 0

    def _body(self, place: int, length: int) -> bytes:
        if length > self._size:
            (place,) = self._unpack(self._offset, place)
        return self.data[place : place + length] if place + length <= len(self.data) else b""

    def _unpack(self, form: str, place: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self.order + form, self.data, place)
        except struct.error:
            raise BadImage("The TIFF ends within its tags.", hint="The file was cut short or is damaged.") from None


def written(data: bytes, order: Order, entries: Mapping[int, Entry]) -> bytes:
    """A classic TIFF of one page with these tags; its pixels are where they are in ``data``."""
    start = len(data) + len(data) % 2
    later = start + 2 + 12 * len(entries) + 4
    table, bodies = [struct.pack(f"{order}H", len(entries))], []
    for tag in sorted(entries):
        kind, body = entries[tag]
        count = len(body) // _SIZES[kind]
        field = body.ljust(4, b"\0")
        if len(body) > 4:
            field = struct.pack(f"{order}I", later)
            bodies.append(body + bytes(len(body) % 2))
            later += len(bodies[-1])
        table.append(struct.pack(f"{order}HHI", tag, kind, count) + field)
    magic = b"II*\0" if order == "<" else b"MM\0*"
    beginning = magic + struct.pack(f"{order}I", start)
    return b"".join([beginning, data[8:], bytes(len(data) % 2), *table, bytes(4), *bodies])


def shorts(order: Order, *values: int) -> Entry:
    """A tag of 16-bit numbers."""
    return Entry(_SHORT, struct.pack(f"{order}{len(values)}H", *values))


def longs(order: Order, *values: int) -> Entry:
    """A tag of 32-bit numbers."""
    return Entry(_LONG, struct.pack(f"{order}{len(values)}I", *values))
