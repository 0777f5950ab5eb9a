"""The HTTP server of each door: h11 on asyncio's streams.

TCP clients are untrusted: connections, the time for TLS and for a request's head, and the bytes of a head are limited
before the application sees anything. uvicorn offers that through its private protocol classes only, hypercorn has no
limit of connections, and granian runs its workers in processes of its own, apart from the models.
"""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

from starlette.types import ASGIApp

from open_analytic.service import limits
from open_analytic.service.http_connection import PIECE, Connection

logger = logging.getLogger(__name__)

BACKLOG = 512
STOP_S = 5.0  # for the last answers
PAUSE_S = 0.1  # when the system gives no connection, for example since no descriptor is left
WARN_S = 60.0  # between two warnings of that


class Server:
    """Serves one listening socket. ``connections`` are at most open at once; None: as many as come."""

    def __init__(
        self, app: ASGIApp, *, tcp: bool, connections: int | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self._app, self._tcp, self._most, self._tls = app, tcp, connections, tls
        self._open: dict[asyncio.Task[None], Connection | None] = {}  # None: not yet HTTP
        self._stopped = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._warned = -WARN_S

    def stop(self) -> None:
        """Accept nothing more; ``serve`` returns when the last answers are sent. Any thread can call it."""
        if self._loop is None:
            self._stopped.set()
        else:
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def serve(self, listening: socket.socket) -> None:
        """Serve until ``stop`` is called."""
        self._loop = asyncio.get_running_loop()
        accepting = asyncio.create_task(self._accept(listening))
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({accepting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            accepting.cancel()
        await asyncio.wait({accepting})
        await self._end()
        if not accepting.cancelled() and (error := accepting.exception()):
            raise error

    async def _end(self) -> None:
        """Let requests that are answered now end, and close every other connection."""
        for task, connection in self._open.items():
            if connection is None or connection.idle:
                task.cancel()
            else:
                connection.finish()
        if self._open:
            await asyncio.wait(self._open, timeout=STOP_S)
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=limits.CLOSING_S + 1)

    async def _accept(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        while True:
            try:
                sock, _ = await asyncio.get_running_loop().sock_accept(listening)
            except OSError as error:
                self._warn(error)
                await asyncio.sleep(PAUSE_S)
                continue
            if self._most is not None and len(self._open) >= self._most:
                sock.close()
            else:
                task = asyncio.create_task(self._serve(sock))
                self._open[task] = None
                task.add_done_callback(self._ended)
            await asyncio.sleep(0)  # other tasks run between two clients

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(PIECE)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, sock, ssl=self._tls, ssl_handshake_timeout=limits.HEAD_S if self._tls else None
            )
        except OSError as error:
            logger.debug("A client did not come to speak of HTTP: %s", error)
            sock.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        connection = Connection(self._app, reader, writer, tcp=self._tcp, tls=self._tls is not None)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this in a task
        self._open[task] = connection
        await connection.serve()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._open[task]
        if not task.cancelled() and (error := task.exception()):
            logger.error("A connection failed.", exc_info=error)

    def _warn(self, error: OSError) -> None:
        if time.monotonic() - self._warned >= WARN_S:
            self._warned = time.monotonic()
            logger.warning("A connection could not be taken: %s", error)


def context(files: Mapping[str, Path | None]) -> ssl.SSLContext | None:
    """For TLS with ``ssl_certfile`` and ``ssl_keyfile``; None without a certificate."""
    certificate = files.get("ssl_certfile")
    if certificate is None:
        return None
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, files.get("ssl_keyfile"))
    return tls
