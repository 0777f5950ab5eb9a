"""uvicorn for each HTTP door. Over TCP anybody may come: he is given little time and memory until he has asked."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

logger = logging.getLogger(__name__)

BACKLOG = 512
KEEP_ALIVE_S = 600  # a backend keeps its connection from call to call
TCP_KEEP_ALIVE_S = 75  # so does a client elsewhere, whom we do not know
HEAD_S = 10.0  # from the connection, or a request's first byte, to the end of its head; TLS has as long before
HEAD_BYTES = 100_000  # of a request beside its body; a pipeline's parameters travel in the URL
PIPELINED = 8  # requests sent ahead of the answers; uvicorn has no limit
CLOSING_S = 2.0  # for a client to read why
PAUSE_S = 0.1  # when the system gives no connection, for example since no descriptor is left


def server(app: Any, *, tcp: bool, connections: int, files: Mapping[str, Path | None] | None = None) -> uvicorn.Server:
    """For one listening socket; ``files`` are ``ssl_certfile`` and ``ssl_keyfile``, ``connections`` those over TCP."""
    config = uvicorn.Config(
        app, http=_TcpProtocol if tcp else "httptools", loop="asyncio", ws="none", lifespan="off", access_log=False,
        log_config=None, timeout_keep_alive=TCP_KEEP_ALIVE_S if tcp else KEEP_ALIVE_S, backlog=BACKLOG,
        server_header=False, date_header=False, timeout_graceful_shutdown=5,
        **{name: str(path) for name, path in (files or {}).items() if path},  # type: ignore[arg-type]
    )  # fmt: skip
    return _TcpServer(config, connections) if tcp else _Server(config)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: both doors are closed together."""
        yield


class _TcpServer(_Server):
    """Accepts by itself: a connection counts from its first packet, also while it speaks of TLS."""

    def __init__(self, config: uvicorn.Config, connections: int) -> None:
        super().__init__(config)
        self._most = connections
        self._arriving: set[_TcpProtocol] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        self._tasks.update(asyncio.create_task(self._accept(sock)) for sock in sockets or [])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self._tasks:
            task.cancel()
        await super().shutdown(sockets=sockets)

    async def _accept(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        while True:
            try:
                sock, _ = await asyncio.get_running_loop().sock_accept(listening)
            except OSError as error:
                logger.warning("A connection could not be taken: %s", error)
                await asyncio.sleep(PAUSE_S)
                continue
            if len(self._arriving | self.server_state.connections) >= self._most:
                sock.close()
            else:
                protocol = _TcpProtocol(self.config, self.server_state, self.lifespan.state)
                self._arriving.add(protocol)
                task = asyncio.create_task(self._admit(sock, protocol))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(0)  # whoever else there is

    async def _admit(self, sock: socket.socket, protocol: "_TcpProtocol") -> None:
        tls = self.config.ssl
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol, sock, ssl=tls, ssl_handshake_timeout=HEAD_S if tls else None
            )
        except OSError as error:
            logger.debug("A client did not come to speak of HTTP: %s", error)
        finally:
            self._arriving.discard(protocol)


class _TcpProtocol(HttpToolsProtocol):
    """Cuts off who lets us wait: for a head, for the rest of a request that is answered, for room to answer."""

    _owed: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _beside = 0  # bytes since the last that were of a body
    _whole = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._owe(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._owe(None)
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        self._beside += len(data)
        super().data_received(data)
        if self._beside > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The request has more than {HEAD_BYTES:,} bytes beside its body.")

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self.loop.call_later(CLOSING_S, self.transport.abort)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._whole = False
        self._owe(HEAD_S)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            raise ConnectionError("More requests were sent ahead than are kept.")  # which httptools makes a 400
        super().on_headers_complete()
        self._beside = 0
        self._owe(None)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._beside = 0

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._beside, self._whole = 0, True
        self._owe(None)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self.loop.call_later(TCP_KEEP_ALIVE_S, self.transport.abort)
        elif not (self._whole or self._owed):
            self._owe(TCP_KEEP_ALIVE_S)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(TCP_KEEP_ALIVE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread:
            self._unread.cancel()
            self._unread = None

    def timeout_keep_alive_handler(self) -> None:
        self.transport.abort()

    def _owe(self, seconds: float | None) -> None:
        """Expect something within this time, or nothing."""
        if self._owed:
            self._owed.cancel()
        self._owed = None if seconds is None else self.loop.call_later(seconds, self._overdue, seconds)

    def _overdue(self, seconds: float) -> None:
        if self.cycle and not self.cycle.response_complete:  # it is us who are waited for
            self._owe(seconds)
        else:
            self.transport.abort()
