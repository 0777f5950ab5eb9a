"""What the client says, and servers that break off, say nonsense or are not there."""

from __future__ import annotations

import json
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest

from open_analytic import errors
from open_analytic.service import client as module
from open_analytic.service.client import Client
from tests.process.service.scripted import answer, no_pause, run, script
from tests.process.service.serving import Service


def test_a_request_says_what_the_service_needs(sockets: Path) -> None:
    with script(sockets, [answer(b"1")]) as it:
        client = Client(it.address, token="tökén", timeout_s=100_000)  # noqa: S106
        client.run("a/b ä", [b"picture"], give="whole", parameters='{"a": "b&c"}', pause=no_pause)
        client.close()
    head, _, body = it.requests[0].decode().partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    assert line == "POST /api/v1/plans/a%2Fb%20%C3%A4/run?give=whole&parameters=%7B%22a%22%3A%20%22b%26c%22%7D HTTP/1.1"
    (wait,) = [each for each in fields if each.startswith("Open-Analytic-Timeout-Ms: ")]
    assert 0 < int(wait.split()[1]) <= 100_000_000
    fields.remove(wait)
    assert fields == [
        "Host: localhost",
        "Content-Length: 7",
        "Content-Type: application/octet-stream",
        "Authorization: Bearer tökén",
    ]
    assert body == "picture"


def test_a_large_body_arrives_whole_though_the_service_reads_slowly(sockets: Path) -> None:
    picture = bytes(range(256)) * 20_000
    with script(sockets, [answer(b"1")]) as it, closing(Client(it.address)) as client:
        assert run(client, picture) == [("1", None)]
    assert it.requests[0].endswith(b"\r\n\r\n" + picture)


def test_a_connection_is_used_again(sockets: Path) -> None:
    with script(sockets, [answer(b"1"), answer(b"2")]) as it, closing(Client(it.address)) as client:
        assert [run(client, b"x") for _ in range(2)] == [[("1", None)], [("2", None)]]
    assert it.connections == 1


def test_one_that_is_to_be_closed_is_not_used_again(sockets: Path) -> None:
    with (
        script(sockets, [answer(b"1", more="Connection: Close\r\n")], [answer(b"2")]) as it,
        closing(Client(it.address)) as client,
    ):
        assert [run(client, b"x") for _ in range(2)] == [[("1", None)], [("2", None)]]
    assert it.connections == 2


def test_an_error_leaves_the_connection_good(sockets: Path) -> None:
    busy = json.dumps(errors.ServiceBusy(hint="Later.").as_dict()).encode()
    with (
        script(sockets, [answer(busy, "503 Service Unavailable"), answer(b"2")]) as it,
        closing(Client(it.address)) as client,
    ):
        with pytest.raises(errors.ServiceBusy) as caught:
            run(client, b"x")
        assert caught.value.as_dict() == errors.ServiceBusy(hint="Later.").as_dict()
        assert run(client, b"x") == [("2", None)]
    assert it.connections == 1


def test_an_answer_may_come_in_pieces(sockets: Path) -> None:
    whole = answer(b"[" + b"1, " * 200_000 + b"1]")
    with script(sockets, [whole]) as it, closing(Client(it.address)) as client:
        ((text, error),) = run(client, b"x")
        assert (len(text or ""), error) == (600_003, None)


# What goes wrong


@pytest.mark.parametrize("last", [b"", b"HTTP/1.1 200 OK\r\nContent-", answer(b"12345")[:-2]])
def test_a_service_that_breaks_off_is_unavailable(sockets: Path, last: bytes) -> None:
    with (
        script(sockets, [last]) as it,
        pytest.raises(errors.ServiceUnavailable, match="ended the connection") as caught,
    ):
        run(Client(it.address), b"x")
    assert caught.value.hint == "It was perhaps stopped or restarted: run it again."
    assert caught.value.sent


def test_a_node_that_dies_with_a_request_on_a_kept_connection_can_have_begun_with_it(sockets: Path) -> None:
    with script(sockets, [answer(b"1"), b""]) as it, closing(Client(it.address)) as client:
        run(client, b"x")
        (sockets / "s").unlink()  # only the kept connection is left
        with pytest.raises(errors.ServiceUnavailable, match="cannot be reached") as caught:
            run(client, b"x")
    assert caught.value.sent
    assert len(it.requests) == 2


def test_a_kept_connection_that_died_is_replaced_silently(sockets: Path) -> None:
    with script(sockets, [answer(b"1")], [answer(b"2")]) as it, closing(Client(it.address)) as client:
        assert [run(client, b"x") for _ in range(2)] == [[("1", None)], [("2", None)]]
    assert (it.connections, len(it.requests)) == (2, 2)


def test_it_is_replaced_once_only(sockets: Path) -> None:
    with script(sockets, [answer(b"1"), b""], [b""], [answer(b"never")]) as it, closing(Client(it.address)) as client:
        run(client, b"x")
        with pytest.raises(errors.ServiceUnavailable):
            run(client, b"x")
        assert it.connections == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nContent-Length: 1\r\n\r\n1",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n12",
        b"\0" * 70_000,
        answer(b"nonsense"),
        answer(b"\xff"),
        answer(b""),
        answer(b"<html>", "502 Bad Gateway"),
        answer(b"[1]", "500 Error"),
        answer(b"", "302 Found", "Location: /other\r\n"),
    ],
)
def test_what_is_no_answer_of_the_service_is_said(sockets: Path, reply: bytes) -> None:
    with (
        script(sockets, [reply]) as it,
        closing(Client(it.address)) as client,
        pytest.raises(errors.ServiceUnavailable),
    ):
        run(client, b"x")


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"results": 7}', b'{"results": [7, 8]}', b'{"results": [{}, {}]}', b'{"results": [{"output": 1}]}',
     b'{"results": [{"error": 1}, {"error": 2}]}', b'{"results": {"a": 1, "b": 2}}', b"nonsense"],
)  # fmt: skip
def test_what_is_no_batch_of_results_is_said(sockets: Path, body: bytes) -> None:
    with (
        script(sockets, [answer(body)]) as it,
        closing(Client(it.address)) as client,
        pytest.raises(errors.ServiceUnavailable, match="something else"),
    ):
        run(client, b"x", b"y")


def test_an_error_of_a_newer_service_is_still_an_error(sockets: Path) -> None:
    error = {"type": "Unheard", "sqlstate": "OA999", "message": "New.", "hint": None}
    with (
        script(sockets, [answer(json.dumps(error).encode(), "400 Bad Request")]) as it,
        closing(Client(it.address)) as client,
        pytest.raises(errors.OpenAnalyticError, match=r"New\."),
    ):
        run(client, b"x")


@pytest.mark.parametrize("kind", ["unix", "http", "https"])
def test_a_service_that_is_not_there_is_unavailable_and_the_hint_says_how_to_start_it(sockets: Path, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    address = f"unix:{sockets}/nobody" if kind == "unix" else f"{kind}://127.0.0.1:{port}"
    with pytest.raises(errors.ServiceUnavailable, match=re.escape(address)) as caught:
        run(Client(address), b"x")
    assert "open-analytic serve" in (caught.value.hint or "")
    assert not caught.value.sent


def test_a_service_that_speaks_no_tls_is_unavailable(shared: Service) -> None:
    with pytest.raises(errors.ServiceUnavailable):
        run(Client(f"https://127.0.0.1:{shared.port}"), b"x")


def test_a_socket_path_that_is_too_long_is_said() -> None:
    with pytest.raises(errors.ServiceUnavailable, match="too long"):
        run(Client(f"unix:/{'long/' * 50}s"), b"x")


def test_every_wait_is_cut_into_slices_and_pause_ends_the_call_and_the_connection(sockets: Path) -> None:
    class CancelledByUser(Exception):
        """What a backend raises."""

    pauses: list[int] = []

    def third_time() -> None:
        pauses.append(1)
        if len(pauses) == 3:
            raise CancelledByUser

    with script(sockets, []) as it:  # says nothing
        client = Client(it.address)
        with pytest.raises(CancelledByUser):
            run(client, b"x", pause=third_time)
        assert it.ended.wait(30)
        client.close()
    assert len(pauses) == 3


def test_sending_is_cut_into_slices_too(sockets: Path) -> None:
    class CancelledByUser(Exception):
        """What a backend raises."""

    def cancelled() -> None:
        raise CancelledByUser

    with socket.socket(socket.AF_UNIX) as deaf:  # nobody reads what comes
        deaf.bind(str(sockets / "deaf"))
        deaf.listen()
        with pytest.raises(CancelledByUser):
            run(Client(f"unix:{sockets}/deaf"), bytes(10_000_000), pause=cancelled)


def test_a_service_that_says_nothing_is_given_up(sockets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.0)
    with script(sockets, []) as it, pytest.raises(errors.DeadlineExceeded) as caught:
        run(Client(it.address, timeout_s=0.01), b"x")
    assert it.ended.is_set()
    assert caught.value.sent


@pytest.mark.parametrize(
    "address",
    ["", "nonsense", "unix:relative", "unix:", "ftp://host", "http://", "http://host:port", "http://host:99999",
     "/run/socket", "127.0.0.1:8000"],
)  # fmt: skip
def test_what_is_no_address_is_said_at_once(address: str) -> None:
    with pytest.raises(errors.BadParameter, match="no address of a service"):
        Client(address)


@pytest.mark.parametrize("name", ["C# and ?.sock", "%2F ä"])
def test_a_socket_may_have_any_name(sockets: Path, name: str) -> None:
    with script(sockets, [answer(b"1")], name=name) as it, closing(Client(it.address)) as client:
        assert run(client, b"x") == [("1", None)]
