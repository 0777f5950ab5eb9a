"""HTTP over TCP: who has not shown a token yet has little memory, little time and few connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from open_analytic.service import limits, listener
from tests.process.service.gated import GREEN
from tests.process.service.serving import CONNECTIONS, RUN, TOKEN, Service, service

HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
SECRET = {b"authorization": f"Bearer {TOKEN}".encode()}


@contextlib.contextmanager
def connected(it: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", it.port)) as client:
        client.settimeout(30)
        yield client


def rest(client: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    data = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            data += part
    return bytes(data)


def send(client: socket.socket, data: bytes, times: int) -> None:
    """Send it for as long as it is taken."""
    with contextlib.suppress(ConnectionError):
        for _ in range(times):
            client.sendall(data)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (HEAD, b"X: " + b"x" * 50_000 + b"\r\n"),
        (HEAD + b"X: ", b"x" * 50_000),
        (b"GET /", b"x" * 50_000),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"x" * 50_000 + b"\r\n"),
    ],
    ids=["many headers", "one header", "URL", "trailers"],
)
def test_who_never_ends_a_head_is_refused(shared: Service, begin: bytes, more: bytes) -> None:
    with connected(shared) as client:
        client.sendall(begin)
        send(client, more, 200)
        assert b"\r\nX:" not in rest(client)
    assert httpx.get(f"{shared.tcp}/health/live").status_code == 200


def test_a_head_that_is_too_long_is_told_so(shared: Service) -> None:
    with connected(shared) as client:
        client.sendall(HEAD + b"X: " + b"x" * (limits.HEAD_BYTES - len(HEAD) + 10))
        assert b"HTTP/1.1 431 " in (head := rest(client))
        assert b"more than 212,992 bytes beside its body" in head


def test_long_parameters_and_large_pictures_are_taken(shared: Service) -> None:
    parameters = json.dumps({"other": "x" * 60_000})
    answer = httpx.post(shared.tcp + RUN, params={"parameters": parameters}, content=GREEN, headers=SECRET)
    assert (answer.status_code, answer.json()["type"]) == (400, "BadParameter")
    with httpx.Client(headers=SECRET) as client:
        for _ in range(3):
            assert client.post(shared.tcp + RUN, content=GREEN).status_code == 200
            assert client.post(shared.tcp + RUN, content=bytes(3_000_000)).status_code == 413


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET", HEAD, HEAD + b"\r\nGET /", HEAD + b"Content-Length: 10\r\n\r\n12345"],
    ids=["nothing", "a beginning", "no end", "a second beginning", "no whole body"],
)
def test_who_lets_us_wait_is_let_go(shared: Service, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(limits, "HEAD_S", 0.3)
    monkeypatch.setattr(limits, "TCP_IDLE_S", 0.3)
    with connected(shared) as client:
        client.settimeout(8)  # less than HEAD_S is without this test
        client.sendall(sent)
        for _ in range(4):  # a byte now and then gains nothing
            time.sleep(0.05)
            with contextlib.suppress(ConnectionError):
                client.sendall(b"1" if sent else b"")
        rest(client)


def test_who_waits_for_us_is_not_let_go(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HEAD_S", 0.1)
    shared.engine.gate.clear()
    with connected(shared) as client:
        head = (
            f"POST {RUN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(GREEN)}\r\n\r\n"
        )
        client.sendall(head.encode() + GREEN + b"GET /health")  # and the beginning of the next
        assert shared.engine.entered.acquire(timeout=30)
        time.sleep(0.3)
        shared.engine.gate.set()
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


MUCH = 50_000_000


async def much(scope: Scope, receive: Receive, send: Send) -> None:
    """An answer that no buffer of a socket holds."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(MUCH).encode())]})
    await send({"type": "http.response.body", "body": bytes(MUCH)})


@contextlib.contextmanager
def serving(app: ASGIApp) -> Iterator[socket.socket]:
    """A client of an application over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        it = listener.Server(app, tcp=True, connections=2)
        thread = threading.Thread(target=asyncio.run, args=(it.serve(sock),))
        thread.start()
        try:
            with socket.create_connection(sock.getsockname()) as client:
                client.settimeout(30)
                yield client
        finally:
            it.stop()
            thread.join()


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STALL_S", 0.1)
    monkeypatch.setattr(limits, "CLOSING_S", 0.1)
    left = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await much(scope, receive, send)
        finally:
            left.set()

    with serving(app) as client:
        client.sendall(HEAD + b"\r\n")
        assert left.wait(30)
        assert len(rest(client)) < MUCH


def test_who_reads_gets_all_of_a_large_answer() -> None:
    with serving(much) as client:
        client.sendall(HEAD + b"Connection: close\r\n\r\n")
        head, _, body = rest(client).partition(b"\r\n\r\n")
        assert (head.splitlines()[0], len(body)) == (b"HTTP/1.1 200 OK", MUCH)


def test_requests_sent_ahead_are_answered_in_their_order(shared: Service) -> None:
    with connected(shared) as client:
        client.sendall((HEAD + b"\r\n") * 200 + HEAD + b"Connection: close\r\n\r\n")
        assert rest(client).count(b"HTTP/1.1 200 OK") == 201


def test_only_some_of_what_is_sent_ahead_is_held(shared: Service) -> None:
    shared.engine.gate.clear()
    head = f"POST {RUN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(GREEN)}\r\n\r\n"
    with connected(shared) as client:
        client.sendall(head.encode() + GREEN)
        assert shared.engine.entered.acquire(timeout=30)
        ahead, sent = (HEAD + b"\r\n") * 1000, 0
        while select.select([], [client], [], 1.0)[1] and sent < MUCH:
            sent += client.send(ahead)
        assert sent < MUCH  # the system's buffers are full
        shared.engine.gate.set()
        assert client.recv(100).startswith(b"HTTP/1.1 200 OK")


BROKEN = [
    b"\x16\x03\x01\x02\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET /\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
]


@pytest.mark.parametrize("sent", BROKEN)
def test_what_is_not_http_is_told_so_and_no_warning_is_logged(
    shared: Service, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        with connected(shared) as client:
            client.sendall(sent)
            head, _, body = rest(client).partition(b"\r\n\r\n")
        with connected(shared) as client:  # one that does not wait for the answer
            client.sendall(sent)
        assert httpx.get(f"{shared.tcp}/health/live").status_code == 200
    assert head.split(b" ")[1] in (b"400", b"501")
    assert list(json.loads(body)) == ["type", "sqlstate", "message", "hint"]
    assert {record.levelno for record in caplog.records if record.name.startswith("open_analytic")} <= {logging.DEBUG}
    assert not [record for record in caplog.records if record.name == "asyncio" and record.levelno > logging.DEBUG]


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\n", b"5\r\n1234567"])
def test_a_body_that_breaks_http_is_told_so(shared: Service, chunk: bytes) -> None:
    head = f"POST {RUN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(shared) as client:
        client.sendall(head.encode() + chunk)
        assert rest(client).startswith(b"HTTP/1.1 400 ")


def test_a_body_is_asked_for_before_it_is_sent(shared: Service) -> None:
    head = f"POST {RUN} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(GREEN)}\r\n"
    token = f"Authorization: Bearer {TOKEN}\r\n"
    with connected(shared) as client:
        client.sendall((head + token + "\r\n").encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        client.sendall(GREEN)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK")
    with connected(shared) as client:  # without the token nothing is asked for, and the connection ends
        client.sendall((head + "\r\n").encode())
        assert rest(client).startswith(b"HTTP/1.1 401 ")


def test_the_target_can_be_a_whole_url(shared: Service) -> None:
    with connected(shared) as client:
        client.sendall(b"GET http://elsewhere/health/live?x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert rest(client).startswith(b"HTTP/1.1 200 OK")


def test_more_connections_than_accepted_are_closed_and_the_unix_socket_is_open(tmp_path: Path, sockets: Path) -> None:
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(service(tmp_path, sockets))
        held = [stack.enter_context(connected(own)) for _ in range(CONNECTIONS)]
        with connected(own) as one_more:
            assert rest(one_more) == b""
        with own.http() as inside:
            assert inside.get("/health/live").status_code == 200
        held[0].sendall(HEAD + b"Connection: close\r\n\r\n")
        assert rest(held[0]).startswith(b"HTTP/1.1 200 OK")
        with connected(own) as next_one:
            next_one.sendall(HEAD + b"Connection: close\r\n\r\n")
            assert rest(next_one).startswith(b"HTTP/1.1 200 OK")


def test_the_service_may_open_as_many_files_as_its_account_may() -> None:
    program = "import resource; from open_analytic.service import server; server.open_files(); " \
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"  # fmt: skip
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    output = subprocess.run(
        ["sh", "-c", f"ulimit -Sn 100; exec {sys.executable} -c '{program}'"],
        capture_output=True, text=True, check=True, env=dict(os.environ),
    ).stdout  # fmt: skip
    assert output == f"({hard}, {hard})\n"


def test_tls_that_is_not_spoken_is_not_waited_for(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=service", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        capture_output=True, check=True,
    )  # fmt: skip
    files = {"ssl_certfile": tmp_path / "cert.pem", "ssl_keyfile": tmp_path / "key.pem"}
    monkeypatch.setattr(limits, "HEAD_S", 0.3)
    with service(tmp_path, sockets, tls=files) as it, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(it)) for _ in range(CONNECTIONS)]
        with connected(it) as one_more:
            assert rest(one_more) == b""
        assert [rest(client) for client in held] == [b""] * CONNECTIONS
        assert httpx.get(f"https://127.0.0.1:{it.port}/health/live", verify=False).status_code == 200  # noqa: S501
