"""The shipped tagger on its real weights and photos of scikit-image."""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import run
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Json

pytestmark = pytest.mark.models

PHOTOS = ("chelsea", "coffee", "rocket", "astronaut")


@pytest.fixture(scope="module")
def pipeline(library: Library) -> Plan:
    return plan(preset("image_tagger"), library.cards)


@pytest.fixture(scope="module")
def cache(library: Library, settings: Settings) -> ModelCache:
    return ModelCache(library, settings)


def png(name: str) -> bytes:
    data = io.BytesIO()
    Image.fromarray(getattr(skimage.data, name)()).save(data, "PNG")
    return data.getvalue()


def results(pipeline: Plan, cache: ModelCache, *pictures: bytes) -> list[Json]:
    answers = run(pipeline, list(pictures), cache.model, Limits())
    assert not [answer for answer in answers if isinstance(answer, OpenAnalyticError)]
    return [answer.output for answer in answers if not isinstance(answer, OpenAnalyticError)]


@pytest.mark.parametrize(
    ("photo", "label", "label_zh", "colors"),
    [
        ("chelsea", "Egyptian cat", "埃及猫", ["brown", "gray", "beige"]),
        ("coffee", "espresso", "浓缩咖啡", ["brown", "red", "black", "beige", "orange"]),
        ("rocket", "missile", "导弹", ["blue", "gray", "black"]),
    ],
)
def test_a_photo_has_the_tags_and_colors_that_it_shows(
    pipeline: Plan, cache: ModelCache, photo: str, label: str, label_zh: str, colors: list[str]
) -> None:
    (result,) = results(pipeline, cache, png(photo))
    assert list(result) == ["tags", "colors"]
    first = result["tags"][0]
    assert list(first) == ["label", "label_zh", "score"]
    assert (first["label"], first["label_zh"]) == (label, label_zh)
    assert [color["name"] for color in result["colors"]] == colors
    assert sum(color["share"] for color in result["colors"]) <= 1


def test_the_cat_and_the_cup_are_sure_and_the_person_that_no_class_names_is_not(
    pipeline: Plan, cache: ModelCache
) -> None:
    scores = [result["tags"][0]["score"] for result in results(pipeline, cache, *map(png, PHOTOS))]
    assert min(scores[:2]) > 0.9
    assert max(scores[2:]) < 0.5


def test_a_photo_gives_the_same_alone_and_beside_others(pipeline: Plan, cache: ModelCache) -> None:
    together = results(pipeline, cache, *map(png, PHOTOS))
    assert together == [results(pipeline, cache, png(photo))[0] for photo in PHOTOS]


def test_a_picture_of_one_pixel_has_a_color(pipeline: Plan, cache: ModelCache) -> None:
    data = io.BytesIO()
    Image.fromarray(np.array([[[255, 0, 0]]], np.uint8)).save(data, "PNG")
    (result,) = results(pipeline, cache, data.getvalue())
    assert result["colors"] == [{"name": "red", "name_zh": "红色", "share": 1.0}]
