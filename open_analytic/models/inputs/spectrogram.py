"""Sound as a log-mel spectrogram."""

from collections.abc import Hashable
from dataclasses import astuple, dataclass
from dataclasses import fields as of
from typing import Annotated, Any, Literal, Self

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from open_analytic.models.fields import Fields, PositiveReal, Real, Text
from open_analytic.models.inputs.base import Arrays, Graph, Values
from open_analytic.models.inputs.mel import Fft, Mel, spectrogram
from open_analytic.models.inputs.waveform import FLOATS, Rate, Samples, Seconds, sound


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramInput:
    """A value is a (samples,) float array of one channel, -1..1, at ``rate``; sounds of equal length share a batch."""

    type: Literal["spectrogram"] = "spectrogram"
    name: Text
    rate: Rate
    layout: Literal["NMT", "NTM", "NCMT", "NCTM"] = "NMT"  # batch, channel (1), mels, time
    samples: int | None  # a shorter sound is filled up with silence to so many; None: any length
    max_seconds: Seconds = 60
    mel: Mel
    mean: Real = 0.0  # (x - mean) / std of the logarithms
    std: PositiveReal = 1.0

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        samples = fields.value("samples", Samples, 0) or None
        return fields.read(cls, only=FIELDS, samples=samples, mel=_mel(fields))

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    @property
    def max_samples(self) -> int:
        return self.samples or self.rate * self.max_seconds

    def identity(self) -> list[Any]:
        return [self.rate, self.layout, self.samples, list(astuple(self.mel)), self.mean, self.std]

    def load(self, graph: Graph) -> "SpectrogramFeed":
        return SpectrogramFeed(self, graph)


FIELDS = tuple(dict.fromkeys(each.name for kind in (SpectrogramInput, Mel) for each in of(kind) if each.name != "mel"))


def _mel(fields: Fields) -> Mel:
    """The fields of a ``Mel``, which stand in the same table."""
    rate, fft = fields.value("rate", Rate), fields.value("fft", Fft)
    window = fields.value("window", Annotated[int, Meta(ge=2, le=fft)], fft)
    mel = fields.read(Mel, only=FIELDS, rate=rate, window=window, high=fields.value("high", Real, rate / 2))
    if not 0 <= mel.low < mel.high <= rate / 2:
        raise fields.wrong("high", f"above low, and at most half of the rate, {rate / 2:g}")
    return mel


class SpectrogramFeed:
    """Meets ``base.Feed``; a ready value is (frames, mels)."""

    def __init__(self, card: SpectrogramInput, graph: Graph) -> None:
        self._card, self._model = card, graph.model
        self._dtype = graph.dtype(card.name, FLOATS)

    def read(self, values: Values) -> Values:
        return [self._spectrogram(value) for value in values]

    def key(self, value: NDArray[np.float32]) -> Hashable:
        return value.shape

    def row_bytes(self, value: NDArray[np.float32]) -> int:
        return value.nbytes

    def arrays(self, values: Values) -> Arrays:
        batch = np.asarray(values)
        if "C" in self._card.layout:
            batch = batch[:, None]
        mels_first = self._card.layout.endswith("MT")
        tensor = np.swapaxes(batch, -1, -2) if mels_first else batch
        return {self._card.name: np.ascontiguousarray(tensor, self._dtype)}

    def _spectrogram(self, value: Any) -> NDArray[np.float32]:
        samples = sound(value, self._model, self._card.rate, self._card.max_samples)
        samples = np.pad(samples, (0, max(0, (self._card.samples or 0) - len(samples))))
        values: NDArray[np.float32] = (spectrogram(samples, self._card.mel) - self._card.mean) / self._card.std
        return values.astype(np.float32, copy=False)
