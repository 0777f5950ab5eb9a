"""FASTA to bases: each with its place, and the first character that is no base named."""

import pytest

from open_analytic.errors import BadText
from open_analytic.kinds.dna import Record
from open_analytic.operators.read_dna import HINT, read_dna

NONE = "The text has no bases."


def test_bases_have_codes_places_and_records() -> None:
    sequence = read_dna(">s1 first\nACGT\nNu-a\n>empty\n>s2\r\ngg\r\n")
    # The header is characters 0 to 8; ACGT 10 to 13; N, u, a 15, 16, 18; ">empty" begins at 20, ">s2" at 27, gg at 32.
    assert sequence.codes.tolist() == [0, 1, 2, 3, 4, 3, 0, 2, 2]
    assert sequence.places.tolist() == [10, 11, 12, 13, 15, 16, 18, 32, 33]
    assert sequence.records == (Record(name="s1", start=0, end=7), Record(name="s2", start=7, end=9))
    assert (sequence.span.start, sequence.span.end) == (10, 34)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("acgtu", [0, 1, 2, 3, 3]),
        ("RYSWKMBDHVN", [4] * 11),
        ("rysw kmb\tdhvn\r\n", [4] * 11),
        ("a-c..g\n\nt", [0, 1, 2, 3]),
    ],
)
def test_bases_alone_are_one_record_without_a_name(text: str, codes: list[int]) -> None:
    sequence = read_dna(text)
    assert sequence.codes.tolist() == codes
    assert sequence.records == (Record(name="", start=0, end=len(codes)),)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (">\u57fa\u56e0 1\nAC", ["\u57fa\u56e0"]),
        (">  spaced  x\nAC", ["spaced"]),
        (">\nAC", [""]),
        ("AC\n>b\nGT", ["", "b"]),
        (">a\rAC\r>b\rGT", ["a", "b"]),
        (f">{'x' * 1_000_000}\nAC", ["x" * 200]),
        (">a", None),
        (">a\n>b\n", None),
        ("--..\n", None),
        (" ", None),
        ("", None),
        (">" * 1_000_000, None),
        (">\n" * 500_000, None),
        ("-" * 1_000_000, None),
    ],
    ids=range(14),
)
def test_names_are_first_words_and_records_without_bases_are_left_out(text: str, names: list[str] | None) -> None:
    if names is None:
        with pytest.raises(BadText) as caught:
            read_dna(text)
        assert (caught.value.message, caught.value.hint) == (NONE, HINT)
    else:
        assert [record.name for record in read_dna(text).records] == names


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ACGE", "'E' at character 3, in line 1"),
        (">protein\nMKV\nLLE", "'L' at character 13, in line 3"),
        (">a\r\nAC\r\nA1", "'1' at character 9, in line 3"),
        ("AC>GT", "'>' at character 2, in line 1"),
        (" >a\nAC", "'>' at character 1, in line 1"),
        ("AC\x07GT", r"'\x07' at character 2, in line 1"),
        ("AC\u2028GT", r"'\u2028' at character 2, in line 1"),
        ("AC\u84dd", "'\u84dd' at character 2, in line 1"),
        ("AC\xff", "'\xff' at character 2, in line 1"),
        ("AC*", "'*' at character 2, in line 1"),
        ("A" * 1_000_000 + "!", "'!' at character 1,000,000, in line 1"),
    ],
    ids=range(11),
)
def test_what_is_no_dna_is_named_with_its_place(text: str, wrong: str) -> None:
    with pytest.raises(BadText) as caught:
        read_dna(text)
    assert caught.value.message == f"The text is no DNA: {wrong}, is no code of a base."
    assert (caught.value.hint, caught.value.sqlstate) == (HINT, "OA026")


def test_as_many_records_as_are_read() -> None:
    assert len(read_dna(">\nA\n" * 10_000).records) == 10_000
    with pytest.raises(BadText, match=r"The text has 10,001 records; at most 10,000 are read\."):
        read_dna(">\nA\n" * 10_001)
