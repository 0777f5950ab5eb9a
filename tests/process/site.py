"""The site as a process on an embedded server of its own, and the requests its pages make."""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from PIL import Image

import open_analytic
from open_analytic.config import Settings
from open_analytic.embedded import bootstrap
from tests import homes, tiny, tiny_faces, tiny_objects
from tests.process import runner
from tests.process.runner import Cli
from tests.process.serving import Served, eventually, served

COLOURS, HOSTILE = "colours", '相册 "a"/b&c?<i>%41'
SLOW_STEPS = 200  # a fifth of a second a picture with the fastest processors, fifty times what a request takes
COLUMNS = {"city": "text", "stars": "int", "taken": "date", "indoor": "boolean"}
LEAKS = re.compile(
    r"traceback|\.py\b|site-packages|psycopg|\bselect\b.*\bfrom\b|insert into|update .* set |delete from|/tmp/|/home/",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """An embedded server with the tiny pipelines, and what starts commands on it."""

    cli: Cli
    dsn: str
    settings: Settings

    @contextmanager
    def database(self) -> Iterator[open_analytic.OpenAnalytic]:
        """It as Python sees it."""
        with open_analytic.connect(self.dsn, settings=self.settings) as db:
            yield db


@contextmanager
def home(folder: Path) -> Iterator[Home]:
    """An embedded server that runs meanwhile."""
    cards = tiny_objects.write(tiny_faces.write(tiny.write(tiny.write_slow(folder / "cards", steps=SLOW_STEPS))))
    settings = Settings.read({}, home=folder / "home", cards=(cards,), models_dir=folder / "models", service_start=0)
    homes.copy(homes.migrated(folder.parent), settings.home)
    cli = runner.make(folder, cards, OPEN_ANALYTIC_HOME=str(settings.home), OPEN_ANALYTIC_SERVICE_START="0")
    with bootstrap.start(settings, serve=False) as server:
        home = Home(cli=cli, dsn=server.dsn, settings=settings)
        with home.database() as db:
            db.pipeline_create("mean_colour", tiny.PIPELINE)
            db.pipeline_create("tiny_faces", tiny_faces.EXTRACTOR)
            db.pipeline_create("slow_colour", tiny.slow_pipeline())
        yield home


@contextmanager
def site(home: Home, *words: object) -> Iterator[tuple[Served, httpx.Client]]:
    """The pages of a home, and a client without a browser's headers."""
    with (
        served(home.cli, "--web-tcp", "127.0.0.1:0", *words) as running,
        httpx.Client(base_url=running.http("http"), timeout=60) as client,
    ):
        yield running, client


def picture(*colour: int, size: tuple[int, int] = (40, 30), kind: str = "PNG", **options: Any) -> bytes:
    """A picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind, **options)
    return file.getvalue()


def thumbnail(answer: httpx.Response) -> Image.Image:
    """The JPEG of an answer."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
    image = Image.open(io.BytesIO(answer.content))
    assert image.format == "JPEG"
    return image


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and type of an error; nothing of SQL, paths or tracebacks is in it."""
    error = answer.json()
    assert set(error) == {"type", "sqlstate", "message", "hint"}, error
    assert not LEAKS.search(answer.text), error
    return answer.status_code, error["type"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """A collection as its pages ask for it."""

    client: httpx.Client
    name: str

    def at(self, rest: str = "") -> str:
        return f"/api/v1/collections/{quote(self.name, safe='')}{rest}"

    def get(self, rest: str = "", **options: Any) -> httpx.Response:
        return self.client.get(self.at(rest), **options)

    def query(self, data: bytes) -> Any:
        """A picture to search with."""
        answer = self.client.post(self.at("/queries"), content=data)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hits(self, **parameters: Any) -> Any:
        """The answer of a search."""
        answer = self.get("/hits", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def names(self, **parameters: Any) -> list[str]:
        return [hit["name"] for hit in self.hits(**parameters)["hits"]]

    def listed(self) -> list[str]:
        """All names, page by page."""
        names: list[str] = []
        after: str | None = ""
        while after is not None:
            page = self.get("/pictures", params={"after": after, "limit": 100}).json()
            names += [one["name"] for one in page["pictures"]]
            after = page["next"]
        return names

    def begin(self, *, on_conflict: str | None = None) -> "Import":
        answer = self.client.post(self.at("/imports"), params={"on_conflict": on_conflict} if on_conflict else {})
        assert answer.status_code == 201, answer.text
        return Import(client=self.client, id=answer.json()["id"])

    def imported(self, pictures: Mapping[str, bytes], *, on_conflict: str | None = None) -> Any:
        """Import them all; how it ended."""
        job = self.begin(on_conflict=on_conflict)
        for name, data in pictures.items():
            assert job.put(name, data).status_code == 202
        return job.ended()


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import under way."""

    client: httpx.Client
    id: str

    def put(self, name: str, data: Any) -> httpx.Response:
        return self.client.put(f"/api/v1/imports/{self.id}/file", params={"name": name}, content=data)

    def put_several(self, body: bytes) -> httpx.Response:
        return self.client.post(f"/api/v1/imports/{self.id}/files", content=body)

    def known(self, pictures: Mapping[str, bytes]) -> httpx.Response:
        files = [{"name": name, "sha256": hashlib.sha256(data).hexdigest()} for name, data in pictures.items()]
        return self.client.post(f"/api/v1/imports/{self.id}/known", json={"files": files})

    def finish(self) -> httpx.Response:
        return self.client.post(f"/api/v1/imports/{self.id}/finish")

    def stop(self) -> httpx.Response:
        return self.client.delete(f"/api/v1/imports/{self.id}")

    def status(self) -> Any:
        return self.client.get(f"/api/v1/imports/{self.id}").json()

    def ended(self) -> Any:
        """How it stands once all that waited is done."""
        self.finish()
        eventually("the import ends", lambda: self.status()["state"] not in ("receiving", "finishing"))
        return self.status()
