"""A picture brought to another size."""

from typing import Annotated, Literal, TypeAlias

import numpy as np

from open_analytic.kinds.image import Picture
from open_analytic.operators.operator import Between
from open_analytic.types import Image

Fit: TypeAlias = Literal["stretch", "cover", "contain"]


def resize(picture: Picture, *, size: Annotated[int, Between(8, 4096)], fit: Fit = "stretch") -> Picture:
    """A square picture: stretched, its middle cut out (``cover``), or whole on grey (``contain``)."""
    return fitted(picture, (size, size), fit)


def to_size(image: Image, size: tuple[int, int], fit: Fit = "stretch") -> Image:
    """The pixels at (height, width)."""
    return fitted(Picture(image), size, fit).pixels


def fitted(picture: Picture, size: tuple[int, int], fit: Fit) -> Picture:
    """The picture at (height, width)."""
    if fit == "cover":
        picture = _middle(picture, size[1] / size[0])
    if fit == "contain":
        return _framed(picture, size)
    height, width = picture.sides
    return picture.inner(scaled(picture.pixels, *size), (width / size[1], height / size[0]))


def _middle(picture: Picture, ratio: float) -> Picture:
    """The largest middle part whose width is ``ratio`` times its height."""
    height, width = picture.sides
    rows, columns = min(height, max(1, round(width / ratio))), min(width, max(1, round(height * ratio)))
    top, left = (height - rows) // 2, (width - columns) // 2
    return picture.inner(picture.pixels[top : top + rows, left : left + columns], (1, 1), (left, top))


def _framed(picture: Picture, size: tuple[int, int]) -> Picture:
    """The whole picture in the middle of a grey one."""
    (height, width), ratio = picture.sides, min(size[0] / picture.sides[0], size[1] / picture.sides[1])
    rows, columns = max(1, round(height * ratio)), max(1, round(width * ratio))
    top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
    whole = np.full((*size, 3), 128, np.uint8)
    whole[top : top + rows, left : left + columns] = scaled(picture.pixels, rows, columns)
    scale = (width / columns, height / rows)
    return picture.inner(whole, scale, (-left * scale[0], -top * scale[1]))


def scaled(image: Image, height: int, width: int) -> Image:
    """The picture scaled; area averages from a factor of two down, where bilinear would skip pixels."""
    if image.shape[:2] == (height, width):
        return image
    import cv2  # with the first picture: making a plan does without

    shrinks = image.shape[0] >= 2 * height or image.shape[1] >= 2 * width
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=how).astype(np.uint8, copy=False)
