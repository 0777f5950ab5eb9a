"""What a detector's maps can hold at most: the threshold itself, very many faces, a size without bounds."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.kinds.image import Picture
from open_analytic.operators.detect import MAX_FACES, detect_faces
from open_analytic.types import Images

HALF = float(np.float32(128 / 255))  # the heat of a pixel of 128


class Even:
    """A detector that sees a face at each pixel that is not black; ``size`` is the logarithm of its sides."""

    name, size = "even", None

    def __init__(self, size: float = 0.0) -> None:
        self.log_side = size

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        heat = (batch[:, ::4, ::4, 0] / 255).astype(np.float32)[:, None]
        zeros = np.zeros_like(heat)
        two, ten = np.concatenate([zeros] * 2, 1), np.concatenate([zeros] * 10, 1)
        return {"heatmap": heat, "scale": two + np.float32(self.log_side), "offset": two, "landmarks": ten}


def red(value: int, side: int) -> Picture:
    return Picture(np.full((side, side, 3), (value, 0, 0), np.uint8))


@pytest.mark.parametrize(("threshold", "count"), [(HALF, 0), (HALF - 0.001, 1)])
def test_a_face_has_to_be_surer_than_the_threshold(threshold: float, count: int) -> None:
    pixels = red(0, 32)
    pixels.pixels[16, 16, 0] = 128
    (faces,) = detect_faces([pixels], Even(), threshold=threshold)
    assert [face.score for face in faces] == [HALF] * count


def test_a_picture_has_no_more_faces_than_the_limit_and_they_are_the_surest() -> None:
    picture = red(200, 160)  # 40 x 40 cells, each a face
    picture.pixels[80:, :, 0] = 250
    (faces,) = detect_faces([picture], Even(), overlap=1.0)
    assert len(faces) == MAX_FACES
    assert [face.score for face in faces[:800]] == [float(np.float32(250 / 255))] * 800


def test_a_size_without_bounds_ends_at_the_picture() -> None:
    picture = red(0, 64)
    picture.pixels[32, 32, 0] = 255
    ((face,),) = detect_faces([picture], Even(size=1000))
    assert (face.box.x, face.box.y, face.box.width, face.box.height) == (0, 0, 64, 64)
