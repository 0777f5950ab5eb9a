"""Sound as a log-mel spectrogram."""

from collections.abc import Hashable
from dataclasses import astuple, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from open_analytic.models.fields import Fields
from open_analytic.models.inputs.base import Arrays, Graph, Values
from open_analytic.models.inputs.mel import Mel, spectrogram
from open_analytic.models.inputs.waveform import FLOATS, MAX_RATE, MAX_SECONDS, sound

MAX_FFT, MAX_MELS = 65_536, 1_024
LAYOUTS = ("NMT", "NTM", "NCMT", "NCTM")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramInput:
    """A value is a (samples,) float array of one channel, -1..1, at ``rate``; sounds of equal length share a batch."""

    type: Literal["spectrogram"] = "spectrogram"
    name: str
    rate: int  # samples a second
    layout: str  # one of LAYOUTS: batch, channel (1), mels, time
    samples: int | None  # a shorter sound is filled up with silence to so many; None: any length
    max_seconds: int
    mel: Mel
    mean: float  # (x - mean) / std of the logarithms
    std: float

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        fields.only(
            "type", "name", "rate", "layout", "samples", "max_seconds", "mean", "std", "fft", "window", "hop", "mels",
            "low", "high", "scale", "area", "power", "padding", "log", "floor",
        )  # fmt: skip
        rate = fields.number("rate", least=1, most=MAX_RATE)
        std = fields.real("std", default=1.0)
        if std <= 0:
            raise fields.wrong("std", "a number above 0")
        return cls(
            name=fields.text("name"),
            rate=rate,
            layout=fields.text("layout", default="NMT", choices=LAYOUTS),
            samples=fields.number("samples", default=0, most=MAX_RATE * MAX_SECONDS) or None,
            max_seconds=fields.number("max_seconds", default=60, least=1, most=MAX_SECONDS),
            mel=_mel(fields, rate),
            mean=fields.real("mean", default=0.0),
            std=std,
        )

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


def _mel(fields: Fields, rate: int) -> Mel:
    fft = fields.number("fft", least=2, most=MAX_FFT)
    high = fields.real("high", default=rate / 2)
    low = fields.real("low", default=0.0)
    if not 0 <= low < high <= rate / 2:
        raise fields.wrong("high", f"above low, and at most half of the rate, {rate / 2:g}")
    floor = fields.real("floor", default=1e-10)
    if floor <= 0:
        raise fields.wrong("floor", "a number above 0")
    return Mel(
        rate=rate, fft=fft, low=low, high=high, floor=floor,
        window=fields.number("window", default=fft, least=2, most=fft),
        hop=fields.number("hop", least=1, most=MAX_FFT),
        mels=fields.number("mels", least=1, most=MAX_MELS),
        scale=fields.text("scale", default="slaney", choices=("slaney", "htk")),
        area=fields.flag("area", default=True),
        power=fields.number("power", default=2, least=1, most=2),
        padding=fields.text("padding", default="constant", choices=("constant", "reflect", "none")),
        log=fields.text("log", default="db", choices=("db", "ln", "log10", "none")),
    )  # fmt: skip


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
