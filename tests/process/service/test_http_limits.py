"""One request over HTTP: how many inputs, bytes and values it can bring, and that others are answered beside it."""

from __future__ import annotations

import base64
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import InvalidInput
from open_analytic.service import limits, requests, work
from tests import tiny
from tests.process.service.gated import GREEN
from tests.process.service.serving import BATCH, GREEN_OUTPUT, RUN, SEARCH, Service, form, service, text64

JSON = {"content-type": "application/json"}


def posted(it: Service, target: str) -> tuple[int, dict[str, Any]]:
    """What a URL is answered that is longer than httpx sends."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(it.path))
        client.settimeout(30)
        client.sendall(f"POST {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: client.recv(65_536), b"")).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_batch_has_as_many_inputs_as_on_the_wire(shared: Service, http: httpx.Client) -> None:
    results = http.post(BATCH, json={"inputs": [""] * (limits.MAX_ITEMS - 1) + [text64(GREEN)]}).json()["results"]
    assert len(results) == limits.MAX_ITEMS
    assert results[-1] == {"output": GREEN_OUTPUT}
    assert {result["error"]["type"] for result in results[:-1]} == {"BadImage"}
    refused = http.post(BATCH, json={"inputs": [""] * (limits.MAX_ITEMS + 1)})
    assert form(refused) == (400, "InvalidInput")
    assert refused.json()["message"] == "The request has 1,025 inputs; at most 1,024 are read at once."


@pytest.mark.parametrize(
    "body",
    [b'{"inputs": [' + b"1," * 100_000 + b"1]}", b'{"inputs": [' + b'"AA==",' * 50_000 + b'""]}', b"[" * 300_000],
    ids=["numbers", "inputs", "depth"],
)
def test_what_has_too_many_values_is_refused(http: httpx.Client, body: bytes) -> None:
    assert form(http.post(BATCH, content=body)) == (400, "InvalidInput")


def test_the_inputs_of_a_batch_have_a_limit_together(http: httpx.Client) -> None:
    most = limits.items_bytes(100_000)
    for size, status in ((most // 4, 200), (most // 4 + 1, 413)):
        assert http.post(BATCH, json={"inputs": [text64(bytes(size))] * 4}).status_code == status
    refused = http.post(BATCH, content=b" " * (limits.base64_bytes(100_000) + 1))
    assert form(refused) == (413, "ImageTooLarge")


def test_a_search_has_a_limit_of_values(http: httpx.Client) -> None:
    vector = b"[" + b"1," * (limits.JSON_VALUES + 1) + b"1]"
    assert form(http.post(SEARCH, content=b'{"vector": ' + vector + b"}", headers=JSON)) == (400, "InvalidInput")


@pytest.mark.parametrize("path", [RUN, BATCH, "/api/v1/plans/HASH/run", "/api/v1/plans/HASH/run-batch"])
def test_parameters_have_the_same_limit_everywhere(shared: Service, path: str) -> None:
    path = path.replace("HASH", shared.catalogue.plan("mean_colour").hash)
    status, error = posted(shared, f"{path}?parameters={'x' * (limits.PARAMETERS_BYTES + 1)}")
    assert (status, error["type"]) == (400, "BadParameter")
    assert error["message"] == "The parameters have 65,537 bytes of JSON; at most 65,536 are read."


def test_parameters_that_are_escaped_fit_into_a_head(shared: Service) -> None:
    most = quote(json.dumps({"a": '"' * ((limits.PARAMETERS_BYTES - 10) // 2)}))  # nearly each byte is three in a URL
    status, error = posted(shared, f"{RUN}?parameters={most}")
    assert (status, error["type"]) == (400, "BadParameter")
    assert "'a'" in error["message"]


def test_a_definition_has_a_limit_and_a_place(own: Service) -> None:
    hash_ = own.catalogue.plan("mean_colour").hash
    with own.http() as client, ThreadPoolExecutor(2) as callers:
        long = {"name": "a", "definition": "x" * limits.DEFINITION_BYTES}
        for send in (client.put, client.post):
            path = f"/api/v1/plans/{hash_}" if send == client.put else "/api/v1/plans"
            assert form(send(path, json=long)) == (413, "ImageTooLarge")
        own.engine.gate.clear()
        held = [callers.submit(client.post, RUN, content=GREEN) for _ in range(2)]
        for _ in held:
            assert own.engine.entered.acquire(timeout=30)
        refused = client.put(f"/api/v1/plans/{hash_}", json={"name": "a", "definition": tiny.PIPELINE})
        assert form(refused) == (503, "ServiceBusy")
        own.engine.gate.set()
        assert [call.result(30).json() for call in held] == [GREEN_OUTPUT] * 2


def test_what_announces_too_much_is_answered_before_it_comes(shared: Service) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(shared.path))
        client.settimeout(30)
        client.sendall(f"POST {RUN} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**12}\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_others_are_answered_while_a_large_batch_is(own: Service) -> None:
    own.engine.gate.clear()
    with own.http() as client, own.http() as other, ThreadPoolExecutor(1) as caller:
        held = caller.submit(client.post, BATCH, json={"inputs": [text64(GREEN)] * limits.MAX_ITEMS}, timeout=60)
        while not held.done() and own.work.under_way == 0:
            pass
        for _ in range(50):  # while it is read, and then while it waits
            assert other.get("/health/live").status_code == 200
        assert own.engine.entered.acquire(timeout=30)
        for _ in range(50):
            assert other.get("/health/live").status_code == 200
        assert not held.done()
        own.engine.gate.set()
        assert held.result(60).json() == {"results": [{"output": GREEN_OUTPUT}] * limits.MAX_ITEMS}


def test_a_batch_whose_client_has_left_is_not_gone_on_with(tmp_path: Path, sockets: Path) -> None:
    with service(tmp_path, sockets) as it:
        it.engine.gate.clear()
        body = json.dumps({"inputs": [text64(GREEN)] * limits.MAX_ITEMS}).encode()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(it.path))
            client.sendall(f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            for _ in range(work.AT_ONCE):
                assert it.engine.entered.acquire(timeout=30)
        assert it.idle()
        it.engine.gate.set()
        it.work.close()  # waits for the threads
        assert it.engine.seen == [GREEN] * 4 * work.AT_ONCE  # four a part
        assert it.engine.ran == []


@given(
    st.lists(st.binary(max_size=100), max_size=5),
    st.integers(2, 30).map(lambda number: 4 * number),
    st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=3),
    st.booleans(),
)
def test_base64_is_read_in_pieces_as_in_one(
    data: list[bytes], piece: int, others: dict[str, str], is_ascii: bool
) -> None:
    before = requests.PIECE
    requests.PIECE = piece
    try:
        body = json.dumps(others | {"inputs": [text64(each) for each in data]}, ensure_ascii=is_ascii).encode()
        assert requests.items(body, max_bytes=1000) == data
    finally:
        requests.PIECE = before


@pytest.mark.parametrize("text", ["AA==AAAA", "AAAA=AAA", "AAA", "AAAAA", "AA=A", "ä" * 8, "AAAA\nAAAA"])
def test_what_is_no_base64_in_one_is_none_in_pieces(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read() -> Any:
        try:
            return requests.items(json.dumps({"inputs": ["AAAAAAAA" + text]}).encode(), max_bytes=1000)
        except InvalidInput:
            return None

    whole = read()
    monkeypatch.setattr(requests, "PIECE", 8)
    assert read() == whole
    if whole is not None:
        assert whole == [base64.b64decode("AAAAAAAA" + text, validate=True)]
