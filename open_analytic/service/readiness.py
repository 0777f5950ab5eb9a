"""Whether the database answers: asked at most once a second, by one thread for all callers."""

import asyncio
import time
from collections.abc import Callable

from open_analytic.errors import ServiceUnavailable

FRESH_S = 1.0  # so long an answer counts
ANSWER_S = 5.0  # for the database


class Readiness:
    """Asks a question of the database, and shares the answer."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask, self._answered = ask, -FRESH_S
        self._asking: asyncio.Future[object] | None = None

    async def check(self) -> None:
        """Return when the database answers; its error, or ServiceUnavailable when it says nothing for too long."""
        if time.monotonic() - self._answered < FRESH_S:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(asyncio.to_thread(self._ask))
        try:
            await asyncio.wait_for(asyncio.shield(self._asking), ANSWER_S)
        except TimeoutError:
            raise ServiceUnavailable(
                f"The database has not answered for {ANSWER_S:.0f} s.", hint="The service's log says more."
            ) from None
        self._answered = time.monotonic()
