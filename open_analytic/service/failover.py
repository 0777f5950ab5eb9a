"""Sends a call to the next node of the service when one does not answer. Standard library only, like the client.

A call that reached a node which then broke the connection is sent again, although that node can have computed it:
pipelines are pure functions of their input, so a second run costs time and changes nothing.
"""

from __future__ import annotations

import time

from open_analytic.errors import DeadlineExceeded, ServiceBusy, ServiceUnavailable

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from typing import TypeVar

    Node = TypeVar("Node", bound=Hashable)
    T = TypeVar("T")

OPEN_S = 10.0  # a node that failed is left alone for this long
RETRY_S = 0.05  # between two rounds over nodes that are starting
MOST_BROKEN = 3  # an input that crashes the nodes must not crash them all


class Breaker:
    """Circuit breaker: which nodes failed less than ``open_s`` seconds ago. Threads can share it.

    The clock is an argument, in seconds. A node whose time is over is tried like any other.
    """

    def __init__(self, *, open_s: float = OPEN_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._open_s, self._clock = open_s, clock
        self._until: dict[Hashable, float] = {}

    def order(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes in their order; those that failed lately come last, the longest ago first."""
        now = self._clock()
        return sorted(nodes, key=lambda node: max(0.0, self._until.get(node, 0.0) - now))

    def is_open(self, node: Hashable) -> bool:
        """Whether the node failed lately."""
        return self._until.get(node, 0.0) > self._clock()

    def failed(self, node: Hashable) -> None:
        """Leave the node alone from now on."""
        self._until[node] = self._clock() + self._open_s

    def answered(self, node: Hashable) -> None:
        """Forget the node's failures."""
        self._until.pop(node, None)


def first_answer(
    nodes: Sequence[Node],
    ask: Callable[[Node, float], T],
    *,
    breaker: Breaker,
    pause: Callable[[], object],
    timeout_s: float,
    wait_s: float = 0.0,
) -> T:
    """What ``ask(node, deadline)`` returns for the first node that answers.

    The next node gets the call when one cannot be reached, ends the connection, shuts down (OA071) or is busy (OA072);
    any other error is an answer, and is raised. All attempts together have ``timeout_s``. When no node can be reached,
    they are tried again for ``wait_s``, because a service can be starting. ``pause`` is called between attempts, and
    what it raises ends the call.
    """
    deadline = time.monotonic() + timeout_s
    give_up = min(deadline, time.monotonic() + wait_s)
    broken = 0
    while True:
        errors: list[ServiceBusy | ServiceUnavailable] = []
        for node in breaker.order(nodes):
            if _busy(errors) and breaker.is_open(node):
                break
            try:
                return _attempt(node, ask, deadline, breaker)
            except (ServiceBusy, ServiceUnavailable) as error:
                errors.append(error)
                broken += error.sent
            if broken >= MOST_BROKEN or time.monotonic() >= deadline:
                break
            pause()
        if broken >= MOST_BROKEN or _busy(errors) or time.monotonic() >= give_up:
            raise _of_all(errors)
        time.sleep(RETRY_S)


def _attempt(node: Node, ask: Callable[[Node, float], T], deadline: float, breaker: Breaker) -> T:
    try:
        answer = ask(node, deadline)
    except ServiceUnavailable:
        breaker.failed(node)
        raise
    except DeadlineExceeded as error:
        if error.sent:  # the node sent no error
            breaker.failed(node)
        raise
    breaker.answered(node)
    return answer


def _busy(errors: Sequence[ServiceBusy | ServiceUnavailable]) -> bool:
    return any(isinstance(error, ServiceBusy) for error in errors)


def _of_all(errors: Sequence[ServiceBusy | ServiceUnavailable]) -> ServiceBusy | ServiceUnavailable:
    """One error for all nodes: busy when one of them is, because trying again helps then."""
    busy = next((error for error in errors if isinstance(error, ServiceBusy)), None)
    if busy or len(errors) == 1:
        return busy or errors[0]
    return ServiceUnavailable(
        f"None of {len(errors)} nodes of the inference service answers. " + " ".join(error.message for error in errors),
        hint=errors[0].hint,
    )
