"""Plane geometry of pictures: boxes that overlap, transforms that move points onto points."""

import numpy as np
from numpy.typing import NDArray

from open_analytic.types import Box, Points


def iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Overlap of one box with others, as x1, y1, x2, y2: intersection over union, 0 for boxes without area."""
    left_top = np.maximum(box[:2], boxes[:, :2])
    right_bottom = np.minimum(box[2:], boxes[:, 2:])
    overlap = np.clip(right_bottom - left_top, 0, None).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - overlap
    shared: NDArray[np.float32] = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return shared


def non_maximum_suppression(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], threshold: float
) -> NDArray[np.int64]:
    """Indices of the boxes to keep, best first; a box that overlaps a better one by more than ``threshold`` goes."""
    order = np.argsort(-scores, kind="stable")
    indices = []
    while order.size:
        best, order = order[0], order[1:]
        indices.append(best)
        order = order[iou(boxes[best], boxes[order]) <= threshold]
    return np.array(indices, dtype=np.int64)


def clipped(box: Box, sides: tuple[int, int]) -> Box:
    """The part of a box that is in a picture of (height, width) pixels."""
    left, top = min(max(box.x, 0.0), sides[1]), min(max(box.y, 0.0), sides[0])
    right, bottom = min(max(box.x + box.width, left), sides[1]), min(max(box.y + box.height, top), sides[0])
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def within(box: Box, bounds: Box) -> Box:
    """The part of a box that is within another."""
    left, top = max(box.x, bounds.x), max(box.y, bounds.y)
    right = min(box.x + box.width, bounds.x + bounds.width)
    bottom = min(box.y + box.height, bounds.y + bounds.height)
    return Box(x=left, y=top, width=max(right - left, 0.0), height=max(bottom - top, 0.0))


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """The (2, 3) matrix of the rotation, scale and shift that moves source points nearest to target points.

    Least squares after Umeyama, "Least-squares estimation of transformation parameters", 1991; never mirrors.
    """
    source_mean, target_mean = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    a, b = source - source_mean, target - target_mean
    spread = float((a**2).sum())
    if spread == 0:
        raise ValueError("the points are all in one place")
    # In the plane the solution is a complex number: b ~ (cos + i sin) * scale * a.
    real = float((a * b).sum()) / spread
    imaginary = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    rotation = np.array([[real, -imaginary], [imaginary, real]])
    shift = target_mean - rotation @ source_mean
    return np.column_stack([rotation, shift])


def move(points: Points, matrix: NDArray[np.float64]) -> Points:
    """The points moved by a (2, 3) matrix."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
