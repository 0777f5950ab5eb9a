"""The kind of DNA. A region is a span of characters of the text that holds the bases."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.kinds.kind import Kind
from open_analytic.types import TextSpan

Codes: TypeAlias = NDArray[np.uint8]  # (n,), a base each: 0 A, 1 C, 2 G, 3 T, UNKNOWN
Places: TypeAlias = NDArray[np.int32]  # (n,), the character of the text that each base is

UNKNOWN = 4  # a base that has one of several letters, such as N


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record of a FASTA text: the first word of its header, and its bases from ``start`` to ``end``."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DnaSequence:
    """Bases with their places in a text. ``records`` are those with bases, in their order; they cover all bases."""

    codes: Codes
    places: Places
    records: tuple[Record, ...]

    @property
    def span(self) -> TextSpan:
        """The characters from its first base to its last one."""
        return TextSpan(start=int(self.places[0]), end=int(self.places[-1]) + 1)

    def cut(self, record: Record, start: int, end: int) -> "DnaSequence":
        """The bases from ``start`` to ``end`` of a record, in the same memory."""
        first, last = record.start + start, record.start + end
        part = Record(name=record.name, start=0, end=end - start)
        return DnaSequence(codes=self.codes[first:last], places=self.places[first:last], records=(part,))


def known_runs(codes: Codes, k: int) -> NDArray[np.bool_]:
    """For each base but the last k - 1, whether it and the next k - 1 bases are known."""
    unknown = np.concatenate(([0], np.cumsum(codes == UNKNOWN, dtype=np.int32)))
    runs: NDArray[np.bool_] = unknown[k:] == unknown[: max(0, len(unknown) - k)]
    return runs


SEQUENCE = Kind(
    name="sequence",
    noun="sequence",
    fields={
        "record": lambda sequence: sequence.records[0].name,
        "start": lambda sequence: sequence.span.start,
        "end": lambda sequence: sequence.span.end,
    },
    attributes=("record", "start", "end"),
    region=lambda sequence: sequence.span,
    region_type=TextSpan,
)
