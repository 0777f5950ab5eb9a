"""The command line as a user runs it: real processes on an embedded server, with a network of three nodes."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

import open_analytic
from open_analytic import OpenAnalytic, embedded
from open_analytic.config import Settings
from open_analytic.errors import UnknownCollection
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


@pytest.fixture(scope="session")
def here(cli: Cli) -> Iterator[OpenAnalytic]:
    """The same home in this process, for what tests begin with: three commands take two seconds of a processor."""
    settings = Settings.read(cli.environment)
    with open_analytic.connect(home=cli.folder / ".open_analytic", settings=settings) as db:
        yield db


@pytest.fixture
def collection(here: OpenAnalytic, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty collection of the test's own."""
    name = request.node.name.partition("[")[0][-50:]
    here.create_collection(name, pipeline="mean_colour", columns={"district": "text", "n": "int"})
    yield name
    with suppress(UnknownCollection):
        here.drop_collection(name)


@pytest.fixture
def filled(here: OpenAnalytic, collection: str, pictures: Path) -> str:
    """A collection with the five pictures."""
    report = here.collection(collection).import_files(pictures, values=lambda _: {"district": "A"})
    assert report.added == len(NAMES)
    return collection
