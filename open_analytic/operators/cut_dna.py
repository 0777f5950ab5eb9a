"""DNA to its fragments."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from open_analytic.errors import BadText
from open_analytic.kinds.dna import DnaSequence, known_runs
from open_analytic.operators.operator import Between

MOST_FRAGMENTS = 10_000
MOST_BASES = 20_000_000  # of all fragments together: the next steps look at each base of each
HINT = "Give a part of it, or raise bases and hop of the step cut_dna."


def cut_dna(
    sequence: DnaSequence,
    *,
    bases: Annotated[int, Between(20, 1_000_000)],
    hop: Annotated[int, Between(0, 1_000_000)] = 0,
    k: Annotated[int, Between(3, 24)] = 7,
) -> list[DnaSequence]:
    """Fragments of ``bases`` bases, one every ``hop`` bases (0: side by side); a record's last one ends with it.

    A record that is shorter is one fragment. Fragments without ``k`` known bases in a row, of which no k-mer can be
    counted, are left out. BadText when none is left, when there are more than 10,000, or when they have more than
    20,000,000 bases together.
    """
    hop = hop or bases
    counts = [max(0, -(-(record.end - record.start - bases) // hop)) + 1 for record in sequence.records]
    _check(sequence, counts, bases)
    kmers = np.concatenate(([0], np.cumsum(known_runs(sequence.codes, k), dtype=np.int32)))
    fragments = []
    for record, count in zip(sequence.records, counts, strict=True):
        length = min(bases, record.end - record.start)
        for start in (min(number * hop, record.end - record.start - length) for number in range(count)):
            first = record.start + start
            if length >= k and kmers[first + length - k + 1] > kmers[first]:
                fragments.append(sequence.cut(record, start, start + length))
    if not fragments:
        raise BadText(f"The DNA has no {k} known bases in a row.", hint="Give a longer part of the sequence.")
    return fragments


def _check(sequence: DnaSequence, counts: Sequence[int], bases: int) -> None:
    if (total := sum(counts)) > MOST_FRAGMENTS:
        raise BadText(
            f"The DNA of {len(sequence.codes):,} bases has {total:,} fragments; at most {MOST_FRAGMENTS:,} are made.",
            hint=HINT,
        )
    lengths = [min(bases, record.end - record.start) for record in sequence.records]
    if (total := sum(count * length for count, length in zip(counts, lengths, strict=True))) > MOST_BASES:
        raise BadText(
            f"The fragments of the DNA have {total:,} bases together; at most {MOST_BASES:,} are counted.",
            hint="Raise hop of the step cut_dna, or lower bases.",
        )
