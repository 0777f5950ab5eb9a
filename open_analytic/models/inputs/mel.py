"""Log-mel spectrograms as librosa computes them (McFee et al., ISC licence): its mel scales, filters and framing."""

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from open_analytic.models.fields import PositiveReal, Real

MAX_FFT, MAX_MELS = 65_536, 1_024
Fft: TypeAlias = Annotated[int, Meta(ge=2, le=MAX_FFT)]
FRAMES_AT_ONCE = 512  # bounds the memory of one transform
STEP = np.log(6.4) / 27  # of Slaney's scale above 1,000 Hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Mel:
    """How a sound becomes (frames, mels); ``window``, ``fft`` and ``hop`` in samples, ``low`` and ``high`` in Hz."""

    rate: int
    fft: Fft
    window: int
    hop: Annotated[int, Meta(ge=1, le=MAX_FFT)]
    mels: Annotated[int, Meta(ge=1, le=MAX_MELS)]
    low: Real = 0.0
    high: Real
    scale: Literal["slaney", "htk"] = "slaney"
    area: bool = True  # each filter divided by its width, as in Slaney's toolbox
    power: Annotated[int, Meta(ge=1, le=2)] = 2  # 1: magnitudes, 2: their squares
    padding: Literal["constant", "reflect", "none"] = "constant"  # constant or reflect: half a window before and after
    log: Literal["db", "ln", "log10", "none"] = "db"
    floor: PositiveReal = 1e-10  # before the logarithm


def spectrogram(sound: NDArray[np.float32], mel: Mel) -> NDArray[np.float32]:
    """(frames, mels); computed with 64 bits, so that it is the same with every release of numpy."""
    samples = sound.astype(np.float64)
    if mel.padding == "constant":
        samples = np.pad(samples, mel.fft // 2)
    elif mel.padding == "reflect":
        samples = np.pad(samples, mel.fft // 2, mode="reflect")
    samples = np.pad(samples, (0, max(0, mel.fft - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, mel.fft)[:: mel.hop]
    window, bank = _window(mel), filters(mel)
    blocks = [
        np.abs(np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * window)) ** mel.power @ bank
        for start in range(0, len(frames), FRAMES_AT_ONCE)
    ]
    return _log(np.concatenate(blocks), mel).astype(np.float32)


def filters(mel: Mel) -> NDArray[np.float64]:
    """Triangles over the transform's frequencies: (fft // 2 + 1, mels)."""
    low, high = _mels(np.array([mel.low, mel.high]), mel.scale).tolist()
    edges = _hertz(np.linspace(low, high, mel.mels + 2), mel.scale)
    frequencies = np.fft.rfftfreq(mel.fft, 1 / mel.rate)[:, None]
    up = (frequencies - edges[:-2]) / np.diff(edges)[:-1]
    down = (edges[2:] - frequencies) / np.diff(edges)[1:]
    bank: NDArray[np.float64] = np.maximum(0, np.minimum(up, down))
    return bank * (2 / (edges[2:] - edges[:-2])) if mel.area else bank


def _window(mel: Mel) -> NDArray[np.float64]:
    """A periodic Hann window in the middle of the transform."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(mel.window) / mel.window)
    before = (mel.fft - mel.window) // 2
    return np.pad(hann, (before, mel.fft - mel.window - before))


def _log(values: NDArray[np.float64], mel: Mel) -> NDArray[np.float64]:
    if mel.log == "none":
        return values
    floored = np.maximum(values, mel.floor)
    return np.log(floored) if mel.log == "ln" else np.log10(floored) * (10 if mel.log == "db" else 1)


def _mels(hertz: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1000) / 1000) / STEP)


def _hertz(mels: NDArray[np.float64], scale: str) -> NDArray[np.float64]:
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(STEP * (mels - 15)))
