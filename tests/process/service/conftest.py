"""What tests of the service share: a network of three nodes, the real engine with a gate, a folder for sockets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.pipeline.plan import Plan, plan
from open_analytic.pipeline.spec import load
from open_analytic.runtime.batcher import Ran
from open_analytic.runtime.shared import SharedEngine
from tests import tiny
from tests.process.service import serving
from tests.process.service.gated import GatedEngine
from tests.process.service.serving import Service as Http
from tests.process.service.wiring import PASSWORD, Service


@pytest.fixture
def tiny_settings(tmp_path: Path) -> Settings:
    cards = tiny.write(tmp_path / "cards")
    return Settings.read({}, cards=(cards,), models_dir=tmp_path / "models", max_bytes=100_000)


@pytest.fixture
def tiny_library(tiny_settings: Settings) -> Library:
    return Library(tiny_settings)


@pytest.fixture
def colours(tiny_library: Library) -> Plan:
    """The pipeline of the tiny network."""
    return plan(load(tiny.PIPELINE, "mean_colour"), tiny_library.cards)


@pytest.fixture
def gated(tiny_library: Library, tiny_settings: Settings) -> Iterator[GatedEngine]:
    ran: list[Ran] = []
    engine = GatedEngine(SharedEngine(tiny_library, tiny_settings, observer=ran.append), ran)
    yield engine
    engine.close()


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="oa-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A wire for all tests of a module."""
    with Service(password=PASSWORD) as service:
        yield service


@pytest.fixture
def fresh() -> Iterator[Service]:
    """A service of one's own, to drain."""
    with Service(password=PASSWORD) as service:
        yield service


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Http]:
    """A service with its doors for HTTP, for all tests of a module that leave it as it was."""
    with (
        tempfile.TemporaryDirectory(prefix="oa-") as sockets,
        serving.service(tmp_path_factory.mktemp("s"), Path(sockets)) as it,
    ):
        yield it


@pytest.fixture(scope="module")
def http(shared: Http) -> Iterator[httpx.Client]:
    with shared.http() as client:
        yield client


@pytest.fixture
def own(tmp_path: Path, sockets: Path) -> Iterator[Http]:
    """One of the test's own, that takes two calls at once."""
    with serving.service(tmp_path, sockets, service_queue=2) as it:
        yield it
