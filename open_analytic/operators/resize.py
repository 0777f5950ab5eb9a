"""A picture brought to another size."""

from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np

from open_analytic.operators.kinds import Between
from open_analytic.types import Image

Fit: TypeAlias = Literal["stretch", "cover", "contain"]


def resize(image: Image, *, size: Annotated[int, Between(8, 4096)], fit: Fit = "stretch") -> Image:
    """A square picture: stretched, its middle cut out (``cover``), or whole on grey (``contain``)."""
    return to_size(image, (size, size), fit)


def to_size(image: Image, size: tuple[int, int], fit: Fit = "stretch") -> Image:
    """The picture at (height, width)."""
    height, width = size
    if fit == "stretch":
        return scaled(image, height, width)
    ratios = height / image.shape[0], width / image.shape[1]
    ratio = max(ratios) if fit == "cover" else min(ratios)
    inner = scaled(image, max(1, round(image.shape[0] * ratio)), max(1, round(image.shape[1] * ratio)))
    if fit == "cover":
        top, left = (inner.shape[0] - height) // 2, (inner.shape[1] - width) // 2
        return np.ascontiguousarray(inner[top : top + height, left : left + width])
    whole = np.full((height, width, 3), 128, np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    whole[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return whole


def scaled(image: Image, height: int, width: int) -> Image:
    """The picture scaled; area averages from a factor of two down, where bilinear would skip pixels."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[0] >= 2 * height or image.shape[1] >= 2 * width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how).astype(np.uint8, copy=False)
