"""Who may use the HTTP door, and how much."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from open_analytic import errors
from open_analytic.service import limits, server
from open_analytic.service.client import Client
from tests import tiny
from tests.process.service.gated import GREEN, colour
from tests.process.service.serving import BATCH, GREEN_OUTPUT, RUN, SEARCH, TOKEN, Service, form, service


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/api/v1/pipelines", "/nowhere", "/health/live/x"])
def test_over_tcp_the_token_is_asked_for(shared: Service, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic x"}, {"authorization": "Bearer"}):
        answer = httpx.get(shared.tcp + path, headers=headers)
        assert form(answer) == (401, "Unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
    right = httpx.get(shared.tcp + path, headers={b"authorization": f"Bearer {TOKEN}".encode()})
    assert right.status_code == (404 if path in ("/nowhere", "/health/live/x") else 200)


def test_health_is_told_to_everybody(shared: Service) -> None:
    assert [httpx.get(f"{shared.tcp}/health/{page}").status_code for page in ("live", "ready")] == [200, 200]


def test_on_the_unix_socket_no_token_is_asked_for(http: httpx.Client) -> None:
    assert http.get("/api/v1/pipelines").status_code == 200


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_token_nobody_comes_in_over_tcp(tmp_path: Path, sockets: Path, token: str | None) -> None:
    with service(tmp_path, sockets, token=token) as it, it.http() as inside:
        for headers in ({}, {"authorization": "Bearer"}, {"authorization": "Bearer None"}):
            assert form(httpx.get(f"{it.tcp}/api/v1/pipelines", headers=headers)) == (401, "Unauthorized")
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
        for answer in (client.get("/health/ready"), client.post(RUN, content=GREEN)):
            assert form(answer) == (503, "ServiceUnavailable")
            assert answer.headers["retry-after"] == "1"
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
    assert own.engine.seen in ([GREEN], [GREEN, colour(5)])  # 10 ms can be over before the engine is reached
    assert own.engine.ran == []


def test_a_client_that_stops_sending_loses_its_place(own: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_S", 0.05)
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
    ((text, error),) = client.run(hash_, [GREEN], give="output", parameters="{}", pause=lambda: None)
    assert (json.loads(text or ""), error) == (GREEN_OUTPUT, None)
    client.close()


def test_what_is_refused_before_it_is_read_leaves_the_connection_good(shared: Service) -> None:
    client = Client(shared.tcp)
    for _ in range(2):
        with pytest.raises(errors.Unauthorized):
            client.run("0", [bytes(5_000_000)], give="output", parameters="{}", pause=lambda: None)
    client.close()
