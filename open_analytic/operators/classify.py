"""What a network says of an aligned face: how old it looks, and which gender."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.operators.embed import outputs
from open_analytic.types import Image, Label, Model

GENDERS = ("female", "male")
AGES = np.array([0.25, *range(1, 81)], dtype=np.float32)  # years of the network's 81 classes


def estimate_age(images: Sequence[Image], model: Model) -> list[float]:
    """Years: the mean of the network's classes by their probabilities."""
    return [float(years) for years in _probabilities(images, model, len(AGES)) @ AGES]


def classify_gender(images: Sequence[Image], model: Model) -> list[Label]:
    """The likelier gender and its probability."""
    rows = _probabilities(images, model, len(GENDERS))
    return [Label(GENDERS[int(row.argmax())], float(row.max())) for row in rows]


def _probabilities(images: Sequence[Image], model: Model, classes: int) -> NDArray[np.float32]:
    rows = outputs(images, model, "probabilities")
    if rows.shape[1] != classes:
        raise ModelFailed(
            f"Model {model.name!r} tells {rows.shape[1]} classes apart; {classes} are expected.",
            hint="Use a model with the same classes.",
        )
    return rows
