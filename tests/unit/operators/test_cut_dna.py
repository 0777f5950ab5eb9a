"""Fragments of DNA: where they begin, which are left out, and how many there can be."""

from itertools import pairwise

import pytest

from open_analytic.errors import BadText
from open_analytic.kinds import KINDS
from open_analytic.operators.cut_dna import MOST_FRAGMENTS, cut_dna
from open_analytic.operators.read_dna import read_dna
from open_analytic.types import TextSpan


@pytest.mark.parametrize(
    ("length", "hop", "spans"),
    [
        (50, 15, [(0, 20), (15, 35), (30, 50)]),
        (52, 15, [(0, 20), (15, 35), (30, 50), (32, 52)]),
        (50, 0, [(0, 20), (20, 40), (30, 50)]),
        (50, 25, [(0, 20), (25, 45), (30, 50)]),
        (21, 15, [(0, 20), (1, 21)]),
        (20, 15, [(0, 20)]),
        (12, 15, [(0, 12)]),
    ],
)
def test_the_last_fragment_ends_with_the_record(length: int, hop: int, spans: list[tuple[int, int]]) -> None:
    fragments = cut_dna(read_dna("A" * length), bases=20, hop=hop)
    assert [(each.span.start, each.span.end) for each in fragments] == spans


def test_a_fragment_is_of_one_record_and_its_span_is_in_characters() -> None:
    fragments = cut_dna(read_dna(">one x\n" + "ACGTA\n" * 5 + ">two\nACG-T\nACG\n>short\nACGTAC\n"), bases=20, hop=10)
    # 25 bases with a line break after each five from character 7 on; "two" has 7 bases from character 42 on.
    assert [KINDS["sequence"].to_json(each) for each in fragments] == [
        {"record": "one", "start": 7, "end": 30},
        {"record": "one", "start": 13, "end": 36},
        {"record": "two", "start": 42, "end": 51},
    ]
    assert KINDS["sequence"].region is not None
    assert KINDS["sequence"].region(fragments[2]) == TextSpan(start=42, end=51)
    assert fragments[2].codes.tolist() == [0, 1, 2, 3, 0, 1, 2]


def test_each_50_bases_in_a_row_are_in_a_fragment_of_the_preset() -> None:
    spans = [each.span for each in cut_dna(read_dna("ACGT" * 500), bases=150, hop=100)]
    assert (spans[0].start, spans[-1].end) == (0, 2_000)
    assert all(after.start + 50 <= before.end for before, after in pairwise(spans))


def test_fragments_without_known_bases_in_a_row_are_left_out() -> None:
    sequence = read_dna("ACGT" * 5 + "N" * 20 + "ACGTN" * 4 + "ACGT" * 5)
    assert [each.span.start for each in cut_dna(sequence, bases=20, k=5)] == [0, 60]
    assert [each.span.start for each in cut_dna(sequence, bases=20, k=4)] == [0, 40, 60]
    for text, k in (("NNNNNN", 3), ("AC", 3), ("ACNGT", 3), (">a\nAC\n>b\nGT", 3)):
        with pytest.raises(BadText, match=r"The DNA has no 3 known bases in a row\."):
            cut_dna(read_dna(text), bases=20, k=k)


def test_as_many_fragments_as_are_made() -> None:
    assert len(cut_dna(read_dna("A" * (MOST_FRAGMENTS + 19)), bases=20, hop=1)) == MOST_FRAGMENTS
    with pytest.raises(BadText, match=r"The DNA of 10,020 bases has 10,001 fragments; at most 10,000 are made\."):
        cut_dna(read_dna("A" * (MOST_FRAGMENTS + 20)), bases=20, hop=1)


def test_fragments_that_overlap_too_much_are_refused_before_they_are_made() -> None:
    sequence = read_dna("ACGT" * 252_250)  # 1,009,000 bases
    assert len(cut_dna(sequence, bases=1_000_000, hop=500)) == 19
    with pytest.raises(BadText) as caught:
        cut_dna(sequence, bases=1_000_000, hop=1)
    assert caught.value.message == (
        "The fragments of the DNA have 9,001,000,000 bases together; at most 20,000,000 are counted."
    )
