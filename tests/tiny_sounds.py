"""A network of sounds and pipelines around it: the mean square and the mean of a sound; WAV files to try them on."""

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tests.models.runtime import graphs

RATE = 8_000  # samples a second that the network takes
EMBED = {"operator": "embed_audio", "model": "sounds", "output": "vector"}
PIPELINE: dict[str, Any] = {
    "description": "The mean square and the mean of a sound.",
    "input": "audio",
    "steps": [EMBED],
    "output": {"vector": "vector"},
}
WINDOWS: dict[str, Any] = {
    "description": "The same of each second.",
    "input": "audio",
    "steps": [
        {"operator": "cut_windows", "seconds": 1, "output": "windows"},
        {"operator": "crop_audio", "input": ["input", "windows"], "output": "parts"},
        EMBED | {"input": "parts", "output": "vectors"},
    ],
    "output": {"parts": {"start": "windows.start", "end": "windows.end", "vector": "vectors"}},
}


def write(folder: Path) -> Path:
    """The network and its card."""
    graphs.waveform(folder)
    return folder


def wav(values: ArrayLike, *, rate: int = RATE, width: int = 2) -> bytes:
    """A WAV file of (samples,) or (samples, channels) with numbers of -1 to 1, by the standard library."""
    array = np.asarray(values, np.float64).reshape(len(np.asarray(values)), -1)
    whole = np.clip(np.rint(array * 2 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    wide = (whole + 128 if width == 1 else whole).astype("<i8").reshape(-1, 1).view(np.uint8)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(array.shape[1])
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(wide[:, :width].tobytes())
    return file.getvalue()
