"""Weights out of dlib's own serialisation: the tensors, without dlib. The format is dlib's (Boost Software License)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt

Weights: TypeAlias = NDArray[np.float32]
Shape: TypeAlias = tuple[int, int, int, int]  # num_samples, k, nr, nc

_VERSION = 2  # of dlib's resizable_tensor


def tensors(path: Path, shapes: Sequence[Shape]) -> Iterator[Weights]:
    """The file's tensors, flat, in the order of the network from its input: those of exactly these shapes.

    What lies between them (names of layers, empty tensors) is passed over; a missing one is ModelCorrupt.
    """
    data = path.read_bytes()
    place = 0
    for number, shape in enumerate(shapes, 1):
        header = b"".join(_integer(value) for value in (_VERSION, *shape))
        begin = data.find(header, place) + len(header)
        count = shape[0] * shape[1] * shape[2] * shape[3]
        place = begin + 4 * count
        if begin < len(header) or place > len(data):
            raise ModelCorrupt(
                f"{path.name} is not the dlib network its builder expects: tensor {number} of {len(shapes)}, {shape}, "
                "is not in it.",
                hint="Correct the card's source or builder.",
            )
        yield np.frombuffer(data, "<f4", count, begin).astype(np.float32)


def _integer(value: int) -> bytes:
    """dlib's form of a positive integer: how many bytes follow, then these, the lowest first."""
    size = max(1, (value.bit_length() + 7) // 8)
    return bytes([size]) + value.to_bytes(size, "little")
