"""Excerpts of texts: so many characters, around the span of a region."""

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import BadText
from open_analytic.types import TextSpan
from open_analytic.web import search_page, texts
from open_analytic.web.texts import MOST_QUERY

TEXT = "0123456789"
SPANS = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda ends: TextSpan(start=min(ends), end=max(ends)))


@pytest.mark.parametrize(
    ("span", "length", "pieces"),
    [
        (None, 4, ("", "", "0123", 0, 4, 10)),
        (None, 20, ("", "", TEXT, 0, 10, 10)),
        ((4, 6), 4, ("3", "45", "6", 3, 7, 10)),
        ((4, 6), 20, ("0123", "45", "6789", 0, 10, 10)),
        ((2, 9), 4, ("1", "234", "", 1, 5, 10)),
        ((8, 10), 4, ("67", "89", "", 6, 10, 10)),
        ((20, 30), 4, ("6789", "", "", 6, 10, 10)),
    ],
)
def test_an_excerpt_is_around_the_span(span: tuple[int, int] | None, length: int, pieces: tuple[object, ...]) -> None:
    region = TextSpan(start=span[0], end=span[1]) if span else None
    assert astuple(texts.cut(TEXT, region, length)) == pieces


@given(text=st.text(max_size=50), span=st.none() | SPANS, length=st.integers(1, 60))
def test_the_pieces_are_a_part_of_the_text(text: str, span: TextSpan | None, length: int) -> None:
    piece = texts.cut(text, span, length)
    assert piece.before + piece.marked + piece.after == text[piece.start : piece.end]
    assert (piece.end - piece.start, piece.characters) == (min(length, len(text)), len(text))
    if span and span.start < min(span.end, len(text)):
        assert piece.marked
        assert text[span.start : span.end].startswith(piece.marked)


def test_an_address_holds_a_text_of_a_limited_length() -> None:
    assert search_page.read({"text": "a" * MOST_QUERY}).text == "a" * MOST_QUERY
    with pytest.raises(BadText, match=r"The text has 4,001 characters; at most 4,000 are read\."):
        search_page.read({"text": "a" * (MOST_QUERY + 1)})
