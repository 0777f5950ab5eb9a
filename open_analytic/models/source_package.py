"""Source packages of the index that pip is set to, fetched without pip, which would run their setup.py."""

import ast
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

from open_analytic.errors import ModelUnavailable

TIMEOUT_S = 30
_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"  # PEP 691, PEP 503
_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz")
_SECTIONS = ("global", "download", ":env:")  # of pip's settings, the last one wins
_DEFAULT = re.compile(r"--index-url <url>[^()]*\(default\s+(\S+)\)")  # in the help of pip download
_SETTING = re.compile(r"(global|download|:env:)\.([a-z-]+)=(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A file of an index: its address, and its SHA-256 when the index tells it."""

    url: str
    sha256: str | None

    @property
    def name(self) -> str:
        return unquote(urlsplit(self.url).path.rpartition("/")[2])

    @property
    def path(self) -> Path | None:
        """Where it is on this machine."""
        components = urlsplit(self.url)
        return Path(url2pathname(components.path)) if components.scheme == "file" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where pip is set to look: indexes, then pages or folders of links."""

    indexes: tuple[str, ...]
    links: tuple[str, ...]
    proxy: str | None = None
    cert: str | None = None

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """What certificates are checked with."""
        return ssl.create_default_context(cafile=self.cert) if self.cert else True


def places() -> Places:
    """pip's own settings: its files and PIP_* variables."""
    sections: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for match in filter(None, map(_SETTING.fullmatch, _pip("config", "list").splitlines())):
        sections[match[1]][match[2]] = str(ast.literal_eval(match[3]))
    merged: Mapping[str, str] = {key: value for each in sections.values() for key, value in each.items()}
    offline = merged.get("no-index", "").lower() in ("1", "true", "t", "yes", "y", "on")
    indexes = [merged.get("index-url") or _default_index(), *merged.get("extra-index-url", "").split()]
    return Places(
        indexes=() if offline else tuple(indexes),
        links=tuple(merged.get("find-links", "").split()),
        proxy=merged.get("proxy") or None,
        cert=merged.get("cert") or None,
    )


def _default_index() -> str:
    """The index of a pip without settings."""
    match = _DEFAULT.search(_pip("help", "download"))
    if match is None:
        raise ModelUnavailable(
            "pip does not say which index it uses.", hint="Name it: PIP_INDEX_URL=https://host/simple, or pip config."
        )
    return match[1]


def _pip(*words: str) -> str:
    command = [sys.executable, "-m", "pip", *words, "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def find(requirement: str, sha256: str | None, where: Places) -> Link | None:
    """The source package of ``NAME==VERSION``; by its hash, where one is given and the index tells hashes."""
    name, _, version = requirement.partition("==")
    fits = [link for link in _all(name, where) if _canonical(_stem(link.name)) == _canonical(f"{name}-{version}")]
    if sha256:
        fits = [link for link in fits if link.sha256 in (sha256, None)]
    return min(fits, key=lambda link: link.sha256 is None, default=None)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _stem(name: str) -> str:
    """The name without the ending of a source package; nothing for another file."""
    return next((name.removesuffix(ending) for ending in _SUFFIXES if name.endswith(ending)), "")


def _all(name: str, where: Places) -> Iterator[Link]:
    for index in where.indexes:
        yield from _page(f"{index.rstrip('/')}/{_canonical(name)}/", where)
    for place in where.links:
        yield from _page(place if "://" in place else Path(place).expanduser().absolute().as_uri(), where)


def _page(url: str, where: Places) -> Iterable[Link]:
    """The links of a page or a folder; none where there is nothing."""
    components = urlsplit(url)
    if components.scheme != "file":
        return _remote(url, where)
    path = Path(url2pathname(components.path))
    page = path if path.is_file() else path / "index.html"
    if page.is_file():
        return _html(page.read_text("utf-8", errors="replace"), page.as_uri())
    return [Link(url=file.as_uri(), sha256=None) for file in sorted(path.iterdir())] if path.is_dir() else []


def _remote(url: str, where: Places) -> Iterable[Link]:
    import httpx  # costs 60 ms, and only source packages need it

    try:
        options = {"timeout": TIMEOUT_S, "follow_redirects": True, "proxy": where.proxy, "verify": where.tls}
        answer = httpx.get(url, headers={"Accept": _ACCEPT}, **options)  # type: ignore[arg-type]
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        if answer.is_error:
            raise _unreachable(url, f"it answers {answer.status_code}")
        if "json" in answer.headers.get("content-type", ""):
            return _json(answer.text, str(answer.url))
        return _html(answer.text, str(answer.url))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
        raise _unreachable(url, type(error).__name__) from error


def _unreachable(url: str, reason: str) -> ModelUnavailable:
    host = urlsplit(url).hostname  # alone: the address can hold a password
    return ModelUnavailable(
        f"The package index at {host} cannot be read: {reason}.",
        hint="Check the network and pip's settings (its index, a proxy), then try again.",
    )


def _json(text: str, base: str) -> list[Link]:
    files = json.loads(text)["files"]
    return [Link(url=urljoin(base, file["url"]), sha256=file.get("hashes", {}).get("sha256")) for file in files]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _html(text: str, base: str) -> list[Link]:
    anchors = _Anchors()
    anchors.feed(text)
    links = (urldefrag(urljoin(base, link)) for link in anchors.links)
    hashed = re.compile(r"sha256=([0-9a-f]{64})")
    return [Link(url=url, sha256=match[1] if (match := hashed.search(mark)) else None) for url, mark in links]
