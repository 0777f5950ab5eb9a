"""How a connection ends: its client gets a moment to read the last words, then it is closed in any case."""

import asyncio
import contextlib

from open_analytic.service import limits


async def close(writer: asyncio.StreamWriter) -> None:
    """Close once the client has read what was written; one that does not read is cut off."""
    writer.close()
    cut = asyncio.get_running_loop().call_later(limits.CLOSING_S, writer.transport.abort)
    with contextlib.suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()
    cut.cancel()
    writer.transport.abort()


async def linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Before it is closed: unread data would make the system drop an answer that the client has not read."""
    if writer.can_write_eof():
        writer.write_eof()
    with contextlib.suppress(OSError):  # TimeoutError is one
        async with asyncio.timeout(limits.CLOSING_S):
            while await reader.read(65_536):
                pass
