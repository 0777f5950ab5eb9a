"""A definition means one thing however it is written, and one that does not hold together says where and what fits."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from open_analytic.errors import (
    BadParameter,
    InvalidPipeline,
    OpenAnalyticError,
    UnknownModel,
    UnknownOperator,
    UnknownPipeline,
)
from open_analytic.models.card import ModelCard
from open_analytic.models.library import Library
from open_analytic.operators import OPERATORS
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load, preset, presets

NAN = float("nan")
BASE = preset("face_feature_extractor").as_dict()

TOML = """\
name = "mine"
description = "One sentence."
[parameters]
sure = 1
[[steps]]
operator = "decode_image"
output = "image"
[[steps]]
operator = "detect_faces"
model = "centerface"
input = "image"
threshold = "$sure"
output = "faces"
[output]
boxes = "faces.box"
"""
JSON = json.dumps(
    {
        "output": {"boxes": "faces.box"},
        "steps": [
            {"output": "image", "operator": "decode_image"},
            {
                "model": "centerface",
                "threshold": "$sure",
                "input": ["image"],
                "output": "faces",
                "operator": "detect_faces",
            },
        ],
        "parameters": {"sure": 1.0},
        "description": "Another sentence.",
        "name": "mine",
    }
)


@pytest.fixture(scope="module")
def cards(library: Library) -> Mapping[str, ModelCard]:
    return library.cards


def step(number: int, **changes: Any) -> dict[str, Any]:
    """The face extractor with one step changed."""
    steps = [dict(each) for each in BASE["steps"]]
    steps[number - 1].update(changes)
    return BASE | {"steps": steps}


def test_toml_and_json_mean_the_same(cards: Mapping[str, ModelCard]) -> None:
    assert plan(load(TOML), cards).hash == plan(load(JSON), cards).hash
    assert load(TOML).canonical() == load(JSON).canonical()


def test_a_file_means_what_its_text_means(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("\ufeff" + TOML, "utf-8")
    assert load(tmp_path / "mine.toml") == load(TOML)
    with pytest.raises(InvalidPipeline, match="cannot be read"):
        load(tmp_path / "other.toml")


@pytest.mark.parametrize("name", presets())
def test_a_definition_comes_back_from_its_own_words(name: str) -> None:
    spec = preset(name)
    assert load(json.dumps(spec.as_dict()), name) == spec


def test_the_given_name_wins() -> None:
    assert (load(TOML).name, load(TOML, "other").name) == ("mine", "other")


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(UnknownPipeline, match="face_analyzer, face_feature_extractor"):
        preset("faces")


def outline(pipeline: Plan) -> tuple[Any, ...]:
    return pipeline.input, pipeline.output, pipeline.dim, pipeline.many, pipeline.models


def test_presets_say_what_they_take_and_give(cards: Mapping[str, ModelCard]) -> None:
    face = preset("face_feature_extractor")
    models = ("centerface", "dlib_face_resnet")
    assert outline(plan(face, cards)) == ("bytes", ("face_emb",), 128, False, models)
    assert outline(plan(face, cards, {"face": "all"})) == ("bytes", ("face_emb",), 128, True, models)
    analyzer = plan(preset("face_analyzer"), cards)
    assert outline(analyzer) == ("bytes", ("faces",), 128, True, ("centerface", "age", "gender", "dlib_face_resnet"))


def test_the_identity_is_of_the_definition_and_not_of_what_is_given(cards: Mapping[str, ModelCard]) -> None:
    spec = preset("face_feature_extractor")
    assert plan(spec, cards).hash == plan(spec, cards, {"face": "all"}).hash
    assert plan(spec, cards).hash != plan(load(step(2, threshold=0.6), spec.name), cards).hash


def test_a_parameter_that_keeps_every_region_is_known_by_its_operator(cards: Mapping[str, ModelCard]) -> None:
    named = step(3, face="$who") | {"parameters": {"who": "largest"}}
    assert plan(load(named, "mine"), cards).every_region == {"who": "all"}
    assert plan(preset("face_feature_extractor"), cards, {"face": "all"}).every_region == {"face": "all"}
    for fixed in (step(3, face="largest") | {"parameters": {}}, preset("face_analyzer").as_dict()):
        assert plan(load(fixed, "mine"), cards).every_region == {}


DEEP: list[Any] = []
for _ in range(5_000):
    DEEP = [DEEP]

BROKEN: dict[str, tuple[Any, str]] = {
    "nothing": (None, "is TOML, JSON or an object, not None"),
    "a number": (5, "not 5"),
    "a list": ("[1]", "not"),
    "empty text": ("", "steps has to be a list"),
    "half an object": ("{", "not JSON"),
    "not TOML": ("steps = [", "not TOML"),
    "a key twice": ('{"steps": [], "steps": []}', "stands twice"),
    "a deep text": ('{"a":' * 100_000, "not JSON"),
    "a long text": ("#" * 1_000_001, "at most 1,000,000"),
    "deep steps": (BASE | {"steps": DEEP}, "step 1 has to be"),
    "a huge number of steps": (BASE | {"steps": 10**5000}, "a list of 1 to 100"),
    "too many steps": (BASE | {"steps": BASE["steps"] * 50}, "a list of 1 to 100"),
    "an unknown field": (BASE | {"stpes": 1}, "unknown field 'stpes'"),
    "a field that is a number": ({5: 6}, "unknown field '5'"),
    "another input": (BASE | {"input": "sound"}, r"input.*'sound'\. Known: audio, bytes, image, text, video\."),
    "a label as input": (BASE | {"input": "label"}, "input.*'label'"),
    "text for a picture": (BASE | {"input": "text"}, "decode_image takes a bytes and 'input' is a text"),
    "the bytes of a decoded input": (BASE | {"input": "image", "output": {"a": "-bytes"}}, "Step 1"),
    "no output": ({**BASE, "output": {}}, "output has to be an object"),
    "an output without its step": (BASE | {"output": {"a": "crops"}}, "'crops'.*Did you mean 'crop'"),
    "a picture as output": (BASE | {"output": {"a": "image"}}, "JSON cannot hold"),
    "an unknown part": (BASE | {"output": {"a": "faces.bx"}}, "Did you mean 'box'"),
    "objects in objects": (BASE | {"output": {"a": {"b": {"c": "crop"}}}}, "output.a.b"),
    "lists of different things": (BASE | {"output": {"a": {"b": "faces.box", "c": "embedding"}}}, "mixes lists"),
    "a zero byte": (BASE | {"output": {"a\0": "embedding"}}, "zero bytes"),
    "half a character": (BASE | {"output": {"\ud800": "embedding"}}, "surrogates"),
    "a parameter nobody uses": (BASE | {"parameters": {"face": "largest", "x": 1}}, "No step uses the parameter 'x'"),
    "a default that does not fit": (
        BASE | {"parameters": {"face": "first"}},
        r"Step 3.*'largest' or 'all', not 'first'",
    ),
    "a parameter that is not there": (step(3, face="$which"), "no such parameter. Known: face"),
    "an unknown step parameter": (step(2, treshold=0.5), r"Step 2 \(detect_faces -> faces\).*Did you mean 'threshold'"),
    "a text for a number": (step(2, threshold="0.5"), "has to be a number"),
    "true for a number": (step(2, threshold=True), "has to be a number"),
    "a list for a number": (step(2, threshold=[1]), "threshold of step 2"),
    "a huge number": (step(2, long_side=10**4000), "between 32 and 4096, not 1000"),
    "not a number": (step(2, threshold=NAN), "between 0 and 1, not nan"),
    "a model of another task": (step(2, model="age"), "'age' is for age.*Those that fit: centerface"),
    "a model that is not needed": (step(1, model="age"), "uses no model"),
    "an output twice": (step(3, output="faces"), r"Step 3.*'faces' is there already"),
    "an output named input": (step(2, output="input"), "'input' is there already"),
    "an input of a later step": (step(2, input="crop"), "nothing before it is named 'crop'. What would fit: image"),
    "its own output as input": (step(2, input="faces"), "nothing before it is named 'faces'"),
    "too few inputs": (step(4, input="image"), r"takes 2 inputs \(image, face\), not 1"),
    "inputs the wrong way round": (step(4, input=["chosen", "image"]), "takes an image and 'chosen' is a face"),
    "a long name": (step(1, output="x" * 10_000), "1 to 200 characters"),
}


@pytest.mark.parametrize(("definition", "message"), BROKEN.values(), ids=BROKEN)
def test_what_does_not_hold_together_says_where_and_why(
    definition: Any, message: str, cards: Mapping[str, ModelCard]
) -> None:
    with pytest.raises(OpenAnalyticError, match=message) as caught:
        plan(load(definition, "mine"), cards)
    assert type(caught.value) is InvalidPipeline
    assert len(str(caught.value)) < 600


def test_an_unknown_operator_or_model_lists_the_known_ones(cards: Mapping[str, ModelCard]) -> None:
    with pytest.raises(
        UnknownOperator, match=r"Step 2.*'detect_face'.*Did you mean 'detect_faces'\? Known: align_faces"
    ):
        plan(load(step(2, operator="detect_face"), "mine"), cards)
    with pytest.raises(UnknownModel, match=r"Step 2.*'centrface'.*Did you mean 'centerface'\? Known: age"):
        plan(load(step(2, model="centrface"), "mine"), cards)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"fac": "all"}, r"no parameter 'fac'. Did you mean 'face'\?"),
        ({"face": "first"}, "'largest' or 'all', not 'first'"),
        ({"face": ["all"]}, "'largest' or 'all'"),
    ],
)
def test_a_callers_wrong_parameter_is_the_callers_error(
    parameters: dict[str, Any], message: str, cards: Mapping[str, ModelCard]
) -> None:
    with pytest.raises(BadParameter, match=message):
        plan(preset("face_feature_extractor"), cards, parameters)


def test_another_default_or_version_of_an_operator_is_another_pipeline(
    cards: Mapping[str, ModelCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = plan(load(TOML), cards).hash
    operator = OPERATORS["detect_faces"]
    monkeypatch.setitem(OPERATORS, "detect_faces", dataclasses.replace(operator, version=operator.version + 1))
    assert plan(load(TOML), cards).hash != now


DETECTION = {
    "steps": [
        {"operator": "decode_image", "output": "image"},
        {"operator": "detect_objects", "model": "ssd_mobilenet_v2", "input": "image", "output": "objects"},
    ],
    "input": "bytes",
    "output": {"objects": "objects"},
}


def test_a_later_parameter_at_its_default_makes_no_new_version(cards: Mapping[str, ModelCard]) -> None:
    definition = json.loads(json.dumps(DETECTION))
    before_it_came = "1a40d6f93ed0730c3fe3912cf19d8ffa088c962765e426babf6a2f1f4535fbad"
    assert plan(load(definition, "mine"), cards).hash == before_it_came
    definition["steps"][1]["several_classes"] = True
    assert plan(load(definition, "mine"), cards).hash != before_it_came


HASHES = {
    "dna_feature_extractor": "6793456176022170763a8f0a212004c5bafbb4797afec3dab2a866d02d81306d",
    "face_analyzer": "25b3f84586bcd277f52efe1813aaf4540f869718ee5cfb1930d34c7940cf5353",
    "face_feature_extractor": "45b4447336bb48deaacbe1930cc41cdb5ffd31944be8448e8df409b42d381abd",
    "general_feature_extractor": "c80597c263c258f562d0b986c767c93a1e8a0074d048f661b4162354a1afd873",
}


@pytest.mark.parametrize(("name", "hash_"), HASHES.items(), ids=HASHES)
def test_a_presets_hash_is_that_of_stored_vectors(name: str, hash_: str, cards: Mapping[str, ModelCard]) -> None:
    """Collections are bound to it: another hash is another version, whose vectors are not compared with theirs."""
    assert plan(preset(name), cards).hash == hash_
