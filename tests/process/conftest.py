"""The command line as a user runs it: real processes on an embedded server, with a network of three nodes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from open_analytic import embedded
from tests import homes, tiny
from tests.process.runner import NAMES, Cli, make


@pytest.fixture(scope="session")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model, its card, and a pipeline around it."""
    folder = tiny.write(tmp_path_factory.mktemp("cards"))
    (folder / "pipeline.json").write_text(json.dumps(tiny.PIPELINE))
    return folder


@pytest.fixture(scope="session")
def used_home(tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Path:
    """A home in which nothing runs, with the tiny pipeline registered, to copy."""
    folder = tmp_path_factory.mktemp("used")
    home = homes.copy(homes.migrated(tmp_path_factory.getbasetemp()), folder / ".open_analytic")
    cli = make(folder, cards, OPEN_ANALYTIC_SERVICE_START="0")
    cli("pipeline", "create", "mean_colour", "--definition", cards / "pipeline.json")
    embedded.stop(home)
    return home


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory, cards: Path) -> Iterator[Cli]:
    """One home for all, its server kept running meanwhile, with the tiny pipeline registered."""
    folder = tmp_path_factory.mktemp("a user's folder")
    cli = make(folder, cards)
    with embedded.start(folder / ".open_analytic"):
        cli("pipeline", "create", "mean_colour", "--definition", cards / "pipeline.json")
        yield cli


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures of one colour, in folders with hostile names."""
    folder = tmp_path_factory.mktemp("pictures")
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (99, 99, 99), (120, 5, 5)]
    for name, colour in zip(NAMES, colours, strict=True):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(folder / name)
    return folder


@pytest.fixture
def collection(cli: Cli, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty collection of the test's own."""
    name = request.node.name.partition("[")[0][-50:]
    cli("collection", "create", name, "--pipeline", "mean_colour", "--column", "district:text", "--column", "n:int")
    yield name
    cli("collection", "drop", name, "--yes", code=None)


@pytest.fixture
def filled(cli: Cli, collection: str, pictures: Path) -> str:
    """A collection with the five pictures."""
    cli("import", pictures, "--collection", collection, "--set", "district=A")
    return collection
