"""What a network says of an aligned face: how old it looks, and which gender."""

from collections.abc import Sequence

import numpy as np

from open_analytic.operators.embed import stack
from open_analytic.operators.kinds import Label
from open_analytic.types import Image, Model

GENDERS = ("female", "male")
AGES = np.array([0.25, *range(1, 81)], dtype=np.float32)  # years of the network's 81 classes


def estimate_age(images: Sequence[Image], model: Model) -> list[float]:
    """Years: the mean of the network's classes by their probabilities."""
    return [float(years) for years in _probabilities(images, model) @ AGES]


def classify_gender(images: Sequence[Image], model: Model) -> list[Label]:
    """The likelier gender and its probability."""
    rows = _probabilities(images, model)
    return [Label(GENDERS[int(row.argmax())], float(row.max())) for row in rows]


def _probabilities(images: Sequence[Image], model: Model) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    rows = model(stack(images, model), ("probabilities",))["probabilities"]
    return rows.reshape(len(images), -1)
