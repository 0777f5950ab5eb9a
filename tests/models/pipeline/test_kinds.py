"""Which list a value belongs to, and which region: of several detectors, and of operators that no preset uses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from open_analytic.config import Settings
from open_analytic.errors import InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators import OPERATORS
from open_analytic.operators.limits import Limits
from open_analytic.operators.operator import Operator
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Box, Face, Image, Label, Vector
from tests import tiny, tiny_faces

RED, GREEN = (250, 10, 10), (10, 250, 10)
DECODE = {"operator": "decode_image", "output": "image"}
FACES = {"operator": "detect_faces", "model": "white_noses", "input": "image", "threshold": 0.95, "output": "faces"}
CROPS = {"operator": "align_faces", "input": ["image", "faces"], "size": 32, "output": "crops"}
EMBED = {"operator": "embed", "model": "mean_colour", "input": "crops", "output": "colours"}


def tags(image: Image) -> list[Label]:
    """As many labels as the image has colours."""
    return [Label(f"{value}", 1.0) for value in np.unique(image.reshape(-1, 3), axis=0)[:, 0].tolist()]


def halves(image: Image) -> list[Vector]:
    middle = image.shape[1] // 2
    return [half.mean(axis=(0, 1), dtype=np.float32) for half in (image[:, :middle], image[:, middle:])]


def backwards(vectors: Sequence[Vector]) -> list[Vector]:
    return list(reversed(vectors))


def wider(face: Face) -> Face:
    box = Box(x=face.box.x, y=face.box.y, width=2 * face.box.width, height=face.box.height)
    return Face(box=box, score=face.score, landmarks=face.landmarks)


NEW = {
    "tags": Operator(function=tags, inputs=("image",), output="label", finds_many=True),
    "halves": Operator(function=halves, inputs=("image",), output="vector", finds_many=True),
    "backwards": Operator(
        function=backwards, inputs=("vector",), output="vector", takes_list=True, keeps_list=lambda _: True
    ),
    "wider": Operator(function=wider, inputs=("face",), output="face"),
}


@pytest.fixture(autouse=True)
def new_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, operator in NEW.items():
        monkeypatch.setitem(OPERATORS, name, operator)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_faces.write(tiny.write(tmp_path_factory.mktemp("cards")))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


def result(library: Library, *steps: dict[str, Any], **output: Any) -> Result:
    pipeline = plan(load({"steps": [*steps], "output": output}, "mine"), library.cards)
    cache = ModelCache(library, Settings.read({}, threads=1))
    (answer,) = run(pipeline, [tiny_faces.paint([RED, GREEN])], cache.model, Limits())
    cache.clear()
    assert not isinstance(answer, OpenAnalyticError), answer
    return answer


def refused(library: Library, *steps: dict[str, Any], **output: Any) -> str:
    with pytest.raises(InvalidPipeline) as caught:
        plan(load({"steps": [*steps], "output": output}, "mine"), library.cards)
    return caught.value.message


def test_a_list_that_an_operator_makes_of_one_value_is_a_list_of_its_own(library: Library) -> None:
    value = result(
        library, DECODE, {"operator": "tags", "input": "image", "output": "tags"}, tags={"tag": "tags.label"}
    )
    assert {"tag": "250"} in value.output["tags"]
    assert value.plan.values["tags"].list_of == "tags"


def test_vectors_beside_a_list_they_were_not_made_of_are_refused(library: Library) -> None:
    steps = (DECODE, FACES, {"operator": "halves", "input": "image", "output": "halves"})
    message = refused(library, *steps, all={"box": "faces.box", "vector": "halves"})
    assert message == "output.all mixes lists of different things."
    apart = result(library, *steps, faces={"box": "faces.box"}, halves="halves")
    assert [feature.region for feature in apart.features] == [None, None]
    assert [feature.attributes for feature in apart.features] == [{}, {}]


def test_a_list_in_another_order_loses_the_regions_of_the_first(library: Library) -> None:
    steps = (DECODE, FACES, CROPS, EMBED, {"operator": "backwards", "input": "colours", "output": "turned"})
    assert refused(library, *steps, all={"box": "faces.box", "vector": "turned"}) == (
        "output.all mixes lists of different things."
    )
    plain, turned = result(library, *steps, all="colours"), result(library, *steps, all="turned")
    assert [feature.region is None for feature in plain.features] == [False, False]
    assert [feature.region for feature in turned.features] == [None, None]
    assert turned.output["all"] == plain.output["all"][::-1]


def test_regions_that_an_operator_changed_one_by_one_stay_in_their_list(library: Library) -> None:
    steps = (DECODE, FACES, CROPS, EMBED, {"operator": "wider", "input": "faces", "output": "wide"})
    value = result(library, *steps, faces={"box": "faces.box", "wide": "wide.box", "vector": "colours"})
    assert [2 * each["box"]["width"] for each in value.output["faces"]] == [
        each["wide"]["width"] for each in value.output["faces"]
    ]


def test_every_vector_of_one_region_has_that_region(library: Library) -> None:
    choose = {"operator": "choose_faces", "input": "faces", "output": "chosen"}
    one = CROPS | {"input": ["image", "chosen"]}
    value = result(
        library,
        DECODE,
        FACES,
        choose,
        one,
        {"operator": "halves", "input": "crops", "output": "halves"},
        halves="halves",
    )
    boxes = [feature.box for feature in value.features]
    assert len(boxes) == 2
    assert boxes[0] == boxes[1] is not None
