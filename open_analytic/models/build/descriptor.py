"""A classifier's head turned into a descriptor for search, by nothing but the weights themselves.

What a classifier's last layer looks at is what tells kinds apart, so features are measured by that layer: along its
directions, the loud ones turned down to their square root, which keeps what tells a picture from others of its kind.
docs/features.md has the measurements.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]

DIM = 1024
LOUDNESS = 0.5  # exponent of a direction's strength: 0 treats all alike, 1 is the classifier's own logits
BLIND_WEIGHT = 0.3  # of directions the classifier does not look at, beside its strongest of 1
CENTRE = 0.7  # a picture's root mean square lies below that of all pictures together
SMALLEST = 1e-9  # eigenvalues below, beside the largest, are rounding
GRID = 2.0**-20  # directions are rounded to it: linear algebra differs by 1e-14 between machines, a float32 can show it


def centre(weights: Mapping[str, NDArray[Any]], norm: str) -> Matrix:
    """The typical root mean square of each channel after ``norm`` and ReLU6, from the statistics of the batch norm.

    Before ReLU6 a channel is near to normal with the norm's bias as mean and its scale as deviation.
    """
    bias, scale = (weights[f"{norm}.{name}"].astype(np.float64)[:, None] for name in ("bias", "weight"))
    steps = np.linspace(-6, 6, 2001)[None]
    density = np.exp(-(steps**2) / 2)
    values = np.clip(bias + np.abs(scale) * steps, 0, 6)
    mean_square: Matrix = (values**2 * density).sum(axis=1) / density.sum()
    return CENTRE * np.sqrt(mean_square)


def projection(classifier: NDArray[Any]) -> Matrix:
    """(channels, 1024): by a classifier of (classes, channels), with fewer than 1,024 classes.

    For each class a number, (W Wt)^((LOUDNESS - 1) / 2) W, and the rest from what the classes do not see. Both are
    functions of the weights without a choice of signs or order, so every machine gets the same.
    """
    rows = classifier.astype(np.float64)
    rows = rows - rows.mean(axis=0)
    seen = _power(rows @ rows.T, (LOUDNESS - 1) / 2) @ rows
    seen /= np.linalg.norm(seen, 2)
    channels = rows.shape[1]
    waves = _waves(channels, DIM - len(rows))
    inside = _power(rows @ rows.T, -1.0) @ rows
    blind = waves - (waves @ rows.T) @ inside
    blind = _power(blind @ blind.T, -0.5) @ blind
    directions = np.concatenate([seen, BLIND_WEIGHT * blind]).T
    rounded: Matrix = np.round(directions / GRID) * GRID
    return rounded


def _power(symmetric: Matrix, exponent: float) -> Matrix:
    """The matrix to a power, zero where it is singular."""
    values, vectors = np.linalg.eigh(symmetric)
    there = values > values.max() * SMALLEST
    powered: Matrix = (vectors[:, there] * values[there] ** exponent) @ vectors[:, there].T
    return powered


def _waves(channels: int, count: int) -> Matrix:
    """The first waves of the discrete cosine transform but the constant: fixed directions of length 1."""
    place = (np.arange(channels) + 0.5) * np.pi / channels
    waves: Matrix = np.sqrt(2 / channels) * np.cos(np.arange(1, count + 1)[:, None] * place[None])
    return waves
