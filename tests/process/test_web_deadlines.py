"""The calls of pages while no memory to decode pictures in is left: each has a deadline, and ends with its client."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

import open_analytic
from open_analytic.analyticdb import demo_routes
from open_analytic.config import Settings
from open_analytic.operators.limits import budget
from open_analytic.service import listener
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.work import Work
from open_analytic.web import api
from open_analytic.web.site import Site
from tests import tiny
from tests.databases import database
from tests.process.serving import eventually
from tests.process.site import picture, problem, thumbnail

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic, embedded

MOST = 10_000_000
RED = picture(255, 0, 0)
THUMBNAIL = "/api/v1/collections/image_search_table/thumbnail?name=red.png"
PICTURE = "/api/v1/collections/image_search_table/picture?name=red.png"


@pytest.fixture(scope="module")
def tiny_db(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAnalytic]:
    folder = tmp_path_factory.mktemp("cards")
    settings = Settings.read(
        {}, cards=(tiny.write(folder),), models_dir=folder, audit_percent=0, decode_bytes=MOST, service_threads=2
    )
    with open_analytic.connect(database(server, template), settings=settings) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        db.create_collection("image_search_table", pipeline="mean_colour").add("red.png", RED)
        yield db


@pytest.fixture
def http(tiny_db: OpenAnalytic) -> Iterator[httpx.Client]:
    """A client of the site, which runs in a thread of this process: its budget is this process's."""
    work = Work(tiny_db.engine, Plans(tiny_db.library.cards), tiny_db.settings, Metrics(), batch_size=1)
    site, sock = Site(work, tiny_db, token=None, url_queries=False), socket.create_server(("127.0.0.1", 0))
    it = listener.Server(site.application("127.0.0.1"), tcp=True, connections=20)
    thread = threading.Thread(target=asyncio.run, args=(it.serve(sock),))
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
        yield client
    it.stop()
    thread.join()
    sock.close()
    site.close()
    work.close()


@contextlib.contextmanager
def held() -> Iterator[None]:
    """No byte of the budget is left meanwhile."""
    budget().take(MOST, MOST)
    try:
        yield
    finally:
        budget().give_back(MOST)


@pytest.mark.parametrize("path", [THUMBNAIL, PICTURE])
def test_a_picture_waits_for_memory_until_the_deadline(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(api, "CALL_S", 0.3)
    with held():
        assert problem(http.get(path)) == (504, "DeadlineExceeded")
        assert budget().waiting == 0
    monkeypatch.undo()
    assert thumbnail(http.get(path)).size == (40, 30)


@pytest.mark.parametrize("path", ["search", "insert"])
def test_the_demo_waits_for_memory_until_the_deadline(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(demo_routes, "CALL_S", 0.3)
    with held():
        answer = http.post(f"/image_search/{path}", files={"image": ("green.png", picture(0, 255, 0))})
        assert (answer.status_code, answer.json()["type"]) == (504, "DeadlineExceeded")
        eventually("nobody waits", lambda: budget().waiting == 0)
    assert http.get("/image_search/count").json() == {"code": 200, "msg": "", "result": [1]}


def test_a_client_that_leaves_waits_for_memory_no_longer(http: httpx.Client) -> None:
    with held():
        with pytest.raises(httpx.ReadTimeout):
            http.get(THUMBNAIL, timeout=0.5)
        eventually("nobody waits", lambda: budget().waiting == 0)
