"""Every error of the HTTP door has its own form and status, whatever comes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import tiny
from tests.process.service.gated import GREEN
from tests.process.service.serving import BATCH, RUN, SEARCH, Service, form


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
        ("POST", BATCH, {"content": bytes(700_001)}, 413, "ImageTooLarge"),
        ("PUT", "/api/v1/plans/0", {"content": bytes(4_000_001)}, 413, "ImageTooLarge"),
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
        answer = client.get("/api/v1/pipelines/broken")
    assert form(answer) == (500, "OpenAnalyticError")
    assert "secret" not in answer.text
    assert answer.json()["sqlstate"] == "OA000"


# Whatever comes


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def in_form(answer: httpx.Response) -> bool:
    return answer.is_success or form(answer)[1] != "OpenAnalyticError"


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
