"""The wire as libpq sees it, and its end."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.pq import ExecStatus

from open_analytic.errors import BadImage, ImageTooLarge
from open_analytic.service import limits, messages
from open_analytic.service.wire import Run
from tests.process.service.wiring import (
    HASH,
    MAX_BYTES,
    SECONDS,
    Raw,
    Service,
    error_row,
    eventually,
    rows,
    run,
    started,
)


def test_a_request_is_answered_in_rows(service: Service) -> None:
    with service.connect() as connection:
        result = connection.pgconn.exec_(f"TIMEOUT 250 {run(b'abc', b'')}".encode())
        names = [result.fname(column) for column in range(result.nfields)]
        types = [result.ftype(column) for column in range(result.nfields)]
        values = [[result.get_value(row, column) for column in range(2)] for row in range(result.ntuples)]
    assert (result.status, result.command_tuples) == (ExecStatus.TUPLES_OK, 2)
    assert (names, types, values) == (
        [b"output", b"error"],
        [25, 25],
        [[b'{"bytes": 3}', None], [b'{"bytes": 0}', None]],
    )
    expected = Run(give="output", hash=HASH, parameters="{}", items=(b"abc", b""), timeout_ms=250)
    assert service.handler.seen[-1] == expected


def test_a_large_picture_and_many_requests_fit_one_connection(service: Service) -> None:
    with service.connect() as connection:
        for size in (MAX_BYTES, 1, MAX_BYTES - 1):
            assert rows(connection, run(bytes(size))) == [(f'{{"bytes": {size}}}', None)]


def test_the_client_is_told_about_the_server(service: Service) -> None:
    with service.connect() as connection:
        pgconn = connection.pgconn
        names = [b"server_version", b"server_encoding", b"client_encoding", b"standard_conforming_strings"]
        assert [pgconn.parameter_status(name) for name in names] == [b"15.0 (open_analytic)", b"UTF8", b"UTF8", b"on"]
        assert (pgconn.server_version, pgconn.used_password) == (150000, True)


@pytest.mark.parametrize("mode", ["prefer", "disable"])
def test_tcp_is_answered_without_encryption(service: Service, mode: str) -> None:
    with service.connect(host="127.0.0.1", port=service.port, sslmode=mode) as connection:
        assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


def test_encryption_cannot_be_demanded(service: Service) -> None:
    with pytest.raises(psycopg.OperationalError, match="server does not support SSL"):
        service.connect(host="127.0.0.1", port=service.port, sslmode="require")


def test_a_wrong_password_is_refused(service: Service) -> None:
    with pytest.raises(psycopg.OperationalError, match="The password is not the service's"):
        service.connect(password="a guess")  # noqa: S106
    raw = Raw(service, password=b"a guess")
    assert raw.refusal() == ("FATAL", "28P01", "The password is not the service's.")
    assert raw.read() == (b"", b"")
    raw.close()


def test_nothing_is_asked_when_there_is_no_password() -> None:
    with Service() as service, service.connect() as connection:
        assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]
        assert not connection.pgconn.used_password


def test_more_connections_than_allowed_are_refused() -> None:
    with Service(max_connections=2) as service:
        with service.connect(), service.connect(), pytest.raises(psycopg.OperationalError, match="has 2 connections"):
            service.connect()
        assert eventually(service.alive)


def test_a_client_that_says_nothing_is_let_go() -> None:
    with Service(handshake_s=0.1) as service, socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(str(service.path))
        assert client.recv(1) == b""


def test_sql_is_refused(service: Service) -> None:
    with service.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="This is no SQL server"):
            connection.execute("SELECT 1")
        assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


def test_the_extended_protocol_is_refused(service: Service) -> None:
    with service.connect() as connection:
        for _ in range(2):
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="simple query protocol only"):
                connection.execute("SELECT %s", [1])
            assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


def test_an_empty_query_has_an_empty_answer(service: Service) -> None:
    with service.connect() as connection:
        assert connection.pgconn.exec_(b"").status == ExecStatus.EMPTY_QUERY


def test_an_error_is_a_row(service: Service) -> None:
    with service.connect() as connection:
        assert rows(connection, run(b"abc", b"bad")) == error_row(BadImage(hint="Try ä PNG."))


def test_a_bug_is_a_row_without_details(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with service.connect() as connection:
        [(output, error)] = rows(connection, run(b"bug"))
    message, hint = "The service failed with an internal error.", "Its log says why."
    expected = {"type": "OpenAnalyticError", "sqlstate": "OA000", "message": message, "hint": hint}
    assert (output, json.loads(error)) == (None, expected)
    assert [(record.levelno, record.getMessage()) for record in caplog.records if record.levelno > logging.DEBUG] == [
        (logging.ERROR, "A request failed.")
    ]


def test_a_query_that_is_too_long_is_thrown_away(service: Service) -> None:
    limit = limits.hex_bytes(MAX_BYTES)
    with service.connect() as connection:
        [(_, error)] = rows(connection, run(bytes(limit)))
        too_large = (
            f"The request has {len(run(bytes(limit))) + 1:,} bytes; at most 300,000 bytes an input and 1,200,000"
        )
        assert json.loads(error) == ImageTooLarge(f"{too_large} a request are read.").as_dict()
        with pytest.raises(psycopg.errors.ProgramLimitExceeded):
            connection.execute(b"SELECT " + bytes(limit).hex().encode())
        assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


def test_a_query_that_is_too_long_is_not_held(service: Service) -> None:
    piece, pieces = b"0" * 2**20, 100
    raw = Raw(service)
    tracemalloc.start()
    try:
        raw.send(b"Q" + struct.pack("!i", 4 + len(piece) * pieces) + b"RUN " + piece[4:])
        for _ in range(pieces - 1):
            raw.send(piece)
        assert [kind for kind, _ in raw.until_ready()] == [b"T", b"D", b"C"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    raw.close()
    assert peak < 20 * 2**20


def test_a_request_is_cancelled_and_the_connection_goes_on(service: Service) -> None:
    with service.connect() as connection, ThreadPoolExecutor() as pool:
        waiting = started(service, lambda: pool.submit(rows, connection, run(b"hold")))
        connection.cancel_safe(timeout=SECONDS)
        with pytest.raises(psycopg.errors.QueryCanceled, match="The request was cancelled"):
            waiting.result(SECONDS)
        assert service.handler.cancelled.acquire(timeout=SECONDS)
        connection.cancel_safe(timeout=SECONDS)  # nothing runs: nothing happens
        assert rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


def test_a_cancel_request_needs_the_key(service: Service) -> None:
    raw = Raw(service)
    started(service, lambda: raw.query(run(b"hold")))
    for key in (raw.key[:4] + bytes(4), raw.key[:4], b"", raw.key[:7], raw.key + b"\0"):
        request = struct.pack("!ii", 8 + len(key), messages.CANCEL_REQUEST) + key
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(SECONDS)
            other.connect(str(service.path))
            other.sendall(request)
            assert other.recv(1) == b""
    assert not service.handler.cancelled.acquire(timeout=0.05)
    raw.close()
    assert service.handler.cancelled.acquire(timeout=SECONDS)


@pytest.mark.parametrize("farewell", [b"", b"X\0\0\0\4"], ids=["no word", "terminate"])
def test_a_client_that_leaves_cancels_its_request(service: Service, farewell: bytes) -> None:
    raw = Raw(service)
    started(service, lambda: raw.query(run(b"hold")))
    raw.send(farewell)
    raw.close()
    assert service.handler.cancelled.acquire(timeout=SECONDS)
    assert service.alive()


def test_queries_sent_ahead_are_answered_in_order(service: Service) -> None:
    raw = Raw(service)
    for size in range(5):
        raw.query(run(b"x" * size))
    for size in range(5):
        assert [body for kind, body in raw.until_ready() if kind == b"D"] == [
            b"\0\2\0\0\0\x0c" + json.dumps({"bytes": size}).encode() + b"\xff" * 4
        ]
    raw.close()


def test_64_clients_are_answered_at_once(fresh: Service) -> None:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(64) as pool:
        connections = [stack.enter_context(fresh.connect()) for _ in range(64)]
        # Each is answered when all have asked.
        answers = list(pool.map(lambda connection: rows(connection, run(b"meet")), connections, timeout=SECONDS))
    assert answers == [[('{"bytes": 4}', None)]] * 64


# Draining


def test_draining_finishes_what_runs_and_refuses_the_rest(fresh: Service) -> None:
    busy, idle = fresh.connect(), fresh.connect()
    with busy, idle, ThreadPoolExecutor() as pool:
        waiting = started(fresh, lambda: pool.submit(rows, busy, run(b"hold")))
        draining = fresh.submit(fresh.wire.drain(SECONDS))
        with pytest.raises(psycopg.DatabaseError, match="is shutting down") as refused:
            eventually(lambda: rows(idle, run(b"abc")) == [])
        assert (refused.value.sqlstate, idle.broken) == ("OA071", False)
        with pytest.raises(psycopg.OperationalError, match="is shutting down"):
            fresh.connect()
        assert not draining.done()
        fresh.release()
        assert waiting.result(SECONDS) == [('{"bytes": 4}', None)]
        draining.result(SECONDS)
        for connection in (busy, idle):
            with pytest.raises(psycopg.Error):
                rows(connection, run(b"abc"))
            assert connection.broken


def test_draining_stops_what_takes_too_long(fresh: Service) -> None:
    raw = Raw(fresh)
    started(fresh, lambda: raw.query(run(b"hold")))
    fresh.run(fresh.wire.drain(0.05))
    assert fresh.handler.cancelled.acquire(timeout=SECONDS)
    assert raw.refusal() == ("FATAL", "OA071", "The inference service is shutting down.")
    assert raw.read() == (b"", b"")
    raw.close()


def test_draining_does_not_wait_for_a_client_that_does_not_read(fresh: Service) -> None:
    raw = Raw(fresh)
    for _ in range(20):
        raw.query(run(*[b"x"] * 1024))
    assert eventually(lambda: len(fresh.handler.seen) > 3)
    fresh.run(fresh.wire.drain(0.05))
    raw.close()
