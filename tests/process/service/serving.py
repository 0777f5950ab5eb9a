"""The HTTP door on real sockets, with a catalogue of two pipelines and a collection that notes its searches."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.middleware import Middleware

from open_analytic import errors
from open_analytic.config import Settings
from open_analytic.errors import OpenAnalyticError, UnknownCollection, UnknownPipeline
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import Spec, load, preset
from open_analytic.runtime.batcher import Ran
from open_analytic.runtime.shared import SharedEngine
from open_analytic.search_options import SearchOptions
from open_analytic.service import listener
from open_analytic.service.http import TokenCheck, application
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.work import Work
from open_analytic.types import CollectionInfo, Hit, PipelineInfo
from tests import tiny
from tests.process.service.gated import GatedEngine

TOKEN = "a long random text, ä"  # noqa: S105
RUN = "/api/v1/pipelines/mean_colour/run"
BATCH = "/api/v1/pipelines/mean_colour/run-batch"
SEARCH = "/api/v1/collections/photos/search"
GREEN_OUTPUT = {"feature": [0.0, 1.0, 0.0]}
CONNECTIONS = 20  # over TCP
DAY = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Collection:
    """Meets ``http.Searchable``: finds one row, whose columns hold what JSON has no word for."""

    queries: list[tuple[Any, SearchOptions]] = field(default_factory=list)
    given_s: list[float] = field(default_factory=list)  # the time limit of each search
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    gate: threading.Event = field(default_factory=threading.Event)  # searches wait until it is set
    engine: GatedEngine | None = None  # what a search computes its vector with
    plan: Plan | None = None

    @property
    def info(self) -> CollectionInfo:
        return CollectionInfo(
            name="photos", schema="public", pipeline="mean_colour", version=1, dim=3, metric="l2", many=False,
            parameters={}, columns={"weight": "double precision"}, created_at=DAY,
        )  # fmt: skip

    def __post_init__(self) -> None:
        self.gate.set()

    def search(self, query: Any, *, options: SearchOptions) -> list[Hit]:
        self.queries.append((query, replace(options, timeout_s=None)))
        self.given_s.append(options.timeout_s or 0)
        self.entered.release()
        assert self.gate.wait(30)
        if self.engine and self.plan:
            self.engine.run(self.plan, [query])
        return [Hit(name="a.png", distance=0.5, row={"weight": float("nan")})]

    def explain_search(self, query: Any, *, options: SearchOptions) -> dict[str, Any]:
        self.queries.append((query, replace(options, timeout_s=None)))
        return {"plan": "exact", "reason": "There is one row."}


@dataclass(slots=True, kw_only=True)
class Catalogue:
    """Meets ``http.Catalogue``."""

    library: Library
    photos: Collection = field(default_factory=Collection)
    fault: OpenAnalyticError | None = None  # of the database
    answering: threading.Event = field(default_factory=threading.Event)  # the database says nothing until it is set
    calls: int = 0

    def __post_init__(self) -> None:
        self.answering.set()

    def _spec(self, name: str) -> Spec:
        if name == "broken":
            raise KeyError("/etc/secret is not for your eyes")
        if name == "face_analyzer":
            return preset(name)
        if name != "mean_colour":
            raise UnknownPipeline(f"No pipeline is named {name!r}.")
        return load(tiny.PIPELINE, name)

    def pipelines(self) -> list[PipelineInfo]:
        self.calls += 1
        assert self.answering.wait(30)
        if self.fault:
            raise self.fault
        return [self.pipeline("mean_colour")]

    def pipeline(self, name: str) -> PipelineInfo:
        plan = self.plan(name)
        return PipelineInfo(
            name=name, version=1, input=plan.input, output=plan.output, dim=plan.dim, hash=plan.hash, created_at=DAY,
            definition=plan.spec.as_dict(),
        )  # fmt: skip

    def is_registered(self, hash: str) -> bool:  # noqa: A002
        return hash == self.plan("mean_colour").hash

    def plan(self, name: str, parameters: Mapping[str, Any] | None = None) -> Plan:
        return plan(self._spec(name), self.library.cards, parameters)

    def collections(self) -> Sequence[Collection]:
        return [self.photos]

    def collection(self, name: str) -> Collection:
        if name != "photos":
            raise UnknownCollection(f"No collection is named {name!r}.")
        return self.photos


@dataclass(slots=True, kw_only=True)
class Service:
    """A service that listens."""

    work: Work
    engine: GatedEngine
    catalogue: Catalogue
    loop: asyncio.AbstractEventLoop
    path: Path
    port: int

    @property
    def unix(self) -> str:
        return f"unix:{self.path}"

    @property
    def tcp(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def http(self) -> httpx.Client:
        """A client on the Unix socket."""
        return httpx.Client(transport=httpx.HTTPTransport(uds=str(self.path)), base_url="http://service")

    def idle(self) -> bool:
        """Whether no call is under way any more; it may take a moment."""
        return asyncio.run_coroutine_threadsafe(self.work.idle(30), self.loop).result(60)


@contextmanager
def service(
    folder: Path, sockets: Path, *, token: str | None = TOKEN, tls: Mapping[str, Path] | None = None, **options: Any
) -> Iterator[Service]:
    """Settings are ``options``; cards go into the folder, the Unix socket into the other."""
    settings = Settings.read({}, cards=(tiny.write(folder / "cards"),), models_dir=folder / "models", max_bytes=100_000)
    settings = dataclasses.replace(settings, **options)
    library = Library(settings)
    ran: list[Ran] = []
    engine = GatedEngine(SharedEngine(library, settings, observer=ran.append), ran)
    work = Work(engine, Plans(library.cards), settings, Metrics(), batch_size=4)
    work.metrics.watch_models(engine.loaded)
    catalogue = Catalogue(library=library)
    with listening(work, catalogue, sockets / "http.sock", token, tls) as (loop, port):
        try:
            yield Service(
                work=work, engine=engine, catalogue=catalogue, loop=loop, path=sockets / "http.sock", port=port
            )
        finally:
            engine.gate.set()
            catalogue.photos.gate.set()
            catalogue.answering.set()
    work.close()
    engine.close()


@contextmanager
def listening(
    work: Work, catalogue: Catalogue, path: Path, token: str | None, tls: Mapping[str, Path] | None
) -> Iterator[tuple[asyncio.AbstractEventLoop, int]]:
    """Its doors in a thread, on a Unix socket and a port."""
    tcp = socket.create_server(("127.0.0.1", 0))
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    unix.bind(str(path))
    unix.listen()
    app = application(work, catalogue, guard=Middleware(TokenCheck, token=token))
    servers = [
        listener.Server(app, tcp=False),
        listener.Server(app, tcp=True, connections=CONNECTIONS, tls=listener.context(tls or {})),
    ]
    loops, started = [], threading.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        asyncio.get_running_loop().call_soon(started.set)
        await asyncio.gather(*(it.serve(sock) for it, sock in zip(servers, (unix, tcp), strict=True)))

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert started.wait(30)
        yield loops[0], tcp.getsockname()[1]
    finally:
        for it in servers:
            it.stop()
        thread.join()
        for sock in (unix, tcp):
            sock.close()
        path.unlink(missing_ok=True)


def form(error: httpx.Response) -> tuple[int, str]:
    """Status and class of an error, which has the usual form."""
    body = error.json()
    assert list(body) == ["type", "sqlstate", "message", "hint"]
    assert error.headers["content-type"] == "application/json"
    assert getattr(errors, body["type"]).sqlstate == body["sqlstate"]
    assert all(isinstance(body[key], str) for key in ("type", "sqlstate", "message"))
    return error.status_code, body["type"]


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()
