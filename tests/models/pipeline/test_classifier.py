"""A classifier of one's own: its card names the classes, and pictures get them as tags."""

from pathlib import Path

import pytest

from open_analytic.config import Settings
from open_analytic.errors import InvalidPipeline, ModelFailed, OpenAnalyticError
from open_analytic.models.library import Library
from open_analytic.operators.limits import Limits
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.run import Result, run
from open_analytic.pipeline.spec import load
from open_analytic.runtime.cache import ModelCache
from tests import tiny, tiny_objects

LABELS = 'labels = ["tomato", "leaf", "berry"]\nlabels_zh = ["番茄", "叶子", "浆果"]\n'
RED, BLUE = (255, 0, 0), (0, 0, 255)
PIPELINE = {
    "steps": [
        {"operator": "decode_image", "output": "image"},
        {"operator": "classify_image", "model": "mean_colour", "input": "image", "threshold": 0, "output": "tags"},
    ],
    "output": {"tags": "tags", "names": "tags.label"},
}


def library(folder: Path, labels: str = LABELS, task: str = "image classification") -> Library:
    """The mean of each channel is the logit of a class."""
    cards = tiny.write(folder / "cards")
    card = tiny.CARD.replace("image features", task).replace("[outputs.features]", "[outputs.logits]")
    (cards / "mean_colour.toml").write_text(labels + card)
    return Library(Settings.read({}, cards=(cards,), models_dir=folder / "models"))


def results(models: Library) -> list[Result | OpenAnalyticError]:
    pictures = [tiny_objects.paint([color] * 4, side=16) for color in (RED, BLUE)]
    cache = ModelCache(models, Settings.read({}, threads=1))
    answers = run(plan(load(PIPELINE, "mine"), models.cards), pictures, cache.model, Limits())
    cache.clear()
    return answers


@pytest.mark.parametrize("task", ["image classification", "image features"])
def test_tags_are_the_classes_of_the_card(tmp_path: Path, task: str) -> None:
    """The logits of a red picture are 1, 0 and 0: e / (e + 2) = 0.576 and twice 1 / (e + 2) = 0.212."""
    red, blue = results(library(tmp_path, task=task))
    assert isinstance(red, Result)
    assert isinstance(blue, Result)
    assert red.output["tags"] == [
        {"label": "tomato", "label_zh": "番茄", "score": pytest.approx(0.5761, abs=1e-4)},
        {"label": "leaf", "label_zh": "叶子", "score": pytest.approx(0.2119, abs=1e-4)},
        {"label": "berry", "label_zh": "浆果", "score": pytest.approx(0.2119, abs=1e-4)},
    ]
    assert blue.output["names"] == ["berry", "tomato", "leaf"]
    assert red.features == ()


def test_other_labels_are_another_pipeline_and_a_better_translation_is_not(tmp_path: Path) -> None:
    hashes = [
        plan(load(PIPELINE, "mine"), library(tmp_path / str(number), labels).cards).hash
        for number, labels in enumerate([LABELS, LABELS.replace("berry", "plum"), LABELS.replace("浆果", "莓果")])
    ]
    assert hashes[1] != hashes[0] == hashes[2]


def test_a_model_of_three_classes_without_names_is_refused(tmp_path: Path) -> None:
    for answer in results(library(tmp_path, labels="")):
        assert isinstance(answer, ModelFailed)
        assert answer.message == "Model 'mean_colour' gave 3 logits for 1000 labels."


def test_a_model_without_logits_is_no_classifier(tmp_path: Path) -> None:
    cards = tiny.write(tmp_path / "cards")
    models = Library(Settings.read({}, cards=(cards,), models_dir=tmp_path / "models"))
    with pytest.raises(InvalidPipeline, match="it needs the output 'logits', and model 'mean_colour' has none"):
        plan(load(PIPELINE, "mine"), models.cards)
