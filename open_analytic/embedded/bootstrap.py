"""The database that comes with the package: the embedded server, brought up to date, with a service for its SQL."""

import logging

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.embedded import background_service
from open_analytic.errors import NotMigrated, OpenAnalyticError
from open_analytic.service import http_address, wire_address
from open_analytic.store import nodes, schema
from open_analytic.util import resources

logger = logging.getLogger(__name__)

NODE = "embedded"  # its row in open_analytic.nodes
WAIT_MS = 10_000  # a service takes a second or two to start; what calls it meanwhile waits


def start(settings: Settings, *, serve: bool = True) -> embedded.Server:
    """The server of ``settings.home``. Its service is started too, unless ``serve`` or the settings say no."""
    server = embedded.start(settings.home, pg_bin=settings.pg_bin)
    try:
        prepare(server, settings, serve=serve)
    except BaseException:
        server.close()
        raise
    return server


class Address:
    """Gives the DSN of the server as it is now: one that has ended is started again, with its service.

    Connections are lost with a server; the next one goes where its successor is.
    """

    def __init__(self, server: embedded.Server, settings: Settings) -> None:
        self._server, self._settings, self._prepared = server, settings, server.dsn

    def __call__(self) -> str:
        dsn = self._server.address()
        if dsn != self._prepared:
            prepare(self._server, self._settings)
            self._prepared = dsn
        return dsn

    def explain(self, error: OpenAnalyticError) -> OpenAnalyticError:
        """Why the server is gone, when its log says so."""
        return self._server.explain(error)


def prepare(server: embedded.Server, settings: Settings, *, serve: bool = True) -> None:
    """Bring the database up to date, then attach its service."""
    try:
        attach(server, settings, serve=serve)
    except NotMigrated:
        schema.upgrade(server.dsn)
        attach(server, settings, serve=serve)


def attach(server: embedded.Server, settings: Settings, *, serve: bool = True) -> None:
    """Tell the database where its service is, and start that. NotMigrated when the schema is not up to date."""
    schema.check(server.dsn)
    nodes.tell(
        server.dsn,
        name=NODE,
        http=http_address(server.socket),
        wire=wire_address(server.socket),
        wait_ms=WAIT_MS,
        python_path=resources.python_path(),
    )
    if serve and settings.service_start:
        _start_service(server, settings)


def _start_service(server: embedded.Server, settings: Settings) -> None:
    """Without it only calls from SQL fail, and they say so."""
    try:
        if background_service.start(server.home, settings):
            logger.info("the inference service of %s is starting", server.home)
    except OpenAnalyticError as error:
        logger.warning("The inference service could not be started, so SQL cannot run pipelines: %s", error)
