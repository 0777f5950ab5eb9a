"""Bytes to text: what is none, or too long, is a typed error that says where. Text to passages with their spans."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import BadText
from open_analytic.operators.text import crop_text, cut_passages, decode_text
from open_analytic.types import TextSpan


@pytest.mark.parametrize("text", ["a", "蓝 house", "🙂" * 10, "two\nlines\t"])
def test_a_text_is_what_was_encoded(text: str) -> None:
    assert decode_text(text.encode()) == text
    assert decode_text(text.encode("utf-8-sig")) == text


def test_as_many_characters_as_are_allowed() -> None:
    assert len(decode_text(("🙂" * 50).encode("utf-8-sig"), max_characters=50)) == 50
    with pytest.raises(BadText, match=r"The text has 51 characters; at most 50 are read\."):
        decode_text(b"a" * 51, max_characters=50)
    with pytest.raises(BadText, match=r"The text has at least 60 characters; at most 50 are read\."):
        decode_text(b"\xff" * 240, max_characters=50)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The text is empty."),
        (b" \n\t", "The text is empty."),
        (b"ab\0", "The text has a NUL at character 2."),
        (b"abc\xff", "The bytes are not text in UTF-8: byte 3 does not fit."),
        ("house".encode("utf-16"), "The bytes are not text in UTF-8: byte 0 does not fit."),
        (b"\xed\xa0\x80", "The bytes are not text in UTF-8: byte 0 does not fit."),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BadText) as caught:
        decode_text(data)
    assert caught.value.message == message
    assert caught.value.sqlstate == "OA026"


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("short", ["short"]),
        ("  spaces around \n", ["spaces around"]),
        ("a line that ends here\nand another line", ["a line that ends here", "and another line"]),
        ("One sentence. Two sentences here", ["One sentence.", "Two sentences here"]),
        ("words without any end of them", ["words without any end of", "them"]),
        ("x" * 60, ["x" * 25, "x" * 25, "x" * 10]),
        (
            "一个红色的房子在树旁边有。另一个蓝色的房子在山上面。完",
            ["一个红色的房子在树旁边有。", "另一个蓝色的房子在山上面。完"],
        ),
        ("x" * 25 + "\n" + "y" * 25, ["x" * 25, "y" * 25]),
    ],
    ids=["whole", "trimmed", "line", "sentence", "word", "none", "Chinese", "full"],
)
def test_a_text_is_cut_where_a_line_a_sentence_or_a_word_ends(text: str, passages: list[str]) -> None:
    assert [crop_text(text, span) for span in cut_passages(text, characters=25)] == passages


@given(st.text(alphabet="ab. \n。", max_size=200), st.integers(20, 40))
def test_passages_leave_out_white_space_only(text: str, characters: int) -> None:
    spans = cut_passages(text, characters=characters)
    parts = [text[span.start : span.end] for span in spans]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() and 0 < len(part) <= characters for part in parts)
    assert all(span.end <= later.start for span, later in pairwise(spans))


def test_passages_of_a_part_have_their_place_in_the_whole_text() -> None:
    text = "first words. " + "then others follow them here. " * 2
    part = crop_text(text, TextSpan(start=13, end=len(text)))
    spans = cut_passages(part, characters=30)
    assert [text[span.start : span.end] for span in spans] == ["then others follow them here."] * 2
    assert [crop_text(part, span) for span in spans] == ["then others follow them here."] * 2
    assert crop_text(part, TextSpan(start=0, end=13)) == ""


def test_a_text_has_at_most_ten_thousand_passages() -> None:
    assert len(cut_passages("x" * 200_000, characters=20)) == 10_000
    with pytest.raises(BadText, match=r"The text of 200,001 characters has more than 10,000 passages\."):
        cut_passages("x" * 200_001, characters=20)
