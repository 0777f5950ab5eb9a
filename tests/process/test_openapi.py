"""The site answers as its own description says, whatever is asked that the description allows or forbids."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from starlette.routing import Route

from open_analytic import connect
from open_analytic.analyticdb.form import MULTIPART, URLENCODED
from open_analytic.config import Settings
from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.work import Work
from open_analytic.web.openapi import document
from open_analytic.web.site import Site
from tests import tiny, tiny_texts
from tests.browser import album
from tests.process import runner
from tests.process.serving import served

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic

pytest_plugins = ["schemathesis.pytest.plugin"]  # pyproject.toml leaves it out elsewhere
API = schemathesis.openapi.from_dict(document())
EXAMPLES = 20  # of each call
OSLO = '[{"column": "city", "operator": "=", "value": "Oslo"}]'
NOTES = "notes"
JSON, BYTES = "application/json", "application/octet-stream"
CHECKS = [
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
    schemathesis.checks.response_schema_conformance,
]


def test_it_is_openapi() -> None:
    assert API.specification.version == "3.1.0"
    API.validate()


def test_every_route_is_described_and_nothing_else(db: OpenAnalytic) -> None:
    work = Work(db.engine, Plans(db.library.cards), db.settings, Metrics(), batch_size=1)
    site = Site(work, db, token=None, url_queries=False)
    routes = site.application("127.0.0.1").routes
    site.close()
    work.close()
    assert all(isinstance(route, Route) for route in routes)
    there = {
        (re.sub(r":\w+}", "}", route.path), method.lower())
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert there == {(path, method) for path, entry in document()["paths"].items() for method in entry}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The site, and names of what is there."""

    url: str
    picture: bytes
    names: dict[str, list[str]]
    log: list[str]

    @property
    def base64(self) -> str:
        """The picture as text."""
        return base64.b64encode(self.picture).decode()

    def known(self, place: str, parameter: str) -> list[str]:
        """Values that lead somewhere: of the parameter, there or anywhere."""
        return self.names.get(f"{place} {parameter}", []) + self.names.get(parameter, [])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``open-analytic serve`` with the pages of an album, a kept picture and an import."""
    folder = tmp_path_factory.mktemp("site")
    with album.make(folder) as content:
        _add_texts(content)
        cli = runner.make(folder, content.cards, OPEN_ANALYTIC_HOME=str(content.home), OPEN_ANALYTIC_SERVICE_START="0")
        with served(cli, "--web-tcp", "127.0.0.1:0") as running:
            url = next(address for address in running.addresses if address.startswith("http://127.0.0.1:")).rstrip("/")
            picture = album.portrait(album.PEOPLE[0], 0)
            log: list[str] = []
            assert running.process.stderr
            # Read all along: a log that nobody reads holds its writer up in the end.
            threading.Thread(target=log.extend, args=(running.process.stderr,), daemon=True).start()
            yield Served(url=url, picture=picture, names=_names(url, picture), log=log)


def _add_texts(content: album.Album) -> None:
    """A collection of texts beside those of pictures."""
    settings = Settings.read({}, cards=(content.cards,), models_dir=content.home / "models")
    with connect(content.dsn, settings=settings) as db:
        db.pipeline_create("texts", tiny_texts.PIPELINE)
        notes = db.create_collection(NOTES, pipeline="texts")
        assert not notes.import_pictures([("house", b"red house"), ("sky", b"blue")]).failed


def _names(url: str, picture: bytes) -> dict[str, list[str]]:
    faces, everyone = f"{url}/api/v1/collections/{album.FACES}", [album.IMAGES, album.FACES, album.HOSTILE, NOTES]
    query = httpx.post(f"{faces}/queries", content=picture).json()["id"]
    names = [one["name"] for one in httpx.get(f"{faces}/pictures?limit=3").json()["pictures"]]
    return {
        "collection": everyone,
        "/api/v1/collections/ name": everyone,
        "/api/v1/pipelines/ name": ["mean_colour", "tiny_faces"],
        "/api/v1/queries/ id": [query],
        "/api/v1/imports/ id": [httpx.post(f"{faces}/imports").json()["id"]],
        "/search/ name": everyone,
        "/collections/ name": everyone,
        "/pipelines/ name": ["tiny_face_analyzer"],
        "hash": [httpx.get(f"{url}/api/v1/pipelines/mean_colour").json()["hash"]],
        "in query name": [*names, "house"],
        "text": ["red house"],
        "like": names,
        "query": [query],
        "filter": [OSLO, "[]"],
    }


def test_the_description_is_served(site: Served) -> None:
    assert httpx.get(f"{site.url}/openapi.json").json() == document()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A request that is answered with what was asked for."""

    call: tuple[str, str]  # method and path
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = NOT_SET
    media: str | None = None
    status: int = 200


ONE, JOB = "/api/v1/collections/{collection}", "/api/v1/imports/{id}"


def sound(site: Served) -> Iterator[Sound]:
    """Those that random values hardly ever make up."""
    yield from sound_searches(site)
    yield from sound_runs(site)
    yield from sound_imports(site)
    yield Sound(call=("GET", "/static/{name}"), path={"name": "base.css"})
    for demo in ("image_search", "face_search"):
        form = {"image": site.base64, "image_name": "a.png", "top_k": 3}
        for media in (MULTIPART, URLENCODED):
            yield Sound(call=("POST", f"/{demo}/insert"), body=form, media=media)
            yield Sound(call=("POST", f"/{demo}/search"), body=form, media=media)
        yield Sound(call=("GET", f"/{demo}/count"))


def sound_searches(site: Served) -> Iterator[Sound]:
    (query,), (name, *_) = site.names["query"], site.names["like"]
    faces, images = {"collection": album.FACES}, {"collection": album.IMAGES}
    for collection in (faces, images, {"collection": album.HOSTILE}):
        yield Sound(call=("GET", ONE), path=collection)
        yield Sound(call=("GET", f"{ONE}/pictures"), path=collection, query={"limit": 2})
        yield Sound(call=("POST", f"{ONE}/queries"), path=collection, body=site.picture, media=BYTES)
        yield Sound(call=("GET", f"{ONE}/queries/{{id}}"), path=collection | {"id": query})
        yield Sound(call=("GET", f"{ONE}/hits"), path=collection, query={"query": query, "explain": 1})
    notes = {"collection": NOTES}
    yield Sound(call=("GET", ONE), path=notes)
    yield Sound(call=("GET", f"{ONE}/hits"), path=notes, query={"text": "red house", "k": 1, "explain": 1})
    yield Sound(call=("GET", f"{ONE}/text"), path=notes, query={"name": "house", "length": 3})
    for kind in ("picture", "thumbnail"):
        yield Sound(call=("GET", f"{ONE}/{kind}"), path=faces, query={"name": name, "part": 0})
    yield Sound(call=("GET", f"{ONE}/hits"), path=faces, query={"like": name, "part": 0, "k": 200})
    yield Sound(call=("GET", f"{ONE}/hits"), path=faces, query={"query": query, "face": 0, "max_distance": 1.5})
    yield Sound(call=("GET", f"{ONE}/hits"), path=faces, query={"query": query, "rate": 1})
    yield Sound(call=("GET", f"{ONE}/hits"), path=images, query={"query": query, "region": "0,0,40,40"})
    yield Sound(call=("GET", f"{ONE}/hits"), path=images, query={"query": query, "filter": OSLO, "explain": 1})
    yield Sound(call=("PATCH", f"{ONE}/picture"), path=faces, query={"name": name}, body={"name": name}, media=JSON)


def sound_runs(site: Served) -> Iterator[Sound]:
    for pipeline in ("mean_colour", "tiny_faces", "tiny_face_analyzer"):
        path = {"name": pipeline}
        yield Sound(call=("POST", "/api/v1/pipelines/{name}/run"), path=path, body=site.picture, media=BYTES)
        batch = {"inputs": [site.base64, ""]}
        yield Sound(call=("POST", "/api/v1/pipelines/{name}/run-batch"), path=path, body=batch, media=JSON)
        yield Sound(call=("GET", "/api/v1/pipelines/{name}/graph.svg"), path=path)
    yield Sound(call=("POST", "/api/v1/collections/{name}/search"), path={"name": album.IMAGES},
                body={"image": site.base64}, media=JSON)  # fmt: skip
    definition = {"name": "mean_colour", "definition": tiny.PIPELINE}
    plan = {"hash": site.names["hash"][0]}
    yield Sound(call=("POST", "/api/v1/plans"), body=definition, media=JSON)
    yield Sound(call=("PUT", "/api/v1/plans/{hash}"), path=plan, body=definition, media=JSON, status=204)
    yield Sound(call=("POST", "/api/v1/plans/{hash}/run"), path=plan, body=site.picture, media=BYTES)


def sound_imports(site: Served) -> Iterator[Sound]:
    name, job = site.names["like"][0], {"id": site.names["/api/v1/imports/ id"][0]}
    files = {"files": [{"name": name, "sha256": "0" * 64}, {"name": "none", "sha256": "f" * 64}]}
    yield Sound(call=("POST", f"{JOB}/known"), path=job, body=files, media=JSON)
    for sent, data in (("new.png", site.picture), ("words.png", b"words")):
        yield Sound(call=("PUT", f"{JOB}/file"), path=job, query={"name": sent}, body=data, media=BYTES, status=202)
    yield Sound(call=("GET", JOB), path=job)
    yield Sound(call=("POST", f"{JOB}/commit"), path=job)
    yield Sound(call=("POST", f"{JOB}/finish"), path=job)


def test_sound_requests_are_answered_as_described(site: Served) -> None:
    for request in sound(site):
        method, path = request.call
        case = API[path][method].Case(
            path_parameters=request.path, query=request.query, headers=request.headers, body=request.body,
            media_type=request.media,
        )  # fmt: skip
        answer = case.call(base_url=site.url, timeout=30)
        assert answer.status_code == request.status, (request.call, answer.text)
        case.validate_response(answer, checks=CHECKS)


@API.given(data=st.data())
@API.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_call_answers_as_described(case: schemathesis.Case[Any], data: st.DataObject, site: Served) -> None:
    for parameters, before in ((case.path_parameters, True), (case.query, False)):
        for name in parameters:
            known = site.known(case.path.partition("{" + name)[0] if before else "in query", name)
            parameters[name] = data.draw(st.sampled_from([parameters[name], *known]), label=name)
    if case.media_type == "application/octet-stream" and data.draw(st.booleans(), label="a picture"):
        case.body = site.picture
    if isinstance(case.body, dict) and "image" in case.body and data.draw(st.booleans(), label="a picture"):
        case.body["image"] = base64.b64encode(site.picture).decode()
    answer = case.call(base_url=site.url, allow_redirects=False, timeout=30)
    if answer.status_code >= 500:  # too many imports at once, or a deadline of the caller's own
        assert answer.json()["type"] in ("ServiceBusy", "DeadlineExceeded"), "".join(site.log[-80:])
    case.validate_response(answer, checks=CHECKS)
