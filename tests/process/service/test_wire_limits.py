"""The wire counts what a client announces before it is read, and waits for no request for ever."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import psycopg
import pytest

from open_analytic.errors import ServiceBusy
from open_analytic.service import limits
from tests.process.service.wiring import PASSWORD, Raw, Service, eventually, rows, run, started

ABC = [('{"bytes": 3}', None)]
BUSY = [(None, json.dumps(ServiceBusy(hint="Try again in 1 s.").as_dict()))]
LATE = ("FATAL", "OA073", "The request was not there within 0 s.")


@pytest.fixture
def own() -> Iterator[Service]:
    with Service(password=PASSWORD) as it:
        yield it


def begin(raw: Raw, length: int, text: bytes) -> None:
    """The head of a query that announces a length, and its beginning."""
    raw.send(b"Q" + struct.pack("!i", length + 4) + text)


def test_a_query_counts_by_its_announced_length_until_it_is_answered(own: Service) -> None:
    raw = Raw(own)
    begin(raw, 100_000, b"RUN output ")
    assert eventually(lambda: (own.admission.calls, own.admission.bytes) == (1, 100_000))
    raw.close()
    assert eventually(lambda: (own.admission.calls, own.admission.bytes) == (0, 0))
    raw = Raw(own)
    text = run(b"hold")
    started(own, lambda: raw.query(text))
    assert (own.admission.calls, own.admission.bytes) == (1, len(text) + 1)
    own.release()
    assert [kind for kind, _ in raw.until_ready()] == [b"T", b"D", b"C"]
    assert eventually(lambda: (own.admission.calls, own.admission.bytes) == (0, 0))
    raw.close()


def test_what_there_is_no_room_for_is_refused_and_the_connection_goes_on(own: Service) -> None:
    own.admission.most = 10_000
    with own.connect() as connection:
        assert rows(connection, run(bytes(20_000))) == BUSY
        assert rows(connection, run(b"abc")) == ABC
    assert own.handler.seen != []
    assert eventually(lambda: (own.admission.calls, own.admission.bytes) == (0, 0))


def test_the_parts_of_a_request_count_together(own: Service) -> None:
    own.admission.most = 10_000
    with own.connect() as connection:
        part = "PART " + "0" * 3_000
        for number in range(1, 4):
            assert rows(connection, part) == [("null", None)]
            assert own.admission.bytes == number * (len(part) + 1)
        assert rows(connection, part) == BUSY
        assert eventually(lambda: own.admission.bytes == 0)
        assert rows(connection, f"PART {run(b'')[:-1]}") == [("null", None)]
        assert rows(connection, b"abc".hex()) == ABC
        assert eventually(lambda: own.admission.bytes == 0)
        assert rows(connection, part) == [("null", None)]
    assert eventually(lambda: own.admission.bytes == 0)  # who leaves holds nothing


def test_parts_that_were_cancelled_count_no_more(own: Service) -> None:
    with own.connect() as connection:
        assert rows(connection, "PART " + "0" * 3_000) == [("null", None)]
        connection.cancel_safe()
        assert eventually(lambda: own.admission.bytes == 0)


@pytest.mark.parametrize("sent", [b"Q", b"Q\0\0", b"Q\0\0\0\x64RUN", b"P\0\0\0\x64abc"])
def test_a_message_that_does_not_end_is_ended(own: Service, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    raw = Raw(own)
    monkeypatch.setattr(limits, "BODY_S", 0.2)
    raw.send(sent)
    assert raw.refusal() == LATE
    assert raw.read() == (b"", b"")
    assert (own.admission.calls, own.admission.bytes) == (0, 0)
    raw.close()


def test_a_request_in_parts_has_its_time_from_its_first_byte(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = Raw(own)
    monkeypatch.setattr(limits, "BODY_S", 0.5)
    raw.query("PART RUN ")
    assert raw.until_ready() != []
    assert raw.refusal() == LATE
    raw.close()


def test_a_connection_waits_for_its_next_request_as_long_as_it_likes(
    own: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, other = Raw(own), Raw(own)
    monkeypatch.setattr(limits, "BODY_S", 0.2)
    other.send(b"Q")
    assert other.refusal() == LATE  # so long has passed
    other.close()
    monkeypatch.setattr(limits, "BODY_S", 20.0)
    raw.query(run(b"abc"))
    assert [kind for kind, _ in raw.until_ready()] == [b"T", b"D", b"C"]
    raw.close()


def test_an_answer_that_is_not_read_is_not_kept(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = Raw(own)
    monkeypatch.setattr(limits, "BODY_S", 1.0)
    for _ in range(400):  # their answers are more than the system's buffers hold
        raw.query(run(*[b"a"] * 1000))
        if raw.is_full():
            break
    assert eventually(lambda: (own.admission.calls, own.admission.bytes) == (0, 0))
    raw.close()


def test_nothing_else_is_read_as_a_request_for_long(own: Service) -> None:
    """Patterns that look through the whole query are for short ones."""
    with own.connect() as connection:
        for query in (" " * 1_000_000, " " * 1_000_000 + "SET client_encoding TO 'UTF8'"):
            with pytest.raises(psycopg.errors.FeatureNotSupported):
                rows(connection, query)
        assert rows(connection, run(b"abc")) == ABC
