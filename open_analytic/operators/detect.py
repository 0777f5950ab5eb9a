"""Faces of a picture with CenterFace (Xu et al., 2019): a heat map of centres, and at each the size and five points."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from open_analytic.kinds.image import Picture
from open_analytic.operators.batch import batches, shrunk
from open_analytic.operators.geometry import clipped, non_maximum_suppression
from open_analytic.operators.operator import Between
from open_analytic.types import Box, Face, Model

STRIDE = 4  # pixels of the input a cell of the maps stands for
MAX_FACES = 1000  # of one picture, before overlapping ones are dropped


def detect_faces(
    pictures: Sequence[Picture],
    model: Model,
    *,
    threshold: Annotated[float, Between(0, 1)] = 0.5,
    overlap: Annotated[float, Between(0, 1)] = 0.3,
    long_side: Annotated[int, Between(32, 4096)] = 640,
) -> list[list[Face]]:
    """The faces of each picture, the surest first, in the pixels of the upright original.

    A picture is looked at with its longer side at ``long_side`` pixels or less. Those that fill the same multiples
    of 32 share a run.
    """
    small = [shrunk(picture, long_side) for picture in pictures]
    detections: list[list[Face]] = [[] for _ in pictures]
    for indices, batch in batches(small):
        maps = model(batch, ("heatmap", "scale", "offset", "landmarks"))
        for row, index in enumerate(indices):
            faces = _decode({role: array[row] for role, array in maps.items()}, threshold, overlap)
            detections[index] = [_lifted(small[index], face) for face in faces]
    return detections


def _lifted(picture: Picture, face: Face) -> Face:
    """A face of the picture's pixels in the pixels of the original."""
    box = picture.lift(clipped(face.box, picture.sides))
    return replace(face, box=box, landmarks=picture.lift_points(face.landmarks))


def _decode(maps: Mapping[str, NDArray[np.float32]], threshold: float, overlap: float) -> list[Face]:
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
                x=float(left[i]),
                y=float(top[i]),
                width=float(widths[i]),
                height=float(heights[i]),
            ),
            score=float(scores[i]),
            landmarks=np.stack([x[:, i], y[:, i]], axis=1).astype(np.float32),
        )
        for i in non_maximum_suppression(corners, scores, overlap)
    ]
