"""Pictures to vectors, by the output of a model that was trained for something else."""

from collections.abc import Sequence

import numpy as np

from open_analytic.errors import InvalidPipeline
from open_analytic.operators.resize import Fit, to_size
from open_analytic.types import Image, Images, Model, Vectors


def stack(images: Sequence[Image], model: Model, fit: Fit = "stretch") -> Images:
    """The pictures as one (n, h, w, 3) array of the model's size."""
    size = model.size or images[0].shape[:2]
    return np.stack([to_size(image, (size[0], size[1]), fit) for image in images])


def embed(images: Sequence[Image], model: Model, *, role: str = "", fit: Fit = "stretch") -> Vectors:
    """One vector a picture: the model's output of this role, or its only one."""
    arrays = model(stack(images, model, fit), (role,) if role else None)
    if not role and len(arrays) != 1:
        raise InvalidPipeline(
            f"Model {model.name!r} has several outputs.", hint=f"Name one: role = one of {', '.join(sorted(arrays))}."
        )
    vectors = arrays[role] if role else next(iter(arrays.values()))
    return vectors.reshape(len(images), -1)


def normalize(vectors: Vectors) -> Vectors:
    """Each vector at length 1 (L2). A vector of zeros stays what it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=vectors.copy(), where=lengths > 0)
    return unit
