"""The pages in a real Chromium: the real service on an embedded server, with collections of painted pictures.

What lives for several tests lives for this folder only: Playwright keeps an event loop running meanwhile.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright

import open_analytic
from open_analytic.config import Settings
from tests import chromium
from tests.browser import album
from tests.browser.album import Album
from tests.browser.visitor import BOTH, SCREENSHOTS, View, Visitor, visit
from tests.process import runner

FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

FAILED = pytest.StashKey[bool]()
TOKEN = "open-sesame-12345"  # noqa: S105 - of a service of these tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The service, where its pages are, and the database behind it as Python sees it."""

    url: str
    album: Album
    db: open_analytic.OpenAnalytic

    def names(self, collection: str) -> list[str]:
        """Of all pictures of a collection."""
        return [name for name, _ in self.db.collection(collection).names(limit=1000)]

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """What psql would show."""
        with psycopg.connect(self.album.dsn) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all; each test is a visitor with an empty profile."""
    path = chromium.require()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """``open-analytic serve --web`` with an album."""
    folder = tmp_path_factory.mktemp("site")
    with album.make(folder) as content:
        cli = runner.make(folder, content.cards, OPEN_ANALYTIC_HOME=str(content.home), OPEN_ANALYTIC_SERVICE_START="0")
        settings = Settings.read({}, cards=(content.cards,), models_dir=content.home / "models")
        with (
            (folder / "log").open("wb") as log,
            _serving(cli, log) as url,
            open_analytic.connect(content.dsn, settings=settings) as db,
        ):
            yield Site(url=url, album=content, db=db)


@contextmanager
def _serving(cli: runner.Cli, log: BinaryIO, *options: object) -> Iterator[str]:
    """The service as a process; its log goes to a file, since a pipe nobody reads would stop it."""
    command = cli.words("serve", "--web-tcp", "127.0.0.1:0", *options)
    with subprocess.Popen(
        command, cwd=cli.folder, env=cli.environment, text=True, stdout=subprocess.PIPE, stderr=log
    ) as process:
        try:
            assert process.stdout
            lines = list(takewhile(lambda line: line != "ready\n", process.stdout))
            yield next(line.strip().rstrip("/") for line in lines if line.startswith("http://127.0.0.1:"))
        finally:
            process.terminate()
            process.wait(30)
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log.name, SCREENSHOTS.parent / f"browser-{Path(log.name).parent.name}.log")


@pytest.fixture(scope="package")
def guarded(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same album at a second service, which asks for a token and takes addresses of pictures."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    home = str(site.album.home)
    cli = runner.make(folder, site.album.cards, OPEN_ANALYTIC_HOME=home, OPEN_ANALYTIC_SERVICE_START="0")
    options = ("--folder", folder / "sockets", "--token-file", folder / "token", "--url-queries")
    with (folder / "log").open("wb") as log, _serving(cli, log, *options) as url:
        yield Site(url=url, album=site.album, db=site.db)


@pytest.fixture(params=BOTH, ids=str)
def view(request: pytest.FixtureRequest) -> View:
    """English on a desktop and Chinese on a phone; where the layout matters a test names all four."""
    assert isinstance(request.param, View)
    return request.param


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note that a test failed, for its fixtures."""
    report = yield
    item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def visitor(request: pytest.FixtureRequest, browser: Browser, site: Site, view: View) -> Iterator[Visitor]:
    """Someone at the pages; nothing unannounced may have gone wrong at the end."""
    if "collection" in request.fixturenames:
        request.getfixturevalue("collection")  # which goes when its visitor is gone
    with visit(browser, site.url, view) as visitor:
        yield visitor
        shot(visitor, request.node.originalname, failed=request.node.stash.get(FAILED, False))
        assert visitor.unannounced() == []


@pytest.fixture
def pipeline() -> str:
    """Of the test's own collection."""
    return "mean_colour"


@pytest.fixture
def collection(site: Site, request: pytest.FixtureRequest, pipeline: str) -> Iterator[str]:
    """An empty collection of the test's own."""
    name = re.sub(r"\W", "_", request.node.name)[:50]
    site.db.create_collection(name, pipeline=pipeline)
    yield name
    site.db.drop_collection(name)


@pytest.fixture
def visits(browser: Browser, site: Site) -> Callable[[View], Any]:
    """More visitors in one test."""
    return lambda view: visit(browser, site.url, view)


# From the top, with the pictures further down that a browser loads only when they are near.
WHOLE = """async () => {
  scrollTo(0, 0);
  const images = [...document.images];
  images.forEach((image) => { image.loading = "eager"; });
  const loaded = images.map((image) => image.decode().catch(() => {}));
  await Promise.race([Promise.all(loaded), new Promise((done) => setTimeout(done, 5000))]);
}"""


def shot(visitor: Visitor, name: str, *, failed: bool = False) -> None:
    """Where the test failed, or on request, make a picture of the whole page, with all of its pictures.

    It is in build/screenshots. There is none of a drawing on its own, which Playwright cannot.
    """
    if (failed or os.environ.get("OPEN_ANALYTIC_SCREENSHOTS")) and visitor.page.locator("body").count():
        load_pictures(visitor)
        path = SCREENSHOTS / f"{re.sub(r'[^a-z0-9_]+', '-', name.removeprefix('test_'))}-{visitor.view}.png"
        visitor.page.screenshot(path=path, full_page=True)


def load_pictures(visitor: Visitor) -> None:
    """Load also those far down the page; one that cannot be loaded is noted."""
    visitor.page.evaluate(WHOLE)
