"""HTTP over TCP: who has not shown a token yet has little memory, little time and few connections."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from open_analytic.service import listener
from tests.unit.service.gated import GREEN
from tests.unit.service.serving import CONNECTIONS, RUN, TOKEN, Service, service

HEAD = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
SECRET = {b"authorization": f"Bearer {TOKEN}".encode()}


@contextlib.contextmanager
def connected(it: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", it.port)) as client:
        client.settimeout(30)
        yield client


def rest(client: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            data += part
    return data


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
        client.sendall(HEAD + b"X: " + b"x" * (listener.HEAD_BYTES - len(HEAD) + 10))
        assert b"400 Bad Request" in (told := rest(client))
        assert b"more than 100,000 bytes beside its body" in told


def test_long_parameters_and_large_pictures_are_taken(shared: Service) -> None:
    parameters = json.dumps({"other": "x" * 60_000})
    found = httpx.post(shared.tcp + RUN, params={"parameters": parameters}, content=GREEN, headers=SECRET)
    assert (found.status_code, found.json()["type"]) == (400, "BadParameter")
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
    monkeypatch.setattr(listener, "HEAD_S", 0.3)
    monkeypatch.setattr(listener, "TCP_KEEP_ALIVE_S", 0.3)
    start = time.monotonic()
    with connected(shared) as client:
        client.sendall(sent)
        for _ in range(4):  # a byte now and then gains nothing
            time.sleep(0.05)
            with contextlib.suppress(ConnectionError):
                client.sendall(b"1" if sent else b"")
        rest(client)
    assert time.monotonic() - start < 10


def test_who_waits_for_us_is_not_let_go(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_S", 0.1)
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


def test_who_does_not_read_is_let_go(shared: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "TCP_KEEP_ALIVE_S", 0.3)
    body = json.dumps({"inputs": [""] * 40_000}).encode()  # an error for each is some 7 MB
    head = f"POST {RUN}-batch HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", shared.port))
        client.settimeout(30)
        client.sendall(head.encode() + body)
        beginning = client.recv(200)
        time.sleep(1)
        length = int(beginning.partition(b"content-length: ")[2].partition(b"\r")[0])
        assert len(rest(client)) < length


def test_requests_sent_ahead_are_answered_as_long_as_they_are_few(shared: Service) -> None:
    request = HEAD + b"\r\n"
    with connected(shared) as client:
        client.sendall(request * listener.PIPELINED + HEAD + b"Connection: close\r\n\r\n")
        assert rest(client).count(b"HTTP/1.1 200 OK") == listener.PIPELINED + 1
    with connected(shared) as client:
        send(client, request * 1000, 1000)
        assert rest(client).count(b"HTTP/1.1 200 OK") < 1000


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
    told = subprocess.run(
        ["sh", "-c", f"ulimit -Sn 100; exec {sys.executable} -c '{program}'"],
        capture_output=True, text=True, check=True, env=dict(os.environ),
    ).stdout  # fmt: skip
    assert told == f"({hard}, {hard})\n"


def test_tls_that_is_not_spoken_is_not_waited_for(
    tmp_path: Path, sockets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
         "/CN=service", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"],
        capture_output=True, check=True,
    )  # fmt: skip
    files = {"ssl_certfile": tmp_path / "cert.pem", "ssl_keyfile": tmp_path / "key.pem"}
    monkeypatch.setattr(listener, "HEAD_S", 0.3)
    with service(tmp_path, sockets, tls=files) as it, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(it)) for _ in range(CONNECTIONS)]
        with connected(it) as one_more:
            assert rest(one_more) == b""
        assert [rest(client) for client in held] == [b""] * CONNECTIONS
        assert httpx.get(f"https://127.0.0.1:{it.port}/health/live", verify=False).status_code == 200  # noqa: S501
