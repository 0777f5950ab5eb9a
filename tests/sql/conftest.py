"""The SQL functions on both servers: the embedded one (dblink) and one with plpython3u; one real service for both."""

import grp
import io
import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
from tests.conftest import REPOSITORY, clone, database, forget

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


@pytest.fixture(scope="session")
def group(server: embedded.Server) -> str:
    """Of the account that the servers run as."""
    return grp.getgrgid(account.choose(server.home).gid).gr_name


@pytest.fixture(scope="session")
def service(server: embedded.Server, template: str, here: Settings, group: str) -> Iterator[Service]:
    """The service that every test asks, but those that stop it."""
    with TemporaryDirectory(prefix="oa-", dir="/tmp") as top:
        Path(top).chmod(0o755)
        service = make_service(Path(top), database(server, template), here, group)
        service.start()
        yield service
        service.stop()


@pytest.fixture(scope="session", params=BODIES)
def body(request: pytest.FixtureRequest) -> str:
    """How the functions reach the service."""
    return str(request.param)


@pytest.fixture(scope="session")
def sql_server(
    body: str, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[embedded.Server, str]]:
    """A server with this body, and a database of it to clone."""
    with ExitStack() as stack:
        if body == "plpython3u":
            binaries = plpython.require()
            server = stack.enter_context(embedded.start(tmp_path_factory.mktemp("plpython"), pg_bin=binaries))
            forget(server)
        dsn = database(server)
        schema.upgrade(dsn)
        code = stack.enter_context(plpython.code_folder(server.home))
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("INSERT INTO open_analytic.settings VALUES ('python_path', %s)", [str(code)])
        yield server, str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])


@pytest.fixture(scope="session")
def original(sql_server: tuple[embedded.Server, str], service: Service) -> str:
    """A database that knows the service, with the pipelines mean_colour and slow_colour."""
    dsn = database(*sql_server)
    with psycopg.connect(dsn, autocommit=True) as connection:
        know(connection, service)
        create(connection, "mean_colour", tiny.PIPELINE)
        create(connection, "slow_colour", tiny.slow_pipeline())
    return dsn


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


_numbers = itertools.count(1)


@pytest.fixture
def become(sql: Sql, dsn: str, body: str) -> Iterator[Callable[..., Sql]]:
    """Sessions whose role is an ordinary one with these rights."""
    sessions: list[tuple[str, Sql]] = []

    def become(*groups: str) -> Sql:
        name = f"ordinary_{body}_{next(_numbers)}"
        sql.execute(compose.SQL("CREATE ROLE {} LOGIN").format(compose.Identifier(name)))
        for group in groups:
            sql.execute(compose.SQL("GRANT {} TO {}").format(compose.Identifier(group), compose.Identifier(name)))
        session = psycopg.connect(dsn, autocommit=True)
        session.execute(compose.SQL("SET SESSION AUTHORIZATION {}").format(compose.Identifier(name)))
        sessions.append((name, session))
        return session

    yield become
    for name, session in sessions:
        session.close()
        sql.execute(compose.SQL("DROP OWNED BY {} CASCADE").format(compose.Identifier(name)))
        sql.execute(compose.SQL("DROP ROLE {}").format(compose.Identifier(name)))
