"""Overlaps and transforms: what is done can be undone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.kinds.image import Picture
from open_analytic.operators.align import TEMPLATE, align_faces, template
from open_analytic.operators.geometry import iou, move, non_maximum_suppression, similarity
from open_analytic.operators.resize import resize
from open_analytic.types import Box, Face

sides = st.floats(1, 500, width=32)
places = st.floats(-500, 500, width=32)


@given(places, places, sides, sides)
def test_a_box_is_its_own_overlap(x: float, y: float, width: float, height: float) -> None:
    box = np.array([x, y, x + width, y + height], np.float32)
    assert iou(box, box[None])[0] == pytest.approx(1, abs=1e-5)


def test_overlap_by_hand() -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[1, 1, 3, 3], [2, 2, 3, 3], [0, 0, 2, 1], [5, 5, 5, 5]], np.float32)
    assert iou(box, others) == pytest.approx([1 / 7, 0, 1 / 2, 0])  # 1 of 4 + 4 - 1, none, 2 of 4, no area


def test_only_the_best_of_overlapping_boxes_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], np.float32)
    assert non_maximum_suppression(boxes, np.array([0.8, 0.9, 0.5], np.float32), 0.3).tolist() == [1, 2]
    assert non_maximum_suppression(boxes[:0], np.zeros(0, np.float32), 0.3).tolist() == []


@given(st.floats(0.2, 5), st.floats(-3.1, 3.1), places, places)
def test_a_transform_is_found_again(scale: float, angle: float, x: float, y: float) -> None:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, -sin, x], [sin, cos, y]])
    assert similarity(TEMPLATE, move(TEMPLATE, matrix)) == pytest.approx(matrix, abs=2e-2)


@given(st.floats(0.2, 5), st.floats(-3.1, 3.1), places, places)
def test_a_transform_is_undone(scale: float, angle: float, x: float, y: float) -> None:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    moved = move(TEMPLATE, np.array([[cos, -sin, x], [sin, cos, y]]))
    assert move(moved, similarity(moved, TEMPLATE)) == pytest.approx(TEMPLATE, abs=2e-2)


def test_points_in_one_place_have_no_transform() -> None:
    with pytest.raises(ValueError, match="one place"):
        similarity(np.ones((5, 2), np.float32), TEMPLATE)


def test_the_template_scales_with_size_and_padding() -> None:
    assert template(150, 0.25) == pytest.approx(TEMPLATE, abs=1e-4)
    # models.md: target = ((p - 25) / 100 + 0.2) / 1.4 * size
    assert template(64, 0.2) == pytest.approx(((TEMPLATE - 25) / 100 + 0.2) / 1.4 * 64, abs=1e-4)


def marked(size: tuple[int, int], x: int, y: int) -> Picture:
    """Black, with a white spot around one point."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[y - 4 : y + 5, x - 4 : x + 5] = 255
    return Picture(pixels)


def centre(pixels: np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]) -> tuple[float, float]:
    rows, columns = np.nonzero(pixels[:, :, 0] > 150)
    return float(columns.mean()), float(rows.mean())


@pytest.mark.parametrize("fit", ["stretch", "cover", "contain"])
@pytest.mark.parametrize("size", [(200, 300), (300, 200), (200, 200)])
def test_a_resized_picture_knows_its_place(fit: str, size: tuple[int, int]) -> None:
    resized = resize(marked(size, 110, 90), size=120, fit=fit)  # type: ignore[arg-type]
    x, y = centre(resized.pixels)
    there = (x * resized.scale[0] + resized.shift[0], y * resized.scale[1] + resized.shift[1])
    assert resized.pixels.shape == (120, 120, 3)
    assert there == pytest.approx((110, 90), abs=2)


def test_a_long_thin_picture_is_no_trap() -> None:
    assert resize(Picture(np.zeros((20_000, 1, 3), np.uint8)), size=260, fit="cover").pixels.shape == (260, 260, 3)
    assert resize(Picture(np.zeros((1, 20_000, 3), np.uint8)), size=260, fit="contain").pixels.shape == (260, 260, 3)


@pytest.mark.parametrize("factor", [1, 4])
def test_a_face_is_cut_out_the_same_from_a_shrunk_picture(factor: int) -> None:
    """Landmarks are in the original: the nose lands on the template's nose whatever the picture was shrunk to."""
    nose = (400, 320)
    landmarks = (template(200, 0.25) - template(200, 0.25)[2] + nose).astype(np.float32)
    picture = marked((800, 800), *nose)
    small = Picture(picture.pixels[::factor, ::factor], (factor, factor))
    face = Face(box=Box(x=0, y=0, width=9, height=9), score=1, landmarks=landmarks)
    assert centre(align_faces(small, face).pixels) == pytest.approx(tuple(TEMPLATE[2]), abs=1.6)
