"""Bytes to sounds, sounds to their windows, and to vectors."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np

from open_analytic.errors import BadAudio, InputTooLarge, ModelFailed
from open_analytic.kinds.audio import Samples, Sound
from open_analytic.operators.embed import rows
from open_analytic.operators.formats.wav import Header, read_header
from open_analytic.operators.limits import Limits
from open_analytic.operators.operator import Between
from open_analytic.operators.resampling import resampled
from open_analytic.types import Model, Span, Vectors

BLOCK = 1 << 20  # samples that are converted at once
BLOCK_BYTES = 20  # of each of them meanwhile
CHUNK = 16_000_000  # samples at the model's rate that it is given at once: 64 MB
MOST_WINDOWS = 10_000


def decode_audio(data: bytes, limits: Limits, *, max_seconds: Annotated[int, Between(1, 36_000)] = 3_600) -> Sound:
    """A WAV file (8, 16, 24 or 32 bits, or floating point) at its own rate, the mean of its channels.

    InputTooLarge when it has more bytes than the limits allow; BadAudio when it is no such file, is damaged, or
    announces more than ``max_seconds``. The length is read from the header before memory is taken.
    """
    limits = replace(limits, too_large=InputTooLarge)
    limits.check_bytes(data, "sound")
    if not data:
        raise BadAudio("The sound is empty: it has no bytes.", hint="The file was perhaps not written to its end.")
    header = read_header(data)
    if not header.frames:
        raise BadAudio("The sound has no samples.", hint="Give one that is longer.")
    if header.seconds > max_seconds:
        raise BadAudio(
            f"The sound has {header.seconds:,.1f} seconds; at most {max_seconds:,} are read.",
            hint="Give a part of it, or decode it in a step with another max_seconds.",
        )
    weight = 4 * header.frames + BLOCK_BYTES * min(header.frames * header.channels, BLOCK)
    with limits.reserved(weight, f"The sound of {header.seconds:,.1f} seconds"):
        return Sound(samples=_samples(data, header), rate=header.rate)


def _samples(data: bytes, header: Header) -> Samples:
    samples, step = np.empty(header.frames, np.float32), max(1, BLOCK // header.channels)
    for start in range(0, header.frames, step):
        count = min(step, header.frames - start)
        samples[start : start + count] = header.mono(data, start, count)
    if not np.isfinite(samples).all():
        raise BadAudio("The sound has samples that are not finite numbers.", hint="Write the file again.")
    return samples


def cut_windows(
    sound: Sound, *, seconds: Annotated[float, Between(0.01, 3_600)], hop: Annotated[float, Between(0, 3_600)] = 0.0
) -> list[Span]:
    """Windows of ``seconds`` seconds, one every ``hop`` seconds (0: side by side); the last one ends with the sound."""
    hop = hop or seconds
    count = max(1, math.ceil(round((sound.seconds - seconds) / hop, 6)) + 1)
    count = min(count, math.ceil(round(sound.seconds / hop, 6)) or 1)  # each begins before the end
    if count > MOST_WINDOWS:
        raise BadAudio(
            f"The sound of {sound.seconds:,.1f} seconds has {count:,} windows; at most {MOST_WINDOWS:,} are made.",
            hint="Raise seconds and hop of the step cut_windows.",
        )
    starts, end = [number * hop for number in range(count)], sound.start + sound.seconds
    return [Span(start=sound.start + each, end=min(sound.start + each + seconds, end)) for each in starts]


def crop_audio(sound: Sound, span: Span) -> Sound:
    """The part of a sound in a span."""
    return sound.cut(span)


def embed_audio(sounds: Sequence[Sound], model: Model, *, role: str = "") -> Vectors:
    """One vector a sound: the model's output of this role, or its only one. Sounds are resampled to its rate.

    BadAudio when one is longer than the model takes.
    """
    input_ = getattr(model, "input", None)
    rate, most = getattr(input_, "rate", 0), getattr(input_, "max_samples", 0)
    if not rate:
        raise ModelFailed(f"Model {model.name!r} takes no sounds.", hint="Its card needs an input with a rate.")
    for sound in sounds:
        if sound.seconds * rate - most > max(1, rate / sound.rate):  # a span can round up to one sample more
            raise BadAudio(
                f"The sound has {sound.seconds:,.1f} seconds; model {model.name!r} takes {most / rate:g}.",
                hint="Cut it with the step cut_windows, or see samples and max_seconds on the model's card.",
            )
    vectors = [
        rows([resampled(sound.samples, sound.rate, rate)[:most] for sound in chunk], model, role)
        for chunk in _chunks(sounds, rate)
    ]
    return np.concatenate(vectors)


def _chunks(sounds: Sequence[Sound], rate: int) -> Iterator[Sequence[Sound]]:
    """Runs of the sounds that are in memory at once, at the rate of the model."""
    first, samples = 0, 0.0
    for at, sound in enumerate(sounds):
        if at > first and samples + sound.seconds * rate > CHUNK:
            yield sounds[first:at]
            first, samples = at, 0.0
        samples += sound.seconds * rate
    yield sounds[first:]
