"""A request in parts: as one that came whole, no longer than one, and forgotten when something else comes between."""

from __future__ import annotations

import json
import tracemalloc

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_analytic.errors import ImageTooLarge
from open_analytic.service import limits
from open_analytic.service.messages import Refusal
from open_analytic.service.split_request import SplitRequest
from tests.process.service.wiring import MAX_BYTES, Raw, Service, rows, run

EMPTY = [("null", None)]
ABC = [('{"bytes": 3}', None)]
MOST = limits.hex_bytes(MAX_BYTES)
TOO_LARGE = ImageTooLarge(
    f"The request has more than {MOST:,} bytes; at most 300,000 bytes an input and 1,200,000 a request are read."
)


def too_large() -> list[tuple[None, str]]:
    return [(None, json.dumps(TOO_LARGE.as_dict()))]


@settings(deadline=None, max_examples=50)
@given(cuts=st.lists(st.integers(0, len(run(b"abc", b""))), max_size=5).map(sorted))
def test_a_request_in_parts_is_as_one_that_came_whole(service: Service, cuts: list[int]) -> None:
    text = run(b"abc", b"")
    *parts, last = (text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True))
    with service.connect() as connection:
        for part in parts:
            assert rows(connection, f"PART {part}") == EMPTY
        if last or any(parts):
            assert rows(connection, last) == [*ABC, ('{"bytes": 0}', None)]
        assert rows(connection, run(b"abc")) == ABC


def test_what_is_not_the_last_part_is_kept_as_it_is(service: Service) -> None:
    with service.connect() as connection:
        assert rows(connection, "PART PART ") == EMPTY
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="no SQL server"):
            rows(connection, run(b"abc"))  # PART RUN ...
        assert rows(connection, run(b"abc")) == ABC


def test_parts_that_are_too_long_are_refused_to_their_end(service: Service) -> None:
    half = "00" * (MOST // 4 + 100)
    with service.connect() as connection:
        assert rows(connection, f"PART {run(b'abc')}{half}") == EMPTY
        for part in (half, "aa", "bb"):
            assert rows(connection, f"PART {part}") == too_large()
        assert rows(connection, run(b"abc")) == ABC
        assert rows(connection, f"PART {half}") == EMPTY
        assert rows(connection, half) == too_large()  # the last one
        assert rows(connection, f"PART {run(b'')[:-1]}") == EMPTY
        assert rows(connection, b"abc".hex()) == ABC


def test_a_part_that_alone_is_too_long_is_not_read(service: Service) -> None:
    with service.connect() as connection:
        assert rows(connection, "PART " + "0" * MOST) == too_large()
        assert rows(connection, "PART aa") == too_large()
        assert rows(connection, run(b"abc")) == ABC


@pytest.mark.parametrize("between", ["SET client_encoding TO 'UTF8'", "cancel", "extended", "too long"])
def test_parts_are_forgotten_when_something_else_comes_between(service: Service, between: str) -> None:
    with service.connect() as connection:
        assert rows(connection, f"PART {run(b'abc')}00") == EMPTY
        if between == "cancel":
            connection.cancel_safe()
        elif between == "extended":
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                connection.execute("SELECT %s", [1])
        elif between == "too long":
            with pytest.raises(psycopg.errors.ProgramLimitExceeded):
                connection.execute(b"00" * MOST)
        else:
            connection.execute(between.encode())
        assert rows(connection, run(b"abc")) == ABC


def test_parts_of_one_client_are_not_another_s(service: Service) -> None:
    with service.connect() as one, service.connect() as other:
        assert rows(one, f"PART {run(b'abc')}") == EMPTY
        assert rows(other, run(b"abc")) == ABC
        assert rows(one, "00") == [('{"bytes": 4}', None)]


def test_parts_are_refused_when_the_service_shuts_down(fresh: Service) -> None:
    raw = Raw(fresh)
    fresh.wire._draining = True
    raw.query("PART RUN ")
    assert raw.refusal() == ("ERROR", "OA071", "The inference service is shutting down.")
    raw.close()


def test_parts_are_kept_without_copying_what_is_there() -> None:
    """40 MB in parts of 128 kB: a copy of what is there beside it would take as much again."""
    split, piece = SplitRequest(50_000_000), bytearray(b"PART " + b"0" * 131_072)
    tracemalloc.start()
    try:
        for _ in range(320):
            assert split.add(piece) is None
        whole = split.add(bytearray(b"1"))
        assert whole is not None
        assert tracemalloc.get_traced_memory()[1] < 1.5 * len(whole)
    finally:
        tracemalloc.stop()
    assert whole == bytearray(b"0" * 131_072 * 320 + b"1")


def test_what_is_refused_unread_names_its_kind() -> None:
    split = SplitRequest(MAX_BYTES)
    assert isinstance(split.too_long(b"SELECT ", MOST + 1), Refusal)
    assert str(split.too_long(b"PART RUN", MOST + 1)) == str(TOO_LARGE)
