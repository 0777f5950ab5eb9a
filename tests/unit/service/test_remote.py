"""The engine that is elsewhere: it sends what the service takes, and has patience with it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from open_analytic.errors import ImageTooLarge, OpenAnalyticError
from open_analytic.service import remote
from open_analytic.service.remote import RemoteEngine
from tests.unit.service.gated import GREEN
from tests.unit.service.serving import Service, service


@pytest.fixture
def small(tmp_path: Path, sockets: Path) -> Iterator[Service]:
    """A service that reads 1,000 bytes a picture, 8,000 a batch, and takes one call at a time."""
    with service(tmp_path, sockets, max_bytes=1000, service_queue=1) as it:
        yield it


def kinds(found: list[object]) -> list[str]:
    return [type(each).__name__ for each in found]


def test_pictures_that_are_too_much_together_are_sent_in_parts(small: Service) -> None:
    plan = small.catalogue.plan("mean_colour")
    padded = GREEN + bytes(900 - len(GREEN))
    items = [padded] * 20 + [os.urandom(1001)] + [padded]
    with contextlib.closing(RemoteEngine(small.unix)) as engine:
        found = engine.run(plan, items)
        assert [isinstance(each, OpenAnalyticError) for each in found] == [False] * 20 + [True, False]
        assert isinstance(found[20], ImageTooLarge)
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
