"""A first step that decodes the input with parameters: it takes the place of the decoder that no step names."""

from typing import Any

import pytest

from open_analytic.errors import BadText, InvalidPipeline
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.types import Model

DECODE = {"operator": "decode_text", "max_characters": 10, "output": "input"}
STEPS = [{"operator": "read_dna", "output": "sequence"}, {"operator": "embed_dna", "input": "sequence", "output": "v"}]


def models(name: str) -> Model:
    raise AssertionError(name)


def planned(*steps: dict[str, Any], input_: str = "text", **more: Any) -> Plan:
    return plan(load({"input": input_, "steps": list(steps), "output": {"v": "v"}} | more, "mine"), {})


def test_it_decodes_with_its_parameters() -> None:
    pipeline = planned(DECODE, *STEPS)
    assert [call.step.operator for call in pipeline.calls] == ["decode_text", "read_dna", "embed_dna"]
    assert (pipeline.source, pipeline.input, pipeline.input_columns.data_type) == ("-bytes", "text", "text")
    short, long = run(pipeline, [b"ACGTACGT", b"ACGTACGTACG"], models, Limits())
    assert isinstance(short, Result)
    assert isinstance(long, BadText)
    assert long.message == "The text has 11 characters; at most 10 are read."
    assert load(pipeline.spec.as_dict(), "mine") == pipeline.spec
    assert pipeline.hash != planned(*STEPS).hash


def test_a_caller_can_set_its_parameters() -> None:
    step = DECODE | {"max_characters": "$most"}
    spec = planned(step, *STEPS, parameters={"most": 10}).spec
    (each,) = run(plan(spec, {}, {"most": 11}), [b"ACGTACGTACG"], models, Limits())
    assert isinstance(each, Result)


@pytest.mark.parametrize(
    ("steps", "input_", "message"),
    [
        ([DECODE | {"max_characters": 0}], "text", r"Step 1 \(decode_text -> input\): max_characters has to be"),
        ([DECODE, DECODE], "text", r"Step 2 \(decode_text -> input\): 'input' is there already"),
        ([STEPS[0], DECODE], "text", r"Step 2 \(decode_text -> input\): 'input' is there already"),
        ([DECODE | {"output": "more"}], "text", r"Step 1 \(decode_text -> more\): decode_text takes a bytes"),
        ([DECODE], "image", r"Step 1 \(decode_text -> input\): 'input' is there already"),
        ([DECODE], "bytes", r"Step 1 \(decode_text -> input\): 'input' is there already"),
    ],
    ids=range(6),
)
def test_what_does_not_fit_names_the_step(steps: list[dict[str, Any]], input_: str, message: str) -> None:
    with pytest.raises(InvalidPipeline, match=message):
        planned(*steps, *STEPS, input_=input_)
