"""One HTTP/1.1 connection: h11 reads the requests, the ASGI application answers them one after the other.

A body is read when the application asks for it, so what is refused by its announced length takes no memory.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

import h11
from starlette.types import ASGIApp, Message, Scope

from open_analytic.errors import InvalidInput
from open_analytic.service import limits
from open_analytic.service.http_io import refusal, unexpected
from open_analytic.service.streams import close, linger

logger = logging.getLogger(__name__)

PIECE = 65_536
REASONS = {int(status): status.phrase.encode() for status in HTTPStatus}


class Connection:
    """Serves one client until it leaves, breaks the protocol, or lets the service wait too long."""

    def __init__(
        self, app: ASGIApp, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tcp: bool, tls: bool
    ) -> None:
        self._app, self._reader, self._writer, self._tcp = app, reader, writer, tcp
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.HEAD_BYTES)
        self._origin = _origin(writer, tcp=tcp, tls=tls)
        self._reading = asyncio.Lock()  # a read that was cancelled ends before the next one begins
        self._response: h11.Response | None = None  # announced by the application, sent with its first bytes
        self._is_head, self._is_first, self._gone, self._last = False, True, False, False
        self.idle = True  # between two requests

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while await self._exchange():
                self._http.start_next_cycle()
            if not self._gone and self._can_send_more():
                await linger(self._reader, self._writer)
        except h11.RemoteProtocolError as error:
            logger.debug("A client broke HTTP: %s", error)
            await self._complain(error)
        except OSError as error:  # TimeoutError is one
            logger.debug("A client left or was too slow: %s", error or type(error).__name__)
        finally:
            await close(self._writer)

    def finish(self) -> None:
        """Take no request after the one that is answered now."""
        self._last = True

    async def _exchange(self) -> bool:
        """Whether another request can follow the one that was answered."""
        request = await self._head()
        if request is None:
            return False
        self._is_head, self._response = request.method == b"HEAD", None
        try:
            await self._app(_scope(request, self._origin), self._receive, self._send)
        except (OSError, h11.ProtocolError):
            raise
        except Exception:
            logger.exception("A request failed.")
            await self._fail()
            return False
        if self._gone or self._http.our_state not in (h11.DONE, h11.MUST_CLOSE):
            return False
        if not self._last:
            await self._discard()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._last

    def _can_send_more(self) -> bool:
        """Whether the client does not know yet that the connection ends."""
        return self._http.their_state not in (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)

    async def _head(self) -> h11.Request | None:
        """The next request's head; None when the client has left."""
        self.idle, self._is_head = True, False
        if not self._http.trailing_data[0]:
            async with asyncio.timeout(limits.HEAD_S if self._is_first and self._tcp else self._idle_s):
                await self._feed()
        self.idle = self._is_first = False
        async with asyncio.timeout(limits.HEAD_S):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                await self._feed()
        return event if isinstance(event, h11.Request) else None

    @property
    def _idle_s(self) -> float:
        return limits.TCP_IDLE_S if self._tcp else limits.IDLE_S

    async def _feed(self) -> bool:
        """Whether more came from the client."""
        async with self._reading:
            data = await self._reader.read(PIECE)
        self._gone = self._gone or not data
        self._http.receive_data(data)
        return bool(data)

    async def _receive(self) -> Message:
        """ASGI: the next piece of the body; after its end the news that the client has left."""
        if self._http.their_state is not h11.SEND_BODY:
            await self._departure()
            return {"type": "http.disconnect"}
        if self._http.they_are_waiting_for_100_continue:
            await self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                await self._feed()
        except h11.RemoteProtocolError as error:
            if self._gone:
                return {"type": "http.disconnect"}
            raise InvalidInput(f"The body breaks HTTP: {error}.", hint="Send it with its length.") from error
        data = bytes(event.data) if isinstance(event, h11.Data) else b""
        return {"type": "http.request", "body": data, "more_body": isinstance(event, h11.Data)}

    async def _departure(self) -> None:
        """Wait until the client leaves. Requests that it sends ahead are kept, as many as fit into a head."""
        while not self._gone and len(self._http.trailing_data[0]) < limits.HEAD_BYTES:
            await self._feed()
        if not self._gone:
            await asyncio.Event().wait()  # until the application has answered and cancels this

    async def _send(self, message: Message) -> None:
        """ASGI: the head of the answer goes together with its first bytes."""
        if self._gone or self._writer.is_closing():
            return
        if message["type"] == "http.response.start":
            # A client that waits for 100 Continue does not send its body after another answer.
            self._last = self._last or self._http.they_are_waiting_for_100_continue
            close_ = [(b"connection", b"close")] if self._last else []
            status, headers = message["status"], [*message["headers"], *close_]
            self._response = h11.Response(status_code=status, headers=headers, reason=REASONS.get(status, b""))
            return
        chunks: list[bytes] = []
        if self._response:
            chunks.append(self._http.send(self._response) or b"")
            self._response = None
        body = message.get("body", b"")
        if body and not self._is_head:
            chunks += self._http.send_with_data_passthrough(h11.Data(data=body)) or []
        if not message.get("more_body"):
            chunks.append(self._http.send(h11.EndOfMessage()) or b"")
        if len(body) < PIECE:
            chunks = [b"".join(chunks)]  # one packet
        for chunk in chunks:
            await self._write(chunk)

    async def _write(self, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            self._writer.write(memoryview(data)[at : at + PIECE] if len(data) > PIECE else data)
            async with asyncio.timeout(limits.STALL_S):
                await self._writer.drain()

    async def _discard(self) -> None:
        """Read the rest of a body that nobody asked for: the client reads the answer once it has sent all."""
        async with asyncio.timeout(min(self._idle_s, limits.BODY_S)):
            while self._http.their_state is h11.SEND_BODY:
                if self._http.next_event() is h11.NEED_DATA:
                    await self._feed()

    async def _complain(self, error: h11.RemoteProtocolError) -> None:
        """The answer to what is not HTTP, in the form of every error."""
        message = f"This is not HTTP: {error}."
        if error.error_status_hint == 431:
            message = f"The request has more than {limits.HEAD_BYTES:,} bytes beside its body."
        answer = refusal(InvalidInput(message, hint="/openapi.json describes the request."))
        await self._answer(error.error_status_hint or 400, answer.raw_headers, bytes(answer.body))

    async def _fail(self) -> None:
        answer = unexpected()
        await self._answer(answer.status_code, answer.raw_headers, bytes(answer.body))

    async def _answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """An answer that the application did not give, after which the connection ends."""
        if self._gone or self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        self._response, self._last = None, True
        try:
            await self._send({"type": "http.response.start", "status": status, "headers": headers})
            await self._send({"type": "http.response.body", "body": body})
            await linger(self._reader, self._writer)
        except OSError as error:
            logger.debug("A client did not read why it was refused: %s", error or type(error).__name__)


def _origin(writer: asyncio.StreamWriter, *, tcp: bool, tls: bool) -> dict[str, Any]:
    """What is the same in the scope of every request. A Unix socket has no port."""
    here, there = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "scheme": "https" if tls else "http",
        "root_path": "", "server": tuple(here[:2]) if tcp else (str(here), None),
        "client": tuple(there[:2]) if tcp and there else None,
    }  # fmt: skip


def _scope(request: h11.Request, origin: dict[str, Any]) -> Scope:
    target = request.target.decode("ascii")  # h11 takes nothing else
    if not target.startswith("/"):  # as a proxy is asked: http://host/path
        try:
            components = urlsplit(target)
        except ValueError as error:
            raise h11.RemoteProtocolError(f"the target is no URL: {error}") from error
        target = (components.path or "/") + (f"?{components.query}" if components.query else "")
    path, _, query = target.partition("?")
    return origin | {
        "http_version": request.http_version.decode("ascii"), "method": request.method.decode("ascii"),
        "path": unquote(path), "raw_path": path.encode("ascii"), "query_string": query.encode("ascii"),
        "headers": list(request.headers), "state": {},
    }  # fmt: skip
