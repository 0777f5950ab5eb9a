"""Kinds of sounds. A region is a span in seconds from the beginning of the recording."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import InputTooLarge
from open_analytic.kinds.kind import Kind
from open_analytic.types import Span

Samples: TypeAlias = NDArray[np.float32]  # (n,), one channel, -1..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Samples of one channel, ``rate`` a second; ``start`` is their place in the recording, in seconds."""

    samples: Samples
    rate: int
    start: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def cut(self, span: Span) -> "Sound":
        """The part of it in a span of the recording, in the same memory; empty where they do not meet."""
        place = round((span.start - self.start) * self.rate)
        end = place + round(span.extent * self.rate)  # spans of one length give as many samples
        first, last = (min(max(0, each), len(self.samples)) for each in (place, end))
        return Sound(samples=self.samples[first:last], rate=self.rate, start=self.start + first / self.rate)


AUDIO = Kind(
    name="audio",
    article="an",
    decoder="decode_audio",
    noun="sound",
    too_large=InputTooLarge,
    modality="audio",
    suffixes=frozenset((".wav", ".wave")),
    media_type=lambda _: "audio/wav",
    held_bytes=lambda sound: int(sound.samples.nbytes),
)
SEGMENT = Kind(
    name="segment",
    noun="segment",
    fields={"start": lambda span: span.start, "end": lambda span: span.end},
    attributes=("start", "end"),
    region=lambda span: span,
    region_type=Span,
)
SPAN = Kind(name="span", any_region=Span)
