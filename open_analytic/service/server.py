"""The process: sockets with their rights, both protocols, housekeeping, and an orderly end."""

import asyncio
import contextlib
import grp
import ipaddress
import json
import logging
import os
import resource
import signal
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.middleware import Middleware

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, ServiceError
from open_analytic.pipeline.call import Card
from open_analytic.pipeline.engine import Engine
from open_analytic.service import HTTP_SOCKET, WIRE_SOCKET, http_address, listener, wire_address
from open_analytic.service.http import Catalogue, TokenCheck, application
from open_analytic.service.listener import BACKLOG
from open_analytic.service.messages import Command, Define, Describe, Row, Run
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.wire import STREAM_LIMIT, Wire
from open_analytic.service.work import GIVES, Give, Work

logger = logging.getLogger(__name__)

HOUSEKEEPING_S = 1.0
TOKEN_LETTERS, TOKEN_SIGNS = 16, 6


class Models(Protocol):
    """What the housekeeping does with models; ``runtime.shared.SharedEngine`` has them."""

    batch_size: int

    def loaded(self) -> dict[str, int]: ...
    def unload_idle(self, idle_s: float) -> list[str]: ...


class ServiceEngine(Engine, Models, Protocol):
    """An engine with its models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """Where the service listens."""

    folder: Path | None = None  # of both Unix sockets: http.sock and .s.PGSQL.5433
    group: str | None = None  # can use them, besides their owner
    owner: int | None = None  # whose the sockets are made, when root starts the service for another account
    http: tuple[str, int] | None = None  # host and port
    web: tuple[str, int] | None = None  # of the pages
    wire: tuple[str, int] | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None


@dataclass(slots=True, kw_only=True)
class Service:
    """All parts of one service, put together."""

    work: Work
    catalogue: Catalogue
    engine: ServiceEngine
    settings: Settings
    listen: ListenOptions
    should_run: Callable[[], bool] = lambda: True  # called now and then: a False ends the service
    started: Callable[[Sequence[str]], object] = lambda addresses: None  # called with its addresses
    pages: Starlette | None = None  # what is served where the places say web
    finish: Callable[[float], object] = lambda timeout_s: None  # at the end: what the pages have accepted, in so long
    _servers: list[listener.Server] = field(default_factory=list)


def assemble(
    engine: ServiceEngine,
    catalogue: Catalogue,
    cards: Mapping[str, Card],
    settings: Settings,
    metrics: Metrics,
    listen: ListenOptions,
    *,
    should_run: Callable[[], bool] = lambda: True,
    started: Callable[[Sequence[str]], object] = lambda addresses: None,
) -> Service:
    """A service that is not running yet."""
    _check_token(listen, settings)
    metrics.watch_models(engine.loaded)
    plans = Plans(cards, is_registered=catalogue.is_registered)
    work = Work(engine, plans, settings, metrics, batch_size=engine.batch_size)
    return Service(
        work=work,
        catalogue=catalogue,
        engine=engine,
        settings=settings,
        listen=listen,
        should_run=should_run,
        started=started,
    )


def _check_token(listen: ListenOptions, settings: Settings) -> None:
    """Only pages for this very machine are served without one, and nothing over TCP with one that can be guessed."""
    if token := settings.service_token:
        if (listen.http or listen.web or listen.wire) and (len(token) < TOKEN_LETTERS or len(set(token)) < TOKEN_SIGNS):
            raise BadParameter(
                f"The token can be guessed: it needs {TOKEN_LETTERS} letters or more, {TOKEN_SIGNS} of them different.",
                hint="Make one with: openssl rand -hex 32",
            )
        return
    if listen.web and not _is_loopback(listen.web[0]):
        raise BadParameter(
            f"At {listen.web[0]} other machines see the pages, so they need a token.",
            hint="Set OPEN_ANALYTIC_SERVICE_TOKEN to a long random text, or give a file with --token-file; "
            "or serve on 127.0.0.1.",
        )
    if listen.http or listen.wire:
        raise BadParameter(
            "Over TCP the service needs a token, so that not everybody on the network can use it.",
            hint="Set OPEN_ANALYTIC_SERVICE_TOKEN to a long random text, or give a file with --token-file.",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run(service: Service) -> None:
    """Serve until SIGTERM or SIGINT; calls under way are finished then."""
    open_files()
    asyncio.run(_serve(service))


def open_files() -> None:
    """Let the process have as many files and connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # some systems name a limit they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(service: Service) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with _sockets(service.listen) as listening:
        tasks = [asyncio.ensure_future(_http(service, door)) for door in listening.http]
        wires = [await _open_wire(service, sock) for sock in listening.wire]
        keeper = asyncio.ensure_future(_keep_house(service))
        await asyncio.sleep(0)
        service.started(listening.addresses)
        stop_task = asyncio.ensure_future(stop.wait())
        await asyncio.wait({stop_task, keeper, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        stop_task.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # a second one ends us at once
        await _drain(service, wires)
        await asyncio.gather(*tasks, _ended(keeper))
    service.work.close()


async def _ended(keeper: "asyncio.Future[None]") -> None:
    """Stop the housekeeping; what made it fail is raised."""
    keeper.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeper


async def _drain(service: Service, wires: "Sequence[tuple[Wire, asyncio.Server]]") -> None:
    """Refuse what is new, finish what is under way."""
    patience_s = float(service.settings.service_drain_s)
    logger.info("stopping: %d calls under way", service.work.under_way)
    service.work.draining = True
    for _, endpoint in wires:
        endpoint.close()
    finishing = asyncio.ensure_future(asyncio.to_thread(service.finish, patience_s))
    if not await service.work.idle(patience_s):
        logger.warning("gave up waiting for %d calls after %.0f s", service.work.under_way, patience_s)
    await finishing
    await asyncio.gather(*(wire.drain(1.0) for wire, _ in wires))
    for server in service._servers:
        server.stop()


async def _keep_house(service: Service) -> None:
    """Unload what no call uses, as long as the service should run."""
    idle_s = service.settings.service_idle_unload_s
    while service.should_run():
        if idle_s:  # in a thread: a model that is being loaded is waited for
            for name in await asyncio.to_thread(service.engine.unload_idle, idle_s):
                logger.info("unloaded the model %s: unused for %d s", name, idle_s)
        await asyncio.sleep(HOUSEKEEPING_S)
    logger.info("the server ended, or another process serves: ending")


async def _http(service: Service, door: "_Door") -> None:
    settings, listen = service.settings, service.listen
    guard = Middleware(TokenCheck, token=settings.service_token)
    is_tcp = door.sock.family != socket.AF_UNIX
    files = {"ssl_certfile": listen.ssl_certfile, "ssl_keyfile": listen.ssl_keyfile}
    server = listener.Server(
        service.pages if door.pages and service.pages else application(service.work, service.catalogue, guard=guard),
        tcp=is_tcp,
        connections=settings.service_connections if is_tcp else None,
        tls=listener.context(files) if door.tls else None,
    )
    service._servers.append(server)
    await server.serve(door.sock)


async def _open_wire(service: Service, sock: socket.socket) -> tuple[Wire, asyncio.Server]:
    """A door for PostgreSQL's protocol. Over TCP it asks for the token, as the other door does."""
    is_unix = sock.family == socket.AF_UNIX
    settings = service.settings
    over_tcp = {"password": settings.service_token, "max_connections": settings.service_connections}
    options = {"admission": service.work, "max_bytes": settings.max_bytes} | ({} if is_unix else over_tcp)
    wire = Wire(_handler(service.work), **options)  # type: ignore[arg-type]
    start = asyncio.start_unix_server if is_unix else asyncio.start_server
    return wire, await start(wire.serve, sock=sock, limit=STREAM_LIMIT, backlog=BACKLOG)


def _handler(work: Work) -> "Callable[[Command], Awaitable[list[Row]]]":
    """What the PostgreSQL protocol's door has done with a request."""

    async def handle(command: Command) -> list[Row]:
        if isinstance(command, Define):
            await asyncio.to_thread(work.plans.define, command.hash, command.text)
            return [("null", None)]  # no row at all would look like a connection that was lost
        if isinstance(command, Describe):
            return [(await asyncio.to_thread(work.plans.describe, command.text), None)]
        return await _run(work, command)

    return handle


async def _run(work: Work, command: Run) -> list[Row]:
    plan = work.plans.get(command.hash, command.parameters)
    timeout_s = None if command.timeout_ms is None else command.timeout_ms / 1000
    answers = await work.run(plan, command.items, give=_give(command.give), door="wire", timeout_s=timeout_s)
    return [(each.text, json.dumps(each.error.as_dict()) if each.error else None) for each in answers]


def _give(text: str) -> Give:
    return next(give for give in GIVES if give == text)


@dataclass(frozen=True, slots=True)
class _Door:
    sock: socket.socket
    tls: bool = False
    pages: bool = False  # is the site's, not the service's alone


@dataclass(slots=True)
class _Listening:
    http: list[_Door] = field(default_factory=list)
    wire: list[socket.socket] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


@contextmanager
def _sockets(listen: ListenOptions) -> Iterator[_Listening]:
    """Sockets that listen; the files of Unix ones are removed at the end."""
    listening = _Listening()
    with contextlib.ExitStack() as undo:
        if listen.folder:
            http, wire = (
                undo.enter_context(_unix(listen.folder / name, listen)) for name in (HTTP_SOCKET, WIRE_SOCKET)
            )
            listening.http.append(_Door(http))
            listening.wire.append(wire)
            listening.addresses += [http_address(listen.folder), wire_address(listen.folder)]
        tls = listen.ssl_certfile is not None
        for address, pages in ((listen.http, False), (listen.web, True)):
            if address:
                listening.http.append(_Door(undo.enter_context(_tcp(*address)), tls, pages))
                listening.addresses.append(_url("https" if tls else "http", listening.http[-1].sock))
        if listen.wire:
            listening.wire.append(undo.enter_context(_tcp(*listen.wire)))
            host, port, *_ = listening.wire[-1].getsockname()
            listening.addresses.append(f"host={host} port={port}")
        if not (listening.http or listening.wire):
            raise BadParameter("The service would listen nowhere.", hint="Give --folder or --tcp HOST:PORT.")
        yield listening


def _url(scheme: str, sock: socket.socket) -> str:
    host, port, *_ = sock.getsockname()
    return f"{scheme}://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"{scheme}://{host}:{port}"


@contextmanager
def _unix(path: Path, listen: ListenOptions) -> Iterator[socket.socket]:
    """A socket file for its owner and, when one is named, a group. One that a dead service left is replaced."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            _bind(sock, path, listen)
        except (OSError, LookupError) as error:
            raise ServiceError(
                f"The service cannot listen at {path}: {getattr(error, 'strerror', None) or error}.",
                hint="Choose a folder you can write to, with a short path: --folder FOLDER.",
            ) from error
        inode = path.lstat().st_ino
        try:
            yield sock
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == inode:
                    path.unlink()


def _bind(sock: socket.socket, path: Path, listen: ListenOptions) -> None:
    if _answers(path):
        raise ServiceError(f"A service listens at {path} already.", hint="Stop it first, or choose another folder.")
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    before = os.umask(0o117 if listen.group else 0o177)
    try:
        sock.bind(str(path))
    finally:
        os.umask(before)
    _give_away(path, listen)
    sock.listen(BACKLOG)


def _give_away(path: Path, listen: ListenOptions) -> None:
    """To its owner and group. Where others can write to the folder, the file can be their link by now."""
    owner = -1 if listen.owner in (None, os.geteuid()) else listen.owner
    group = grp.getgrnam(listen.group).gr_gid if listen.group else -1
    if (owner, group) != (-1, -1):
        os.chown(path, owner, group, follow_symlinks=False)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@contextmanager
def _tcp(host: str, port: int) -> Iterator[socket.socket]:
    try:
        sock = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        # What it accepts inherits this. asyncio leaves it out for a socket made so, and each answer takes 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ServiceError(
            f"The service cannot listen at {host}:{port}: {error.strerror or error}.", hint="Choose another port."
        ) from error
    try:
        yield sock
    finally:
        sock.close()
