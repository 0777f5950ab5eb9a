"""What a picture shows, with a classifier that gives a logit for each of its classes."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.kinds.labels import Labels
from open_analytic.operators import imagenet
from open_analytic.operators.embed import outputs
from open_analytic.operators.operator import Between
from open_analytic.operators.resize import Fit
from open_analytic.types import Image, Label, Model


def classify_image(
    images: Sequence[Image],
    model: Model,
    labels: Labels,
    *,
    threshold: Annotated[float, Between(0, 1)] = 0.1,
    k: Annotated[int, Between(1, 1000)] = 5,
    temperature: Annotated[float, Between(0.01, 100)] = 1.0,
    fit: Fit = "stretch",
) -> list[list[Label]]:
    """The at most ``k`` likeliest classes of each picture whose score is above the threshold, the likeliest first.

    A score is the softmax of the model's ``logits`` over ``temperature``. With a temperature measured on labelled
    pictures, a class of the score 0.5 is the right one half of the time. Without labels on its card the model is one
    of ImageNet's 1,000 classes. Classes whose label is empty are left out.
    """
    logits = outputs(images, model, "logits", fit)
    names = labels or imagenet.classes()
    if logits.shape[1] != len(names):
        raise ModelFailed(
            f"Model {model.name!r} gave {logits.shape[1]} logits for {len(names)} labels.",
            hint="Name every class of the model on its card, in their order: labels = [...].",
        )
    return [_labels(scores, names, threshold, k) for scores in softmax(logits, temperature)]


def softmax(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Probabilities, a row a picture: the higher the temperature, the more alike."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)).astype(np.float64) / temperature)
    scores: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return scores


def _labels(scores: NDArray[np.float64], names: Labels, threshold: float, k: int) -> list[Label]:
    order = [int(at) for at in np.argsort(-scores, kind="stable") if names[at]]
    return [
        Label(names[at], float(scores[at]), names.zh[at] if names.zh else "")
        for at in order[:k]
        if scores[at] > threshold
    ]
