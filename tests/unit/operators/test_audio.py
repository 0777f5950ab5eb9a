"""Bytes to sounds and their parts: numbers by hand, hostile files as typed errors before memory is taken."""

import contextlib
import io
import math
import struct
import tracemalloc
import wave
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from open_analytic.errors import BadAudio, InputTooLarge
from open_analytic.kinds.audio import Sound
from open_analytic.operators import resampling
from open_analytic.operators.audio import crop_audio, cut_windows, decode_audio
from open_analytic.operators.formats.wav import GUID
from open_analytic.operators.limits import Limits, budget
from open_analytic.operators.resampling import resampled
from open_analytic.types import Span
from tests.tiny_sounds import wav

FORM = struct.pack("<HHIIHH", 1, 1, 8_000, 16_000, 2, 16)


def riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    """A file of these chunks; ``size`` is what the last one announces."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks[:-1])
    name, data = chunks[-1]
    body += name + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def decoded(data: bytes, **options: Any) -> Sound:
    return decode_audio(data, Limits(), **options)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_are_what_was_written(width: int) -> None:
    """Quarters have an exact form in every width."""
    values = [-1, -0.5, -0.25, 0, 0.25, 0.5, 0.75]
    sound = decoded(wav(values, rate=44_100, width=width))
    assert (sound.samples.tolist(), sound.rate, sound.start) == (values, 44_100, 0)
    assert sound.samples.dtype == np.float32
    assert budget().used == 0


def test_channels_become_their_mean() -> None:
    assert decoded(wav(np.array([[1, 0], [-0.5, -0.5], [0.25, 0.75]]), width=3)).samples.tolist() == pytest.approx(
        [0.5, -0.5, 0.5], abs=1e-6
    )


@pytest.mark.parametrize("kind", ["<f4", "<f8"])
@pytest.mark.parametrize("extensible", [False, True])
def test_floating_point_and_the_extensible_form_are_read(kind: str, extensible: bool) -> None:
    values, width = np.array([0.5, -1.5, 0.125], kind), int(kind[2:])
    form = struct.pack("<HHIIHH", 0xFFFE if extensible else 3, 1, 8_000, 8_000 * width, width, 8 * width)
    if extensible:
        form += struct.pack("<HHIH", 22, 8 * width, 4, 3) + GUID
    data = riff((b"LIST", b"odd"), (b"fmt ", form), (b"data", values.tobytes()))
    assert decoded(data).samples.tolist() == [0.5, -1.5, 0.125]


def test_a_streamed_file_goes_up_to_its_end() -> None:
    data = riff((b"fmt ", FORM), (b"data", struct.pack("<hh", 16_384, -8_192) + b"\1"), size=0xFFFFFFFF)
    assert decoded(data).samples.tolist() == [0.5, -0.25]


def test_many_blocks_are_one_sound() -> None:
    """Channels that do not divide a block, as the standard library reads them."""
    values = np.random.default_rng(0).integers(-(2**15), 2**15, (500_000, 3)).astype("<i2")
    form = struct.pack("<HHIIHH", 1, 3, 8_000, 48_000, 6, 16)
    data = riff((b"fmt ", form), (b"data", values.tobytes()))
    with wave.open(io.BytesIO(data)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 3)
    assert np.abs(decoded(data).samples - raw.mean(axis=1) / 2**15).max() < 1e-6


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The sound is empty: it has no bytes."),
        (b"RIFF", "The bytes are not a sound of a known format."),
        (b"ID3\x03" + bytes(100), "The bytes are not a sound of a known format."),
        (b"RIFF\0\0\0\0WAVE", "The WAV file ends before its samples."),
        (riff((b"fmt ", FORM)), "The WAV file ends before its samples."),
        (riff((b"data", bytes(8))), "The WAV file has no format before its samples."),
        (riff((b"fmt ", FORM), (b"data", b"")), "The sound has no samples."),
        (riff((b"fmt ", FORM), (b"data", bytes(100)), size=4_000_000_000),
         "The WAV file announces 4,000,000,000 bytes of samples and has 100."),
        (riff(*[(b"junk", b"")] * 1_001), "The WAV file has 1,000 chunks before its samples."),
        (riff((b"fmt ", struct.pack("<HHIIHH", 2, 1, 8_000, 8_000, 1, 4)), (b"data", bytes(8))),
         "The WAV file has samples of 4 bits in format 2, which is not read."),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 0, 8_000, 0, 0, 16)), (b"data", bytes(8))),
         "The WAV file announces 0 channels, 8,000 samples a second and frames of 0 bytes."),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), (b"data", bytes(8))),
         "The WAV file announces 1 channels, 0 samples a second and frames of 2 bytes."),
        (riff((b"fmt ", struct.pack("<HHIIHH", 3, 1, 8_000, 0, 4, 32)), (b"data", struct.pack("<f", np.nan))),
         "The sound has samples that are not finite numbers."),
        (riff((b"fmt ", struct.pack("<HHIIHH", 3, 1, 8_000, 0, 8, 64)), (b"data", struct.pack("<d", 1e300))),
         "The sound has samples that are not finite numbers."),
    ],
)  # fmt: skip
def test_what_is_no_sound_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadAudio) as caught:
        decoded(data)
    assert (caught.value.message, caught.value.sqlstate) == (message, "OA027")


def test_limits_on_bytes_seconds_and_memory() -> None:
    second = wav(np.zeros(8_000))
    with pytest.raises(InputTooLarge, match=r"The sound has 16,044 bytes; at most 16,043 are read\."):
        decode_audio(second, Limits(max_bytes=16_043))
    with pytest.raises(BadAudio, match=r"The sound has 1\.1 seconds; at most 1 are read\."):
        decoded(wav(np.zeros(8_800)), max_seconds=1)
    with pytest.raises(BadAudio, match=r"The sound has 8,000\.0 seconds; at most 3,600 are read\."):
        decoded(wav(np.zeros(8_000), rate=1))
    with pytest.raises(InputTooLarge, match=r"The sound of 1\.0 seconds takes 192,000 bytes of memory to decode"):
        decode_audio(second, Limits(decode_bytes=191_999))
    assert decode_audio(second, Limits(decode_bytes=192_000)).seconds == 1


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_any_bytes_are_a_sound_or_a_typed_error(tail: bytes, at: int, value: int) -> None:
    data = bytearray(wav([0.5, -0.5, 0.25], width=3) + tail)
    data[min(at, len(data) - 1)] = value
    with contextlib.suppress(BadAudio):
        assert len(decoded(bytes(data)).samples) > 0


@pytest.mark.parametrize(
    ("length", "options", "windows"),
    [
        (10, {"seconds": 3}, [(0, 3), (3, 6), (6, 9), (9, 10)]),
        (9, {"seconds": 3}, [(0, 3), (3, 6), (6, 9)]),
        (2, {"seconds": 3}, [(0, 2)]),
        (4, {"seconds": 2, "hop": 1}, [(0, 2), (1, 3), (2, 4)]),
        (10, {"seconds": 1, "hop": 5}, [(0, 1), (5, 6)]),
        (0.3, {"seconds": 0.1}, [(0, 0.1), (0.1, 0.2), (0.2, 0.3)]),
    ],
)
def test_windows_cover_the_sound(length: float, options: dict[str, float], windows: list[tuple[float, float]]) -> None:
    sound = Sound(samples=np.zeros(round(length * 100), np.float32), rate=100)
    pieces = cut_windows(sound, **options)
    assert np.array([(each.start, each.end) for each in pieces]) == pytest.approx(np.array(windows))


def test_too_many_windows_are_refused() -> None:
    sound = Sound(samples=np.zeros(8_000, np.float32), rate=8_000)
    with pytest.raises(BadAudio, match=r"1\.0 seconds has 100,001 windows; at most 10,000"):
        cut_windows(sound, seconds=0.01, hop=9.9e-6)


def test_a_part_of_a_part_keeps_its_place_in_the_recording() -> None:
    whole = Sound(samples=np.arange(100, dtype=np.float32), rate=10)
    part = crop_audio(whole, Span(start=2, end=5))
    assert (part.samples.tolist(), part.start, part.seconds) == (list(range(20, 50)), 2, 3)
    inner = crop_audio(part, Span(start=4.5, end=9))
    assert (inner.samples.tolist(), inner.start) == ([45, 46, 47, 48, 49], 4.5)
    assert np.shares_memory(inner.samples, whole.samples)
    assert [len(crop_audio(part, Span(start=start, end=start + 1)).samples) for start in (0, 1.5, 5, 9)] == [0, 5, 0, 0]


@given(st.floats(0, 50), st.floats(0.01, 10))
def test_spans_of_one_length_give_as_many_samples(start: float, length: float) -> None:
    sound = Sound(samples=np.zeros(44_100 * 61, np.float32), rate=44_100)
    assert abs(len(sound.cut(Span(start=start, end=start + length)).samples) - length * 44_100) <= 0.51


@pytest.mark.parametrize(
    ("rate", "to"),
    [(44_100, 16_000), (16_000, 44_100), (8_000, 8_000), (48_000, 16_000), (7, 5), (44_099, 16_000), (7_919, 16_000)],
)
def test_a_tone_has_the_same_frequency_at_another_rate(rate: int, to: int) -> None:
    """A Hann window takes away the ends, which a whole spectrum cannot hold."""
    seconds, hertz = 2.0, min(rate, to) / 9
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * hertz * time) * (0.5 - 0.5 * np.cos(2 * np.pi * time / seconds))
    actual = resampled(tone.astype(np.float32), rate, to)
    time = np.arange(len(actual)) / to
    assert len(actual) == round(seconds * to)
    expected = np.sin(2 * np.pi * hertz * time) * (0.5 - 0.5 * np.cos(2 * np.pi * time / seconds))
    assert actual == pytest.approx(expected, abs=0.02 if rate < 100 else 1e-5)


def test_what_the_lower_rate_cannot_hold_is_left_out() -> None:
    time = np.arange(48_000) / 48_000
    high = np.sin(2 * np.pi * 15_000 * time).astype(np.float32)
    assert np.abs(resampled(high, 48_000, 16_000)[800:-800]).max() < 0.01


@pytest.mark.parametrize(("rate", "to"), [(44_100, 16_000), (16_000, 44_100), (7_919, 8_000), (44_099, 16_000)])
def test_many_blocks_give_what_one_gives(rate: int, to: int, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 5 * rate + 17)
    sound: NDArray[np.float32] = np.convolve(noise, np.hanning(15) / 7, "same").astype(np.float32)
    whole = resampled(sound, rate, to)
    monkeypatch.setattr(resampling, "BLOCK", 10_000)
    assert len(whole) == math.ceil(len(sound) * to / rate)
    assert np.abs(resampled(sound, rate, to) - whole).max() < 2e-4


@pytest.mark.parametrize("rate", [767_999, 383_981, 44_101])
def test_no_transform_of_an_odd_rate_has_a_length_that_is_slow(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of four seconds at 767,999 samples a second took twenty times as long as of a power of two."""
    lengths: list[int] = []
    real = np.fft.rfft

    def rfft(piece: NDArray[np.float64]) -> NDArray[np.complex128]:
        lengths.append(len(piece))
        return real(piece)

    monkeypatch.setattr(np.fft, "rfft", rfft)
    assert len(resampled(np.zeros(5 * rate, np.float32), rate, 16_000)) == 80_000
    assert lengths
    assert [length & (length - 1) for length in lengths] == [0] * len(lengths)


def test_the_memory_for_another_rate_does_not_grow_with_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 100 seconds the whole spectrum with 64 bits would take 70 MB, as much as the sound four times over."""
    monkeypatch.setattr(resampling, "BLOCK", 10_000)
    sound = np.zeros(100 * 44_100, np.float32)
    tracemalloc.start()
    try:
        samples = resampled(sound, 44_100, 16_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(samples), peak < 2 * samples.nbytes + 3_000_000) == (1_600_000, True)
