"""Objects of a picture, with a detector that gives boxes, scores and classes, such as SSD, DETR or YOLO exported so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.kinds.image import Picture
from open_analytic.operators.batch import batches, shrunk
from open_analytic.operators.geometry import non_maximum_suppression, within
from open_analytic.operators.operator import Between
from open_analytic.operators.resize import Fit, fitted
from open_analytic.types import Box, Images, Model, Object

Rows: TypeAlias = NDArray[np.float32]
BoxFormat: TypeAlias = Literal["xyxy", "cxcywh"]  # corners; or centre, width and height
Unit: TypeAlias = Literal["pixels", "relative"]  # of the network's input; or 0..1 of its sides

MAX_OBJECTS = 1000  # of one picture, before overlapping ones are dropped


def detect_objects(
    pictures: Sequence[Picture],
    model: Model,
    labels: Sequence[str],
    *,
    threshold: Annotated[float, Between(0, 1)] = 0.5,
    overlap: Annotated[float, Between(0, 1)] = 0.5,
    box_format: BoxFormat = "xyxy",
    unit: Unit = "pixels",
    fit: Fit = "stretch",
    long_side: Annotated[int, Between(32, 4096)] = 640,
) -> list[list[Object]]:
    """The objects of each picture, the surest first, in the pixels of the upright original.

    The model gives ``boxes`` (batch, n, 4), and ``scores`` (batch, n) with ``labels`` (batch, n) or ``scores``
    (batch, n, classes). Of two boxes of a class that overlap by more than ``overlap`` the surer one stays. A model of a
    fixed size is given the picture by ``fit``, another with the longer side at ``long_side`` pixels or less. Classes
    whose label is empty are left out.
    """
    small = [fitted(each, model.size, fit) if model.size else shrunk(each, long_side) for each in pictures]
    detections: list[list[Object]] = [[] for _ in pictures]
    for indices, batch in _runs(small, model):
        boxes, scores, classes = _outputs(model(batch), model.name, len(labels))
        corners = _corners(boxes, box_format) * _scale(batch, unit)
        for row, index in enumerate(indices):
            best = _best_boxes(corners[row], scores[row], classes[row], threshold, overlap)
            objects = [
                Object(
                    label=labels[classes[row][at]],
                    score=float(scores[row][at]),
                    box=within(small[index].lift(_box(corners[row][at])), _bounds(pictures[index])),
                )
                for at in best
            ]
            detections[index] = [each for each in objects if each.label and each.box.area]
    return detections


def _runs(pictures: Sequence[Picture], model: Model) -> Iterator[tuple[list[int], Images]]:
    """Indices of pictures that share a run, and their pixels."""
    if model.size:
        yield list(range(len(pictures))), np.stack([picture.pixels for picture in pictures])
    else:
        yield from batches(pictures)


def _outputs(arrays: Mapping[str, Rows], name: str, count: int) -> tuple[Rows, Rows, NDArray[np.int64]]:
    """Boxes (batch, n, 4), scores (batch, n), classes (batch, n)."""
    boxes, scores = arrays["boxes"], arrays["scores"]
    classes = arrays.get("labels")
    if classes is None and scores.ndim == 3:
        classes, scores = scores.argmax(axis=2), scores.max(axis=2)
    if classes is None or boxes.shape != (*scores.shape, 4) or scores.ndim != 2 or classes.shape != scores.shape:
        shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items())
        raise ModelFailed(
            f"Model {name!r} gave {shapes}.",
            hint="boxes are (batch, n, 4), scores (batch, n) with labels (batch, n), or scores (batch, n, classes).",
        )
    sure = np.isfinite(scores) & np.isfinite(boxes).all(axis=2)
    numbers = np.where(sure, classes, 0).astype(np.int64)
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
        raise ModelFailed(
            f"Model {name!r} gave the class {int(numbers.max())}, and its card names {count} labels.",
            hint="Give every class of the model a label, in their order; leave one empty to leave it out.",
        )
    return boxes, np.where(sure, scores, -1).astype(np.float32), numbers


def _scale(batch: Images, unit: Unit) -> Rows:
    """What brings boxes to pixels of the batch."""
    height, width = batch.shape[1:3] if unit == "relative" else (1, 1)
    return np.array([width, height, width, height], np.float32)


def _corners(boxes: Rows, box_format: BoxFormat) -> Rows:
    if box_format == "xyxy":
        return boxes
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def _best_boxes(corners: Rows, scores: Rows, classes: NDArray[np.int64], threshold: float, overlap: float) -> list[int]:
    """Indices of the boxes above the threshold that no surer one of their class overlaps, the surest first."""
    sure = np.flatnonzero(scores > threshold)
    best = sure[np.argsort(-scores[sure], kind="stable")][:MAX_OBJECTS]
    indices = [
        best[alike][each]
        for alike in (classes[best] == number for number in np.unique(classes[best]))
        for each in non_maximum_suppression(corners[best][alike], scores[best][alike], overlap)
    ]
    return sorted(map(int, indices), key=lambda at: (-scores[at], at))


def _box(corners: Rows) -> Box:
    left, top, right, bottom = map(float, corners)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _bounds(picture: Picture) -> Box:
    height, width = picture.sides
    return picture.lift(Box(x=0, y=0, width=width, height=height))
