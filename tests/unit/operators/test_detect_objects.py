"""Objects of pictures: what usual detectors give, brought to boxes in the original with the labels of the card."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.kinds.image import OBJECT, Picture
from open_analytic.kinds.labels import Labels
from open_analytic.operators.crop import crop_regions
from open_analytic.operators.detect_objects import detect_objects
from open_analytic.types import Box, Images, Object

LABELS = Labels(("", "cat", "dog"))
CHINESE = Labels(LABELS, ("", "猫", "狗"))


@dataclass
class Gives:
    """A detector that gives the same for every picture."""

    arrays: Mapping[str, Any]
    size: tuple[int, int] | None = (50, 100)
    name: str = "gives"
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        self.shapes.append(batch.shape)
        return {role: np.stack([np.array(array, np.float32)] * len(batch)) for role, array in self.arrays.items()}


def picture(height: int = 100, width: int = 200) -> Picture:
    return Picture(np.zeros((height, width, 3), np.uint8))


def detect(arrays: Mapping[str, Any], *, size: tuple[int, int] | None = (50, 100), **options: Any) -> list[Object]:
    (objects,) = detect_objects([picture()], Gives(arrays, size), LABELS, **options)
    return objects


def cat(score: float, x: float, y: float, width: float, height: float) -> Object:
    return Object(label="cat", score=score, box=Box(x=x, y=y, width=width, height=height))


def test_boxes_come_in_the_pixels_of_the_original_the_surest_first() -> None:
    """The network sees half the size; what is not sure enough or of a class without a label is left out."""
    arrays = {
        "boxes": [[0, 0, 10, 20], [50, 25, 100, 50], [0, 0, 5, 5], [1, 1, 9, 9]],
        "scores": [0.75, 0.875, 0.25, 1],
        "labels": [1, 1, 1, 0],
    }
    assert detect(arrays) == [cat(0.875, 100, 50, 100, 50), cat(0.75, 0, 0, 20, 40)]


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ({}, [10, 10, 30, 20]),
        ({"box_format": "cxcywh"}, [20, 15, 20, 10]),
        ({"unit": "relative"}, [0.1, 0.2, 0.3, 0.4]),
        ({"unit": "relative", "box_format": "cxcywh"}, [0.2, 0.3, 0.2, 0.2]),
    ],
)
def test_boxes_are_read_in_the_form_of_the_model(options: dict[str, Any], box: list[float]) -> None:
    (one,) = detect({"boxes": [box], "scores": [0.5625], "labels": [1]}, **options)
    assert (one.label, one.score) == ("cat", 0.5625)
    assert [one.box.x, one.box.y, one.box.width, one.box.height] == pytest.approx([20, 20, 40, 20], rel=1e-5)


def test_scores_of_every_class_give_the_likeliest_one() -> None:
    scores = [[0.0, 0.75, 0.125], [0.0, 0.25, 0.625]]
    objects = detect({"boxes": [[0, 0, 10, 10], [50, 0, 60, 10]], "scores": scores})
    assert [(each.label, each.score) for each in objects] == [("cat", 0.75), ("dog", 0.625)]


def test_a_box_can_have_each_class_above_the_threshold() -> None:
    """Of each class the surer of two boxes that overlap stays: 0.75 of the cats, 0.875 of the dogs."""
    arrays = {"boxes": [[0, 0, 10, 10], [1, 0, 10, 10]], "scores": [[1, 0.75, 0.625], [0, 0.5625, 0.875]]}
    objects = detect(arrays, several_classes=True)
    assert [(each.label, each.score, each.box.x) for each in objects] == [("dog", 0.875, 2), ("cat", 0.75, 0)]


def test_labels_are_there_in_chinese_where_the_card_has_them() -> None:
    model = Gives({"boxes": [[0, 0, 10, 10]], "scores": [1], "labels": [2]})
    ((one,),) = detect_objects([picture()], model, CHINESE)
    assert (one.label, one.label_zh) == ("dog", "狗")
    assert OBJECT.to_json(one) == {
        "label": "dog",
        "label_zh": "狗",
        "score": 1.0,
        "box": {"x": 0, "y": 0, "width": 20, "height": 20},
    }
    ((plain,),) = detect_objects([picture()], model, LABELS)
    assert list(OBJECT.to_json(plain)) == ["label", "score", "box"]
    assert OBJECT.to_json(plain, "label_zh") is None


def test_of_overlapping_boxes_the_surest_of_each_class_stays() -> None:
    boxes = [[0, 0, 40, 40], [1, 0, 41, 40], [0, 0, 40, 41]]
    arrays = {"boxes": boxes, "scores": [0.75, 0.875, 0.625], "labels": [1, 1, 2]}
    assert [(each.label, each.score) for each in detect(arrays)] == [("cat", 0.875), ("dog", 0.625)]
    assert len(detect(arrays, overlap=1.0)) == 3


def test_a_framed_picture_has_no_box_on_its_frame() -> None:
    """``contain`` puts 100 x 200 pixels into 100 x 100 with bars of 25 above and below: two pixels are one."""
    arrays = {"boxes": [[0, 0, 100, 50], [0, 0, 10, 20]], "scores": [1, 1], "labels": [1, 2]}
    (one,) = detect(arrays, size=(100, 100), fit="contain", overlap=1.0)
    assert one == cat(1.0, 0, 0, 200, 50)


def test_a_model_of_any_size_is_given_few_sizes_and_boxes_stay_where_they_are() -> None:
    model = Gives({"boxes": [[0, 0, 320, 160]], "scores": [1], "labels": [1]}, None)
    pictures = [picture(), picture(400, 800), picture(300, 800)]
    objects = detect_objects(pictures, model, LABELS, long_side=400)
    assert model.shapes == [(1, 128, 224, 3), (1, 224, 416, 3), (1, 160, 416, 3)]
    assert [each[0].box for each in objects] == [
        Box(x=0, y=0, width=200, height=100),
        Box(x=0, y=0, width=640, height=320),
        Box(x=0, y=0, width=640, height=300),
    ]


def test_no_numbers_are_no_objects() -> None:
    nan, inf = float("nan"), float("inf")
    boxes = [[nan, 0, 10, 10], [0, 0, inf, 10], [0, 0, 10, 10], [9, 9, 2, 2], [-50, -50, -10, -10]]
    assert detect({"boxes": boxes, "scores": [1, 1, nan, 1, 1], "labels": [1, 1, 1, 1, 1]}) == []
    assert detect({"boxes": np.zeros((0, 4)), "scores": np.zeros(0), "labels": np.zeros(0)}) == []


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"boxes": [[0, 0, 1, 1]], "scores": [1]}, r"gave boxes \(1, 1, 4\), scores \(1, 1\)\."),
        ({"boxes": [0, 0, 1, 1], "scores": [1], "labels": [1]}, r"gave boxes \(1, 4\)"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [1, 1], "labels": [1]}, "gave boxes"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [1], "labels": [3]}, "gave the class 3, and its card names 3 labels"),
        ({"boxes": [[0, 0, 1, 1]], "scores": [1], "labels": [-1]}, "gave the class -1"),
    ],
)
def test_what_a_detector_does_not_give_is_its_error(arrays: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ModelFailed, match=message):
        detect(arrays)


def test_a_region_is_cut_out_in_a_square_around_it() -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[20:40, 30:50] = (0, 200, 0)
    box = Box(x=30, y=20, width=20, height=20)
    crop = crop_regions(Picture(pixels), box, size=20)
    assert np.array_equal(crop.pixels, pixels[20:40, 30:50])
    assert crop.lift(Box(x=5, y=5, width=10, height=10)) == Box(x=35, y=25, width=10, height=10)
    padded = crop_regions(Picture(pixels), box, size=40, padding=0.5).pixels
    assert np.array_equal(padded, pixels[10:50, 20:60])
    wide = crop_regions(Picture(pixels), Box(x=30, y=25, width=20, height=10), size=20).pixels
    assert np.array_equal(wide, pixels[20:40, 30:50])


def test_a_region_is_cut_out_the_same_from_a_shrunk_picture_and_beyond_its_edge() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32, :32] = (10, 20, 30)
    small = Picture(pixels, (4.0, 4.0))
    assert (crop_regions(small, Box(x=0, y=0, width=128, height=128), size=32).pixels == (10, 20, 30)).all()
    beyond = crop_regions(small, Box(x=-128, y=-128, width=128, height=128), size=32).pixels
    assert (beyond[:30, :30] == 0).all()
    assert crop_regions(small, Box(x=9, y=9, width=0, height=0), size=16).pixels.shape == (16, 16, 3)
