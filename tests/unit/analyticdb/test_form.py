"""Forms in the body of a request, as urllib reads them, and without work that a client can multiply."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.analyticdb import form
from open_analytic.errors import InvalidInput


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60)), max_size=3), st.integers(4, 20))
def test_a_form_is_read_in_pieces_as_in_one(fields: list[tuple[str, str]], piece: int) -> None:
    data = "&".join(
        f"{quote_plus(name, errors='replace')}={quote_plus(value, errors='replace')}" for name, value in fields
    )
    before = form.PIECE
    form.PIECE = piece
    try:
        assert form._urlencoded(data.encode(), 3) == parse_qsl(data, keep_blank_values=True)
    finally:
        form.PIECE = before


@pytest.mark.parametrize(
    "data", [b"", b"&", b"a", b"a=", b"=", b"a=1&&b=2", b"a=%", b"a=%4", b"a=%zz", b"a=1=2", b"a=+%2B"]
)
def test_odd_forms_are_read_as_everywhere(data: bytes) -> None:
    assert form._urlencoded(data, 3) == parse_qsl(data.decode(), keep_blank_values=True)


@pytest.mark.parametrize("data", [b"a=1&" * 4, b"&" * 1_000_000, b"image=" + b"%41" * 200_000])
def test_what_is_much_work_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"The form has more than 3 fields|one in 8 letters"):
        form._urlencoded(data, 3)
