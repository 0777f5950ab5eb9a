"""A request that comes in several queries, since libpq waits for who does not read what its buffers do not hold."""

from open_analytic.errors import OpenAnalyticError
from open_analytic.service import limits, messages
from open_analytic.service.messages import Refusal

PART = b"PART "


class SplitRequest:
    """What came of a session's request so far. ``PART`` and text is kept, the query that is none completes it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._buffer = max_bytes, bytearray()
        self._refusing = False  # the rest of a request that was too long

    @property
    def pending(self) -> bool:
        """Whether a request has begun that is not complete."""
        return bool(self._buffer)

    def add(self, query: bytearray) -> bytearray | None:
        """The whole request, or None when there is more to come. ImageTooLarge when it is too long, until it ends."""
        if not query.startswith(PART):
            self._refusing = False
            if not self._buffer or messages.is_setting(query):
                return query
            self._append(query, 0)
            whole, self._buffer = self._buffer, bytearray()
            return whole
        self._append(query, len(PART))
        return None

    def too_long(self, beginning: bytes, length: int) -> OpenAnalyticError | Refusal:
        """What a query is answered that was not even read."""
        self._refusing = beginning.startswith(PART)
        if self._refusing:
            return messages.too_long_in_parts(self._max_bytes)
        return messages.too_long(beginning, length, max_bytes=self._max_bytes)

    def drop(self) -> None:
        """Forget what came."""
        self._buffer = bytearray()

    def _append(self, query: bytearray, start: int) -> None:
        if self._refusing or len(self._buffer) + len(query) - start > limits.hex_bytes(self._max_bytes):
            self._refusing = start > 0
            raise messages.too_long_in_parts(self._max_bytes)
        self._buffer += memoryview(query)[start:]
