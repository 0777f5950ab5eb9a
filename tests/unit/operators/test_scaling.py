"""Pictures and faces made small: averaged from a factor of two on, between pixels below it."""

import cv2
import numpy as np
import pytest

from open_analytic.operators.align import cut
from open_analytic.operators.geometry import non_maximum_suppression
from open_analytic.operators.resize import scaled

STRIPES = np.zeros((8, 16, 3), np.uint8)
STRIPES[:, ::4] = 255  # one column of four is white


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((8, 4), [64, 64, 64, 64]),  # the mean of 255, 0, 0, 0
        ((8, 8), [128, 0, 128, 0, 128, 0, 128, 0]),  # twice: pairs; 127.5 is rounded up
        ((4, 4), [64, 64, 64, 64]),
    ],
)
def test_a_picture_is_averaged_where_it_shrinks(size: tuple[int, int], expected: list[int]) -> None:
    assert scaled(STRIPES, *size)[0, :, 0].tolist() == expected


def test_a_picture_that_shrinks_in_one_direction_is_averaged() -> None:
    """Rows: the mean of four; columns stay as they are."""
    turned = np.ascontiguousarray(STRIPES.transpose(1, 0, 2))
    assert scaled(turned, 4, 8)[:, 0, 0].tolist() == [64, 64, 64, 64]


def test_a_picture_grows_between_its_pixels() -> None:
    pair = np.array([[[0] * 3, [100] * 3]], np.uint8)
    # Centres at -0.25, 0.25, 0.75 and 1.25: outside the first and last pixel, between them a quarter and three.
    assert scaled(pair, 1, 4)[0, :, 0].tolist() == [0, 25, 75, 100]


def test_a_picture_that_shrinks_less_than_by_two_is_not_averaged() -> None:
    """Ten pixels become six: the second lies at (1.5 * 10 / 6) - 0.5 = 2.0, on a black one."""
    row = np.zeros((1, 10, 3), np.uint8)
    row[0, 1] = 255
    assert scaled(row, 1, 6)[0, 1].tolist() == [0, 0, 0]
    assert cv2.resize(row, (6, 1), interpolation=cv2.INTER_AREA)[0, 1].tolist() != [0, 0, 0]


NOISE = np.random.default_rng(4).integers(0, 256, (200, 200, 3), np.uint8)


@pytest.mark.parametrize("scale", [0.5, 0.55, 1.0, 2.0])
def test_a_face_that_shrinks_less_than_by_two_is_cut_between_pixels(scale: float) -> None:
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    assert np.array_equal(cut(NOISE, matrix, 64), cv2.warpAffine(NOISE, matrix, (64, 64), flags=cv2.INTER_LINEAR))


@pytest.mark.parametrize("scale", [0.49, 0.4, 0.25, 0.1])
def test_a_face_that_shrinks_more_is_averaged_before(scale: float) -> None:
    """Noise loses contrast by averaging; bilinear sampling would keep much more of it."""
    matrix = np.array([[scale, 0, 0], [0, scale, 0]])
    size = int(200 * scale) - 1
    plain = cv2.warpAffine(NOISE, matrix, (size, size), flags=cv2.INTER_LINEAR)
    assert not np.array_equal(cut(NOISE, matrix, size), plain)
    assert cut(NOISE, matrix, size).std() < plain.std()


def test_stripes_become_grey_in_a_small_face() -> None:
    """Every fourth column white, a quarter of the size: sampling without averaging would find only white ones."""
    wide = np.tile(STRIPES, (10, 5, 1))
    matrix = np.array([[0.25, 0, 0], [0, 0.25, 0]])
    assert cv2.warpAffine(wide, matrix, (16, 16))[4:8, 4:8].min() == 255
    assert cut(wide, matrix, 16)[4:8, 4:8].max() < 200


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, [0, 1]), (0.49, [0]), (1.0, [0, 1]), (0.0, [0])])
def test_a_box_that_overlaps_by_exactly_the_threshold_stays(threshold: float, expected: list[int]) -> None:
    """4 and 2 in area, the smaller within the larger: the overlap is 2 of 4."""
    boxes = np.array([[0, 0, 2, 2], [0, 0, 2, 1]], np.float32)
    assert non_maximum_suppression(boxes, np.array([0.9, 0.8], np.float32), threshold).tolist() == expected
