"""Pictures of many sizes as few batches for a model that takes any size."""

from collections.abc import Iterator, Sequence

import numpy as np

from open_analytic.kinds.image import Picture
from open_analytic.operators.resize import fitted
from open_analytic.types import Images

MULTIPLE = 32  # usual networks halve their input five times


def shrunk(picture: Picture, long_side: int) -> Picture:
    """The picture with its longer side at ``long_side`` pixels or less."""
    height, width = picture.sides
    ratio = min(1.0, long_side / max(height, width))
    return fitted(picture, (max(1, round(height * ratio)), max(1, round(width * ratio))), "stretch")


def batches(pictures: Sequence[Picture]) -> Iterator[tuple[list[int], Images]]:
    """Indices of pictures, and their pixels on black; those that fill the same multiples of 32 share a batch."""
    groups: dict[tuple[int, int], list[int]] = {}
    for index, picture in enumerate(pictures):
        groups.setdefault((_up(picture.sides[0]), _up(picture.sides[1])), []).append(index)
    for sides, indices in groups.items():
        batch = np.zeros((len(indices), *sides, 3), np.uint8)
        for row, index in enumerate(indices):
            height, width = pictures[index].sides
            batch[row, :height, :width] = pictures[index].pixels
        yield indices, batch


def _up(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE
