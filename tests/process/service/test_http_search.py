"""Searches through the HTTP door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from open_analytic.search_options import SearchOptions
from open_analytic.types import Hit
from tests.process.service.gated import GREEN
from tests.process.service.serving import BATCH, GREEN_OUTPUT, RUN, SEARCH, Service, form, service, text64


@pytest.mark.parametrize(
    ("request_", "query"),
    [
        ({"json": {"vector": [1, 2.5]}}, ([1, 2.5], SearchOptions())),
        ({"json": {"image": text64(GREEN), "k": 3}}, (GREEN, SearchOptions(k=3))),
        (
            {"json": {"vector": [1], "filter": "a = %(b)s", "params": {"b": 1}, "max_distance": 0.5}},
            ([1], SearchOptions(filter="a = %(b)s", params={"b": 1}, max_distance=0.5)),
        ),
        ({"json": {"vector": [1], "where": "a = 1"}}, ([1], SearchOptions(filter="a = 1"))),
        ({"content": GREEN, "params": {"where": "a = 1"}}, (GREEN, SearchOptions(filter="a = 1"))),
        ({"content": GREEN}, (GREEN, SearchOptions())),
        ({"content": b"/etc/passwd"}, (b"/etc/passwd", SearchOptions())),  # bytes are a picture, never a path
        (
            {
                "content": GREEN,
                "params": {"k": "7", "filter": "a = %(b)s", "params": '{"b": 1}', "max_distance": "0.5"},
            },
            (GREEN, SearchOptions(k=7, filter="a = %(b)s", params={"b": 1}, max_distance=0.5)),
        ),
        (
            {
                "json": {
                    "vector": [1],
                    "k": None,
                    "max_distance": 1,
                    "target_recall": 0.9,
                    "after": {"distance": 1, "name": "a", "part": 2},
                }
            },
            (
                [1],
                SearchOptions(
                    k=None, max_distance=1, target_recall=0.9, after=Hit(name="a", distance=1, row={}, part=2)
                ),
            ),
        ),
        (
            {"content": GREEN, "params": {"target_recall": "0.9", "after": '{"distance": 0.5, "name": "a"}'}},
            (GREEN, SearchOptions(target_recall=0.9, after=Hit(name="a", distance=0.5, row={}))),
        ),
        (
            {"content": b'{"vector": [1]}', "headers": {"content-type": "Application/JSON; charset=utf-8"}},
            ([1], SearchOptions()),
        ),
    ],
)
def test_a_search_is_handed_on(
    shared: Service, http: httpx.Client, request_: dict[str, Any], query: tuple[Any, SearchOptions]
) -> None:
    shared.catalogue.photos.queries.clear()
    answer = http.post(SEARCH, **request_)
    assert answer.json() == [{"name": "a.png", "distance": 0.5, "row": {"weight": "NaN"}, "box": None, "part": None}]
    assert shared.catalogue.photos.queries == [query]


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
        ({"vector": [1], "after": "b"}, "BadParameter"),
        ({"vector": [1], "filter": "a", "where": "a"}, "BadParameter"),
        ({"vector": [1], "k": "9" * 5000}, "BadParameter"),
        ({"vector": [1], "k": None}, "BadParameter"),
        ({"vector": [1], "after": {"name": "b"}}, "BadParameter"),
        ({"vector": [1], "after": {"name": "b", "distance": "far"}}, "BadParameter"),
        ([1, 2], "InvalidInput"),
        ("/etc/passwd", "InvalidInput"),
    ],
)
def test_what_is_no_query_is_refused_and_nothing_is_opened(
    shared: Service, http: httpx.Client, body: object, kind: str
) -> None:
    shared.catalogue.photos.queries.clear()
    assert form(http.post(SEARCH, json=body)) == (400, kind)
    assert shared.catalogue.photos.queries == []


# Beside runs


@pytest.mark.parametrize(("header", "expected"), [({}, 30), ({"Open-Analytic-Timeout-Ms": "2000"}, 2),
                                                  ({"Open-Analytic-Timeout-Ms": "999999999"}, 300)])  # fmt: skip
def test_a_search_is_told_how_long_it_may_take(
    shared: Service, http: httpx.Client, header: dict[str, str], expected: float
) -> None:
    http.post(SEARCH, json={"vector": [1]}, headers=header)
    assert expected - 1 < shared.catalogue.photos.given_s[-1] <= expected


def test_searches_that_take_long_hold_up_no_run_and_leave_a_connection(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets, connections=3, service_threads=1) as it, ThreadPoolExecutor(9) as callers:
        it.catalogue.photos.gate.clear()
        with it.http() as client:
            waiting = [callers.submit(client.post, SEARCH, json={"vector": [1]}) for _ in range(9)]
            for _ in range(2):
                assert it.catalogue.photos.entered.acquire(timeout=30)
            assert client.post(RUN, content=GREEN).json() == GREEN_OUTPUT
            assert not it.catalogue.photos.entered.acquire(timeout=0.1)
            it.catalogue.photos.gate.set()
            assert [call.result(30).status_code for call in waiting] == [200] * 9


def test_runs_that_take_long_hold_up_no_search(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets, service_threads=1) as it, ThreadPoolExecutor(1) as caller, it.http() as client:
        it.engine.gate.clear()
        waiting = caller.submit(client.post, RUN, content=GREEN)
        assert it.engine.entered.acquire(timeout=30)
        assert client.post(SEARCH, json={"vector": [1]}).status_code == 200
        it.engine.gate.set()
        assert waiting.result(30).json() == GREEN_OUTPUT


# How large


def test_a_search_in_json_is_as_large_as_its_picture_and_a_filter(shared: Service, http: httpx.Client) -> None:
    picture = bytes(shared.work.max_bytes)
    assert http.post(SEARCH, json={"image": text64(picture), "filter": "x" * 1_000_000}).status_code == 200
    for request in (
        {"json": {"image": text64(picture), "filter": "x" * 2_000_100}},
        {"content": bytes(len(picture) + 1)},
    ):
        assert form(http.post(SEARCH, **request)) == (413, "ImageTooLarge")


def test_large_json_is_read_beside_what_else_is_asked(shared: Service, http: httpx.Client) -> None:
    vector = [0.5] * 300_000
    assert http.post(SEARCH, json={"vector": vector}).status_code == 200
    assert shared.catalogue.photos.queries[-1] == (vector, SearchOptions())
    assert form(http.post(SEARCH, content=b"[" * 1_000_000, headers={"content-type": "application/json"})) == (
        400,
        "InvalidInput",
    )
    assert len(http.post(BATCH, json={"inputs": [text64(bytes(90_000))] * 4}).json()["results"]) == 4


def test_a_search_is_explained(shared: Service, http: httpx.Client) -> None:
    shared.catalogue.photos.queries.clear()
    answer = http.post(SEARCH.replace("/search", "/explain-search"), json={"vector": [1], "filter": "a = 1"})
    assert answer.json() == {"plan": "exact", "reason": "There is one row."}
    assert shared.catalogue.photos.queries == [([1], SearchOptions(filter="a = 1"))]
