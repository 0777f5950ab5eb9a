"""The site answers as its own description says, whatever is asked that the description allows or forbids."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from starlette.routing import Route

from open_analytic.service.metrics import Metrics
from open_analytic.service.plans import Plans
from open_analytic.service.work import Work
from open_analytic.web.openapi import document
from open_analytic.web.site import Site
from tests.browser import album
from tests.end_to_end import runner
from tests.end_to_end.serving import served

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic

API = schemathesis.openapi.from_dict(document())
EXAMPLES = 12  # of each call
CHECKS = [
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_headers_conformance,
    schemathesis.checks.response_schema_conformance,
]


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
class Asked:
    """The site, and names of what is there."""

    url: str
    names: dict[str, list[str]]

    def known(self, place: str, parameter: str) -> list[str]:
        """Values that lead somewhere: of the parameter, there or anywhere."""
        return self.names.get(f"{place} {parameter}", []) + self.names.get(parameter, [])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """``open-analytic serve`` with the pages of an album, a kept picture and an import."""
    folder = tmp_path_factory.mktemp("site")
    with album.make(folder) as made:
        cli = runner.make(folder, made.cards, OPEN_ANALYTIC_HOME=str(made.home), OPEN_ANALYTIC_SERVICE_START="0")
        with served(cli, "--web-tcp", "127.0.0.1:0") as running:
            url = next(address for address in running.addresses if address.startswith("http://127.0.0.1:")).rstrip("/")
            yield Asked(url=url, names=_names(url, made))


def _names(url: str, made: album.Album) -> dict[str, list[str]]:
    faces, everyone = f"{url}/api/v1/collections/{album.FACES}", [album.IMAGES, album.FACES]
    picture = next(path for path in sorted(made.pictures.rglob("*")) if path.is_file()).read_bytes()
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
        "in query name": names,
        "like": names,
        "query": [query],
        "filter": ['[{"column": "city", "operator": "=", "value": "Oslo"}]', "[]"],
    }


def test_the_description_is_served(site: Asked) -> None:
    assert httpx.get(f"{site.url}/openapi.json").json() == document()


@API.given(data=st.data())
@API.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_a_call_answers_as_described(case: schemathesis.Case, data: st.DataObject, site: Asked) -> None:
    for given, before in ((case.path_parameters, True), (case.query, False)):
        for name in given:
            known = site.known(case.path.partition("{" + name)[0] if before else "in query", name)
            given[name] = data.draw(st.sampled_from([given[name], *known]), label=name)
    answer = case.call(base_url=site.url, allow_redirects=False, timeout=30)
    if answer.status_code >= 500:  # too many imports at once, or a deadline of the caller's own
        assert answer.json()["type"] in ("ServiceBusy", "DeadlineExceeded"), answer.text
    case.validate_response(answer, checks=CHECKS)
