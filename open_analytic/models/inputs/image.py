"""An image as a tensor: scaled, in the card's layout and order of colours."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelFailed
from open_analytic.models.fields import Colors, Count, Fields, Text
from open_analytic.models.inputs.base import Arrays, Graph, Values

DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """(x - mean) / std of values 0..255, in the order of ``color``. A side of None is any.

    A value is a (h, w, 3) uint8 array, RGB; images of one size share a batch.
    """

    type: Literal["image"] = "image"
    name: Text
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    color: Literal["RGB", "BGR"] = "RGB"
    height: int | None
    width: int | None
    mean: Colors
    std: Colors

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        height, width = (fields.value(side, Count, 0) or None for side in ("height", "width"))
        card = fields.read(cls, height=height, width=width)
        if 0 in card.std:
            raise fields.wrong("std", "three numbers other than 0")
        return card

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) in pixels, None when any will do."""
        return (self.height, self.width) if self.height and self.width else None

    def identity(self) -> list[Any]:
        # Stored pipelines' hashes contain it: neither the order nor the form of these can change.
        return [self.layout, self.color, self.height, self.width, list(self.mean), list(self.std)]

    def load(self, graph: Graph) -> "ImageFeed":
        return ImageFeed(self, graph)


class ImageFeed:
    """Meets ``base.Feed``."""

    def __init__(self, card: ImageInput, graph: Graph) -> None:
        self._card, self._model = card, graph.model
        self._dtype = graph.dtype(card.name, DTYPES)
        self._mean = np.array(card.mean, np.float32)  # in the order of the network's colours, as its authors say
        self._scale = 1 / np.array(card.std, np.float32)

    def read(self, values: Values) -> Values:
        if all(isinstance(value, np.ndarray) and value.ndim == 3 for value in values):
            return values
        raise ModelFailed(
            f"Model {self._model!r} takes images, arrays of (height, width, 3).",
            hint="Use it in a step that takes an image.",
        )

    def key(self, value: NDArray[np.uint8]) -> Hashable:
        return value.shape

    def row_bytes(self, value: NDArray[np.uint8]) -> int:
        return value.size * np.dtype(np.float32).itemsize

    def arrays(self, values: Values) -> Arrays:
        """(x - mean) / std, one contiguous array."""
        batch = np.asarray(values)
        nchw = self._card.layout == "NCHW"
        pixels = batch[..., ::-1] if self._card.color == "BGR" else batch
        shape = (1, 3, 1, 1) if nchw else (1, 1, 1, 3)
        tensor = np.empty((len(batch), 3, *batch.shape[1:3]) if nchw else batch.shape, np.float32)
        np.subtract(pixels.transpose(0, 3, 1, 2) if nchw else pixels, self._mean.reshape(shape), out=tensor)
        tensor *= self._scale.reshape(shape)
        return {self._card.name: tensor if self._dtype == np.float32 else tensor.astype(self._dtype)}
