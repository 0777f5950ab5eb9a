"""Faces of a picture with CenterFace (Xu et al., 2019): a heat map of centres, and at each the size and five points."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from open_analytic.operators.geometry import non_maximum_suppression
from open_analytic.operators.kinds import Between
from open_analytic.operators.resize import scaled
from open_analytic.types import Box, Face, Image, Model

STRIDE = 4  # pixels of the input a cell of the maps stands for
MULTIPLE = 32  # the network halves its input five times
MAX_FACES = 1000  # of one picture, before overlapping ones are dropped


def detect_faces(
    images: Sequence[Image],
    model: Model,
    *,
    threshold: Annotated[float, Between(0, 1)] = 0.5,
    overlap: Annotated[float, Between(0, 1)] = 0.3,
    long_side: Annotated[int, Between(32, 4096)] = 640,
) -> list[list[Face]]:
    """The faces of each picture, the surest first, in the picture's own pixels.

    A picture is looked at with its longer side at ``long_side`` pixels or less. Pictures of one size share a run.
    """
    found: list[list[Face]] = [[] for _ in images]
    groups: dict[tuple[int, int], list[int]] = {}
    for index, image in enumerate(images):
        groups.setdefault(_inner(image, long_side), []).append(index)
    for (height, width), indices in groups.items():
        batch = np.zeros((len(indices), _up(height), _up(width), 3), np.uint8)
        for row, index in enumerate(indices):
            batch[row, :height, :width] = scaled(images[index], height, width)
        maps = model(batch, ("heatmap", "scale", "offset", "landmarks"))
        for row, index in enumerate(indices):
            picture = {role: array[row] for role, array in maps.items()}
            scale = (images[index].shape[1] / width, images[index].shape[0] / height)
            found[index] = _decode(picture, threshold, overlap, scale)
    return found


def _inner(image: Image, long_side: int) -> tuple[int, int]:
    ratio = min(1.0, long_side / max(image.shape[:2]))
    return max(1, round(image.shape[0] * ratio)), max(1, round(image.shape[1] * ratio))


def _up(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE


def _decode(
    maps: Mapping[str, NDArray[np.float32]], threshold: float, overlap: float, scale: tuple[float, float]
) -> list[Face]:
    """Cells above the threshold to faces. Sizes are logarithms; offsets, sizes and points come as (y, x)."""
    heat = maps["heatmap"][0]
    rows, columns = np.nonzero(heat > threshold)
    scores = heat[rows, columns]
    best = np.argsort(-scores, kind="stable")[:MAX_FACES]
    rows, columns, scores = rows[best], columns[best], scores[best]
    heights, widths = (np.exp(np.minimum(maps["scale"][axis, rows, columns], 10)) * STRIDE for axis in (0, 1))
    offset_y, offset_x = (maps["offset"][axis, rows, columns] for axis in (0, 1))
    top = (rows + offset_y + 0.5) * STRIDE - heights / 2
    left = (columns + offset_x + 0.5) * STRIDE - widths / 2
    points = maps["landmarks"][:, rows, columns].reshape(5, 2, -1)
    x = points[:, 1] * widths + left
    y = points[:, 0] * heights + top
    corners = np.stack([left, top, left + widths, top + heights], axis=1).astype(np.float32)
    return [
        Face(
            box=Box(
                x=float(left[i] * scale[0]), y=float(top[i] * scale[1]),
                width=float(widths[i] * scale[0]), height=float(heights[i] * scale[1]),
            ),
            score=float(scores[i]),
            landmarks=np.stack([x[:, i] * scale[0], y[:, i] * scale[1]], axis=1).astype(np.float32),
        )
        for i in non_maximum_suppression(corners, scores, overlap)
    ]  # fmt: skip
