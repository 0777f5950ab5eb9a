"""What every test shares: one embedded server, one library of models, a database each, real photos where they are."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import open_analytic
from open_analytic.config import Settings
from tests.databases import clone, database, disposable, name_of

if TYPE_CHECKING:
    from open_analytic import embedded
    from open_analytic.models.library import Library
    from open_analytic.runtime.local import LocalEngine

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("OPEN_ANALYTIC_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")  # noqa: S108 - Linux keeps these files in memory
ROOM = 8 * 2**30  # bytes; temporary files of a worker take up to 1 GB
ORDER = ["process", "models", "upgrade", "database", "sql", "docs", "unit", "browser"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders with long files first, so that all workers end together.

    Those of the pages last: Playwright keeps an event loop running in this thread until the end.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """The folder's turn; among the pages' files the longest is first."""
    folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
    return ORDER.index(folder) if folder in ORDER else 0, item.path.name != "test_pages.py"


def pytest_configure() -> None:
    """Settings of the process, which the processes that tests start inherit."""
    # A run in the background is born with Ctrl-C ignored, and so would be the processes that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Else every process that tests start would compile the package: a quarter of the time that a command takes.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    # On a disk, half of what a test with a database of its own costs is the copying and deleting of 350 small files.
    if _has_room():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _has_room() -> bool:
    """Whether the temporary files of a run fit into memory."""
    if not os.access(MEMORY, os.W_OK | os.X_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        return False
    facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(facts["MemAvailable"].split()[0]) * 1024 >= ROOM


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The defaults, whatever the caller's environment says of a database."""
    return Settings.read({name: value for name, value in os.environ.items() if name != "OPEN_ANALYTIC_DSN"})


@pytest.fixture(scope="session")
def library(settings: Settings) -> Library:
    """The real models; what is missing is pulled on first use."""
    from open_analytic.models.library import Library

    return Library(settings)


@pytest.fixture(scope="session")
def engine(library: Library, settings: Settings) -> Iterator[LocalEngine]:
    """One engine with the real models, loaded once."""
    from open_analytic.runtime.local import LocalEngine

    engine = LocalEngine(library, settings)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """One embedded PostgreSQL for the whole run."""
    from open_analytic import embedded

    with embedded.start(tmp_path_factory.mktemp("server")) as server, disposable(server):
        yield server


@pytest.fixture
def empty_dsn(server: embedded.Server) -> Iterator[str]:
    """A database of its own, without our schema."""
    with clone(server) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """The name of a database with our schema, to clone."""
    from open_analytic.store import schema

    dsn = database(server)
    schema.upgrade(dsn)
    return name_of(dsn)


@pytest.fixture
def dsn(server: embedded.Server, template: str) -> Iterator[str]:
    """A database of its own, with our schema."""
    with clone(server, template) as dsn:
        yield dsn


@pytest.fixture
def db(dsn: str, settings: Settings) -> Iterator[open_analytic.OpenAnalytic]:
    """open_analytic on a fresh database."""
    with open_analytic.connect(dsn, settings=settings) as db:
        yield db


def _data(folder: str) -> Path:
    if not (DATA / folder).is_dir():
        pytest.skip(f"PHOTOS MISSING: {DATA / folder} is not there; set OPEN_ANALYTIC_TEST_DATA to the photo sets.")
    return DATA / folder


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """200 photos of many kinds."""
    return sorted(_data("photos").iterdir())


@pytest.fixture(scope="session")
def people() -> dict[str, list[Path]]:
    """Faces: five people, eleven photos each."""
    return {person.name: sorted(person.iterdir()) for person in sorted(_data("faces").iterdir())}
