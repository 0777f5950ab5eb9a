"""The picture size in AV1's sequence header (AV1 Bitstream & Decoding Process Specification, 5.5)."""

from collections.abc import Iterator
from typing import NamedTuple

from open_analytic.errors import BadImage
from open_analytic.operators.formats.bits import Bits
from open_analytic.operators.formats.header import MAX_PARTS, too_many

LONGEST = 16384  # pixels of a side that libavif decodes
_SEQUENCE = 1  # the type of an OBU


class Size(NamedTuple):
    """What a sequence header announces, and the pixels of the largest frame that its numbers can express."""

    width: int
    height: int
    possible: int


def sizes(data: bytes) -> Iterator[Size]:
    """The size in each sequence header; a decoder takes memory for it before it knows more."""
    place = 0
    for _ in range(MAX_PARTS):
        if place >= len(data):
            return
        kind, extended, sized = data[place] >> 3 & 15, data[place] >> 2 & 1, data[place] >> 1 & 1
        place += 1 + extended
        length, place = _leb128(data, place) if sized else (len(data) - place, place)
        if kind == _SEQUENCE:
            yield _size(Bits(data[place : place + min(length, 1024)]))
        place += length
    raise too_many("parts")


def _leb128(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for at in range(8):
        if place + at >= len(data):
            break
        value |= (data[place + at] & 0x7F) << 7 * at
        if not data[place + at] & 0x80:
            return value, place + at + 1
    raise BadImage("The AV1 picture has a part of no length.", hint="The file is damaged.")


def _size(bits: Bits) -> Size:
    bits.take(4)  # profile, still picture
    reduced = bits.take(1)
    if reduced:
        bits.take(5)
    else:
        _skip_operating_points(bits)
    wide, high = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(wide) + 1, bits.take(high) + 1
    # Without a reduced header a frame can have a size of its own. Encoders write as few bits as the size needs.
    own = not reduced and (1 << wide >= 2 * width or 1 << high >= 2 * height)
    possible = min(1 << wide, LONGEST) * min(1 << high, LONGEST) if own else width * height
    return Size(width, height, possible)


def _skip_operating_points(bits: Bits) -> None:
    delay = 0  # bits of a decoder's delay
    if bits.take(1):  # timing
        bits.take(64)
        if bits.take(1):
            bits.take_golomb()
        if bits.take(1):  # decoder model
            delay = bits.take(5) + 1
            bits.take(42)
    displayed = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if displayed and bits.take(1):
            bits.take(4)
