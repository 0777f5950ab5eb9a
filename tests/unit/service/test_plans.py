"""Definitions by hash: what was told is known, what was not is asked for, and nothing but a definition gets in."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from open_analytic.errors import (
    BadParameter,
    InvalidInput,
    InvalidPipeline,
    OpenAnalyticError,
    UnknownModel,
    UnknownPipeline,
    UnknownPlan,
    VersionMismatch,
)
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load, presets
from open_analytic.service import plans as module
from open_analytic.service.plans import Plans
from tests import tiny

HALVES = (
    tiny.PIPELINE
    | {  # with a parameter
        "parameters": {"shrink": 100},
        "steps": [tiny.PIPELINE["steps"][0] | {"shrink_to": "$shrink"}, *tiny.PIPELINE["steps"][1:]],
    }
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def plans(tiny_library: Library) -> Plans:
    return Plans(tiny_library.cards)


@pytest.fixture
def halves(tiny_library: Library) -> Plan:
    return plan(load(HALVES, "halves"), tiny_library.cards)


def definition(name: str = "mean_colour", **other: Any) -> str:
    return json.dumps({"name": name, "definition": tiny.PIPELINE} | other)


def test_a_definition_is_known_by_its_hash_once_it_was_told(plans: Plans, colours: Plan) -> None:
    with pytest.raises(UnknownPlan):
        plans.get(colours.hash)
    plans.define(colours.hash, definition())
    assert plans.get(colours.hash) == colours
    assert plans.get(colours.hash) is plans.get(colours.hash, "{}")


def test_told_again_it_changes_nothing(plans: Plans, colours: Plan) -> None:
    for _ in range(2):
        plans.define(colours.hash, definition())
    assert plans.get(colours.hash) == colours


@pytest.mark.parametrize("form", [json.dumps, lambda table: table], ids=["text", "object"])
def test_a_definition_may_be_text_or_an_object(
    plans: Plans, colours: Plan, form: Callable[[dict[str, Any]], object]
) -> None:
    plans.define(colours.hash, definition(definition=form(tiny.PIPELINE)))
    assert plans.get(colours.hash) == colours


def test_parameters_make_plans_of_their_own(plans: Plans, halves: Plan, tiny_library: Library) -> None:
    plans.define(halves.hash, definition("halves", definition=HALVES))
    assert plans.get(halves.hash, '{"shrink": 50}') == plan(load(HALVES, "halves"), tiny_library.cards, {"shrink": 50})
    assert plans.get(halves.hash) == halves


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        ("{", InvalidInput),
        ("[" * 100_000, InvalidInput),
        ("[]", BadParameter),
        ('{"shrink": "x"}', BadParameter),
        ('{"shrink": [1]}', BadParameter),
        ('{"shrink": NaN}', BadParameter),
        ('{"other": 1}', BadParameter),
        ('{"\\ud800": 1}', BadParameter),
    ],
)
def test_bad_parameters_are_said(plans: Plans, halves: Plan, parameters: str, kind: type[OpenAnalyticError]) -> None:
    plans.define(halves.hash, definition("halves", definition=HALVES))
    with pytest.raises(OpenAnalyticError) as caught:
        plans.get(halves.hash, parameters)
    assert type(caught.value) is kind


def test_another_hash_is_refused_and_not_kept(plans: Plans) -> None:
    with pytest.raises(VersionMismatch, match="mean_colour"):
        plans.define("0" * 64, definition())
    with pytest.raises(UnknownPlan):
        plans.get("0" * 64)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", InvalidInput),
        ("nonsense", InvalidInput),
        ("[1]", InvalidInput),
        ('{"name": "a"}', InvalidPipeline),
        ('{"name": "a", "definition": 7}', InvalidPipeline),
        ('{"name": 7, "definition": {"steps": []}}', InvalidPipeline),
        ('{"name": "a", "definition": "/etc/passwd"}', InvalidPipeline),
        (definition(name=""), InvalidPipeline),
        (json.dumps({"name": "a", "definition": tiny.PIPELINE}).replace('"mean_colour"', '"nobody"'), UnknownModel),
    ],
)
def test_what_is_no_definition_is_refused(plans: Plans, text: str, kind: type[OpenAnalyticError]) -> None:
    with pytest.raises(OpenAnalyticError) as caught:
        plans.define("0" * 64, text)
    assert type(caught.value) is kind


COLUMNS = {
    "bytes": {"name": "image_name", "data": "image_data", "sha256": "image_sha256", "data_type": "bytea"},
    "text": {"name": "text_name", "data": "text_data", "sha256": "text_sha256", "data_type": "text"},
}


@pytest.mark.parametrize("name", list(presets()))
def test_a_preset_is_described_by_its_name(plans: Plans, tiny_library: Library, name: str) -> None:
    pipeline = plan(presets()[name], tiny_library.cards)
    assert json.loads(plans.describe(json.dumps({"name": name}))) == {
        "name": name,
        "input": pipeline.spec.input,
        "output": list(pipeline.output),
        "dim": pipeline.dim,
        "many": pipeline.many,
        "hash": pipeline.hash,
        "definition": json.dumps(presets()[name].as_dict()),
        "parameters": dict(pipeline.parameters),
        "input_columns": COLUMNS[pipeline.spec.input] | {"region": pipeline.region_type},
    }


def test_what_is_described_can_be_defined(plans: Plans, halves: Plan) -> None:
    request = {"name": "halves", "definition": HALVES, "parameters": {"shrink": 50}}
    description = json.loads(plans.describe(json.dumps(request)))
    assert (description["hash"], description["parameters"]) == (halves.hash, {"shrink": 50})
    plans.define(
        description["hash"], json.dumps({"name": description["name"], "definition": description["definition"]})
    )
    assert plans.get(halves.hash) == halves


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        ({}, InvalidPipeline),
        ({"name": None}, InvalidPipeline),
        ({"name": ["a"]}, InvalidPipeline),
        ({"name": "nobody"}, UnknownPipeline),
        ({"name": "../../etc/passwd"}, UnknownPipeline),
        ({"name": "face_feature_extractor", "parameters": [1]}, BadParameter),
        ({"name": "face_feature_extractor", "parameters": "face"}, BadParameter),
        ({"name": "face_feature_extractor", "parameters": {"face": "none"}}, BadParameter),
    ],
)
def test_what_cannot_be_described_is_said(
    plans: Plans, request_: dict[str, Any], kind: type[OpenAnalyticError]
) -> None:
    with pytest.raises(OpenAnalyticError) as caught:
        plans.describe(json.dumps(request_))
    assert type(caught.value) is kind


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values, definition=json_values | st.just(HALVES), parameters=json_values)
def test_whatever_json_comes_the_answer_is_ours(
    plans: Plans, value: object, definition: object, parameters: object
) -> None:
    whole = {"name": "a", "definition": definition, "parameters": parameters}
    for text in (json.dumps(value), json.dumps(whole)):
        for call in (lambda: plans.define("0" * 64, text), lambda: json.loads(plans.describe(text))):  # noqa: B023
            try:
                call()
            except OpenAnalyticError as error:
                assert error.sqlstate != "OA000"  # noqa: PT017 - it need not be raised


def test_only_so_many_are_kept(plans: Plans, colours: Plan, halves: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 1)
    plans.define(colours.hash, definition())
    plans.define(halves.hash, definition("halves", definition=HALVES))
    with pytest.raises(UnknownPlan):
        plans.get(colours.hash)
    assert [plans.get(halves.hash, f'{{"shrink": {size}}}').parameters["shrink"] for size in (1, 2, 1)] == [1, 2, 1]


def test_threads_may_tell_and_ask_at_once(plans: Plans, colours: Plan) -> None:
    def both(_: int) -> Plan:
        plans.define(colours.hash, definition())
        return plans.get(colours.hash)

    with ThreadPoolExecutor(8) as threads:
        assert all(answer == colours for answer in threads.map(both, range(50)))


def test_only_so_many_bytes_are_kept(
    plans: Plans, colours: Plan, halves: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = definition(), definition("halves", definition=HALVES)
    plans.define(colours.hash, first)
    plans.define(halves.hash, second)
    assert (plans.get(colours.hash).hash, plans.get(halves.hash).hash) == (colours.hash, halves.hash)
    monkeypatch.setattr(module, "CAPACITY_BYTES", len(first) + len(second) - 1)
    plans.define(halves.hash, second)
    with pytest.raises(UnknownPlan):  # its plan went with it
        plans.get(colours.hash)
    monkeypatch.setattr(module, "CAPACITY_BYTES", 1)
    plans.define(colours.hash, first)  # the newest is always kept
    assert plans.get(colours.hash).hash == colours.hash


def test_only_a_registered_definition_exceeds_the_budget_of_pixels(tiny_library: Library) -> None:
    names = ["image", *(f"step{number}" for number in range(24))]
    resizes = [
        {"operator": "resize", "size": 4096 - number % 2, "input": names[number], "output": names[number + 1]}
        for number in range(24)
    ]
    decode, embed, normalize = tiny.PIPELINE["steps"]
    large = tiny.PIPELINE | {"steps": [decode, *resizes, embed | {"input": names[-1]}, normalize]}
    pipeline = plan(load(large, "large"), tiny_library.cards, registered=True)
    text = json.dumps({"name": "large", "definition": large})
    strict = Plans(tiny_library.cards)
    for refused in (lambda: strict.define(pipeline.hash, text), lambda: strict.describe(text)):
        with pytest.raises(InvalidPipeline, match="pixels of one input"):
            refused()
    plans = Plans(tiny_library.cards, is_registered=pipeline.hash.__eq__)
    plans.define(pipeline.hash, text)
    assert plans.get(pipeline.hash) == pipeline
    assert json.loads(plans.describe(text))["hash"] == pipeline.hash
