"""Boxes of ISO files (AVIF, HEIF): items and tracks with the sizes they announce, and where their pictures lie."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from open_analytic.errors import BadImage
from open_analytic.operators.formats.header import MAX_PARTS, too_many

_FULL = 4  # bytes of version and flags
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"iprp")


class Box(NamedTuple):
    """A box's type, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One coded picture: what announces it, and the pieces of its bytes."""

    kind: bytes  # av01, hvc1, Exif, ...
    size: tuple[int, int] | None  # (width, height) announced
    pieces: tuple[tuple[int, int], ...]  # (start, end)


class Boxes:
    """The boxes of a file."""

    def __init__(self, data: bytes) -> None:
        self.data, self._count = data, 0

    def within(self, start: int, end: int) -> Iterator[Box]:
        """The boxes between two places."""
        while start + 8 <= end:
            self._count += 1
            if self._count > MAX_PARTS:
                raise too_many("boxes")
            (size,), name, body = self.unpack(">I", start), self.data[start + 4 : start + 8], start + 8
            if size == 1:
                (size,), body = self.unpack(">Q", body), start + 16
            stop = min(end, start + size) if size else end
            if stop < body:
                return
            yield Box(name, body, stop)
            start = stop

    def unpack(self, form: str, place: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(form, self.data, place)
        except struct.error:
            raise BadImage("The file ends within its boxes.", hint="The file was cut short or is damaged.") from None

    def find(self, name: bytes, start: int, end: int) -> Iterator[Box]:
        """The boxes of a type, at any depth of those that only contain others."""
        for box in self.within(start, end):
            if box.name == name:
                yield box
            elif box.name in _CONTAINERS:
                yield from self.find(name, box.start, box.end)

    def integer(self, place: int, size: int) -> int:
        """A number of so many bytes; 0 for none."""
        return int.from_bytes(self.data[place : place + size], "big")


def items(data: bytes) -> list[Coded]:
    """The items of the file's meta box."""
    boxes = Boxes(data)
    meta = next(boxes.find(b"meta", 0, len(data)), None)
    if meta is None:
        return []
    inside = {box.name: box for box in boxes.within(meta.start + _FULL, meta.end)}
    kinds = {number: kind for number, kind, _ in item_types(boxes, inside.get(b"iinf"))}
    sizes = _sizes(boxes, inside.get(b"iprp"))
    idat = inside[b"idat"].start if b"idat" in inside else 0
    return [
        Coded(kind=kinds.get(number, b""), size=sizes.get(number), pieces=pieces)
        for number, pieces in _locations(boxes, inside.get(b"iloc"), idat)
    ]


def item_types(boxes: Boxes, iinf: Box | None) -> Iterator[tuple[int, bytes, int]]:
    """(item, its type, where the type is written)."""
    if iinf is None:
        return
    start = iinf.start + _FULL + (2 if boxes.data[iinf.start] == 0 else 4)
    for box in boxes.within(start, iinf.end):
        version = boxes.integer(box.start, 1)
        if box.name == b"infe" and version >= 2:
            wide = 2 if version == 2 else 4
            place = box.start + _FULL + wide + 2
            yield boxes.integer(box.start + _FULL, wide), boxes.data[place : place + 4], place


def _sizes(boxes: Boxes, iprp: Box | None) -> dict[int, tuple[int, int]]:
    """The announced size of each item."""
    sizes: dict[int, tuple[int, int]] = {}
    if iprp is None:
        return sizes
    by_name = {box.name: box for box in boxes.within(iprp.start, iprp.end)}
    if not {b"ipco", b"ipma"} <= set(by_name):
        return sizes
    properties = list(boxes.within(by_name[b"ipco"].start, by_name[b"ipco"].end))
    spatial = {
        number: (boxes.integer(box.start + _FULL, 4), boxes.integer(box.start + _FULL + 4, 4))
        for number, box in enumerate(properties, 1)
        if box.name == b"ispe"
    }
    for item, numbers in _associations(boxes, by_name[b"ipma"]):
        for number in numbers:
            if number in spatial:
                sizes[item] = spatial[number]
    return sizes


def _associations(boxes: Boxes, ipma: Box) -> Iterator[tuple[int, list[int]]]:
    version, flags = boxes.integer(ipma.start, 1), boxes.integer(ipma.start + 1, 3)
    wide, each = (2 if version == 0 else 4), (2 if flags & 1 else 1)
    place = ipma.start + _FULL + 4
    for _ in range(min(boxes.integer(ipma.start + _FULL, 4), MAX_PARTS)):
        item, count = boxes.integer(place, wide), boxes.integer(place + wide, 1)
        place += wide + 1
        numbers = [boxes.integer(place + each * at, each) & (0x7FFF if each == 2 else 0x7F) for at in range(count)]
        place += each * count
        if place > ipma.end:
            return
        yield item, numbers


def _locations(boxes: Boxes, iloc: Box | None, idat: int) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:
    if iloc is None:
        return
    version = boxes.integer(iloc.start, 1)
    sizes, bases = boxes.integer(iloc.start + _FULL, 1), boxes.integer(iloc.start + _FULL + 1, 1)
    offset, length, base, index = sizes >> 4, sizes & 15, bases >> 4, bases & 15 if version else 0
    wide = 2 if version < 2 else 4
    place = iloc.start + _FULL + 2
    count = boxes.integer(place, wide)
    place += wide
    left = MAX_PARTS
    for _ in range(min(count, MAX_PARTS)):
        item = boxes.integer(place, wide)
        method = boxes.integer(place + wide, 2) & 15 if version else 0
        place += wide + (2 if version else 0) + 2  # behind the reference to another file
        start = boxes.integer(place, base) + (idat if method == 1 else 0)
        extents, place = boxes.integer(place + base, 2), place + base + 2
        pieces = []
        for _ in range(extents):
            first = start + boxes.integer(place + index, offset)
            pieces.append((first, first + boxes.integer(place + index + offset, length)))
            place += index + offset + length
            left -= 1
            if place > iloc.end:
                return
            if not left:
                raise too_many("pieces")
        yield item, tuple(pieces)


def configurations(data: bytes) -> list[bytes]:
    """How HEVC items are coded: the content of each hvcC box."""
    boxes = Boxes(data)
    meta = next(boxes.find(b"meta", 0, len(data)), None)
    if meta is None:
        return []
    ipco = [box for iprp in boxes.find(b"ipco", meta.start + _FULL, meta.end) for box in boxes.within(*iprp[1:])]
    return [data[box.start : box.end] for box in ipco if box.name == b"hvcC"]


def first_samples(data: bytes) -> Iterator[Coded]:
    """The first picture of each track of a sequence."""
    boxes = Boxes(data)
    for trak in boxes.find(b"trak", 0, len(data)):
        tables = {box.name: box for name in (b"stsd", b"stsz", b"stco", b"co64") for box in boxes.find(name, *trak[1:])}
        if not {b"stsd", b"stsz"} <= set(tables):
            continue
        entry = tables[b"stsd"].start + _FULL + 4
        kind = data[entry + 4 : entry + 8]
        size = boxes.integer(entry + 32, 2), boxes.integer(entry + 34, 2)
        place, wide = (tables[b"co64"], 8) if b"co64" in tables else (tables.get(b"stco"), 4)
        if place is None:
            continue
        start = boxes.integer(place.start + _FULL + 4, wide)
        table = tables[b"stsz"].start + _FULL
        length = boxes.integer(table, 4) or boxes.integer(table + 8, 4)
        yield Coded(kind=kind, size=size, pieces=((start, start + length),))


def without_notes(data: bytes) -> bytes:
    """The file with its EXIF items renamed, so that no reader looks into them."""
    boxes = Boxes(data)
    meta = next(boxes.find(b"meta", 0, len(data)), None)
    if meta is None:
        return data
    iinf = next((box for box in boxes.within(meta.start + _FULL, meta.end) if box.name == b"iinf"), None)
    places = [place for _, kind, place in item_types(boxes, iinf) if kind == b"Exif"]
    changed = bytearray(data) if places else data
    for place in places:
        changed[place : place + 4] = b"skip"  # type: ignore[index]  # a bytearray then
    return bytes(changed)
