"""Pictures to vectors, by the output of a model that was trained for something else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.operators.resize import Fit, to_size
from open_analytic.types import Batch, Image, Model, Vectors


def outputs(images: Sequence[Image], model: Model, role: str = "", fit: Fit = "stretch") -> NDArray[np.float32]:
    """The model's output of this role, or its only one, a row a picture.

    A model that takes any size is given each picture in its own, so that no picture depends on its neighbours.
    """
    sized = [to_size(image, model.size, fit) if model.size else image for image in images]
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(sized):
        groups.setdefault(image.shape, []).append(index)
    arrays = [rows(np.stack([sized[index] for index in indices]), model, role) for indices in groups.values()]
    if len(arrays) == 1:
        return arrays[0]
    order = np.argsort([index for indices in groups.values() for index in indices])
    ordered: NDArray[np.float32] = np.concatenate(arrays)[order]
    return ordered


def rows(batch: Batch, model: Model, role: str) -> NDArray[np.float32]:
    """The model's output of this role, or its only one: (n, numbers), a row a value. ModelFailed when not finite."""
    arrays = model(batch, (role,) if role else None)
    output = arrays[role] if role else next(iter(arrays.values()))
    if not np.isfinite(output).all():
        raise ModelFailed(f"Model {model.name!r} gave numbers that are not finite.", hint="Check its card and weights.")
    return output.reshape(len(batch), -1)


def embed(images: Sequence[Image], model: Model, *, role: str = "", fit: Fit = "stretch") -> Vectors:
    """One vector a picture: the model's output of this role, or its only one."""
    return outputs(images, model, role, fit)


def normalize(vectors: Vectors) -> Vectors:
    """Each vector at length 1 (L2). A vector of zeros stays what it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=vectors.copy(), where=lengths > 0)
    return unit
