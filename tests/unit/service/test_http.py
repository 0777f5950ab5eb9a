"""The HTTP door on real sockets: every route as its description says, every error in its own form and status."""

from __future__ import annotations

import base64
import json
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from open_analytic import errors
from open_analytic.pipeline.spec import preset
from open_analytic.service import http as door
from open_analytic.service import server
from open_analytic.service.client import Client
from open_analytic.service.http import application
from open_analytic.service.openapi import document
from tests import tiny
from tests.unit.service.gated import GREEN, colour
from tests.unit.service.serving import DAY, TOKEN, Service, service

RUN = "/api/v1/pipelines/mean_colour/run"
BATCH = "/api/v1/pipelines/mean_colour/run-batch"
SEARCH = "/api/v1/collections/photos/search"
GREEN_OUTPUT = {"feature": [0.0, 1.0, 0.0]}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests that leave it as it was."""
    with (
        tempfile.TemporaryDirectory(prefix="oa-") as sockets,
        service(tmp_path_factory.mktemp("s"), Path(sockets)) as it,
    ):
        yield it


@pytest.fixture(scope="module")
def http(shared: Service) -> Iterator[httpx.Client]:
    with shared.http() as client:
        yield client


@pytest.fixture
def own(tmp_path: Path, sockets: Path) -> Iterator[Service]:
    """A service of the test's own, that takes two calls at once."""
    with service(tmp_path, sockets, service_queue=2) as it:
        yield it


def form(error: httpx.Response) -> tuple[int, str]:
    """Status and class of an error, which has the usual form."""
    told = error.json()
    assert list(told) == ["type", "sqlstate", "message", "hint"]
    assert error.headers["content-type"] == "application/json"
    assert getattr(errors, told["type"]).sqlstate == told["sqlstate"]
    assert all(isinstance(told[key], str) for key in ("type", "sqlstate", "message"))
    return error.status_code, told["type"]


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# What there is, and that it is described


def test_every_route_is_described_and_nothing_else(shared: Service) -> None:
    routes = application(shared.work, shared.catalogue, token=None).routes
    there = {
        (route.path, method.lower())
        for route in routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert len(routes) == len(there)
    assert there == {(path, method) for path, entry in document()["paths"].items() for method in entry}


def test_the_description_holds_together(http: httpx.Client) -> None:
    told = http.get("/openapi.json").json()
    assert told == document()
    for path, entry in told["paths"].items():
        for call in entry.values():
            inside = {each["name"] for each in call.get("parameters", []) if each["in"] == "path"}
            assert inside == {part[1:-1] for part in path.split("/") if part.startswith("{")}
    assert set(_references(told)) == {"#/components/schemas/Error"}


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
            found = http.request(method, place, **examples.get((path, method), {}))
            (status, said), *_ = call["responses"].items()
            assert (path, found.status_code) == (path, int(status))
            media = found.headers.get("content-type", "").partition(";")[0]
            assert [media] == list(said.get("content", {"": {}}))


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
         "many": False, "parameters": {}, "columns": {"weight": "double precision"}, "created_at": DAY.isoformat()}
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
    found = http.post(BATCH, json={"inputs": [text64(item) for item in items]})
    results = found.json()["results"]
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
    made = shared.catalogue.plan("face_analyzer")
    place = f"/api/v1/plans/{made.hash}"
    assert form(http.post(f"{place}/run", content=GREEN)) == (404, "UnknownPlan")
    assert http.put(place, json={"name": "faces", "definition": preset("face_analyzer").as_dict()}).status_code == 204
    assert http.post(f"{place}/run", content=b"words").json()["type"] == "UnsupportedImage"
    assert form(http.post(f"{place}/run?give=vector", content=GREEN)) == (400, "InvalidPipeline")


def test_a_preset_is_described(shared: Service, http: httpx.Client) -> None:
    told = http.post("/api/v1/plans", json={"name": "face_analyzer"}).json()
    assert told["hash"] == shared.catalogue.plan("face_analyzer").hash


# Searching


@pytest.mark.parametrize(
    ("request_", "asked"),
    [
        ({"json": {"vector": [1, 2.5]}}, ([1, 2.5], {})),
        ({"json": {"image": text64(GREEN), "k": 3}}, (GREEN, {"k": 3})),
        (
            {"json": {"vector": [1], "where": "a = %(b)s", "params": {"b": 1}, "max_distance": 0.5}},
            ([1], {"where": "a = %(b)s", "params": {"b": 1}, "max_distance": 0.5}),
        ),
        ({"content": GREEN}, (GREEN, {})),
        ({"content": b"/etc/passwd"}, (b"/etc/passwd", {})),  # bytes are a picture, never a path
        (
            {"content": GREEN, "params": {"k": "7", "where": "a = %(b)s", "params": '{"b": 1}', "max_distance": "0.5"}},
            (GREEN, {"k": 7, "where": "a = %(b)s", "params": {"b": 1}, "max_distance": "0.5"}),
        ),
        ({"content": GREEN, "params": {"k": "9" * 5000}}, (GREEN, {"k": "9" * 5000})),
        ({"content": b'{"vector": [1]}', "headers": {"content-type": "Application/JSON; charset=utf-8"}}, ([1], {})),
    ],
)
def test_a_search_is_handed_on(
    shared: Service, http: httpx.Client, request_: dict[str, Any], asked: tuple[Any, dict[str, Any]]
) -> None:
    shared.catalogue.photos.asked.clear()
    found = http.post(SEARCH, **request_)
    assert found.json() == [{"name": "a.png", "distance": 0.5, "row": {"weight": "NaN"}, "box": None}]
    assert shared.catalogue.photos.asked == [asked]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"vector": "/etc/passwd"}, "InvalidInput"),
        ({"vector": {"a": 1}}, "InvalidInput"),
        ({"vector": 7}, "InvalidInput"),
        ({"image": "/etc/passwd!"}, "InvalidInput"),
        ({"image": ["a"]}, "InvalidInput"),
        ({"image": ""} | {"vector": [1]}, "InvalidInput"),
        ({}, "InvalidInput"),
        ({"image": None, "vector": None}, "InvalidInput"),
        ({"vector": [1], "path": "/etc/passwd"}, "BadParameter"),
        ({"vector": [1], "params": "b"}, "BadParameter"),
        ([1, 2], "InvalidInput"),
        ("/etc/passwd", "InvalidInput"),
    ],
)
def test_what_is_no_query_is_refused_and_nothing_is_opened(
    shared: Service, http: httpx.Client, body: object, kind: str
) -> None:
    shared.catalogue.photos.asked.clear()
    assert form(http.post(SEARCH, json=body)) == (400, kind)
    assert shared.catalogue.photos.asked == []


# Errors


@pytest.mark.parametrize(
    ("method", "path", "request_", "status", "kind"),
    [
        ("GET", "/nowhere", {}, 404, "NotFound"),
        ("GET", "/api/v1/pipelines/nobody", {}, 404, "UnknownPipeline"),
        ("GET", "/api/v1/pipelines/..%2F..%2Fetc", {}, 404, "NotFound"),
        ("GET", "/api/v1/pipelines/%ff%00", {}, 404, "UnknownPipeline"),
        ("POST", "/api/v1/pipelines/nobody/run", {"content": GREEN}, 404, "UnknownPipeline"),
        ("POST", "/api/v1/pipelines/nobody/run-batch", {"json": {"inputs": []}}, 404, "UnknownPipeline"),
        ("POST", "/api/v1/plans/0/run", {"content": GREEN}, 404, "UnknownPlan"),
        ("POST", "/api/v1/plans", {"json": {"name": "nobody"}}, 404, "UnknownPipeline"),
        ("POST", "/api/v1/collections/nobody/search", {"json": {"vector": [1]}}, 404, "UnknownCollection"),
        ("DELETE", "/api/v1/pipelines", {}, 405, "InvalidInput"),
        ("GET", RUN, {}, 405, "InvalidInput"),
        ("POST", RUN, {"content": b"words"}, 415, "UnsupportedImage"),
        ("POST", RUN, {"content": b""}, 422, "BadImage"),
        ("POST", f"{RUN}?parameters=x", {"content": GREEN}, 400, "InvalidInput"),
        ("POST", f"{RUN}?parameters=%5B%5D", {"content": GREEN}, 400, "InvalidInput"),
        ("POST", f"{RUN}?parameters=%7B%22other%22:1%7D", {"content": GREEN}, 400, "BadParameter"),
        ("POST", f"{RUN}?give=all", {"content": GREEN}, 400, "BadParameter"),
        ("POST", RUN, {"content": GREEN, "headers": {"Open-Analytic-Timeout-Ms": "soon"}}, 400, "BadParameter"),
        ("POST", RUN, {"content": GREEN, "headers": {"Open-Analytic-Timeout-Ms": "9" * 10}}, 400, "BadParameter"),
        ("POST", RUN, {"content": GREEN, "headers": {"Open-Analytic-Timeout-Ms": "0"}}, 504, "DeadlineExceeded"),
        ("POST", "/api/v1/pipelines/face_analyzer/run?give=vector", {"content": GREEN}, 400, "InvalidPipeline"),
        ("POST", BATCH, {"content": b"words"}, 400, "InvalidInput"),
        ("POST", BATCH, {"content": b"[" * 90_000}, 400, "InvalidInput"),
        ("POST", BATCH, {"json": []}, 400, "InvalidInput"),
        ("POST", BATCH, {"json": {"inputs": "aGk="}}, 400, "InvalidInput"),
        ("POST", BATCH, {"json": {"inputs": ["aGk=", 7]}}, 400, "InvalidInput"),
        ("POST", BATCH, {"json": {"inputs": ["aGk=", "not Base64"]}}, 400, "InvalidInput"),
        ("PUT", "/api/v1/plans/0", {"content": b"\xff\xfe"}, 400, "InvalidInput"),
        ("PUT", "/api/v1/plans/0", {"json": {"name": "a", "definition": tiny.PIPELINE}}, 409, "VersionMismatch"),
        ("POST", "/api/v1/plans", {"content": b'{"name": "\\ud800"}'}, 404, "UnknownPipeline"),
        ("POST", SEARCH, {"content": b'{"vector": [1], "\\ud800": 1}', "headers": {"content-type": "application/json"}},
         400, "BadParameter"),
        ("POST", RUN, {"content": bytes(100_001)}, 413, "ImageTooLarge"),
        ("POST", RUN, {"content": iter([bytes(60_000)] * 2)}, 413, "ImageTooLarge"),
        ("POST", SEARCH, {"content": bytes(400_001)}, 413, "ImageTooLarge"),
        ("POST", BATCH, {"content": bytes(800_001)}, 413, "ImageTooLarge"),
        ("PUT", "/api/v1/plans/0", {"content": bytes(100_001)}, 413, "ImageTooLarge"),
    ],
)  # fmt: skip
def test_every_error_has_its_status_and_form(
    http: httpx.Client, method: str, path: str, request_: dict[str, Any], status: int, kind: str
) -> None:
    assert form(http.request(method, path, **request_)) == (status, kind)


def test_a_method_that_is_not_there_names_those_that_are(http: httpx.Client) -> None:
    assert http.put(RUN).headers["allow"] == "POST"


def test_what_nobody_thought_of_tells_no_details(shared: Service) -> None:
    with shared.http() as client:
        found = client.get("/api/v1/pipelines/broken")
    assert form(found) == (500, "OpenAnalyticError")
    assert "secret" not in found.text
    assert found.json()["sqlstate"] == "OA000"


# Who may


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/api/v1/pipelines", "/nowhere", "/health/live/x"])
def test_over_tcp_the_token_is_asked_for(shared: Service, path: str) -> None:
    for shown in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}, {"authorization": "Bearer"}):
        found = httpx.get(shared.tcp + path, headers=shown)
        assert form(found) == (401, "Unauthorized")
        assert found.headers["www-authenticate"] == "Bearer"
    right = httpx.get(shared.tcp + path, headers={b"authorization": f"Bearer {TOKEN}".encode()})
    assert right.status_code == (404 if path in ("/nowhere", "/health/live/x") else 200)


def test_health_is_told_to_everybody(shared: Service) -> None:
    assert [httpx.get(f"{shared.tcp}/health/{page}").status_code for page in ("live", "ready")] == [200, 200]


def test_on_the_unix_socket_no_token_is_asked_for(http: httpx.Client) -> None:
    assert http.get("/api/v1/pipelines").status_code == 200


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nobody_comes_in_over_tcp(tmp_path: Path, sockets: Path, token: str | None) -> None:
    with service(tmp_path, sockets, token=token) as it, it.http() as inside:
        for shown in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer None"}):
            assert form(httpx.get(f"{it.tcp}/api/v1/pipelines", headers=shown)) == (401, "Unauthorized")
        assert inside.get("/api/v1/pipelines").status_code == 200


def test_answers_over_tcp_do_not_wait_for_an_acknowledgement() -> None:
    with server._tcp("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# How much


def test_what_is_more_than_accepted_is_refused_with_a_time_to_come_again(own: Service) -> None:
    own.engine.gate.clear()
    with ThreadPoolExecutor(2) as callers, own.http() as client:
        held = [callers.submit(client.post, RUN, content=GREEN) for _ in range(2)]
        for _ in held:
            assert own.engine.entered.acquire(timeout=30)
        for path, request_ in (
            (RUN, {"content": GREEN}),
            (BATCH, {"json": {"inputs": []}}),
            (SEARCH, {"content": b""}),
        ):
            refused = client.post(path, **request_)
            assert form(refused) == (503, "ServiceBusy")
            assert refused.headers["retry-after"] == "1"
        assert client.get("/health/ready").status_code == 200
        own.engine.gate.set()
        assert [call.result(30).json() for call in held] == [GREEN_OUTPUT] * 2
        assert client.post(RUN, content=GREEN).json() == GREEN_OUTPUT


def test_a_body_that_does_not_say_its_length_counts_as_the_largest(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets, service_queue_bytes=150_000) as it, ThreadPoolExecutor(1) as caller:
        it.engine.gate.clear()
        with it.http() as first, it.http() as second:
            held = caller.submit(first.post, RUN, content=iter([GREEN]))
            assert it.engine.entered.acquire(timeout=30)
            assert form(second.post(RUN, content=iter([GREEN]))) == (503, "ServiceBusy")
            it.engine.gate.set()
            assert held.result(30).json() == GREEN_OUTPUT


def test_while_it_shuts_down_it_is_not_ready(own: Service) -> None:
    own.work.draining = True
    with own.http() as client:
        for found in (client.get("/health/ready"), client.post(RUN, content=GREEN)):
            assert form(found) == (503, "ServiceUnavailable")
            assert found.headers["retry-after"] == "1"
        assert client.get("/health/live").status_code == 200


def head(length: int, path: str = RUN) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode()


def test_who_goes_away_in_the_middle_is_not_computed_for(own: Service) -> None:
    own.engine.gate.clear()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(own.path))
        caller.sendall(head(len(GREEN)) + GREEN)
        assert own.engine.entered.acquire(timeout=30)
        assert own.work.under_way == 1
    assert own.idle()
    own.engine.gate.set()
    own.work.close()  # waits for the thread
    assert (own.engine.seen, own.engine.ran) == ([GREEN], [])


def test_who_goes_away_in_a_search_is_not_computed_for(own: Service) -> None:
    own.catalogue.photos.engine, own.catalogue.photos.plan = own.engine, own.catalogue.plan("mean_colour")
    own.engine.gate.clear()
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(own.path))
        caller.sendall(head(len(GREEN), SEARCH) + GREEN)
        assert own.engine.entered.acquire(timeout=30)
    assert own.idle()
    with own.http() as client:
        late = client.post(SEARCH, content=colour(5), headers={"Open-Analytic-Timeout-Ms": "10"})
        assert form(late) == (504, "DeadlineExceeded")
    own.engine.gate.set()
    own.work.close()  # waits for the threads
    assert (own.engine.seen, own.engine.ran) == ([GREEN, colour(5)], [])


def test_a_client_that_stops_sending_loses_its_place(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "BODY_S", 0.05)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(own.path))
        caller.sendall(head(50_000) + GREEN)
        caller.settimeout(30)
        assert caller.recv(1_000).startswith(b"HTTP/1.1 504 ")
        assert own.idle()


def test_who_goes_away_before_the_body_is_whole_takes_no_place(own: Service) -> None:
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(own.path))
            caller.sendall(head(50_000) + GREEN)
    with own.http() as client:
        assert own.idle()
        assert client.post(RUN, content=GREEN).json() == GREEN_OUTPUT
    assert own.engine.seen == [GREEN]


def test_a_picture_far_too_large_is_read_to_its_end_and_refused(shared: Service) -> None:
    client = Client(shared.tcp, token=TOKEN)
    hash_ = shared.catalogue.plan("mean_colour").hash
    client.define(hash_, "mean_colour", tiny.PIPELINE, pause=lambda: None)
    ((text, error),) = client.run(hash_, [bytes(30_000_000)], give="output", parameters="{}", pause=lambda: None)
    assert (text, type(error)) == (None, errors.ImageTooLarge)
    assert client.run(hash_, [GREEN], give="output", parameters="{}", pause=lambda: None) == [
        (json.dumps(GREEN_OUTPUT), None)
    ]
    client.close()


def test_what_is_refused_before_it_is_read_leaves_the_connection_good(shared: Service) -> None:
    client = Client(shared.tcp)
    for _ in range(2):
        with pytest.raises(errors.Unauthorized):
            client.run("0", [bytes(5_000_000)], give="output", parameters="{}", pause=lambda: None)
    client.close()


# What it tells of itself


def test_calls_are_counted_by_door_and_pipeline(own: Service) -> None:
    with own.http() as client:
        client.post(RUN, content=GREEN)
        client.post(BATCH, json={"inputs": [text64(GREEN), text64(b"words")]})
        page = client.get("/metrics")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
        if sample.name in ("open_analytic_requests_total", "open_analytic_inputs_total", "open_analytic_errors_total")
        or sample.name == "open_analytic_model_bytes"
    }
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert found == {
        ("open_analytic_requests_total", "http", "mean_colour"): 2,
        ("open_analytic_inputs_total", "mean_colour"): 3,
        ("open_analytic_errors_total", "OA012"): 1,
        ("open_analytic_model_bytes", "mean_colour"): own.engine.loaded()["mean_colour"],
    }


# Whatever comes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def in_form(found: httpx.Response) -> bool:
    return found.is_success or form(found)[1] != "OpenAnalyticError"


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=200) | st.binary(max_size=50).map(lambda end: GREEN[:40] + end))
def test_whatever_bytes_come_the_answer_is_ours(http: httpx.Client, body: bytes) -> None:
    assert in_form(http.post(RUN, content=body))


@settings(max_examples=60, deadline=None)
@given(
    give=st.text(max_size=8), parameters=st.text(max_size=8) | json_values.map(json.dumps), wait=st.integers(-9, 10**12)
)
def test_whatever_is_asked_for_the_answer_is_ours(http: httpx.Client, give: str, parameters: str, wait: int) -> None:
    options = {"give": give.encode("utf-8", "surrogatepass"), "parameters": parameters.encode("utf-8", "surrogatepass")}
    assert in_form(http.post(RUN, content=GREEN, params=options, headers={"Open-Analytic-Timeout-Ms": str(wait)}))


@settings(max_examples=60, deadline=None)
@given(value=json_values, other=json_values)
def test_whatever_json_comes_the_answer_is_ours(http: httpx.Client, value: object, other: object) -> None:
    for body in (value, {"inputs": value}, {"vector": value, "k": other}, {"image": value, "params": other}):
        text = json.dumps(body).encode()
        for path in (BATCH, SEARCH, "/api/v1/plans"):
            assert in_form(http.post(path, content=text, headers={"content-type": "application/json"}))
