"""PostgreSQL's protocol 3.0 from the server's side, for our own requests: what dblink in a database talks to."""

import asyncio
import contextlib
import hmac
import logging
import secrets
import struct
from collections.abc import Iterator
from typing import Any, cast

from open_analytic.errors import ServiceUnavailable
from open_analytic.service import limits, messages
from open_analytic.service.messages import Command, Define, Describe, Refusal, Row, Run
from open_analytic.service.session import Admission, Handler, Session
from open_analytic.service.streams import close

__all__ = ["STREAM_LIMIT", "Command", "Define", "Describe", "Handler", "Row", "Run", "Wire"]

STREAM_LIMIT = 2**17  # bytes, for start_unix_server(limit=): up to twice as much is buffered a connection
STARTUP_BYTES = 10_000  # as PostgreSQL

logger = logging.getLogger(__name__)


class Wire:
    """Lets clients in and gives their requests to the handler, one at a time a connection."""

    def __init__(
        self,
        handler: Handler,
        *,
        admission: Admission,
        password: str | None = None,
        max_bytes: int,
        max_connections: int = 1000,
        handshake_s: float = 10.0,
    ) -> None:
        self._handler, self._admission = handler, admission
        self._password = None if password is None else password.encode()
        self._max_bytes, self._max_connections, self._handshake_s = max_bytes, max_connections, handshake_s
        self._open: set[asyncio.Task[Any]] = set()
        self._sessions: dict[int, Session] = {}
        self._working = 0
        self._quiet = asyncio.Event()
        self._draining = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client until it leaves; the callback of start_unix_server and start_server."""
        # Twice the sessions, as in PostgreSQL: a cancel request must get in when every session is taken.
        if len(self._open) >= 2 * self._max_connections:
            writer.transport.abort()
            return
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        try:
            await self._converse(reader, writer)
        except Refusal as refusal:
            writer.write(messages.refused(refusal))
        except asyncio.CancelledError:
            # The task ends here anyhow, and asyncio before 3.12 reports a callback that was cancelled as a failure.
            writer.write(messages.refused(_shutting_down(fatal=True)))
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            logger.debug("A client left in the middle of a message or was too slow to introduce itself.")
        except Exception:
            logger.exception("A connection failed.")
        finally:
            await close(writer)

    async def drain(self, timeout_s: float) -> None:
        """Finish what runs, refuse what comes, then close every connection."""
        self._draining = True
        if self._working:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._quiet.wait(), timeout_s)
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open, timeout=limits.CLOSING_S + 1)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._handshake_s):
            is_session = await self._start(reader, writer)
            if is_session and self._password is not None:
                await _authenticate(self._password, reader, writer)
        if is_session:
            await self._admit(
                Session(
                    self._handler,
                    reader,
                    writer,
                    busy=self._busy,
                    admission=self._admission,
                    max_bytes=self._max_bytes,
                )
            )

    async def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether a session is wanted; a cancel request is dealt with here."""
        for _ in range(3):  # a client can request SSL and GSSAPI before its startup message
            length, code = struct.unpack("!iI", await reader.readexactly(8))
            if not 8 <= length <= STARTUP_BYTES:
                raise messages.violation(f"A startup message cannot have {length:,} bytes.")
            body = await reader.readexactly(length - 8)
            if code == messages.CANCEL_REQUEST:
                self._cancel(body)
                return False
            if code not in (messages.SSL_REQUEST, messages.GSSENC_REQUEST):
                writer.write(messages.agree(code, body))
                return True
            writer.write(b"N")
            await writer.drain()
        raise messages.violation("Encryption was declined, and the client asked for it again.")

    def _cancel(self, body: bytes) -> None:
        session = self._sessions.get(int.from_bytes(body[:4], "big"))
        if session is not None and hmac.compare_digest(session.key, body[4:]):
            session.cancel()

    async def _admit(self, session: Session) -> None:
        if self._draining:
            raise _shutting_down(fatal=True)
        if len(self._sessions) >= self._max_connections:
            most = f"The service has {self._max_connections:,} connections, as many as it accepts."
            raise Refusal("53300", most, fatal=True)
        pid = secrets.randbits(31)  # not to be guessed either: with the key it is what a cancel request must know
        while pid in self._sessions:
            pid = secrets.randbits(31)
        self._sessions[pid] = session
        try:
            await session.send(messages.greeting(pid, session.key))
            await session.converse()
        finally:
            del self._sessions[pid]
            session.end()

    @contextlib.contextmanager
    def _busy(self) -> Iterator[None]:
        """Around a request and its answer; none begins when we shut down."""
        if self._draining:
            raise _shutting_down()
        self._working += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._quiet.set()


async def _authenticate(password: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(messages.ASK_PASSWORD)
    await writer.drain()
    kind, length = struct.unpack("!ci", await reader.readexactly(5))
    if kind != b"p" or not 5 <= length <= STARTUP_BYTES:
        raise messages.violation("A password was asked for, and something else came.")
    message = await reader.readexactly(length - 4)
    if not hmac.compare_digest(message, password + b"\0"):
        await asyncio.sleep(limits.WRONG_TOKEN_S)
        raise Refusal("28P01", "The password is not the service's.", fatal=True)


def _shutting_down(*, fatal: bool = False) -> Refusal:
    return Refusal(ServiceUnavailable.sqlstate, "The inference service is shutting down.", fatal=fatal)
