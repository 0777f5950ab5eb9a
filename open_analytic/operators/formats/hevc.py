"""The picture size in HEVC's sequence parameter sets (ITU-T H.265, 7.3.2.2)."""

from collections.abc import Iterator

from open_analytic.errors import BadImage
from open_analytic.operators.formats.bits import Bits
from open_analytic.operators.formats.header import MAX_PARTS, too_many

_SET = 33  # the type of a unit
_ARRAYS = 22  # bytes of a configuration before its units


def configured(configuration: bytes) -> Iterator[tuple[int, int]]:
    """(width, height) of each set in an hvcC box."""
    place = _ARRAYS + 1
    for _ in range(configuration[_ARRAYS] if len(configuration) > _ARRAYS else 0):
        count = int.from_bytes(configuration[place + 1 : place + 3], "big")
        place += 3
        for _ in range(count):
            length = int.from_bytes(configuration[place : place + 2], "big")
            yield from _size(configuration[place + 2 : place + 2 + length])
            place += 2 + length
            if place > len(configuration):
                return


def sizes(coded: bytes, wide: int) -> Iterator[tuple[int, int]]:
    """(width, height) of each set among units with a length of ``wide`` bytes before each."""
    place = 0
    for _ in range(MAX_PARTS):
        if place + wide >= len(coded):
            return
        length = int.from_bytes(coded[place : place + wide], "big")
        yield from _size(coded[place + wide : place + wide + min(length, 1024)])
        place += wide + length
    raise too_many("parts")


def _size(unit: bytes) -> Iterator[tuple[int, int]]:
    if len(unit) < 3 or unit[0] >> 1 & 63 != _SET:
        return
    bits = Bits(unit[2:].replace(b"\0\0\3", b"\0\0"))  # without what keeps zeros from looking like a unit's beginning
    bits.take(4)
    layers = bits.take(3)  # below the highest
    bits.take(1 + 96)  # general profile and level
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    bits.take(2 * (8 - layers) if layers else 0)
    for profile, level in present:
        bits.take(88 * profile + 8 * level)
    bits.take_golomb()
    if bits.take_golomb() == 3:
        bits.take(1)
    width, height = bits.take_golomb(), bits.take_golomb()
    if not width or not height:
        raise BadImage("The HEIC picture announces no pixels.", hint="The file is damaged.")
    yield width, height
