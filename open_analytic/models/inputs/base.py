"""The seam between a model's card, the values that operators give, and the arrays that its graph takes."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from open_analytic.errors import ModelCorrupt

Values: TypeAlias = Sequence[Any] | NDArray[Any]  # rows of a batch
Arrays: TypeAlias = dict[str, NDArray[Any]]  # by the graph's names, the first axis the batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What an input has to know of the loaded network: the types of its inputs, and where the card's files are."""

    model: str
    path: Path
    card: Path
    types: Mapping[str, str]  # of the graph's inputs, as ONNX Runtime writes them: tensor(float)
    files: Mapping[str, Path]

    def dtype(self, name: str, accepted: Mapping[str, DTypeLike]) -> np.dtype[Any]:
        """The element type of a graph's input; ModelCorrupt when it is none of these."""
        kind = self.types[name]
        if kind not in accepted:
            raise ModelCorrupt(
                f"{self.path} takes {name!r} as {kind}; this type of input is given as {' or '.join(accepted)}.",
                hint=f"Correct type in {self.card}, or use another model.",
            )
        return np.dtype(accepted[kind])


class Feed(Protocol):
    """Makes the arrays of a batch. The batcher asks it which values can share one."""

    def read(self, values: Values) -> Values:
        """The values checked and ready, row by row; an error that names what was expected."""

    def key(self, value: Any) -> Hashable:
        """Of a ready value: those with equal keys can be stacked."""

    def row_bytes(self, value: Any) -> int:
        """Of a ready value: what a row of its key takes in the arrays."""

    def arrays(self, values: Values) -> Arrays:
        """Ready values of one key, stacked."""


class Input(Protocol):
    """What a model takes, as its card says: the field ``type`` names one of ``models.inputs.INPUTS``."""

    @property
    def type(self) -> str: ...

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs of the graph that it feeds."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the card's files that it reads."""

    def identity(self) -> Any:
        """All that decides which arrays a value becomes, made of what JSON has."""

    def load(self, graph: Graph) -> Feed:
        """Ready to feed this network."""


def bucket(length: int) -> int:
    """The padded length: in steps of 8 up to 64, then of an eighth of the next power of two; at most a quarter more."""
    step = max(8, 1 << max(0, length - 1).bit_length() >> 3)
    return -(-length // step) * step
