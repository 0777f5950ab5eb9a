"""Objects of a picture, with a detector that gives boxes, scores and classes, such as SSD, DETR or YOLO exported so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.kinds.image import Picture
from open_analytic.kinds.labels import Labels
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
    labels: Labels,
    *,
    threshold: Annotated[float, Between(0, 1)] = 0.5,
    overlap: Annotated[float, Between(0, 1)] = 0.5,
    box_format: BoxFormat = "xyxy",
    unit: Unit = "pixels",
    fit: Fit = "stretch",
    long_side: Annotated[int, Between(32, 4096)] = 640,
    several_classes: bool = False,
) -> list[list[Object]]:
    """The objects of each picture, the surest first, in the pixels of the upright original.

    The model gives ``boxes`` (batch, n, 4), and ``scores`` (batch, n) with ``labels`` (batch, n) or ``scores``
    (batch, n, classes). Of these a box has the class with the highest score, or with ``several_classes`` each class
    above the threshold: for models whose scores are independent of each other, such as SSD. Of two boxes of a class
    that overlap by more than ``overlap`` the surer one stays. A model of a fixed size is given the picture by ``fit``,
    another with the longer side at ``long_side`` pixels or less. Classes whose label is empty are left out.
    """
    small = [fitted(each, model.size, fit) if model.size else shrunk(each, long_side) for each in pictures]
    detections: list[list[Object]] = [[] for _ in pictures]
    for indices, batch in _runs(small, model):
        boxes, scores, classes = _outputs(model(batch), model.name, len(labels), several_classes)
        corners = _corners(boxes, box_format) * _scale(batch, unit)
        for row, index in enumerate(indices):
            places, columns = np.nonzero(scores[row] > threshold)
            candidates = corners[row][places], scores[row][places, columns], classes[row][places, columns]
            objects = [
                _object(labels, number, score, within(small[index].lift(_box(corner)), _bounds(pictures[index])))
                for corner, score, number in _best(*candidates, overlap)
            ]
            detections[index] = [each for each in objects if each.label and each.box.area]
    return detections


def _object(labels: Labels, number: int, score: float, box: Box) -> Object:
    chinese = labels.zh[number] if labels.zh else ""
    return Object(label=labels[number], label_zh=chinese, score=score, box=box)


def _runs(pictures: Sequence[Picture], model: Model) -> Iterator[tuple[list[int], Images]]:
    """Indices of pictures that share a run, and their pixels."""
    if model.size:
        yield list(range(len(pictures))), np.stack([picture.pixels for picture in pictures])
    else:
        yield from batches(pictures)


def _outputs(arrays: Mapping[str, Rows], name: str, count: int, several: bool) -> tuple[Rows, Rows, NDArray[np.int64]]:
    """Boxes (batch, n, 4), scores and classes (batch, n, k): k classes a box, 1 unless ``several``."""
    boxes, scores = arrays["boxes"], arrays["scores"]
    classes = arrays.get("labels")
    if classes is None and scores.ndim == 3 and several:
        classes = np.broadcast_to(np.arange(scores.shape[2]), scores.shape)
    elif classes is None and scores.ndim == 3:
        classes, scores = scores.argmax(axis=2)[..., None], scores.max(axis=2)[..., None]
    elif classes is not None and scores.ndim == 2:
        classes, scores = classes[..., None], scores[..., None]
    if classes is None or scores.ndim != 3 or boxes.shape != (*scores.shape[:2], 4) or classes.shape != scores.shape:
        shapes = ", ".join(f"{role} {array.shape}" for role, array in arrays.items())
        raise ModelFailed(
            f"Model {name!r} gave {shapes}.",
            hint="boxes are (batch, n, 4), scores (batch, n) with labels (batch, n), or scores (batch, n, classes).",
        )
    sure = np.isfinite(scores) & np.isfinite(boxes).all(axis=2, keepdims=True)
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


def _best(corners: Rows, scores: Rows, classes: NDArray[np.int64], overlap: float) -> list[tuple[Rows, float, int]]:
    """Corners, score and class of the boxes that no surer one of their class overlaps, the surest first."""
    best = np.argsort(-scores, kind="stable")[:MAX_OBJECTS]
    indices = [
        best[alike][each]
        for alike in (classes[best] == number for number in np.unique(classes[best]))
        for each in non_maximum_suppression(corners[best][alike], scores[best][alike], overlap)
    ]
    order = sorted(map(int, indices), key=lambda at: (-scores[at], at))
    return [(corners[at], float(scores[at]), int(classes[at])) for at in order]


def _box(corners: Rows) -> Box:
    left, top, right, bottom = map(float, corners)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _bounds(picture: Picture) -> Box:
    height, width = picture.sides
    return picture.lift(Box(x=0, y=0, width=width, height=height))
