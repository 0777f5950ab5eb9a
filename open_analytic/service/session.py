"""One client of the wire that was let in: its messages in order, one request at a time."""

import asyncio
import contextlib
import logging
import secrets
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeAlias

from open_analytic.errors import DeadlineExceeded, OpenAnalyticError
from open_analytic.service import limits, messages
from open_analytic.service.messages import Command, Refusal, Row
from open_analytic.service.split_request import SplitRequest
from open_analytic.service.work import Cancellable, Cancelled

MESSAGE_BYTES = 2**30
PIECE_BYTES = 2**18
_LEFT = (b"", b"X")  # no more bytes, or Terminate
_EXTENDED, _QUIET, _CALL = b"PBDEC", b"HSdcf", b"F"

Handler: TypeAlias = Callable[[Command], Awaitable[Sequence[Row]]]
Busy: TypeAlias = Callable[[], contextlib.AbstractContextManager[None]]


class Admission(Protocol):
    """Counts the requests and bytes of both protocols; ``work.Work`` is one. ServiceBusy when there are too many."""

    def admitted(self, size: int, *, own: int = 0) -> contextlib.AbstractContextManager[None]: ...
    def reserve(self, size: int) -> None: ...
    def release(self, size: int) -> None: ...


logger = logging.getLogger(__name__)


class Session:
    """Reads queries, has the handler answer them, and notices when the client leaves meanwhile."""

    def __init__(
        self,
        handler: Handler,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        busy: Busy,
        admission: Admission,
        max_bytes: int,
    ) -> None:
        self.key = secrets.token_bytes(4)
        self._handler, self._busy, self._admission, self._max_bytes = handler, busy, admission, max_bytes
        self._reader, self._writer, self._split = reader, writer, SplitRequest(max_bytes)
        self._work: Cancellable | None = None
        self._ahead: asyncio.Task[bytes] | None = None
        self._skipping = False  # after an error in the extended protocol, until Sync
        self._until = 0.0  # by then the last byte of the request must be there
        self._reserved = 0  # bytes of the request that comes in parts

    def cancel(self) -> None:
        """Stop the request that runs or comes in parts, if one does."""
        self._drop()
        if self._work is not None:
            self._work.stop()

    def end(self) -> None:
        """Wait for no more messages."""
        self._drop()
        if self._ahead is not None:
            self._ahead.cancel()

    async def send(self, data: bytes) -> None:
        """Write, and wait until the client has read enough of it; TimeoutError when it does not."""
        self._writer.write(data)
        async with asyncio.timeout(limits.BODY_S):
            await self._writer.drain()

    async def converse(self) -> None:
        """Answer messages until the client leaves."""
        while (kind := await self._kind()) not in _LEFT:
            async with self._in_time():
                (length,) = struct.unpack("!i", await self._reader.readexactly(4))
            if not 4 <= length <= MESSAGE_BYTES:
                raise messages.violation(f"A message cannot have {length:,} bytes.")
            if kind == b"Q" and not self._skipping:
                await self.send(await self._admitted_query(length - 4))
            elif kind in b"Q" + _EXTENDED + _QUIET + _CALL:
                async with self._in_time():
                    await self._discard(length - 4)
                await self._other(kind)
            else:
                raise messages.violation("The message is of a kind that has no place here.")

    async def _kind(self) -> bytes:
        """The first byte of the next message. A request in parts has its time from its first byte, too."""
        ahead, self._ahead = self._ahead, None
        if not self._split.pending:
            kind = await (ahead or self._next_kind())
            self._until = asyncio.get_running_loop().time() + limits.BODY_S
            return kind
        async with self._in_time():
            return await (ahead or self._next_kind())

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(self._until):
                yield
        except TimeoutError:
            message = f"The request was not there within {limits.BODY_S:.0f} s."
            raise Refusal(DeadlineExceeded.sqlstate, message, fatal=True) from None

    async def _next_kind(self) -> bytes:
        try:
            return await self._reader.read(1)
        except OSError:
            return b""

    async def _other(self, kind: bytes) -> None:
        if kind == b"S":
            self._skipping = False
            await self.send(messages.READY)
        elif not self._skipping and kind in _EXTENDED + _CALL:
            self._drop()
            self._skipping = kind != _CALL
            message = messages.refused(Refusal("0A000", "The service speaks the simple query protocol only."))
            await self.send(message if self._skipping else message + messages.READY)

    async def _admitted_query(self, length: int) -> bytes:
        """The same as ``_query``. What nobody has room for is thrown away unread."""
        with contextlib.ExitStack() as place:
            try:
                place.enter_context(self._admission.admitted(length, own=self._reserved))
            except OpenAnalyticError as error:
                async with self._in_time():
                    await self._discard(length)
                self._drop()
                return _error_response(error)
            answer = await self._query(length)
        if self._split.pending:  # it is counted until the request is answered or forgotten
            self._admission.reserve(length)
            self._reserved += length
        return answer

    def _drop(self) -> None:
        """Forget what came of a request in parts."""
        self._split.drop()
        reserved, self._reserved = self._reserved, 0
        self._admission.release(reserved)

    async def _query(self, length: int) -> bytes:
        """What is left to send for one query. An answer that took work is sent while we still count as busy."""
        try:
            async with self._in_time():
                text = self._split.add(await self._body(length))
            if text is None:
                with self._busy():
                    return messages.PART_ANSWER
            request = await self._parse(text)
            if isinstance(request, Command):
                with self._busy():
                    await self.send(await self._answer(request))
                self._drop()
                return b""
        except (OpenAnalyticError, Refusal) as error:
            if isinstance(error, Refusal) and error.fatal:
                raise
            self._drop()
            return _error_response(error)
        self._drop()
        return (messages.EMPTY if request is None else messages.encoding_set(request)) + messages.READY

    async def _parse(self, text: bytearray) -> Command | messages.Encoding | None:
        """What the query says; a long one is read in a thread."""
        read = partial(messages.parse, text, max_bytes=self._max_bytes)
        return read() if len(text) <= limits.LARGE else await asyncio.to_thread(read)

    async def _body(self, length: int) -> bytearray:
        """The text of a query; what is longer than the limit is thrown away as it comes."""
        if length > limits.hex_bytes(self._max_bytes):
            beginning = await self._reader.readexactly(64)
            await self._discard(length - len(beginning))
            raise self._split.too_long(beginning, length)
        body = bytearray()
        while len(body) < length:
            body += await self._piece(length - len(body))
        if body[-1:] != b"\0":
            raise Refusal("08P01", "The query does not end with a zero byte.")
        del body[-1]
        return body

    async def _discard(self, length: int) -> None:
        while length:
            length -= len(await self._piece(length))

    async def _piece(self, length: int) -> bytes:
        piece = await self._reader.read(min(length, PIECE_BYTES))
        if not piece:
            raise asyncio.IncompleteReadError(b"", length)
        return piece

    async def _answer(self, command: Command) -> bytes:
        try:
            rows = await self._run(command)
            if sum(len(output or "") for output, _ in rows) <= limits.LARGE:
                return messages.answer(rows) + messages.READY
            return await asyncio.to_thread(messages.answer, rows) + messages.READY
        except (OpenAnalyticError, Refusal) as error:
            return _error_response(error)
        except Exception:
            logger.exception("A request failed.")
            return _error_response(
                OpenAnalyticError("The service failed with an internal error.", hint="Its log says why.")
            )

    async def _run(self, command: Command) -> Sequence[Row]:
        """The handler's rows. It is cancelled on request, and when the client is gone."""
        work = self._work = Cancellable()
        # The next message's first byte: should it come it is kept; that none can come any more is known at once.
        ahead = self._ahead = self._ahead or asyncio.create_task(self._next_kind())
        ahead.add_done_callback(lambda done: work.stop() if not done.cancelled() and done.result() in _LEFT else None)
        try:
            return await work.run(self._handler(command))
        except Cancelled:
            raise Refusal("57014", "The request was cancelled.") from None
        finally:
            self._work = None


def _error_response(error: OpenAnalyticError | Refusal) -> bytes:
    message = messages.refused(error) if isinstance(error, Refusal) else messages.failure(error)
    return message + messages.READY
