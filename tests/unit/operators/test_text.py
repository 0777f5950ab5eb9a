"""Bytes to text: what is none, or too long, is a typed error that says where."""

import pytest

from open_analytic.errors import BadText
from open_analytic.operators.text import decode_text


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
