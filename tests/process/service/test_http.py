"""The HTTP door on real sockets: every route as its description says, and what is run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.middleware import Middleware
from starlette.routing import Route

from open_analytic.pipeline.spec import preset
from open_analytic.service.http import TokenCheck, application
from open_analytic.service.openapi import document
from tests import tiny
from tests.process.service.gated import GREEN, colour
from tests.process.service.serving import BATCH, DAY, GREEN_OUTPUT, RUN, Service, form, text64


def test_every_route_is_described_and_nothing_else(shared: Service) -> None:
    routes = application(shared.work, shared.catalogue, guard=Middleware(TokenCheck, token=None)).routes
    there = {
        (route.path_format, method.lower())
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert len(routes) == len(there)
    assert there == {(path, method) for path, entry in document()["paths"].items() for method in entry}


def test_the_description_holds_together(http: httpx.Client) -> None:
    description = http.get("/openapi.json").json()
    assert description == document()
    for path, entry in description["paths"].items():
        for call in entry.values():
            inside = {each["name"] for each in call.get("parameters", []) if each["in"] == "path"}
            assert inside == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert set(_references(description)) == {"#/components/schemas/Error"}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        yield from _references(inner)


def test_every_call_answers_as_described(shared: Service, http: httpx.Client) -> None:
    hash_ = shared.catalogue.plan("mean_colour").hash
    definition = {"name": "mean_colour", "definition": tiny.PIPELINE}
    examples: dict[tuple[str, str], dict[str, Any]] = {
        ("/api/v1/pipelines/{name}/run", "post"): {"content": GREEN},
        ("/api/v1/pipelines/{name}/run-batch", "post"): {"json": {"inputs": [text64(GREEN)]}},
        ("/api/v1/plans", "post"): {"json": definition},
        ("/api/v1/plans/{hash}", "put"): {"json": definition},
        ("/api/v1/plans/{hash}/run", "post"): {"content": GREEN},
        ("/api/v1/plans/{hash}/run-batch", "post"): {"json": {"inputs": [text64(GREEN)]}},
        ("/api/v1/collections/{name}/search", "post"): {"json": {"vector": [1, 2, 3]}},
    }
    for path, entry in document()["paths"].items():
        for method, call in entry.items():
            place = path.replace("{hash}", hash_).replace(
                "{name}", "photos" if "collections" in path else "mean_colour"
            )
            answer = http.request(method, place, **examples.get((path, method), {}))
            (status, response), *_ = call["responses"].items()
            assert (path, answer.status_code) == (path, int(status))
            media = answer.headers.get("content-type", "").partition(";")[0]
            assert [media] == list(response.get("content", {"": {}}))


def test_the_pages(shared: Service, http: httpx.Client) -> None:
    assert http.get("/health/live").json() == {"status": "live"}
    assert http.get("/health/ready").json() == {"status": "ready"}
    info = {
        "name": "mean_colour", "version": 1, "input": "bytes", "output": ["feature"], "dim": 3,
        "hash": shared.catalogue.plan("mean_colour").hash, "created_at": DAY.isoformat(),
        "definition": shared.catalogue.plan("mean_colour").spec.as_dict(),
    }  # fmt: skip
    assert http.get("/api/v1/pipelines").json() == [info]
    assert http.get("/api/v1/pipelines/mean_colour").json() == info
    assert http.get("/api/v1/collections").json() == [
        {"name": "photos", "schema": "public", "pipeline": "mean_colour", "version": 1, "dim": 3, "metric": "l2",
         "many": False, "parameters": {}, "columns": {"weight": "double precision"}, "created_at": DAY.isoformat(),
             "has_source": False, "inputs": {
             "name": "image_name", "data": "image_data", "sha256": "image_sha256", "data_type": "bytea"},
             "region": None}
    ]  # fmt: skip


# Running


@pytest.mark.parametrize(
    ("give", "expected"),
    [
        ("", GREEN_OUTPUT),
        ("?give=output", GREEN_OUTPUT),
        ("?give=vector", [0.0, 1.0, 0.0]),
        ("?give=query", [0.0, 1.0, 0.0]),
        (
            "?give=whole&parameters=%7B%7D",
            {"output": GREEN_OUTPUT, "features": [{"vector": [0.0, 1.0, 0.0], "box": None, "attributes": {}}]},
        ),
    ],
)
def test_a_picture_is_run(http: httpx.Client, give: str, expected: object) -> None:
    assert http.post(RUN + give, content=GREEN).json() == expected


def test_a_batch_has_its_errors_in_their_place(shared: Service, http: httpx.Client) -> None:
    items = [colour(0), b"words", GREEN, b"", b"\x89PNG" + bytes(shared.work.max_bytes), colour(7)]
    answer = http.post(BATCH, json={"inputs": [text64(item) for item in items]})
    results = answer.json()["results"]
    assert [result.get("error", {}).get("type") for result in results] == [
        None, "UnsupportedImage", None, "BadImage", "ImageTooLarge", None
    ]  # fmt: skip
    for item, result in zip(items[:4], results[:4], strict=True):
        alone = http.post(RUN, content=item)
        assert result == ({"output": alone.json()} if alone.is_success else {"error": alone.json()})
    assert http.post(BATCH, json={"inputs": []}).json() == {"results": []}


def test_a_body_may_come_in_pieces(http: httpx.Client) -> None:
    assert http.post(RUN, content=iter([GREEN[:10], GREEN[10:]])).json() == GREEN_OUTPUT


def test_a_definition_is_told_then_run(shared: Service, http: httpx.Client) -> None:
    plan = shared.catalogue.plan("face_analyzer")
    place = f"/api/v1/plans/{plan.hash}"
    assert form(http.post(f"{place}/run", content=GREEN)) == (404, "UnknownPlan")
    assert http.put(place, json={"name": "faces", "definition": preset("face_analyzer").as_dict()}).status_code == 204
    assert http.post(f"{place}/run", content=b"words").json()["type"] == "UnsupportedImage"
    assert form(http.post(f"{place}/run?give=vector", content=GREEN)) == (400, "InvalidPipeline")


def test_a_preset_is_described(shared: Service, http: httpx.Client) -> None:
    description = http.post("/api/v1/plans", json={"name": "face_analyzer"}).json()
    assert description["hash"] == shared.catalogue.plan("face_analyzer").hash


# What it tells of itself


def test_calls_are_counted_by_door_and_pipeline(own: Service) -> None:
    with own.http() as client:
        client.post(RUN, content=GREEN)
        client.post(BATCH, json={"inputs": [text64(GREEN), text64(b"words")]})
        page = client.get("/metrics")
    counts = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
        if sample.name in ("open_analytic_requests_total", "open_analytic_inputs_total", "open_analytic_errors_total")
        or sample.name == "open_analytic_model_bytes"
    }
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert counts == {
        ("open_analytic_requests_total", "http", "mean_colour"): 2,
        ("open_analytic_inputs_total", "mean_colour"): 3,
        ("open_analytic_errors_total", "OA012"): 1,
        ("open_analytic_model_bytes", "mean_colour"): own.engine.loaded()["mean_colour"],
    }
