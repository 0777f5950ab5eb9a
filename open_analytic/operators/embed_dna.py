"""DNA to vectors, by its k-mers: no model, and no knowledge of what a sequence does or where it comes from."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadText
from open_analytic.kinds.dna import UNKNOWN, Codes, DnaSequence, known_runs
from open_analytic.operators.operator import Between
from open_analytic.types import Vectors
from open_analytic.util.cancellation import check_cancelled

Numbers: TypeAlias = NDArray[np.uint64]  # (n,)
Weight: TypeAlias = Literal["binary", "sqrt", "count"]

CHUNK_BASES, CHUNK_SEQUENCES = 1 << 20, 4096  # that are counted at once; 64 bits hold a sequence's number and a k-mer
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_32 = (np.uint64(bits) for bits in (30, 27, 31, 32))
STEP, FIRST, SECOND = (np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def embed_dna(
    sequences: Sequence[DnaSequence],
    *,
    k: Annotated[int, Between(3, 24)] = 7,
    weight: Weight = "binary",
    size: Annotated[int, Between(16, 1024)] = 512,
) -> Vectors:
    """One vector of length 1 a sequence: its canonical k-mers, hashed to ``size`` signed numbers.

    A k-mer and its reverse complement are one. Each different k-mer of a sequence counts 1 (``"binary"``), its number
    of occurrences (``"count"``) or the square root of that. k-mers with an unknown base, and those over the end of a
    record, do not count. The same sequence gives the same numbers on every machine. BadText when a sequence has no
    k-mer.
    """
    vectors = [_vectors(chunk, k, weight, size) for chunk in _chunks(sequences)]
    return np.concatenate(vectors)


def _chunks(sequences: Sequence[DnaSequence]) -> Iterator[Sequence[DnaSequence]]:
    first, bases = 0, 0
    for at, sequence in enumerate(sequences):
        if at > first and (bases + len(sequence.codes) > CHUNK_BASES or at - first == CHUNK_SEQUENCES):
            yield sequences[first:at]
            first, bases = at, 0
        bases += len(sequence.codes)
    yield sequences[first:]


def _vectors(sequences: Sequence[DnaSequence], k: int, weight: Weight, size: int) -> Vectors:
    check_cancelled()
    codes, owners = _joined(sequences)
    known = np.flatnonzero(known_runs(codes, k))
    # The number of a sequence above the number of a k-mer: both are counted in one go.
    keys = owners[known] << np.uint64(2 * k) | canonical(codes, k)[known]
    pairs, counts = np.unique(keys, return_counts=True)
    hashes, rows = mixed(pairs & np.uint64(4**k - 1)), pairs >> np.uint64(2 * k)
    columns = (hashes >> SHIFT_32) * np.uint64(size) >> SHIFT_32
    places, weights = (rows * np.uint64(size) + columns).astype(np.intp), _weights(counts, weight)
    signed = np.where(hashes & np.uint64(1), weights, -weights)
    sums = np.bincount(places, signed, len(sequences) * size).reshape(-1, size)
    if not sums.any(axis=1).all():  # the two or four k-mers of a very short sequence can cancel out
        unsigned = np.bincount(places, weights, len(sequences) * size).reshape(-1, size)
        sums = np.where(sums.any(axis=1, keepdims=True), sums, unsigned)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    if not lengths.all():
        raise BadText(f"The DNA has no {k} known bases in a row.", hint="Give a longer part of the sequence.")
    vectors: Vectors = (sums / lengths).astype(np.float32)
    return vectors


def _joined(sequences: Sequence[DnaSequence]) -> tuple[Codes, Numbers]:
    """The records of all sequences with an unknown base after each, and the number of each base's sequence."""
    end = np.full(1, UNKNOWN, np.uint8)
    parts = [
        part
        for sequence in sequences
        for record in sequence.records
        for part in (sequence.codes[record.start : record.end], end)
    ]
    lengths = [len(sequence.codes) + len(sequence.records) for sequence in sequences]
    return np.concatenate(parts), np.repeat(np.arange(len(sequences), dtype=np.uint64), lengths)


def canonical(codes: Codes, k: int) -> Numbers:
    """The k-mer that begins at each base as a number to base 4, or its reverse complement's when that is smaller."""
    count = max(0, len(codes) - k + 1)
    forward, backward = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    for place in range(k):
        digits = codes[place : place + count].astype(np.uint64) & np.uint64(3)
        forward = forward << np.uint64(2) | digits
        backward |= (digits ^ np.uint64(3)) << np.uint64(2 * place)
    return np.minimum(forward, backward)


def mixed(numbers: Numbers) -> Numbers:
    """The hash of each number: what the generator SplitMix64 gives with that seed (Steele, Lea and Flood, 2014)."""
    numbers = numbers + STEP
    numbers = (numbers ^ numbers >> SHIFT_30) * FIRST
    numbers = (numbers ^ numbers >> SHIFT_27) * SECOND
    return numbers ^ numbers >> SHIFT_31


def _weights(counts: NDArray[np.intp], weight: Weight) -> NDArray[np.float64]:
    if weight == "binary":
        return np.ones(len(counts))
    return np.sqrt(counts) if weight == "sqrt" else counts.astype(np.float64)
