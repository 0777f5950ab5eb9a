"""The wire is spoken to by libpq, by dblink in a real server, and by nobody in particular."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import socket
import struct
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.pq import ExecStatus

from open_analytic.errors import BadImage, ImageTooLarge
from open_analytic.service import messages
from open_analytic.service.wire import STREAM_LIMIT, Command, Row, Run, Wire

if TYPE_CHECKING:
    from open_analytic import embedded

T = TypeVar("T")
MAX_BYTES = 300_000
HASH = "ab" * 32
PASSWORD = "the service's"  # noqa: S105
SECONDS = 20


class Handler:
    """Answers with the sizes of its inputs; some inputs make it wait, fail or meet others."""

    def __init__(self) -> None:
        self.started, self.cancelled = threading.Semaphore(0), threading.Semaphore(0)
        self.seen: list[Command] = []
        self.held, self.met = asyncio.Event(), asyncio.Event()
        self.meeting = 0

    async def __call__(self, command: Command) -> Sequence[Row]:
        self.seen.append(command)
        self.started.release()
        if not isinstance(command, Run):
            return [("true", None)]
        try:
            return [await self._row(item) for item in command.items]
        except asyncio.CancelledError:
            self.cancelled.release()
            raise

    async def _row(self, item: bytes) -> Row:
        if item == b"bad":
            raise BadImage(hint="Try ä PNG.")
        if item == b"bug":
            raise KeyError("what nobody should read")
        if item == b"hold":
            await self.held.wait()
        if item == b"meet":
            self.meeting += 1
            if self.meeting == 64:
                self.met.set()
            await self.met.wait()
        return (json.dumps({"bytes": len(item)}), None)


class Service:
    """A wire on a socket that every account reaches, and on a TCP port, in a loop of its own."""

    def __init__(self, **options: Any) -> None:
        self.handler = Handler()
        self.wire = Wire(self.handler, max_bytes=MAX_BYTES, **options)
        self.folder = Path(tempfile.mkdtemp())
        self.folder.chmod(0o755)
        self.path = self.folder / ".s.PGSQL.5432"
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Service:
        self._thread.start()
        self.port: int = self.run(self._listen())
        self.path.chmod(0o666)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
        shutil.rmtree(self.folder)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.submit(work).result(SECONDS)

    def release(self) -> None:
        self.loop.call_soon_threadsafe(self.handler.held.set)

    async def _listen(self) -> int:
        unix = await asyncio.start_unix_server(self.wire.serve, self.path, limit=STREAM_LIMIT)
        tcp = await asyncio.start_server(self.wire.serve, "127.0.0.1", 0, limit=STREAM_LIMIT)
        self._servers = [unix, tcp]
        port: int = tcp.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        await self.wire.drain(0)

    @property
    def dsn(self) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(self.folder), port=5432, user="anyone", dbname="any", password=PASSWORD
        )

    def connect(self, **options: Any) -> psycopg.Connection:
        return psycopg.connect(self.dsn, autocommit=True, connect_timeout=SECONDS, **options)

    def alive(self) -> bool:
        """Whether a new client is let in and answered."""
        with self.connect() as connection:
            return rows(connection, run(b"abc")) == [('{"bytes": 3}', None)]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(password=PASSWORD) as service:
        yield service


@pytest.fixture
def fresh() -> Iterator[Service]:
    """A service of one's own, to drain."""
    with Service(password=PASSWORD) as service:
        yield service


def run(*items: bytes) -> str:
    return f"RUN output {HASH} - {' '.join(item.hex() or '-' for item in items)}"


def rows(connection: psycopg.Connection, query: str) -> list[Any]:
    return connection.execute(query.encode()).fetchall()


def error_row(error: Exception) -> list[Any]:
    assert isinstance(error, BadImage)
    return [(None, json.dumps(error.as_dict()))]


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# libpq


def test_a_request_is_answered_in_rows(service: Service) -> None:
    with service.connect() as connection:
        result = connection.pgconn.exec_(f"TIMEOUT 250 {run(b'abc', b'')}".encode())
        names = [result.fname(column) for column in range(result.nfields)]
        types = [result.ftype(column) for column in range(result.nfields)]
        told = [[result.get_value(row, column) for column in range(2)] for row in range(result.ntuples)]
    assert (result.status, result.command_tuples) == (ExecStatus.TUPLES_OK, 2)
    assert (names, types, told) == ([b"output", b"error"], [25, 25], [[b'{"bytes": 3}', None], [b'{"bytes": 0}', None]])
    expected = Run(give="output", hash=HASH, parameters="{}", items=(b"abc", b""), timeout_ms=250)
    assert service.handler.seen[-1] == expected


def test_a_large_picture_and_many_requests_fit_one_connection(service: Service) -> None:
    with service.connect() as connection:
        for size in (MAX_BYTES, 1, MAX_BYTES - 1):
            assert rows(connection, run(bytes(size))) == [(f'{{"bytes": {size}}}', None)]


def test_the_client_is_told_about_the_server(service: Service) -> None:
    with service.connect() as connection:
        told = connection.pgconn
        names = [b"server_version", b"server_encoding", b"client_encoding", b"standard_conforming_strings"]
        assert [told.parameter_status(name) for name in names] == [b"15.0 (open_analytic)", b"UTF8", b"UTF8", b"on"]
        assert (told.server_version, told.used_password) == (150000, True)


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
    limit = messages.query_bytes(MAX_BYTES)
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
    begin = time.monotonic()
    fresh.run(fresh.wire.drain(0.05))
    assert time.monotonic() - begin < 5
    raw.close()


# dblink


@pytest.fixture
def caller(empty_dsn: str, service: Service) -> Iterator[psycopg.Connection]:
    """A session of the embedded server that has the service as dblink connection 'oa'."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        prepare(connection, service)
        yield connection


def prepare(connection: psycopg.Connection, service: Service) -> None:
    connection.execute("CREATE EXTENSION dblink")
    connection.execute("SELECT dblink_connect('oa', %s)", [service.dsn])


def ask(connection: psycopg.Connection, query: str) -> None:
    assert connection.execute("SELECT dblink_send_query('oa', %s)", [query]).fetchone() == (1,)


def is_busy(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT dblink_is_busy('oa')").fetchone() == (1,)


def fetch(connection: psycopg.Connection) -> list[Any]:
    """The answer; asking once more, as libpq wants it, gives nothing."""
    assert eventually(lambda: not is_busy(connection))
    query = "SELECT output, error FROM dblink_get_result('oa') AS answer (output text, error text)"
    answer = connection.execute(query).fetchall()
    assert connection.execute(query).fetchall() == []
    return answer


def test_dblink_asks_again_and_again(caller: psycopg.Connection) -> None:
    for size in (3, MAX_BYTES, 0):
        ask(caller, run(bytes(size)))
        assert fetch(caller) == [(f'{{"bytes": {size}}}', None)]


def test_dblink_waits_without_blocking(caller: psycopg.Connection, fresh: Service) -> None:
    caller.execute("SELECT dblink_disconnect('oa')")
    caller.execute("SELECT dblink_connect('oa', %s)", [fresh.dsn])
    started(fresh, lambda: ask(caller, run(b"hold")))
    assert is_busy(caller)
    fresh.release()
    assert fetch(caller) == [('{"bytes": 4}', None)]


def test_dblink_gets_errors_as_rows(caller: psycopg.Connection) -> None:
    ask(caller, run(b"bad"))
    assert fetch(caller) == error_row(BadImage(hint="Try ä PNG."))


def test_dblink_raises_refusals(caller: psycopg.Connection) -> None:
    ask(caller, "SELECT 1")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="This is no SQL server"):
        fetch(caller)


def test_dblink_cancels(caller: psycopg.Connection, service: Service) -> None:
    started(service, lambda: ask(caller, run(b"hold")))
    assert caller.execute("SELECT dblink_cancel_query('oa')").fetchone() == ("OK",)
    with pytest.raises(psycopg.errors.QueryCanceled, match="The request was cancelled"):
        fetch(caller)
    assert service.handler.cancelled.acquire(timeout=SECONDS)
    assert caller.execute("SELECT count(*) FROM dblink_get_result('oa') AS a (o text, e text)").fetchone() == (0,)
    ask(caller, run(b"abc"))
    assert fetch(caller) == [('{"bytes": 3}', None)]


def test_a_terminated_backend_cancels_its_request(
    caller: psycopg.Connection, service: Service, server: embedded.Server
) -> None:
    started(service, lambda: ask(caller, run(b"hold")))
    with psycopg.connect(server.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [caller.info.backend_pid])
    assert service.handler.cancelled.acquire(timeout=SECONDS)


def test_an_ordinary_role_connects_with_the_password(caller: psycopg.Connection, service: Service) -> None:
    caller.execute("CREATE ROLE wire_caller")
    try:
        caller.execute("SET ROLE wire_caller")
        caller.execute("SELECT dblink_connect('own', %s)", [service.dsn])
    finally:
        caller.execute("RESET ROLE")
        caller.execute("DROP ROLE wire_caller")


def test_dblink_speaks_from_a_database_in_latin1(server: embedded.Server, service: Service) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE wire_latin1 TEMPLATE template0"
            " ENCODING 'LATIN1' LOCALE_PROVIDER 'libc' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with psycopg.connect(server.dsn, dbname="wire_latin1", autocommit=True) as connection:
        prepare(connection, service)
        ask(connection, run(b"abc", b"bad"))
        assert fetch(connection) == error_row(BadImage(hint="Try ä PNG."))


# Nobody in particular


class Raw:
    """A client of bare messages, let in unless told otherwise."""

    def __init__(self, service: Service, *, password: bytes = PASSWORD.encode()) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(service.path))
        self._file = self._socket.makefile("rb")
        self.send(struct.pack("!ii", 9, messages.PROTOCOL) + b"\0")
        assert self.read() == (b"R", b"\0\0\0\3")
        self.send(b"p" + struct.pack("!i", len(password) + 5) + password + b"\0")
        if password == PASSWORD.encode():
            self.key = dict(self.until_ready())[b"K"]

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def query(self, text: str) -> None:
        self.send(b"Q" + struct.pack("!i", len(text) + 5) + text.encode() + b"\0")

    def read(self) -> tuple[bytes, bytes]:
        header = self._file.read(5)
        return (header[:1], self._file.read(struct.unpack("!i", header[1:])[0] - 4)) if header else (b"", b"")

    def until_ready(self) -> list[tuple[bytes, bytes]]:
        return list(iter(self.read, (b"Z", b"I")))

    def refusal(self) -> tuple[str, ...]:
        kind, body = self.read()
        assert kind == b"E"
        told = {part[:1]: part[1:].decode() for part in body.split(b"\0")}
        return told[b"S"], told[b"C"], told[b"M"]

    def rest(self) -> bytes:
        """Say no more and read what there is to read."""
        self._socket.shutdown(socket.SHUT_WR)
        rest: bytes = self._file.read()
        self.close()
        return rest

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def started(service: Service, begin: Callable[[], T]) -> T:
    """Begin a request and wait until the handler has it."""
    while service.handler.started.acquire(blocking=False):
        pass
    begun = begin()
    assert service.handler.started.acquire(timeout=SECONDS)
    return begun


@pytest.mark.parametrize(
    ("sent", "code", "what"),
    [
        pytest.param(b"Q\0\0\0\3", "08P01", "A message cannot have 3 bytes.", id="too short"),
        pytest.param(b"Q\xff\xff\xff\xff", "08P01", "A message cannot have -1 bytes.", id="negative"),
        pytest.param(b"Q\x40\0\0\1", "08P01", "A message cannot have 1,073,741,825 bytes.", id="over 1 GiB"),
        pytest.param(b"p\0\0\0\4", "08P01", "The message is of a kind that has no place here.", id="password again"),
        pytest.param(b"\0\0\0\0\4", "08P01", "The message is of a kind that has no place here.", id="no kind"),
    ],
)
def test_a_broken_frame_ends_the_connection(service: Service, sent: bytes, code: str, what: str) -> None:
    raw = Raw(service)
    raw.send(sent)
    assert raw.refusal() == ("FATAL", code, what)
    assert raw.read() == (b"", b"")
    raw.close()


def test_other_messages_keep_the_connection_in_step(service: Service) -> None:
    raw = Raw(service)
    skipped = b"".join(kind + b"\0\0\0\6ab" for kind in (b"H", b"d", b"c", b"f"))
    raw.send(skipped + b"P\0\0\0\4" + b"B\0\0\0\4" + b"Q\0\0\0\5\0" + b"S\0\0\0\4")  # one error, then skipped to Sync
    assert [kind for kind, _ in raw.until_ready()] == [b"E"]
    raw.send(b"F\0\0\0\4")
    assert [kind for kind, _ in raw.until_ready()] == [b"E"]
    raw.send(b"Q\0\0\0\4" + b"Q\0\0\0\5a")  # neither ends with a zero byte
    assert [kind for kind, _ in raw.until_ready() + raw.until_ready()] == [b"E", b"E"]
    raw.query("")
    assert raw.until_ready() == [(b"I", b"")]
    raw.close()


def test_encryption_is_declined_once_or_twice(service: Service) -> None:
    ssl, gssapi = (struct.pack("!ii", 8, code) for code in (messages.SSL_REQUEST, messages.GSSENC_REQUEST))
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(str(service.path))
        client.sendall(gssapi + ssl + ssl)
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            assert answers.read().startswith(b"NNNE")


@settings(deadline=None, max_examples=100)
@given(data=st.binary(max_size=200))
def test_any_bytes_may_come_instead_of_an_introduction(service: Service, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(str(service.path))
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError), client.makefile("rb") as answers:
            answers.read()
    assert service.alive()


_kinds = st.sampled_from([bytes([kind]) for kind in b"QQQPBDECFHSXdcfp"]) | st.binary(min_size=1, max_size=1)
_texts = st.sampled_from([run(b"abc").encode() + b"\0", b"\0"]) | st.binary(max_size=200)
_messages = st.tuples(_kinds, _texts).map(lambda pair: pair[0] + struct.pack("!i", len(pair[1]) + 4) + pair[1])


@settings(deadline=None, max_examples=200)
@given(sent=st.lists(_messages, max_size=8), torn=st.binary(max_size=20))
def test_any_messages_may_come_from_a_client(service: Service, sent: list[bytes], torn: bytes) -> None:
    raw = Raw(service)
    with contextlib.suppress(ConnectionError):
        raw.send(b"".join(sent) + torn)
        raw.rest()
    raw.close()
    assert service.alive()
