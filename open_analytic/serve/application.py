"""The inference service put together: a database's catalogue, one engine for all callers, its endpoints."""

import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from open_analytic.app import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.embedded import bootstrap
from open_analytic.embedded.background_service import ServiceLock
from open_analytic.errors import BadParameter, EmbeddedServerFailed, PluginError, ServiceError
from open_analytic.kinds import ALL_KINDS
from open_analytic.models.library import Library
from open_analytic.operators import ALL_OPERATORS
from open_analytic.pipeline import spec
from open_analytic.plugins import Registry
from open_analytic.runtime.shared import SharedEngine
from open_analytic.service import server
from open_analytic.service.metrics import Metrics
from open_analytic.service.server import ListenOptions
from open_analytic.store import nodes, queries, schema
from open_analytic.store.connection import Database
from open_analytic.types import Progress
from open_analytic.web.site import DEMOS, Site, prepare

logger = logging.getLogger(__name__)

Started: TypeAlias = Callable[[Sequence[str]], object]

SYSTEM_FOLDER = Path("/run/open_analytic")
ALL = "all"  # in place of a pipeline's name


def run(settings: Settings, listen: ListenOptions, *, preload: Sequence[str], started: Started) -> None:
    """Serve the settings' database, or the embedded one, until SIGTERM, SIGINT or the embedded server's end."""
    if settings.dsn:
        nodes.check_role(settings.dsn)
        schema.check(settings.dsn)
        listen = dataclasses.replace(listen, folder=_folder(listen))
        with _catalogue(settings.dsn, settings) as catalogue:
            _run(*catalogue, listen, preload=preload, started=started, owner=settings.dsn)
        return
    elsewhere = listen.folder and _make(listen.folder)
    with bootstrap.start(settings, serve=bool(elsewhere)) as home:
        service_lock = ServiceLock.beside(home.home) if elsewhere else ServiceLock.take(home.home)
        if not elsewhere:
            listen = dataclasses.replace(listen, folder=service_lock.folder, owner=service_lock.owner)
        with _catalogue(service_lock.dsn, settings) as catalogue:
            should_run = service_lock.should_run
            _run(*catalogue, listen, preload=preload, started=started, owner=home.dsn, should_run=should_run)
        if service_lock.is_lost():
            raise EmbeddedServerFailed(
                f"The embedded server of {home.home} ended, so there was nothing left to serve.",
                hint="See its log with `open-analytic db status`, then serve again.",
            )


def in_background(
    settings: Settings, service_lock: ServiceLock, library: Library, *, should_run: Callable[[], bool], started: Started
) -> None:
    """Serve for the embedded server that the lock belongs to, until its ``should_run`` is false."""
    with _catalogue(service_lock.dsn, settings, library) as catalogue:
        _run(
            *catalogue,
            ListenOptions(folder=service_lock.folder, owner=service_lock.owner),
            preload=[],
            started=started,
            should_run=should_run,
        )


def preload() -> None:
    """Import and read now what calls need first: a process that becomes another account cannot always read it later."""
    for name in ("cv2", "open_analytic.models.source_package", "open_analytic.runtime.session"):
        import_module(name)
    for name in ("pillow_heif", "tokenizers"):  # of extras
        with contextlib.suppress(ImportError):
            import_module(name)
    registries: tuple[Registry[Any], ...] = (ALL_KINDS, ALL_OPERATORS)
    for registry in registries:
        for name in registry:
            with contextlib.suppress(PluginError):  # a pipeline that names it gets the error
                registry[name]
    spec.all_presets()
    queries.load()


@contextmanager
def _catalogue(
    dsn: str, settings: Settings, library: Library | None = None
) -> Iterator[tuple[OpenAnalytic, SharedEngine, Metrics]]:
    """A database, the engine of the service on it, and its counters."""
    metrics = Metrics()
    settings = dataclasses.replace(settings, service=None)
    library = library or Library(settings)
    engine = SharedEngine(library, settings, observer=metrics.ran)
    # A new version of a pipeline is run from the next call on.
    with OpenAnalytic(Database(dsn, settings), settings, library=library, engine=engine, plan_seconds=0) as db:
        yield db, engine, metrics


def _run(
    db: OpenAnalytic,
    engine: SharedEngine,
    metrics: Metrics,
    listen: ListenOptions,
    *,
    preload: Sequence[str],
    started: Started,
    owner: str = "",
    should_run: Callable[[], bool] = lambda: True,
) -> None:
    service = server.assemble(
        engine, db, db.library.cards, db.settings, metrics, listen, should_run=should_run, started=started
    )
    names = [info.name for info in db.pipelines()] if ALL in preload else preload
    for name in names:
        engine.prepare(db.plan(name))
        logger.info("the models of %s are loaded", name)
    with _pages(service, db, owner, listen.web[0]) if listen.web else contextlib.nullcontext():
        server.run(service)
    logger.info("stopped")


@contextmanager
def _pages(service: server.Service, db: OpenAnalytic, dsn: str, host: str) -> Iterator[None]:
    """The site, on a connection that can change collections: the service's own cannot where the database is ours."""
    settings = db.settings
    with OpenAnalytic(Database(dsn, settings), settings, library=db.library, engine=db.engine) as owner:
        if not settings.dsn and not owner.collections():
            for name, pipeline in DEMOS.items():  # what the first pages of a new database are for
                prepare(owner, name, pipeline)
        _fetch(owner)
        site = Site(service.work, owner, token=settings.service_token, url_queries=bool(settings.service_url_queries))
        service.pages, service.finish = site.application(host), site.drain
        try:
            yield
        finally:
            site.close()


def _fetch(db: OpenAnalytic) -> None:
    """The models of its collections, so that nobody's first search waits for them."""
    announced: set[str] = set()

    def tell(progress: Progress) -> None:
        if progress.what not in announced:
            announced.add(progress.what)
            logger.info("%s", progress.what)

    models = {model for one in db.collections() if one.info.pipeline for model in one.models}
    db.library.pull(sorted(models), tell)


def _folder(listen: ListenOptions) -> Path | None:
    """The folder of the Unix sockets: the option, else the system's or the user's own."""
    if listen.folder:
        return _make(listen.folder)
    own = os.environ.get("XDG_RUNTIME_DIR")
    for folder in (SYSTEM_FOLDER, *([Path(own) / "open_analytic"] if own else [])):
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o755, exist_ok=True)
            if os.access(folder, os.W_OK | os.X_OK):
                return folder
    if listen.http or listen.wire or listen.web:
        return None
    raise BadParameter(
        f"There is no folder for the service's sockets: {SYSTEM_FOLDER} cannot be written to.",
        hint="Give one with --folder FOLDER, or serve over TCP with --tcp HOST:PORT.",
    )


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceError(
            f"The folder {str(folder)!r} cannot be made: {error.strerror}.", hint="Choose another: --folder FOLDER."
        ) from error
    return folder
