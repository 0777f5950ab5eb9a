"""Requests are read from bytes, answers written, both without a connection."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import (
    BadParameter,
    ImageTooLarge,
    InvalidInput,
    InvalidPipeline,
    OpenAnalyticError,
    UnknownPipeline,
)
from open_analytic.service import limits, messages
from open_analytic.service.messages import Define, Describe, Encoding, Refusal, Run, parse

MAX_BYTES = 1000
HASH = "0123456789abcdef" * 4
TEXT = '{"name":"人脸"}'
HEX = TEXT.encode().hex()


def hexed(data: bytes) -> str:
    return data.hex() or "-"


@given(
    give=st.sampled_from(["output", "vector"]),
    hash_=st.binary(min_size=32, max_size=32),
    parameters=st.dictionaries(st.text(), st.integers() | st.text(), min_size=1),
    items=st.lists(st.binary(max_size=MAX_BYTES), min_size=1, max_size=4),
    timeout_ms=st.none() | st.integers(0, 999_999_999),
)
def test_a_run_is_read_as_it_was_written(
    give: str, hash_: bytes, parameters: dict[str, int | str], items: list[bytes], timeout_ms: int | None
) -> None:
    text = json.dumps(parameters, ensure_ascii=False)
    query = f"RUN {give} {hash_.hex()} {text.encode().hex()} {' '.join(map(hexed, items))}"
    if timeout_ms is not None:
        query = f"TIMEOUT {timeout_ms} {query}"
    expected = Run(give=give, hash=hash_.hex(), parameters=text, items=tuple(items), timeout_ms=timeout_ms)
    assert parse(bytearray(query.encode()), max_bytes=MAX_BYTES) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            f"RUN output {HASH.upper()} - -",
            Run(give="output", hash=HASH, parameters="{}", items=(b"",), timeout_ms=None),
            id="nothing given",
        ),
        pytest.param(f"DEFINE {HASH} {HEX}", Define(hash=HASH, text=TEXT), id="define"),
        pytest.param(f"DESCRIBE {HEX}", Describe(text=TEXT), id="describe"),
        pytest.param("set client_encoding to 'LATIN1'", Encoding(name="LATIN1"), id="libpq's spelling"),
        pytest.param("SET client_encoding TO 'EUC_JIS_2004';", Encoding(name="EUC_JIS_2004"), id="a person's spelling"),
        pytest.param("", None, id="empty"),
        pytest.param(" ;\n", None, id="blank"),
    ],
)
def test_requests_are_understood(query: str, expected: object) -> None:
    assert parse(query.encode(), max_bytes=MAX_BYTES) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "SET search_path TO 'x'",
        "SET client_encoding TO 'x'; DROP TABLE t",
        "run output",
        f"RUN output {HASH} - ",
        f"RUN output {HASH} -",
        f"RUN output {HASH} - ab  cd",
        f"RUN output {HASH} - ab\ncd",
        f"RUN output {HASH} - abc",
        f"RUN output {HASH} - --",
        f"RUN output {HASH} - xy",
        f"RUN output {HASH} - ab\0cd",
        f"RUN output {HASH} abc ab",
        f"RUN output {HASH} ff ab",
        f"RUN output {HASH[1:]} - ab",
        f"RUN everything {HASH} - ab",
        f"TIMEOUT -1 RUN output {HASH} - ab",
        f"TIMEOUT 1000000000 RUN output {HASH} - ab",
        f"DEFINE {HASH} -",
        f"DEFINE {HASH} ",
        f"DEFINE {HASH} ff",
        f"TIMEOUT 5 DEFINE {HASH} {HEX}",
        "DESCRIBE ",
        "DESCRIBE 7b7d 7b7d",
    ],
)
def test_what_is_no_request_is_refused(query: str) -> None:
    with pytest.raises(Refusal, match="no SQL server") as caught:
        parse(query.encode(), max_bytes=MAX_BYTES)
    assert (caught.value.sqlstate, caught.value.fatal) == ("0A000", False)


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        pytest.param(
            f"RUN output {HASH} - ab {'00' * 1001}",
            ImageTooLarge,
            "Input 2 is too large; at most 1,000 bytes an input and 4,000 a request are read.",
            id="an input",
        ),
        pytest.param(
            f"RUN output {HASH} - {' '.join(['00' * 1000] * 5)}",
            ImageTooLarge,
            "Input 5 is too large; at most 1,000 bytes an input and 4,000 a request are read.",
            id="all together",
        ),
        pytest.param(
            f"RUN output {HASH} -{' -' * 1025}",
            InvalidInput,
            "The request has too many inputs; at most 1,024 are read at once.",
            id="too many",
        ),
        pytest.param(
            f"RUN output {HASH} {'20' * (limits.PARAMETERS_BYTES + 1)} ab",
            BadParameter,
            "The parameters have 65,537 bytes of JSON; at most 65,536 are read.",
            id="parameters",
        ),
        pytest.param(
            "DESCRIBE " + "7b" * (limits.DEFINITION_BYTES + 1),
            InvalidPipeline,
            "The definition is too long; at most 4,000,000 bytes are read.",
            id="a definition",
        ),
    ],
)
def test_too_much_is_an_error_of_ours(query: str, kind: type[OpenAnalyticError], message: str) -> None:
    with pytest.raises(kind) as caught:
        parse(query.encode(), max_bytes=MAX_BYTES)
    assert (type(caught.value), caught.value.message) == (kind, message)


def test_the_largest_request_fits() -> None:
    query = f"TIMEOUT 999999999 RUN output {HASH} - {' '.join(['00' * 1000] * 4)}".encode()
    assert len(query) < limits.hex_bytes(MAX_BYTES)
    request = parse(query, max_bytes=MAX_BYTES)
    assert isinstance(request, Run)
    assert request.items == (bytes(1000),) * 4


_beginnings = [b"", b"RUN output ", f"RUN vector {HASH} - ".encode(), f"DEFINE {HASH} ".encode(), b"DESCRIBE ", b"SET "]


@given(beginning=st.sampled_from(_beginnings), rest=st.binary())
def test_any_bytes_are_a_request_or_refused(beginning: bytes, rest: bytes) -> None:
    try:
        request = parse(beginning + rest, max_bytes=MAX_BYTES)
    except (Refusal, OpenAnalyticError):
        return
    assert request is None or isinstance(request, Run | Define | Describe | Encoding)


def test_a_request_shows_no_payload() -> None:
    run = Run(give="output", hash=HASH, parameters='{"a":1}', items=(b"secret",), timeout_ms=5)
    assert repr(run) == f"Run(give='output', hash='{HASH}', timeout_ms=5)"


def test_an_answer_is_a_result_set() -> None:
    columns = b"".join(name + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0) for name in (b"output\0", b"error\0"))
    expected = (
        b"T" + struct.pack("!ih", 6 + len(columns), 2) + columns
        # 4 bytes of length, 2 of the number of columns, 4 + 2 of {} and 4 of the null
        + b"D\0\0\0\x10\0\2\0\0\0\2{}\xff\xff\xff\xff"
        + b"C\0\0\0\x0dSELECT 1\0"
    )  # fmt: skip
    assert messages.answer([("{}", None)]) == expected


def test_an_answer_that_is_not_ascii_is_our_mistake() -> None:
    with pytest.raises(UnicodeEncodeError):
        messages.answer([('{"name": "é"}', None)])


def test_a_failure_is_a_row() -> None:
    error = UnknownPipeline("No pipeline is named 'é'.", hint="Try another.")
    assert messages.failure(error) == messages.answer([(None, json.dumps(error.as_dict()))])


def test_a_refusal_is_ascii_and_ends_where_it_says() -> None:
    reply = messages.refused(Refusal("0A000", "No é\0.", hint="None."))
    body = b"SERROR\0VERROR\0C0A000\0MNo \\xe9?.\0HNone.\0\0"
    assert reply == b"E" + struct.pack("!i", len(body) + 4) + body


@pytest.mark.parametrize(
    ("version", "body", "expected"),
    [
        pytest.param(3 << 16, b"user\0a\0\0", b"", id="3.0"),
        pytest.param(3 << 16, b"\0", b"", id="nobody"),
        pytest.param(
            (3 << 16) + 9999,
            b"user\0a\0_pq_.grease\0on\0\0",
            b"v\0\0\0\x18\0\3\0\0\0\0\0\1_pq_.grease\0",
            id="newer, with an option",
        ),
    ],
)
def test_the_version_is_agreed(version: int, body: bytes, expected: bytes) -> None:
    assert messages.agree(version, body) == expected


@pytest.mark.parametrize(
    ("version", "body", "sqlstate"),
    [
        pytest.param(2 << 16, b"", "0A000", id="2.0"),
        pytest.param(4 << 16, b"\0", "0A000", id="4.0"),
        pytest.param(3 << 16, b"", "08P01", id="no list"),
        pytest.param(3 << 16, b"user\0a\0", "08P01", id="no end"),
        pytest.param(3 << 16, b"user\0\0a\0\0", "08P01", id="no value"),
    ],
)
def test_what_cannot_be_agreed_is_fatal(version: int, body: bytes, sqlstate: str) -> None:
    with pytest.raises(Refusal) as caught:
        messages.agree(version, body)
    assert (caught.value.sqlstate, caught.value.fatal) == (sqlstate, True)
