"""Vectors as halfvec takes them: 16-bit floats, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from open_analytic.errors import BadVector
from open_analytic.types import CollectionInfo

LARGEST = 65504  # of a 16-bit float


def half(vector: ArrayLike, info: CollectionInfo, what: str) -> NDArray[np.float16]:
    """The vector in 16-bit floats. ``what`` names it in the error, should it not fit the collection."""
    try:
        wide = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadVector(f"{what} is not a row of numbers.", hint=f"Give {info.dim} numbers.") from error
    if wide.shape != (info.dim,):
        size = " x ".join(map(str, wide.shape)) or "no"
        raise BadVector(f"{what} has {size} numbers, collection {info.name!r} takes {info.dim}.", hint=_source(info))
    if not np.isfinite(wide).all():
        raise BadVector(f"{what} has numbers that are not finite (NaN or infinity).", hint="Check what made it.")
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float16)
    if not np.isfinite(narrow).all():
        raise BadVector(f"{what} has numbers beyond {LARGEST}, which halfvec cannot hold.", hint="Normalise it.")
    if info.metric == "cosine" and not narrow.any():
        raise BadVector(f"{what} is zero, so it has no direction for the cosine.", hint="Use the metric l2 for such.")
    return narrow


def _source(info: CollectionInfo) -> str:
    if info.pipeline is None:
        return "Give vectors of one and the same model."
    return f"Give vectors of pipeline {info.pipeline!r} version {info.version}."
