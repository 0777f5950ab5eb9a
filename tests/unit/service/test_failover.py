"""A call goes to the next node when one does not answer, and a node that failed is left alone for some seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from open_analytic.errors import (
    BadImage,
    DeadlineExceeded,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    Unauthorized,
)
from open_analytic.service.failover import MOST_BROKEN, OPEN_S, Breaker, first_answer


def no_pause() -> None:
    """Nobody cancels."""


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Nodes:
    """Nodes that answer with their name, or fail in the way a test says; ``attempts`` lists their names."""

    def __init__(self, **failures: OpenAnalyticError) -> None:
        self.failures, self.attempts = failures, ""
        self.clock = Clock()
        self.breaker = Breaker(clock=self.clock)

    def ask(self, node: str, deadline: float) -> str:
        self.attempts += node
        if node in self.failures:
            raise self.failures[node]
        return node

    def call(self, nodes: str = "ab", *, wait_s: float = 0.0, pause: Callable[[], object] = no_pause) -> str:
        return first_answer(list(nodes), self.ask, breaker=self.breaker, pause=pause, timeout_s=60, wait_s=wait_s)


def broken() -> ServiceUnavailable:
    """The error of a node that ended the connection after the request was sent."""
    error = ServiceUnavailable("It ended the connection.")
    error.sent = True
    return error


def test_the_first_node_answers() -> None:
    nodes = Nodes()
    assert (nodes.call(), nodes.attempts) == ("a", "a")


@pytest.mark.parametrize("error", [ServiceUnavailable(), broken(), ServiceBusy()], ids=["refused", "broken", "busy"])
def test_the_next_node_gets_the_call(error: OpenAnalyticError) -> None:
    nodes = Nodes(a=error)
    assert (nodes.call(), nodes.attempts) == ("b", "ab")


@pytest.mark.parametrize("error", [BadImage(), Unauthorized(), DeadlineExceeded(), OpenAnalyticError()])
def test_an_error_that_a_node_answered_is_the_answer(error: OpenAnalyticError) -> None:
    nodes = Nodes(a=error)
    with pytest.raises(type(error)):
        nodes.call()
    assert nodes.attempts == "a"
    assert not nodes.breaker.is_open("a")


def test_a_failed_node_is_left_alone_until_its_time_is_over() -> None:
    nodes = Nodes(a=ServiceUnavailable())
    assert [nodes.call() for _ in range(3)] == ["b", "b", "b"]
    assert nodes.attempts == "abbb"
    nodes.clock.now += OPEN_S
    assert [nodes.call() for _ in range(2)] == ["b", "b"]
    assert nodes.attempts == "abbbabb"
    del nodes.failures["a"]
    nodes.clock.now += OPEN_S
    assert [nodes.call() for _ in range(2)] == ["a", "a"]


def test_a_busy_node_is_not_left_alone() -> None:
    nodes = Nodes(a=ServiceBusy())
    assert [nodes.call() for _ in range(2)] == ["b", "b"]
    assert nodes.attempts == "abab"


def test_a_node_that_said_nothing_until_the_deadline_is_left_alone_afterwards() -> None:
    late = DeadlineExceeded()
    late.sent = True
    nodes = Nodes(a=late)
    with pytest.raises(DeadlineExceeded):
        nodes.call()
    assert (nodes.call(), nodes.attempts) == ("b", "ab")


def test_when_the_others_fail_too_a_failed_node_is_tried_again() -> None:
    nodes = Nodes(a=ServiceUnavailable())
    nodes.call()
    nodes.failures = {"b": ServiceUnavailable()}
    assert (nodes.call(), nodes.attempts) == ("a", "abba")
    assert not nodes.breaker.is_open("a")


def test_a_failed_node_is_not_tried_because_the_others_are_busy() -> None:
    nodes = Nodes(a=ServiceUnavailable())
    nodes.call()
    nodes.failures["b"] = ServiceBusy()
    with pytest.raises(ServiceBusy):
        nodes.call()
    assert nodes.attempts == "abb"


def test_no_node_answers() -> None:
    nodes = Nodes(a=ServiceUnavailable("A is down.", hint="Start A."), b=ServiceUnavailable("B is down."))
    with pytest.raises(ServiceUnavailable) as caught:
        nodes.call()
    assert caught.value.as_dict() == {
        "type": "ServiceUnavailable",
        "sqlstate": "OA071",
        "message": "None of 2 nodes of the inference service answers. A is down. B is down.",
        "hint": "Start A.",
    }
    with pytest.raises(ServiceUnavailable) as caught:
        nodes.call("a")
    assert caught.value.as_dict() == nodes.failures["a"].as_dict()


def test_an_input_that_crashes_nodes_does_not_crash_them_all() -> None:
    nodes = Nodes(**{name: broken() for name in "abcdef"})
    with pytest.raises(ServiceUnavailable):
        nodes.call("abcdef", wait_s=3600)
    assert len(nodes.attempts) == MOST_BROKEN


def test_nodes_that_are_starting_are_tried_again() -> None:
    nodes = Nodes(a=ServiceUnavailable(), b=ServiceUnavailable())

    def started() -> None:
        if nodes.attempts == "abab":
            del nodes.failures["b"]

    assert nodes.call(wait_s=3600, pause=started) == "b"


def test_the_call_ends_at_its_deadline_whatever_nodes_are_left() -> None:
    nodes = Nodes(a=ServiceUnavailable("A is down."))
    with pytest.raises(ServiceUnavailable, match=r"^A is down\.$"):
        first_answer(["a", "b"], nodes.ask, breaker=nodes.breaker, pause=no_pause, timeout_s=0, wait_s=3600)


def test_a_cancelled_caller_asks_no_other_node() -> None:
    class CancelledByUser(Exception):
        """What a backend raises."""

    def cancelled() -> None:
        raise CancelledByUser

    nodes = Nodes(a=ServiceUnavailable())
    with pytest.raises(CancelledByUser):
        nodes.call(pause=cancelled)
    assert nodes.attempts == "a"


def test_every_attempt_has_the_deadline_of_the_call() -> None:
    deadlines: list[float] = []

    def ask(node: str, deadline: float) -> str:
        deadlines.append(deadline)
        raise ServiceUnavailable

    with pytest.raises(ServiceUnavailable):
        first_answer(["a", "b"], ask, breaker=Breaker(), pause=no_pause, timeout_s=60)
    assert len(deadlines) == 2
    assert len(set(deadlines)) == 1
