"""Texts to DNA: FASTA with its headers and records, or bases alone."""

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import BadText
from open_analytic.kinds.dna import UNKNOWN, DnaSequence, Record

MOST_RECORDS = 10_000  # of one text, with bases
NAME_CHARACTERS = 200  # of a record's name, at most
AMBIGUOUS = "RYSWKMBDHVN"  # IUPAC: each stands for two or more bases
NO_BASE, WRONG = 5, 6  # codes of characters: what stands between bases, and what no DNA has
LINE_FEED, CARRIAGE_RETURN, HEADER = ord("\n"), ord("\r"), ord(">")
HINT = "Bases are A, C, G, T or U, other codes of IUPAC such as N, and - for a gap; a header begins with >."

Places = NDArray[np.intp]  # (n,), characters of a text


def _table() -> NDArray[np.uint8]:
    table = np.full(256, WRONG, np.uint8)
    for code, letters in ((0, "A"), (1, "C"), (2, "G"), (3, "TU"), (UNKNOWN, AMBIGUOUS), (NO_BASE, "-. \t\r\n")):
        for letter in letters:
            table[[ord(letter), ord(letter.lower())]] = code
    return table


TABLE = _table()  # of the first 256 characters


def read_dna(text: str) -> DnaSequence:
    """The bases of a text in FASTA, or of bases alone, each with its place in the text.

    A line that begins with ``>`` is the header of a record, whose name is its first word. Lower case means the same
    as upper case, and U the same as T. An ambiguity code of IUPAC is a base that is not known. Spaces, line breaks
    and gaps (``-`` and ``.``) are left out. BadText names the first character that is none of these; it is also
    raised for a text without bases and for one of more than 10,000 records.
    """
    characters = _characters(text)
    codes = TABLE[np.minimum(characters, 255)]
    starts, ends = _headers(characters)
    codes[_within(starts, ends, len(codes))] = NO_BASE
    if (wrong := np.flatnonzero(codes == WRONG)).size:
        raise _no_base(text, int(wrong[0]))
    places = np.flatnonzero(codes < NO_BASE).astype(np.int32)
    if not places.size:
        raise BadText("The text has no bases.", hint=HINT)
    return DnaSequence(codes=codes[places], places=places, records=_records(text, places, starts, ends))


def _characters(text: str) -> NDArray[np.uint8] | NDArray[np.uint32]:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _headers(characters: NDArray[np.uint8] | NDArray[np.uint32]) -> tuple[Places, Places]:
    """Where each header begins, and the line break or the end of the text after it."""
    breaks = np.flatnonzero((characters == LINE_FEED) | (characters == CARRIAGE_RETURN))
    lines = np.concatenate(([0], breaks + 1))
    lines = lines[lines < len(characters)]
    starts = lines[characters[lines] == HEADER]
    return starts, np.append(breaks, len(characters))[np.searchsorted(breaks, starts)]


def _within(starts: Places, ends: Places, length: int) -> NDArray[np.bool_]:
    """Which characters are in headers."""
    steps = np.zeros(length + 1, np.int8)
    steps[starts], steps[ends] = 1, -1
    within: NDArray[np.bool_] = np.cumsum(steps[:length], dtype=np.int8) > 0
    return within


def _records(text: str, places: NDArray[np.int32], starts: Places, ends: Places) -> tuple[Record, ...]:
    """Those with bases; what stands before the first header has no name."""
    bounds = np.concatenate(([0], np.searchsorted(places, starts), [len(places)]))
    numbers = np.flatnonzero(np.diff(bounds))
    if len(numbers) > MOST_RECORDS:
        raise BadText(
            f"The text has {len(numbers):,} records; at most {MOST_RECORDS:,} are read.", hint="Give a part of them."
        )
    names = [_name(text[starts[number - 1] + 1 : ends[number - 1]]) if number else "" for number in numbers]
    return tuple(
        Record(name=name, start=int(bounds[number]), end=int(bounds[number + 1]))
        for name, number in zip(names, numbers, strict=True)
    )


def _name(header: str) -> str:
    words = header[: 2 * NAME_CHARACTERS].split(maxsplit=1)
    return words[0][:NAME_CHARACTERS] if words else ""


def _no_base(text: str, at: int) -> BadText:
    line = 1 + max(text.count("\n", 0, at), text.count("\r", 0, at))
    return BadText(
        f"The text is no DNA: {text[at]!r} at character {at:,}, in line {line:,}, is no code of a base.", hint=HINT
    )
