"""Faces from the maps of a network that is not there: every number is put into the maps by hand."""

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed, NoFace
from open_analytic.kinds.image import Picture
from open_analytic.operators.choose import choose_faces
from open_analytic.operators.classify import classify_gender, estimate_age
from open_analytic.operators.detect import detect_faces
from open_analytic.operators.embed import embed, normalize
from open_analytic.types import Box, Face, Images, Label


class Spots:
    """A detector that sees a face of 40 x 48 pixels at each red pixel, and remembers what it was given."""

    name, size = "spots", None

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        self.shapes.append(batch.shape)
        heat = (batch[:, ::4, ::4, 0] / 255).astype(np.float32)[:, None]
        zeros = np.zeros_like(heat)
        size = np.concatenate([zeros + np.log(48 / 4), zeros + np.log(40 / 4)], axis=1)  # height, then width
        points = np.concatenate([zeros + part for part in (0.4, 0.3, 0.4, 0.7, 0.6, 0.5, 0.8, 0.35, 0.8, 0.65)], axis=1)
        return {"heatmap": heat, "scale": size, "offset": np.concatenate([zeros, zeros], 1), "landmarks": points}


def picture(width: int, height: int, *spots: tuple[int, int]) -> Picture:
    pixels = np.zeros((height, width, 3), np.uint8)
    for x, y in spots:
        pixels[y, x, 0] = 255
    return Picture(pixels)


def sides(face: Face) -> tuple[float, ...]:
    return face.box.x, face.box.y, face.box.width, face.box.height


def test_maps_become_boxes_and_points() -> None:
    ((face,),) = detect_faces([picture(128, 96, (64, 48))], Spots())
    # Cell (16, 12): centre (16.5 * 4, 12.5 * 4) = (66, 50); box 40 x 48 around it.
    assert sides(face) == pytest.approx((46, 26, 40, 48))
    assert face.score == 1
    left_eye, *_, right_corner = face.landmarks.tolist()
    assert left_eye == pytest.approx([46 + 0.3 * 40, 26 + 0.4 * 48], abs=1e-3)
    assert right_corner == pytest.approx([46 + 0.65 * 40, 26 + 0.8 * 48], abs=1e-3)


def test_a_box_ends_where_the_picture_ends() -> None:
    ((face,),) = detect_faces([picture(100, 70, (0, 0))], Spots())
    assert sides(face) == pytest.approx((0, 0, 22, 26))


def test_faces_of_a_shrunk_picture_are_in_the_original() -> None:
    whole = picture(128, 96, (64, 48))
    ((face,),) = detect_faces([Picture(whole.pixels, (8, 8), (100, 0))], Spots())
    assert (face.box.x, face.box.y, face.box.width) == pytest.approx((46 * 8 + 100, 26 * 8, 40 * 8))


def test_pictures_that_fill_the_same_multiples_share_a_run_and_keep_their_order() -> None:
    pictures = [
        picture(640, 480, (320, 240)), picture(480, 640), picture(630, 470, (40, 240), (400, 240)), picture(90, 90)
    ]  # fmt: skip
    detector = Spots()
    together = detect_faces(pictures, detector)
    assert sorted(detector.shapes) == [(1, 96, 96, 3), (1, 640, 480, 3), (2, 480, 640, 3)]
    assert [len(faces) for faces in together] == [1, 0, 2, 0]
    alone = [detect_faces([each], Spots())[0] for each in pictures]
    assert [[face.box for face in faces] for faces in together] == [[face.box for face in faces] for faces in alone]


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (31, 33)])
def test_pictures_of_any_shape_are_looked_at(size: tuple[int, int]) -> None:
    detector = Spots()
    assert detect_faces([picture(*size)], detector) == [[]]
    assert all(side % 32 == 0 for side in detector.shapes[0][1:3])


def face(width: float) -> Face:
    return Face(box=Box(x=0, y=0, width=width, height=width), score=0.9, landmarks=np.zeros((5, 2), np.float32))


def test_the_largest_face_is_chosen_or_all_with_the_largest_first() -> None:
    small, large = face(10), face(20)
    assert choose_faces([small, large]) is large
    assert choose_faces([small, large], face="all") == [large, small]


@pytest.mark.parametrize("which", ["largest", "all"])
def test_no_face_is_an_error(which: str) -> None:
    with pytest.raises(NoFace):
        choose_faces([], face=which)  # type: ignore[arg-type]


class Says:
    """A network that gives what it is told, whatever it sees."""

    name, size = "says", None

    def __init__(self, role: str, row: list[float]) -> None:
        self.role, self.row = role, np.array(row, np.float32)

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        return {self.role: self.row[None] * np.ones((len(batch), 1), np.float32)}


GREY = [np.full((8, 8, 3), 90, np.uint8)] * 2


def test_age_is_the_mean_of_the_classes_by_their_probabilities() -> None:
    classes = np.zeros(81)
    classes[[0, 20, 30]] = [0.2, 0.4, 0.4]
    assert estimate_age(GREY, Says("probabilities", classes.tolist())) == pytest.approx([20.05, 20.05])


def test_gender_is_the_likelier_one() -> None:
    assert classify_gender(GREY, Says("probabilities", [0.25, 0.75]))[0] == Label("male", 0.75)
    assert classify_gender(GREY, Says("probabilities", [0.75, 0.25]))[0].label == "female"


def test_a_network_with_other_classes_is_refused() -> None:
    with pytest.raises(ModelFailed, match="2 are expected"):
        classify_gender(GREY, Says("probabilities", [0.2, 0.3, 0.5]))


def test_numbers_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ModelFailed, match="not finite"):
        embed(GREY, Says("features", [1.0, float("nan")]))


class Sides:
    """A network of any size, whose output is the height and the width of what it was given."""

    name, size = "sides", None

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        return {"features": np.array([batch.shape[1:3]] * len(batch), np.float32)}


def test_a_network_of_any_size_is_given_each_picture_in_its_own() -> None:
    images = [np.zeros((height, width, 3), np.uint8) for height, width in [(9, 7), (5, 6), (9, 7), (4, 4)]]
    assert embed(images, Sides()).tolist() == [[9, 7], [5, 6], [9, 7], [4, 4]]


def test_vectors_are_brought_to_length_one_and_zero_stays() -> None:
    assert normalize(np.array([[3, 4], [0, 0]], np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]
