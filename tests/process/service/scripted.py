"""A server that says what it was told to, and what its client sends."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from open_analytic.service.client import Client


def no_pause() -> None:
    """Nobody is in a hurry."""


def answer(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@dataclass(slots=True, kw_only=True)
class Script:
    """A server that says what it was told to: for each connection a list of answers, one for each request."""

    address: str
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)  # the client closed the last connection


@contextmanager
def script(sockets: Path, *connections: Sequence[bytes], name: str = "s") -> Iterator[Script]:
    """Connections without an answer left are closed by the server; one whose list is empty waits for the client."""
    path = sockets / name
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        it = Script(address=f"unix:{path}")
        thread = threading.Thread(target=_play, args=(listening, it, connections))
        thread.start()
        try:
            yield it
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            assert not thread.is_alive(), "a client keeps its connection to the script"
    path.unlink(missing_ok=True)


def _play(listening: socket.socket, it: Script, connections: Sequence[Sequence[bytes]]) -> None:
    for answers in connections:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        it.connections += 1
        with connection:
            for each in answers:
                request = _request(connection)
                if not request:
                    break
                it.requests.append(request)
                connection.sendall(each)
            if not answers:
                it.requests.append(_request(connection))
                assert connection.recv(1) == b""
                it.ended.set()


def _request(connection: socket.socket) -> bytes:
    """One request, whole; nothing when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.findall(rb"Content-Length: (\d+)", head)[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def run(client: Client, *inputs: bytes, pause: Callable[[], object] = no_pause) -> list[tuple[str | None, Any]]:
    return client.run("ab", inputs, give="output", parameters="{}", pause=pause)
