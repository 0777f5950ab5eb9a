"""Sound as a row of samples."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from open_analytic.errors import BadAudio, ModelFailed
from open_analytic.models.fields import Fields, Text
from open_analytic.models.inputs.base import Arrays, Graph, Values, bucket

FLOATS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
MASKS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32, "tensor(bool)": np.bool_}
MAX_RATE, MAX_SECONDS = 768_000, 3600
Rate: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_RATE)]  # samples a second
Samples: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_RATE * MAX_SECONDS)]  # 0 in a card: any length
Seconds: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SECONDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveformInput:
    """A value is a (samples,) float array of one channel, -1..1, at ``rate``.

    With a ``mask`` sounds of about one length share a batch, with ``samples`` all; otherwise those of equal length.
    """

    type: Literal["waveform"] = "waveform"
    name: Text
    rate: Rate
    layout: Literal["NT", "NCT"] = "NT"  # (n, samples), or (n, 1, samples)
    samples: int | None  # a shorter sound is filled up with silence to so many; None: any length
    mask: Text | None = None  # the graph's input, (n, samples), that is 1 for each sample; None: it has none
    normalize: bool = False  # each sound to mean 0 and variance 1
    max_seconds: Seconds = 60

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        return fields.read(cls, samples=fields.value("samples", Samples, 0) or None)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, self.mask) if self.mask else (self.name,)

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    @property
    def max_samples(self) -> int:
        return self.samples or self.rate * self.max_seconds

    def identity(self) -> list[Any]:
        return [self.rate, self.layout, self.samples, self.mask, self.normalize]

    def load(self, graph: Graph) -> "WaveformFeed":
        return WaveformFeed(self, graph)


class WaveformFeed:
    """Meets ``base.Feed``."""

    def __init__(self, card: WaveformInput, graph: Graph) -> None:
        self._card, self._model = card, graph.model
        self._dtype = graph.dtype(card.name, FLOATS)
        self._mask = graph.dtype(card.mask, MASKS) if card.mask else None

    def read(self, values: Values) -> Values:
        sounds = [sound(value, self._model, self._card.rate, self._card.max_samples) for value in values]
        return [_normalized(value) for value in sounds] if self._card.normalize else sounds

    def key(self, value: NDArray[np.float32]) -> Hashable:
        return self._length(value)

    def row_bytes(self, value: NDArray[np.float32]) -> int:
        return self._length(value) * (4 + (self._mask.itemsize if self._mask else 0))

    def arrays(self, values: Values) -> Arrays:
        shape = len(values), self._length(values[0])
        batch, mask = np.zeros(shape, self._dtype), np.zeros(shape, self._mask or np.bool_)
        for row, value in enumerate(values):
            batch[row, : len(value)], mask[row, : len(value)] = value, 1
        arrays: Arrays = {self._card.name: batch if self._card.layout == "NT" else batch[:, None]}
        return arrays | ({self._card.mask: mask} if self._card.mask else {})

    def _length(self, value: NDArray[np.float32]) -> int:
        """The samples that its row has."""
        if self._card.samples:
            return self._card.samples
        return bucket(len(value)) if self._card.mask else len(value)


def sound(value: Any, model: str, rate: int, most: int) -> NDArray[np.float32]:
    """A value checked: ModelFailed when it is no sound, BadAudio when it is too long or cannot be heard."""
    if not isinstance(value, np.ndarray) or value.ndim != 1 or not np.issubdtype(value.dtype, np.floating):
        raise ModelFailed(
            f"Model {model!r} takes sounds, arrays of (samples,) with numbers of -1 to 1, {rate} a second.",
            hint="Use it in a step that takes a sound, and give one channel.",
        )
    if not len(value):
        raise BadAudio("The sound has no samples.", hint="Give one that is longer.")
    if len(value) > most:
        raise BadAudio(
            f"The sound has {len(value):,} samples; model {model!r} takes {most:,} ({most / rate:g} seconds).",
            hint="Cut the sound into windows, or see samples and max_seconds on the model's card.",
        )
    samples = value.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        raise BadAudio("The sound has samples that are not finite numbers.", hint="Decode it again.")
    return samples


def _normalized(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0, variance 1. The small number is that of Hugging Face's Wav2Vec2FeatureExtractor (Apache-2.0)."""
    normal: NDArray[np.float32] = (value - value.mean()) / np.sqrt(value.var() + np.float32(1e-7))
    return normal
