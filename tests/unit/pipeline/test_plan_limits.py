"""Where a definition stops holding together: parameters at their limits, lists of different things in one step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from open_analytic.errors import InvalidPipeline
from open_analytic.models.card import ModelCard
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import load
from tests.unit.pipeline.test_plan import step

ALIGN = {"operator": "align_faces", "size": 150, "padding": 0.25}


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ModelCard]:
    from open_analytic.config import Settings

    settings = Settings.read({}, models_dir=tmp_path_factory.mktemp("models") / Path("none"))
    return Library(settings).cards


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_parameter_can_be_at_its_limits(cards: Mapping[str, ModelCard], threshold: int) -> None:
    pipeline = plan(load(step(2, threshold=threshold), "mine"), cards)
    assert pipeline.calls[1].parameters["threshold"] == threshold


@pytest.mark.parametrize("threshold", [-0.001, 1.001])
def test_a_parameter_beyond_its_limits_is_refused(cards: Mapping[str, ModelCard], threshold: float) -> None:
    with pytest.raises(InvalidPipeline, match="between 0 and 1"):
        plan(load(step(2, threshold=threshold), "mine"), cards)


def test_a_step_takes_no_lists_of_different_things(cards: Mapping[str, ModelCard]) -> None:
    detect = {"operator": "detect_faces", "model": "centerface", "input": "image"}
    steps: list[dict[str, Any]] = [
        {"operator": "decode_image", "output": "image"},
        {**detect, "output": "sure", "threshold": 0.9},
        {**detect, "output": "unsure", "threshold": 0.1},
        {**ALIGN, "input": ["image", "sure"], "output": "crops"},
        {**ALIGN, "input": ["crops", "unsure"], "output": "mixed"},
        {"operator": "embed", "model": "dlib_face_resnet", "input": "mixed", "output": "vectors"},
    ]
    definition = {"description": "Mixed.", "steps": steps, "output": {"vectors": "vectors"}}
    with pytest.raises(InvalidPipeline, match=r"Step 5.*lists of different things: sure, unsure"):
        plan(load(definition, "mine"), cards)
    steps[4]["input"] = ["crops", "sure"]
    assert plan(load(definition, "mine"), cards).many
