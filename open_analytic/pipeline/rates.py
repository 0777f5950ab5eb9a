"""What a distance is worth: from the distances of labelled pairs, the false accept rate below each of a few."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadParameter, BadVector
from open_analytic.types import Metric, Rate, Vectors

Distances: TypeAlias = NDArray[np.float64]  # (pairs,)
Same: TypeAlias = NDArray[np.bool_]  # (pairs,) whether a pair shows the same

# One false accept in so many different pairs. A rate needs as many pairs: with fewer not even one would have been seen.
ONE_IN = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
DOUBT = 0.05  # of the upper bound


def distances(a: Vectors, b: Vectors, metric: Metric) -> Distances:
    """The distance of each row of ``a`` to that of ``b``, as pgvector's operators give it."""
    one, other = a.astype(np.float64), b.astype(np.float64)
    if metric == "l2":
        return np.asarray(np.linalg.norm(one - other, axis=1), dtype=np.float64)
    inner = np.einsum("ij,ij->i", one, other)
    if metric == "ip":
        return np.asarray(-inner, dtype=np.float64)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    if not lengths.all():
        raise BadVector("A vector is zero, so it has no direction for the cosine.", hint="Use the metric l2 for such.")
    return np.asarray(1 - inner / lengths, dtype=np.float64)


def table(same: Same, distances: Distances) -> tuple[Rate, ...]:
    """A line for each rate that the different pairs support, the largest rate first."""
    if not np.isfinite(distances).all():
        raise BadVector("A distance is not a finite number.", hint="Check the model, or normalise its vectors.")
    near, far = distances[same], np.sort(distances[~same])
    if not len(near) or len(far) < ONE_IN[0]:
        raise BadParameter(
            f"{len(near):,} same and {len(far):,} different pairs are too few to measure a rate on.",
            hint=f"Give at least one same and {ONE_IN[0]} different pairs; a rate of 1 in n needs n different ones.",
        )
    return tuple(_line(near, far, one_in) for one_in in ONE_IN if one_in <= len(far))


def upper_bound(accepts: int, pairs: int) -> float:
    """The true rate can be as high (Clopper and Pearson, 95 %, one side), were each pair of people of its own."""
    seen = np.arange(accepts + 1)
    ways = np.cumsum(np.log(pairs - seen + 1) - np.log(np.maximum(seen, 1))) - np.log(
        pairs + 1
    )  # log of pairs over seen
    low, high = accepts / pairs, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        chance = np.exp(ways + seen * np.log(rate) + (pairs - seen) * np.log1p(-rate)).sum()  # of so few, or fewer
        low, high = (rate, high) if chance > DOUBT else (low, rate)
    return high


def _line(near: Distances, far: Distances, one_in: int) -> Rate:
    """Below the distance of the first pair that must not be accepted; those at the very distance are not."""
    distance = far[len(far) // one_in]
    accepts = int((far < distance).sum())
    return Rate(
        false_accept_rate=1 / one_in,
        distance=float(distance),
        true_accept_rate=float((near < distance).mean()),
        false_accepts=accepts,
        upper_bound=upper_bound(accepts, len(far)),
    )
