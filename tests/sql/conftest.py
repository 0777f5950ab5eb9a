"""The SQL functions on both servers: the embedded one (dblink) and one with plpython3u; one real service for both."""

import grp
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from PIL import Image
from psycopg import sql as compose
from psycopg.types.json import Jsonb

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.embedded import account
from open_analytic.models.library import Library
from open_analytic.runtime.local import LocalEngine
from open_analytic.store import schema
from open_analytic.store.queries import query
from tests import plpython, tiny, tiny_objects, tiny_sounds, tiny_texts
from tests.conftest import REPOSITORY
from tests.databases import Fill, clone, database, disposable, filled, name_of

Sql = psycopg.Connection[Any]
BODIES = ("dblink", "plpython3u")
RED, GREEN, BLUE = (250, 10, 10), (10, 250, 10), (10, 10, 250)


def picture(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (40, 30)) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


@dataclass
class Service:
    """``open-analytic serve`` as a process, to be stopped, killed and started again in the same folder."""

    folder: Path
    environment: dict[str, str]
    words: list[str]
    process: subprocess.Popen[str] | None = field(default=None)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        command = [sys.executable, "-m", "open_analytic", "serve", "--folder", str(self.folder), *self.words]
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=REPOSITORY
        )
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() == "ready":
                return
        raise AssertionError(f"the service ended with {self.process.wait()}")

    def stop(self, *, kill: bool = False) -> int:
        """End it, and how it ended."""
        assert self.process
        self.process.kill() if kill else self.process.terminate()
        code = self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    @property
    def http(self) -> str:
        return f"unix:{self.folder}/http.sock"

    @property
    def wire(self) -> str:
        return f"host={self.folder} port=5433"


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, the slow one, the detector of objects, the networks of texts and of sounds."""
    texts = tiny_texts.write(tiny_objects.write(tiny.write_slow(tiny.write(tmp_path_factory.mktemp("sql-cards")))))
    return tiny_sounds.write(texts)


@pytest.fixture(scope="session")
def here(cards: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with these models, for an engine in this process."""
    return Settings.read(
        {}, cards=(cards,), models_dir=Path(os.environ.get("OPEN_ANALYTIC_MODELS_DIR", REPOSITORY / "onnx_models"))
    )


@pytest.fixture(scope="session")
def local(here: Settings) -> Iterator[LocalEngine]:
    """An engine in this process, to compare with."""
    engine = LocalEngine(Library(here), here)
    yield engine
    engine.close()


def make_service(folder: Path, dsn: str, settings: Settings, group: str) -> Service:
    """A service that is not started yet, with a role of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(query("service_role"))
    dsn = psycopg.conninfo.make_conninfo(dsn, user="open_analytic_service")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    environment |= {
        "OPEN_ANALYTIC_CARDS": str(settings.cards[0]),
        "OPEN_ANALYTIC_MODELS_DIR": str(settings.models_dir),
        "PYTHONPATH": str(REPOSITORY),
    }
    return Service(folder, environment, ["--dsn", dsn, "--group", group])


@contextmanager
def new_service(server: embedded.Server, template: str, settings: Settings, group: str) -> Iterator[Service]:
    """A service that is not started yet, in a folder and with a database of its own."""
    with TemporaryDirectory(prefix="oa-", dir="/tmp") as top:
        Path(top).chmod(0o755)
        service = make_service(Path(top), database(server, template), settings, group)
        yield service
        if service.process:
            service.stop(kill=True)


@pytest.fixture(scope="session")
def group(server: embedded.Server) -> str:
    """Of the account that the servers run as."""
    return grp.getgrgid(account.choose(server.home).gid).gr_name


@pytest.fixture(scope="session")
def service(server: embedded.Server, template: str, here: Settings, group: str) -> Iterator[Service]:
    """The service that every test asks, but those that stop it."""
    with new_service(server, template, here, group) as service:
        service.start()
        yield service
        service.stop()


@pytest.fixture(scope="module")
def node(server: embedded.Server, template: str, here: Settings, group: str) -> Iterator[Service]:
    """A service of one file's own."""
    with new_service(server, template, here, group) as service:
        yield service


@pytest.fixture
def own(node: Service) -> Service:
    """It runs; a test can stop it."""
    if not node.process:
        node.start()
    return node


@pytest.fixture
def stopped(node: Service) -> Service:
    """It does not run; a test can start it."""
    if node.process:
        node.stop(kill=True)
    return node


@pytest.fixture(scope="session", params=BODIES)
def body(request: pytest.FixtureRequest) -> str:
    """How the functions reach the service."""
    return str(request.param)


@pytest.fixture(scope="session")
def plpython_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """A server with plpython3u."""
    binaries = plpython.require()
    with embedded.start(tmp_path_factory.mktemp("plpython"), pg_bin=binaries) as server, disposable(server):
        yield server


@dataclass
class SqlServers:
    """What was made for each body: tests of one file follow those of another with the other body, and back."""

    templates: dict[str, tuple[embedded.Server, str]] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)


@pytest.fixture(scope="session")
def sql_servers() -> Iterator[SqlServers]:
    servers = SqlServers()
    with servers.stack:
        yield servers


def _template(server: embedded.Server, stack: ExitStack) -> str:
    """The name of a database with the functions that this server takes."""
    dsn = database(server)
    schema.upgrade(dsn)
    code = stack.enter_context(plpython.code_folder(server.home))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO open_analytic.settings VALUES ('python_path', %s)", [str(code)])
    return name_of(dsn)


@pytest.fixture(scope="session")
def sql_server(body: str, sql_servers: SqlServers, request: pytest.FixtureRequest) -> tuple[embedded.Server, str]:
    """A server with this body, and a database of it to clone."""
    if body not in sql_servers.templates:
        server = request.getfixturevalue("plpython_server" if body == "plpython3u" else "server")
        sql_servers.templates[body] = server, _template(server, sql_servers.stack)
    return sql_servers.templates[body]


@pytest.fixture(scope="session")
def original(body: str, sql_servers: SqlServers, sql_server: tuple[embedded.Server, str], service: Service) -> str:
    """A database that knows the service, with the pipelines mean_colour and slow_colour."""
    if body not in sql_servers.originals:
        dsn = sql_servers.originals[body] = database(*sql_server)
        with psycopg.connect(dsn, autocommit=True) as connection:
            know(connection, service)
            create(connection, "mean_colour", tiny.PIPELINE)
            create(connection, "slow_colour", tiny.slow_pipeline())
    return sql_servers.originals[body]


@pytest.fixture
def dsn(sql_server: tuple[embedded.Server, str], original: str) -> Iterator[str]:
    """A copy of it for one test."""
    with clone(sql_server[0], original) as dsn:
        yield dsn


def know(connection: psycopg.Connection[Any], service: Service, **options: int) -> None:
    """Tell the database where the service is."""
    connection.execute("DELETE FROM open_analytic.nodes")
    connection.execute(
        "INSERT INTO open_analytic.nodes (name, http, wire, wait_ms, timeout_ms) VALUES ('main', %s, %s, %s, %s)",
        [service.http, service.wire, options.get("wait_ms", 0), options.get("timeout_ms", 60_000)],
    )


def create(connection: psycopg.Connection[Any], name: str, definition: dict[str, Any]) -> Any:
    """Register a definition in SQL."""
    return value(connection, "SELECT open_analytic.pipeline_create(%s, %s)", name, Jsonb(definition))


@pytest.fixture
def sql(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the owner."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def value(connection: psycopg.Connection[Any], statement: str, *values: object) -> Any:
    """The only column of the only row."""
    rows = connection.execute(statement, values).fetchall()
    assert len(rows) == 1
    return rows[0][0]


def column(connection: psycopg.Connection[Any], statement: str, *values: object) -> list[Any]:
    """The first column of all rows."""
    return [row[0] for row in connection.execute(statement, values)]


@pytest.fixture
def become(sql: Sql, dsn: str, body: str) -> Iterator[Callable[..., Sql]]:
    """Sessions whose role is an ordinary one with these rights, of which a test has several.

    Roles stay for later tests: what they own, and what they are granted, goes with the test's database.
    """
    sessions: list[Sql] = []

    def become(*groups: str) -> Sql:
        name = "_".join(["ordinary", str(len(sessions)), *(group.rpartition("_")[2] for group in groups)])
        if not value(sql, "SELECT count(*) FROM pg_roles WHERE rolname = %s", name):
            sql.execute(compose.SQL("CREATE ROLE {} LOGIN").format(compose.Identifier(name)))
            for group in groups:
                sql.execute(compose.SQL("GRANT {} TO {}").format(compose.Identifier(group), compose.Identifier(name)))
        session = psycopg.connect(dsn, autocommit=True)
        session.execute(compose.SQL("SET SESSION AUTHORIZATION {}").format(compose.Identifier(name)))
        sessions.append(session)
        return session

    yield become
    for session in sessions:
        session.close()


@pytest.fixture
def copied(sql_server: tuple[embedded.Server, str], original: str) -> Iterator[Callable[[Fill], Sql]]:
    """Sessions in copies of a database that a function filled once."""
    with ExitStack() as stack:

        def copied(fill: Fill) -> Sql:
            server, _ = sql_server
            dsn = stack.enter_context(clone(server, filled(server, original, fill)))
            return stack.enter_context(psycopg.connect(dsn, autocommit=True))

        yield copied
