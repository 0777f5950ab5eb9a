"""A wire that listens, and clients of it: libpq, dblink in a real server, and bare messages."""

from __future__ import annotations

import asyncio
import json
import select
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from open_analytic.errors import BadImage, ServiceBusy
from open_analytic.service import messages
from open_analytic.service.wire import STREAM_LIMIT, Command, Row, Run, Wire

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


class Admission:
    """Meets ``session.Admission``: counts, and refuses what is more than ``most`` bytes."""

    def __init__(self) -> None:
        self.most, self.bytes, self.calls = 2**40, 0, 0
        self.seen: list[int] = []  # announced by each request

    @contextmanager
    def admitted(self, size: int, *, own: int = 0) -> Iterator[None]:
        self.seen.append(size)
        if self.bytes + size > self.most:
            raise ServiceBusy(hint="Try again in 1 s.")
        self.reserve(size)
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1
            self.release(size)

    def reserve(self, size: int) -> None:
        self.bytes += size

    def release(self, size: int) -> None:
        self.bytes -= size


class Service:
    """A wire on a socket that every account reaches, and on a TCP port, in a loop of its own."""

    def __init__(self, **options: Any) -> None:
        self.handler = Handler()
        self.admission = Admission()
        self.wire = Wire(self.handler, admission=self.admission, max_bytes=MAX_BYTES, **options)
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

    def is_full(self) -> bool:
        """Whether nothing more can be sent, since nobody reads it."""
        return not select.select([], [self._socket], [], 1.0)[1]

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
        fields = {part[:1]: part[1:].decode() for part in body.split(b"\0")}
        return fields[b"S"], fields[b"C"], fields[b"M"]

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
