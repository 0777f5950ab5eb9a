"""Sounds at another rate: samples of one channel, calculated from those of another rate."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from open_analytic.kinds.audio import Samples
from open_analytic.util.cancellation import check_cancelled

BLOCK = 1 << 20  # samples that are converted at once
QUICK = 31  # the largest prime factor of a length whose transform is quick
FINE = 8  # how many times as dense as they need to be samples are between which others are interpolated
NEAR = range(-2, 4)  # of these neighbours


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    """Samples at another rate, with what both rates can hold: frequencies below half of the lower one.

    The spectrum, with 64 bits, is cut off or filled up with zeros, as scipy.signal.resample does (BSD licence); block
    by block, so that the memory for it does not grow with the sound. Of rates with a large prime factor, such as
    767,999, samples in between are interpolated: a transform of such a length takes twenty times as long.
    """
    if rate == to or not len(samples):
        return samples
    divisor = math.gcd(rate, to)
    if max(_factors(rate // divisor), _factors(to // divisor)) > QUICK:
        return _interpolated(samples, rate, to)
    return _exact(samples, rate, to)


def _factors(number: int) -> int:
    """The largest prime factor; 1 of 1."""
    largest, factor = 1, 2
    while factor * factor <= number:
        while number % factor == 0:
            number, largest = number // factor, factor
        factor += 1
    return max(largest, number)


def _exact(samples: Samples, rate: int, to: int) -> Samples:
    """By transforms that both rates divide."""
    down, up = rate // math.gcd(rate, to), to // math.gcd(rate, to)
    # In units of ``down`` samples, of which the other rate has ``up``; transforms of a power of two of them are quick.
    margin = -(-max(1, rate // 10) // down)  # each block fades in and out over its neighbours
    largest = max(_power_of_two(4 * margin), _power_of_two(BLOCK * rate // max(rate, to) // down))
    size = min(_power_of_two(-(-len(samples) // down) + 2 * margin), largest)
    output = np.empty(-(-len(samples) * to // rate), np.float32)
    for start, piece in _pieces(samples, size * down, margin * down):
        target = output[start // down * up : (start // down + size - 2 * margin) * up]
        target[:] = _other_length(piece, size * up, size * up)[margin * up :][: len(target)]
    return output


def _interpolated(samples: Samples, rate: int, to: int) -> Samples:
    """By transforms of powers of two to a rate that is a multiple of what is needed, and polynomials in between."""
    lower, margin = min(rate, to), max(1, rate // 10)
    largest = max(_power_of_two(4 * margin), _power_of_two(BLOCK * rate // max(rate, to)))
    size = min(_power_of_two(len(samples) + 2 * margin), largest)
    fine = _power_of_two(-(-FINE * size * lower // rate))
    output = np.empty(-(-len(samples) * to // rate), np.float32)
    for start, piece in _pieces(samples, size, margin):
        first, last = (-(-place * to // rate) for place in (start, start + size - 2 * margin))
        numbers = np.arange(first, min(len(output), last))
        places = ((numbers * rate - start * to) / to + margin) * (fine / size)
        output[first:last] = _between(_other_length(piece, size * lower // rate, fine), places)
    return output


def _between(dense: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at places between samples, by the polynomial through six of them (Lagrange)."""
    left = np.floor(places).astype(np.int64)
    rest = places - left
    values = np.zeros(len(places))
    for near in NEAR:
        weight = np.ones(len(places))
        for other in NEAR:
            if other != near:
                weight *= (rest - other) / (near - other)
        values += weight * dense.take(left + near, mode="wrap")
    return values


def _pieces(samples: Samples, size: int, margin: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Blocks that overlap by twice the margin, each with the place that its margin ends at.

    Each fades in and out over its neighbours.
    """
    fade = 0.5 - 0.5 * np.cos(np.pi * (np.arange(margin) + 0.5) / margin)
    for start in range(0, len(samples), size - 2 * margin):
        check_cancelled()
        piece = np.zeros(size)
        there = samples[max(0, start - margin) : start - margin + size]
        piece[max(0, margin - start) :][: len(there)] = there
        piece[:margin] *= fade
        piece[-margin:] *= fade[::-1]
        yield start, piece


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()


def _other_length(piece: NDArray[np.float64], band: int, length: int) -> NDArray[np.float64]:
    """The same spectrum in another number of samples, below half of what ``band`` samples can hold."""
    spectrum = np.fft.rfft(piece)[: (min(len(piece), band) + 1) // 2]
    return np.fft.irfft(spectrum, length) * (length / len(piece))
