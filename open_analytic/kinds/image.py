"""Kinds of images and of what detectors see in them. A region is a box in pixels of the upright original."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import NoFace
from open_analytic.kinds.kind import Kind
from open_analytic.kinds.labels import labelled
from open_analytic.types import Box, Image, Json, Object, Points
from open_analytic.util.jsonable import numbers

Pair: TypeAlias = tuple[float, float]  # along x, along y

# Files that are taken for pictures: those of the formats that ``operators.formats`` reads.
HEIF_INSTALLED = find_spec("pillow_heif") is not None  # the extra heif
HEIF = (".heic", ".heif", ".hif")
ALWAYS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
SUFFIXES = frozenset(ALWAYS + (HEIF if HEIF_INSTALLED else ()))


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels with their place: a point of the upright original is ``scale`` * its place here + ``shift``."""

    pixels: Image
    scale: Pair = (1.0, 1.0)
    shift: Pair = (0.0, 0.0)

    @property
    def sides(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def inner(self, pixels: Image, scale: Pair, shift: Pair = (0.0, 0.0)) -> "Picture":
        """Other pixels, whose place in this picture is given in the same way."""
        return Picture(
            pixels,
            (self.scale[0] * scale[0], self.scale[1] * scale[1]),
            (self.scale[0] * shift[0] + self.shift[0], self.scale[1] * shift[1] + self.shift[1]),
        )

    def lift(self, box: Box) -> Box:
        """A box of these pixels in the pixels of the original."""
        (scale_x, scale_y), (shift_x, shift_y) = self.scale, self.shift
        return Box(
            x=box.x * scale_x + shift_x,
            y=box.y * scale_y + shift_y,
            width=box.width * scale_x,
            height=box.height * scale_y,
        )

    def lift_points(self, points: Points) -> Points:
        """Points of these pixels in the pixels of the original."""
        return (points * self.scale + self.shift).astype(np.float32)

    def lower(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """A (2, 3) matrix for points of the original as one for points of these pixels."""
        turn = matrix[:, :2]
        return np.column_stack([turn * self.scale, turn @ np.array(self.shift) + matrix[:, 2]])


def _box(value: object) -> Json:
    box: Box = value.box  # type: ignore[attr-defined]  # a face, an object
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}


def _object(thing: Object) -> Json:
    return {**labelled(thing), "box": _box(thing)}


IMAGE = Kind(
    name="image",
    article="an",
    decoder="decode_image",
    drawable=True,
    noun="picture",
    suffixes=SUFFIXES,
    bare=lambda picture: picture.pixels,
    held_bytes=lambda picture: int(picture.pixels.nbytes),
)
FACE = Kind(
    name="face",
    noun="face",
    fields={"box": _box, "score": lambda face: face.score, "landmarks": lambda face: numbers(face.landmarks)},
    region=lambda face: face.box,
    region_type=Box,
)
OBJECT = Kind(
    name="object",
    article="an",
    fields={
        "label": lambda thing: thing.label,
        "label_zh": lambda thing: thing.label_zh or None,
        "score": lambda thing: thing.score,
        "box": _box,
    },
    whole=_object,
    attributes=("label", "label_zh", "score"),
    noun="object",
    caption="label",
    region=lambda thing: thing.box,
    region_type=Box,
)
BOXED = Kind(name="box", any_region=Box)


def nothing(kind: Kind | None, hint: str) -> NoFace:
    """The error of a picture in which a detector saw nothing; ``{}`` in the hint stands for what it looks for."""
    name, phrase = (kind.name, kind.phrase()) if kind else ("face", "a face")
    return NoFace(f"No {name} was found in the picture.", hint=hint.format(phrase))
