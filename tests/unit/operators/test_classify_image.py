"""What a picture shows: scores from logits, in both languages of the labels."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.kinds import KINDS
from open_analytic.kinds.labels import Labels
from open_analytic.operators import OPERATORS, imagenet
from open_analytic.operators.classify_image import classify_image
from open_analytic.types import Images, Label

CLASSES = Labels(("cat", "dog", "", "hare"), ("猫", "狗", "", "野兔"))
LOGITS = np.log(np.array([1, 6, 10, 3], np.float32))  # probabilities 0.05, 0.3, 0.5 and 0.15


@dataclass
class Gives:
    """A classifier that gives these logits, a row a picture."""

    logits: Sequence[NDArray[np.float32]]
    size: tuple[int, int] | None = (8, 8)
    name: str = "gives"

    def __call__(self, batch: Images, outputs: tuple[str, ...] | None = None) -> Mapping[str, NDArray[np.float32]]:
        assert outputs == ("logits",)
        return {"logits": np.stack(self.logits)[: len(batch)]}


def picture(height: int = 30, width: int = 20) -> NDArray[np.uint8]:
    return np.zeros((height, width, 3), np.uint8)


def test_scores_are_probabilities_and_the_likeliest_comes_first() -> None:
    """The third class, half of the probability, has no name: it is left out, and its share goes to no other."""
    (labels,) = classify_image([picture()], Gives([LOGITS]), CLASSES)
    assert [(each.label, each.label_zh) for each in labels] == [("dog", "狗"), ("hare", "野兔")]
    assert [each.score for each in labels] == pytest.approx([0.3, 0.15])


def test_a_temperature_below_one_makes_scores_surer() -> None:
    """At 0.5 each probability is squared: 1, 36, 100 and 9 of 146."""
    (labels,) = classify_image([picture()], Gives([LOGITS]), CLASSES, temperature=0.5, threshold=0)
    assert [each.label for each in labels] == ["dog", "hare", "cat"]
    assert [each.score for each in labels] == pytest.approx([36 / 146, 9 / 146, 1 / 146])


def test_a_threshold_and_a_number_limit_the_labels() -> None:
    model = Gives([LOGITS])
    assert [each.label for each in classify_image([picture()], model, CLASSES, threshold=0, k=1)[0]] == ["dog"]
    assert [each.label for each in classify_image([picture()], model, CLASSES, threshold=0.16)[0]] == ["dog"]
    assert classify_image([picture()], model, CLASSES, threshold=0.4) == [[]]


def test_each_picture_has_its_own_labels_and_equal_scores_keep_the_order_of_classes() -> None:
    even = np.zeros(4, np.float32)
    first, second = classify_image([picture(), picture(9, 90)], Gives([even, LOGITS]), CLASSES, threshold=0.2)
    assert first == [Label("cat", 0.25, "猫"), Label("dog", 0.25, "狗"), Label("hare", 0.25, "野兔")]
    assert [each.label for each in second] == ["dog"]


@pytest.mark.parametrize("logit", [0, 1e30, -1e30])
def test_large_logits_give_finite_scores(logit: float) -> None:
    (labels,) = classify_image([picture()], Gives([np.array([logit, 0, 0, 0], np.float32)]), CLASSES, threshold=0)
    assert all(0 <= each.score <= 1 for each in labels)


def test_labels_in_one_language_have_no_chinese() -> None:
    ((label,),) = classify_image([picture()], Gives([LOGITS[1:2]]), Labels(["dog"]))
    assert KINDS["label"].to_json(label) == {"label": "dog", "score": 1.0}
    assert KINDS["label"].to_json(label, "label_zh") is None
    assert KINDS["label"].to_json(Label("dog", 0.5, "狗")) == {"label": "dog", "label_zh": "狗", "score": 0.5}


def test_a_model_without_labels_is_one_of_imagenet() -> None:
    logits = np.zeros(1000, np.float32)
    logits[[134, 517]] = 20  # both are cranes
    (labels,) = classify_image([picture()], Gives([logits]), Labels())
    assert [(each.label, each.label_zh) for each in labels] == [("crane (bird)", "鹤"), ("crane (machine)", "起重机")]


@pytest.mark.parametrize(("labels", "count"), [(CLASSES, 4), (Labels(), 1000)])
def test_another_number_of_classes_is_refused(labels: Labels, count: int) -> None:
    with pytest.raises(ModelFailed, match=f"'gives' gave 3 logits for {count} labels"):
        classify_image([picture()], Gives([LOGITS[:3]]), labels)


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ModelFailed, match="not finite"):
        classify_image([picture()], Gives([np.full(4, np.nan, np.float32)]), CLASSES)


def test_every_class_of_imagenet_has_a_name_of_its_own_in_each_language() -> None:
    names = imagenet.classes()
    for language in (names, names.zh):
        assert len(language) == len({each.casefold() for each in language}) == 1000
        assert all(each and each == each.strip() for each in language)
    assert all(any("\u4e00" <= sign <= "\u9fff" or "\u3400" <= sign <= "\u4dbf" for sign in zh) for zh in names.zh)


def test_names_of_classes_belong_to_the_version_of_the_operator() -> None:
    """Results of registered pipelines have these names: with others, raise ``version`` of classify_image."""
    digest = hashlib.sha256("\n".join(imagenet.classes()).encode()).hexdigest()
    assert digest == "30431172476f03b99317df85a826839ab180a67c2c893d1b65763ef4dfb13a99"
    assert OPERATORS["classify_image"].version == 1
