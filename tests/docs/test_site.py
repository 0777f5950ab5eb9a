"""The site builds without a warning and without a network, and its pages load nothing from elsewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from open_analytic import errors

TOP = Path(__file__).resolve().parents[2]
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "object": "data"}


class Loaded(HTMLParser):
    """The addresses that a browser asks for when it opens a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(values.get("href") or "")
        elif tag in LOADS:
            self.addresses.append(values.get(LOADS[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with proxies that lead nowhere: what it would fetch fails."""
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return folder


def test_every_page_has_its_place(site: Path) -> None:
    pages = {page.relative_to(TOP / "docs").with_suffix(".html").as_posix() for page in (TOP / "docs").rglob("*.md")}
    pages = {name.replace("README.html", "index.html") for name in pages}
    assert [name for name in sorted(pages) if not (site / name).is_file()] == []
    assert (site / "index.html").is_file()


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert [address for address in loaded.addresses if re.match(r"[a-z]+:|//", address)] == [], page.name
        assert loaded.addresses
    styles = "".join(file.read_text("utf-8") for file in site.rglob("*.css"))
    assert re.findall(r"url\(\s*['\"]?(?:https?:)?//|@import", styles) == []


def test_every_error_is_in_troubleshooting_with_its_hints(site: Path) -> None:
    page = (site / "howto" / "troubleshooting.html").read_text("utf-8")
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, errors.OpenAnalyticError):
            assert f"{error.sqlstate} {error.__name__}" in page
    assert "No model is named …." in page


def test_the_reference_has_the_public_calls(site: Path) -> None:
    page = (site / "reference" / "api.html").read_text("utf-8")
    for name in ("app.connect", "app.OpenAnalytic.pipeline_run", "collection.Collection.search", "types.Hit"):
        assert f'id="open_analytic.{name}"' in page
