"""WAV: the header of a RIFF file, read before any sample is.

The ``wave`` module of the standard library walks any number of chunks, and knows WAVE_FORMAT_EXTENSIBLE, which most
programs write for 24 bits, from Python 3.12 on only.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadAudio

MOST_CHUNKS = 1_000
MOST_CHANNELS = 64
MOST_RATE = 768_000  # samples a second, as the cards of models
STREAMED = 0xFFFFFFFF  # the length that a program writes which cannot go back to the header: up to the end
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
GUID = bytes.fromhex("000000001000800000aa00389b71")  # after the format's number, in the subformat of EXTENSIBLE
BYTES = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}  # of a sample
HINT = "Convert it, such as with `ffmpeg -i FILE sound.wav`: WAV of 8 to 32 bits is read."


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a WAV file announces of itself; ``first`` and ``frames`` say where its samples are."""

    format: int  # PCM or FLOAT
    channels: int
    rate: int
    width: int  # bytes of a sample
    first: int  # byte of the file
    frames: int  # samples of each channel

    @property
    def seconds(self) -> float:
        return self.frames / self.rate

    def mono(self, data: bytes, start: int, count: int) -> NDArray[np.float32]:
        """The mean of the channels of ``count`` frames, -1..1."""
        size = self.width * self.channels
        raw = np.frombuffer(data, np.uint8, count * size, self.first + start * size).reshape(-1, self.width)
        with np.errstate(over="ignore", invalid="ignore"):  # of floating point: who decodes looks at the result
            values: NDArray[np.float32] = self._values(raw).reshape(-1, self.channels).mean(axis=1, dtype=np.float32)
        return values

    def _values(self, raw: NDArray[np.uint8]) -> NDArray[np.floating]:
        """Each row of bytes as a number, -1..1."""
        if self.format == FLOAT:
            return raw.view(f"<f{self.width}")[:, 0]
        if self.width == 1:  # 8 bits are without a sign
            return (raw[:, 0].astype(np.float32) - 128) / 128
        wide = np.zeros((len(raw), 4), np.uint8)  # the sample in the highest bytes of 32 bits
        wide[:, 4 - self.width :] = raw
        return wide.view("<i4")[:, 0].astype(np.float64) / 2**31


def read_header(data: bytes) -> Header:
    """The header of a file; BadAudio when it is none that can be read, or announces samples that are not there."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadAudio("The bytes are not a sound of a known format.", hint=HINT)
    at, form = 12, b""
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            raise BadAudio("The WAV file ends before its samples.", hint="The file might be cut short or damaged.")
        name, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        at += 8
        if name == b"data":
            return _header(form, at, _checked(size, len(data) - at))
        if name == b"fmt ":
            form = data[at : at + min(size, 40)]
        at += size + size % 2  # chunks begin at even bytes
    raise BadAudio(f"The WAV file has {MOST_CHUNKS:,} chunks before its samples.", hint="The file is damaged.")


def _checked(size: int, there: int) -> int:
    """Bytes of samples."""
    if size > there and size != STREAMED:
        raise BadAudio(
            f"The WAV file announces {size:,} bytes of samples and has {there:,}.",
            hint="The file might be cut short or damaged.",
        )
    return min(size, there)


def _header(form: bytes, first: int, size: int) -> Header:
    if len(form) < 16:
        raise BadAudio("The WAV file has no format before its samples.", hint="The file is damaged.")
    number, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", form)
    if number == EXTENSIBLE and form[26:40] == GUID:
        (number,) = struct.unpack_from("<H", form, 24)
    width = (bits + 7) // 8
    if width not in BYTES.get(number, ()):
        raise BadAudio(f"The WAV file has samples of {bits} bits in format {number}, which is not read.", hint=HINT)
    if not 1 <= channels <= MOST_CHANNELS or block != channels * width or not 1 <= rate <= MOST_RATE:
        raise BadAudio(
            f"The WAV file announces {channels} channels, {rate:,} samples a second and frames of {block} bytes.",
            hint="The file is damaged.",
        )
    frames = size // block
    return Header(format=number, channels=channels, rate=rate, width=width, first=first, frames=frames)
