"""Tags of TIFF pages: read from classic TIFF and BigTIFF in either byte order, written as classic TIFF."""

import struct
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from open_analytic.errors import BadImage

Order: TypeAlias = Literal["<", ">"]  # of bytes, the lowest or the highest first
MAX_PAGES = 1000
MAX_ENTRIES = 100_000  # of all pages
MAX_VALUES = 200_000  # of a tag: the places of strips are the most that is needed
SUB_PAGES = 330
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 13: "I", 16: "Q", 18: "Q"}
_SHORT, _LONG = 3, 4


class Entry(NamedTuple):
    """A tag's type, and the bytes of its values in the file's byte order."""

    kind: int
    body: bytes


class Page:
    """The tags of one page: the type of each, and where its values are."""

    def __init__(self, data: bytes, order: Order, places: Mapping[int, tuple[int, int, int]]) -> None:
        self.order, self._data, self._places = order, data, places

    def entry(self, tag: int, most: int = MAX_VALUES) -> Entry | None:
        """A tag with at most ``most`` values; None where it is not there, or points outside the file."""
        if tag not in self._places:
            return None
        kind, place, count = self._places[tag]
        end = place + min(count, most) * _SIZES[kind]
        return Entry(kind, self._data[place:end]) if count and end <= len(self._data) else None

    def numbers(self, tag: int, default: tuple[int, ...] = (), *, most: int = MAX_VALUES) -> tuple[int, ...]:
        """The values of a tag with whole numbers."""
        entry = self.entry(tag, most)
        if entry is None or entry.kind not in _INTEGERS:
            return default
        return tuple(np.frombuffer(entry.body, np.dtype(_INTEGERS[entry.kind]).newbyteorder(self.order)).tolist())

    def number(self, tag: int, default: int) -> int:
        """The first of them."""
        return self.numbers(tag, (default,), most=1)[0]


class File:
    """The pages of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order: Order = "<" if data[:2] == b"II" else ">"
        self._big = b"+" in data[2:4]
        self._offset, self._size = ("Q", 8) if self._big else ("I", 4)
        self._count = 0  # of tags

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
            waiting += [following, *reversed(page.numbers(SUB_PAGES, most=MAX_PAGES))]
            yield page

    def _page(self, place: int) -> tuple[Page, int]:
        (count,) = self._unpack("Q" if self._big else "H", place)
        width, start = (20, place + 8) if self._big else (12, place + 2)
        self._count += count
        if self._count > MAX_ENTRIES:
            raise BadImage(f"The TIFF announces {self._count:,} tags.", hint="The file is damaged.")
        end = start + count * width
        places: dict[int, tuple[int, int, int]] = {}
        for at in range(start, end, width):
            tag, kind, number = self._unpack(f"HH{self._offset}", at)
            if tag not in places and kind in _SIZES:
                field = at + width - self._size
                within = number * _SIZES[kind] <= self._size
                places[tag] = kind, field if within else self._unpack(self._offset, field)[0], number
        there = end + self._size <= len(self.data)  # where the last page ends the file, some writers leave out the zero
        return Page(self.data, self.order, places), self._unpack(self._offset, end)[0] if there else 0

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
