"""Objects through a pipeline, and two detectors side by side: what belongs to what."""

from typing import Any

import pytest

from open_analytic.config import Settings
from open_analytic.errors import InvalidPipeline, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Box
from tests import tiny, tiny_faces, tiny_objects
from tests.tiny_objects import BLACK

RED, GREEN = (255, 0, 0), (0, 204, 0)
FACES = {"operator": "detect_faces", "model": "white_noses", "input": "image", "threshold": 0.95, "output": "faces"}
FACE_CROPS = {"operator": "align_faces", "input": ["image", "faces"], "size": 32, "output": "face_crops"}
FACE_COLOURS = {"operator": "embed", "model": "mean_colour", "input": "face_crops", "output": "face_colours"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    cards = tiny_objects.write(tiny_faces.write(tiny.write(tmp_path_factory.mktemp("cards"))))
    return Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))


@pytest.fixture(scope="module")
def cache(library: Library) -> ModelCache:
    return ModelCache(library, Settings.read({}, threads=1))


def planned(library: Library, definition: dict[str, Any], *steps: dict[str, Any], **output: Any) -> Plan:
    changed = {"steps": [*definition["steps"], *steps]} | ({"output": output} if output else {})
    return plan(load(definition | changed, "mine"), library.cards)


def ran(pipeline: Plan, cache: ModelCache, data: bytes) -> Result:
    (result,) = run(pipeline, [data], cache.model, Limits())
    assert not isinstance(result, OpenAnalyticError), result
    return result


def place(x: int, y: int, side: int = 64) -> dict[str, float]:
    return {"x": x, "y": y, "width": side, "height": side}


def test_a_pipeline_gives_the_objects_of_a_picture(library: Library, cache: ModelCache) -> None:
    pipeline = planned(library, tiny_objects.DETECTOR)
    assert (pipeline.dim, pipeline.many, pipeline.vector, pipeline.region) == (None, False, None, None)
    result = ran(pipeline, cache, tiny_objects.paint([RED, BLACK, BLACK, GREEN]))
    assert result.output == {
        "objects": [
            {"label": "tomato", "score": 1.0, "box": place(0, 0)},
            {"label": "leaf", "score": pytest.approx(0.8, abs=1e-4), "box": place(64, 64)},
        ]
    }
    assert result.features == ()
    assert ran(pipeline, cache, tiny_objects.paint([])).output == {"objects": []}


def test_parts_of_objects_can_be_named(library: Library, cache: ModelCache) -> None:
    pipeline = planned(library, tiny_objects.DETECTOR, labels="objects.label", all={"at": "objects.box"})
    result = ran(pipeline, cache, tiny_objects.paint([GREEN]))
    assert result.output == {"labels": ["leaf"], "all": [{"at": place(0, 0)}]}


def test_every_object_has_its_vector_box_and_attributes(library: Library, cache: ModelCache) -> None:
    pipeline = planned(library, tiny_objects.EMBEDDER)
    assert (pipeline.dim, pipeline.many, pipeline.region and pipeline.region.name) == (3, True, "object")
    result = ran(pipeline, cache, tiny_objects.paint([GREEN, RED]))
    features = [(each.vector.tolist(), each.region, dict(each.attributes)) for each in result.features]
    assert features == [
        ([1, 0, 0], Box(x=64, y=0, width=64, height=64), {"label": "tomato"}),
        ([0, 1, 0], Box(x=0, y=0, width=64, height=64), {"label": "leaf"}),
    ]
    assert result.output["objects"][0] == {"label": "tomato", "box": place(64, 0), "colour": [1, 0, 0]}


def test_a_whole_object_beside_its_vector_gives_its_label_and_score(library: Library, cache: ModelCache) -> None:
    pipeline = planned(library, tiny_objects.EMBEDDER, objects="objects", colours="feature")
    (feature,) = ran(pipeline, cache, tiny_objects.paint([RED])).features
    assert feature.attributes == {"label": "tomato", "score": 1.0}
    own = planned(library, tiny_objects.EMBEDDER, label="objects.score", objects="objects", colours="feature")
    assert ran(own, cache, tiny_objects.paint([RED])).features[0].attributes == {"label": 1.0, "score": 1.0}


def test_of_two_detectors_each_vector_belongs_to_what_it_was_made_of(library: Library, cache: ModelCache) -> None:
    data = tiny_faces.paint([(250, 10, 10), (10, 250, 10)])
    steps = (FACES, FACE_CROPS, FACE_COLOURS)
    of_faces = planned(
        library, tiny_objects.EMBEDDER, *steps,
        faces={"score": "faces.score", "vector": "face_colours"}, objects={"label": "objects.label"},
    )  # fmt: skip
    of_objects = planned(
        library, tiny_objects.EMBEDDER, *steps,
        faces={"score": "faces.score"}, objects={"label": "objects.label", "vector": "feature"},
    )  # fmt: skip
    faces, objects = ran(of_faces, cache, data), ran(of_objects, cache, data)
    assert [plan.region and plan.region.name for plan in (of_faces, of_objects)] == ["face", "object"]
    assert [len(faces.output["faces"]), len(faces.features)] == [2, 2]
    assert {tuple(feature.attributes) for feature in faces.features} == {("score",)}
    assert [feature.attributes["label"] for feature in objects.features] == [
        each["label"] for each in objects.output["objects"]
    ]
    assert len({feature.box for feature in objects.features} & {feature.box for feature in faces.features}) == 0


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"all": {"box": "objects.box", "vector": "face_colours"}}, "output.all mixes lists of different things."),
        ({"all": {"face": "faces.score", "label": "objects.label"}}, "output.all mixes lists of different things."),
        ({"all": "objects.landmarks"}, "output.all: an object has no 'landmarks'."),
        ({"all": "faces.label"}, "output.all: a face has no 'label'."),
        ({"all": "crops"}, "output.all: 'crops' is an image, which JSON cannot hold."),
    ],
)
def test_lists_of_two_detectors_are_never_mixed(library: Library, output: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        planned(library, tiny_objects.EMBEDDER, FACES, FACE_CROPS, FACE_COLOURS, **output)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"operator": "align_faces", "input": ["image", "objects"]},
            "align_faces takes a face and 'objects' is a list of object.",
        ),
        (
            {"operator": "crop_regions", "input": ["image", "feature"]},
            "crop_regions takes a box and 'feature' is a list of vector.",
        ),
        ({"operator": "detect_objects", "input": "crops", "model": "quarters"}, "it would give a list of lists."),
        (
            {"operator": "detect_objects", "input": "image", "model": "white_noses"},
            "needs a model for object detection, and 'white_noses' is for face detection.",
        ),
    ],
)
def test_a_step_that_does_not_fit_says_what_would(library: Library, step: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPipeline) as caught:
        planned(library, tiny_objects.EMBEDDER, step | {"output": "more"})
    assert caught.value.message.endswith(message)


def test_faces_are_cut_out_as_regions_too(library: Library, cache: ModelCache) -> None:
    crops = {"operator": "crop_regions", "input": ["image", "faces"], "size": 32, "output": "regions"}
    embed = {"operator": "embed", "model": "mean_colour", "input": "regions", "output": "means"}
    pipeline = planned(library, tiny_objects.DETECTOR, FACES, crops, embed, faces={"vector": "means"})
    result = ran(pipeline, cache, tiny_faces.paint([(250, 10, 10)]))
    assert len(result.features) == 1
    assert result.features[0].box is not None


def test_a_detector_without_labels_is_refused(library: Library, tmp_path: Any) -> None:
    cards = tiny_objects.write(tmp_path)
    card = (cards / "quarters.toml").read_text()
    (cards / "quarters.toml").write_text(card.replace('labels      = ["tomato", "leaf", "berry"]\n', ""))
    bare = Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))
    with pytest.raises(InvalidPipeline, match=r"model 'quarters' has no labels\. Name its classes on its card"):
        planned(bare, tiny_objects.DETECTOR)


def test_other_labels_are_another_model(library: Library, tmp_path: Any) -> None:
    cards = tiny_objects.write(tmp_path)
    card = (cards / "quarters.toml").read_text()
    (cards / "quarters.toml").write_text(card.replace("tomato", "rose"))
    renamed = Library(Settings.read({}, cards=(cards,), models_dir=cards / "models"))
    assert planned(renamed, tiny_objects.DETECTOR).hash != planned(library, tiny_objects.DETECTOR).hash
