"""Faces cut out upright, eyes, nose and mouth always in the same place."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadImage
from open_analytic.kinds.image import Picture
from open_analytic.operators.geometry import similarity
from open_analytic.operators.operator import Between
from open_analytic.types import Face, Image, Points

# Where dlib's networks expect left eye, right eye, nose and mouth corners in a picture of 150 x 150 pixels
# without padding: the mean face of its five points, extended to the mouth by models trained on 68 points.
TEMPLATE = np.array(
    [[47.55, 46.60], [100.48, 46.60], [74.01, 76.56], [50.41, 103.02], [97.61, 103.02]], dtype=np.float32
)
TEMPLATE_SIZE, TEMPLATE_PADDING = 150, 0.25


def template(size: int, padding: float) -> Points:
    """The five points in a crop of this size, with ``padding`` of the face's width around it."""
    span = TEMPLATE_SIZE / (1 + 2 * TEMPLATE_PADDING)
    inside = TEMPLATE / span - TEMPLATE_PADDING
    return ((inside + padding) / (1 + 2 * padding) * size).astype(np.float32)


def align_faces(
    picture: Picture,
    face: Face,
    *,
    size: Annotated[int, Between(16, 1024)] = 150,
    padding: Annotated[float, Between(0, 2)] = 0.25,
) -> Picture:
    """The face as a (size, size, 3) crop; what lies outside of the picture is black."""
    try:
        matrix = similarity(face.landmarks, template(size, padding))
    except ValueError as error:
        raise BadImage(
            "A face was found whose points fall together.", hint="Raise the detector's threshold."
        ) from error
    return Picture(cut(picture.pixels, picture.lower(matrix), size))


def cut(image: Image, matrix: NDArray[np.float64], size: int) -> Image:
    """The picture moved by the matrix into (size, size); shrunk first where bilinear would skip pixels."""
    import cv2  # with the first picture: making a plan does without

    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        ratio = max(2 * scale, 1 / min(image.shape[:2]))
        small = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        ratios = np.array([image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]])
        image, matrix = small, np.column_stack([matrix[:, :2] * ratios, matrix[:, 2]])
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
