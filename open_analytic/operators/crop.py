"""Regions cut out of a picture."""

from typing import Annotated

import numpy as np

from open_analytic.kinds.image import Picture
from open_analytic.operators.align import cut
from open_analytic.operators.operator import Between
from open_analytic.types import Box


def crop_regions(
    picture: Picture,
    box: Box,
    *,
    size: Annotated[int, Between(16, 1024)] = 224,
    padding: Annotated[float, Between(0, 2)] = 0.0,
) -> Picture:
    """The square around a box as a (size, size, 3) crop; what lies outside of the picture is black.

    ``padding`` is the part of the box's longer side that is added on each side.
    """
    side = max(box.width, box.height, 1.0) * (1 + 2 * padding)
    scale = size / side
    left, top = box.x + box.width / 2 - side / 2, box.y + box.height / 2 - side / 2
    matrix = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    pixels = cut(picture.pixels, picture.lower(matrix), size)
    return Picture(pixels, (1 / scale, 1 / scale), (left, top))
