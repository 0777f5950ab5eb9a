"""The engine that is elsewhere: it sends what the service takes, and has patience with it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from open_analytic.errors import BadParameter, ImageTooLarge, OpenAnalyticError, ServiceUnavailable
from open_analytic.service import remote
from open_analytic.service.limits import MAX_ITEMS
from open_analytic.service.remote import RemoteEngine
from tests.process.service.gated import GREEN
from tests.process.service.scripted import script
from tests.process.service.serving import TOKEN, Service, service


@pytest.fixture
def small(tmp_path: Path, sockets: Path) -> Iterator[Service]:
    """A service that reads 1,000 bytes a picture, 8,000 a batch, and takes one call at a time."""
    with service(tmp_path, sockets, max_bytes=1000, service_queue=1) as it:
        yield it


def kinds(results: list[object]) -> list[str]:
    return [type(each).__name__ for each in results]


def test_pictures_that_are_too_much_together_are_sent_in_parts(small: Service) -> None:
    plan = small.catalogue.plan("mean_colour")
    padded = GREEN + bytes(900 - len(GREEN))
    items = [padded] * 20 + [os.urandom(1001)] + [padded]
    with contextlib.closing(RemoteEngine(small.unix)) as engine:
        results = engine.run(plan, items)
        assert [isinstance(each, OpenAnalyticError) for each in results] == [False] * 20 + [True, False]
        assert isinstance(results[20], ImageTooLarge)
        assert engine.run(plan, []) == []


def test_a_busy_service_is_asked_again(small: Service) -> None:
    plan = small.catalogue.plan("mean_colour")
    small.engine.gate.clear()
    with contextlib.closing(RemoteEngine(small.unix)) as engine:
        first = threading.Thread(target=engine.run, args=(plan, [GREEN]))
        first.start()
        assert small.engine.entered.acquire(timeout=10)
        threading.Timer(0.5, small.engine.gate.set).start()
        assert kinds(list(engine.run(plan, [GREEN]))) == ["Received"]
        first.join()


def test_requests_are_cut_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "REQUEST_BYTES", 10)
    cut = [list(map(len, part)) for part in remote._portions([bytes(size) for size in (4, 6, 1, 50, 2, 3)])]
    assert cut == [[4, 6], [1], [50], [2, 3]]
    assert [list(map(len, part)) for part in remote._portions([bytes(50), bytes(1)])] == [[50], [1]]


def test_requests_are_cut_by_the_number_of_their_inputs() -> None:
    assert [len(part) for part in remote._portions([b""] * (2 * MAX_ITEMS + 1))] == [MAX_ITEMS, MAX_ITEMS, 1]


# Several nodes


@pytest.fixture
def two(tmp_path: Path, sockets: Path) -> Iterator[tuple[Service, Service]]:
    """Two nodes that serve the same models."""
    for name in ("first", "second"):
        (sockets / name).mkdir()
    with (
        service(tmp_path / "first", sockets / "first") as first,
        service(tmp_path / "second", sockets / "second") as second,
    ):
        yield first, second


def computed(node: Service) -> int:
    """Items that the node's engine got."""
    return len(node.engine.seen)


def test_requests_are_spread_over_the_nodes(two: tuple[Service, Service]) -> None:
    first, second = two
    with contextlib.closing(RemoteEngine(f"{first.unix}, {second.tcp}", second.unix, token=TOKEN)) as engine:
        plan = first.catalogue.plan("mean_colour")
        engine.prepare(plan)
        assert kinds(list(engine.run_many(plan, [GREEN] * 12, batch_size=2))) == ["Received"] * 12
    assert (computed(first), computed(second)) == (4, 8)


@pytest.mark.parametrize("dead_first", [True, False])
def test_with_one_of_two_nodes_dead_all_calls_succeed(
    tmp_path: Path, sockets: Path, small: Service, dead_first: bool
) -> None:
    plan = small.catalogue.plan("mean_colour")
    addresses = [f"unix:{sockets}/nobody", small.unix]
    with contextlib.closing(RemoteEngine(*addresses[:: 1 if dead_first else -1])) as engine:
        engine.prepare(plan)
        assert [kinds(list(engine.run(plan, [GREEN]))) for _ in range(40)] == [["Received"]] * 40
        assert kinds(list(engine.run_many(plan, [GREEN] * 40, batch_size=4))) == ["Received"] * 40


def test_a_node_that_goes_away_during_a_call(two: tuple[Service, Service]) -> None:
    first, second = two
    plan = first.catalogue.plan("mean_colour")
    with (
        script(first.path.parent.parent, [b""], name="breaks") as breaks,
        contextlib.closing(RemoteEngine(breaks.address, second.unix)) as engine,
    ):
        assert kinds(list(engine.run(plan, [GREEN]))) == ["Received"]
        assert len(breaks.requests) == 1
    assert (computed(first), computed(second)) == (0, 1)


def test_a_node_that_shuts_down_or_is_busy_leaves_its_calls_to_the_other(two: tuple[Service, Service]) -> None:
    first, second = two
    plan = first.catalogue.plan("mean_colour")
    first.work.draining = True
    with contextlib.closing(RemoteEngine(first.unix, second.unix)) as engine:
        assert [kinds(list(engine.run(plan, [GREEN]))) for _ in range(4)] == [["Received"]] * 4
    first.work.draining = False
    assert (computed(first), computed(second)) == (0, 4)


def test_no_node_answers(sockets: Path, small: Service) -> None:
    plan = small.catalogue.plan("mean_colour")
    with (
        contextlib.closing(RemoteEngine(f"unix:{sockets}/a,unix:{sockets}/b")) as engine,
        pytest.raises(ServiceUnavailable, match=r"^None of 2 nodes of the inference service answers\."),
    ):
        engine.run(plan, [GREEN])


@pytest.mark.parametrize("address", ["", ",", "nonsense", "nonsense,unix:/a", "http://a:80,b:80"])
def test_a_list_with_a_wrong_address_is_refused(address: str) -> None:
    with pytest.raises(BadParameter, match="no address of a service"):
        RemoteEngine(address)


def test_the_path_of_a_socket_can_have_commas(small: Service, sockets: Path) -> None:
    plan = small.catalogue.plan("mean_colour")
    small.path.rename(sockets / "a,b, c")
    with contextlib.closing(RemoteEngine(f"unix:{sockets}/a,b, c,unix:{sockets}/nobody")) as engine:
        assert kinds(list(engine.run(plan, [GREEN]))) == ["Received"]
