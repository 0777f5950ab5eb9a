"""Calls the service over HTTP. Standard library only: PostgreSQL's own Python imports this inside a backend.

There each module costs memory in every session, so what an ordinary call does without is imported where it is used.

Every wait is cut into slices, and ``pause`` is called between them: there a backend looks whether its statement was
cancelled. What it raises ends the call and the connection, which the service takes as: nobody waits any more.
"""

from __future__ import annotations

import _socket  # what socket is made of: with its enumerations and selectors that would take a megabyte a session
import binascii
import time

from open_analytic.errors import (
    BadAudio,
    BadImage,
    BadParameter,
    BadText,
    BadVideo,
    DeadlineExceeded,
    ModelFailed,
    NoFace,
    OpenAnalyticError,
    ServiceError,
    ServiceUnavailable,
    from_dict,
)
from open_analytic.service import check_parameters

TYPE_CHECKING = False  # as in typing, which a PostgreSQL backend is spared
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, TypeAlias

    Pause: TypeAlias = Callable[[], object]

SLICE_S = 0.1
CONNECT_S = 5.0
GRACE_S = 2.0  # the service is given so long to say itself that it was too late
LARGEST_HEAD = 65_536
SMALL = 16_384
UNIX = "unix:"
NOT_HTTP = "its answer is not HTTP"
# Of an only input these are its result; with another error the whole call failed. pipeline_run.sql has their codes.
OF_AN_INPUT = (BadAudio, BadImage, BadText, BadVideo, NoFace, ModelFailed)


class Client:
    """One node of the service. Connections are kept and used again; threads can share it.

    A call ends at its ``deadline`` (of ``time.monotonic``), or ``timeout_s`` from now when it has none.
    """

    def __init__(self, address: str, *, token: str | None = None, timeout_s: float = 60.0) -> None:
        self.address, self._token, self._timeout_s = address, token, timeout_s
        self._idle: list[_Connection] = []  # its append and pop are atomic
        _endpoint(address)

    def run(
        self,
        hash: str,  # noqa: A002 - the catalogue's word
        inputs: Sequence[bytes],
        *,
        give: str,
        parameters: str,
        pause: Pause,
        deadline: float | None = None,
    ) -> list[tuple[str | None, OpenAnalyticError | None]]:
        """JSON text or an error for each input, in order. UnknownPlan when the service needs the definition first."""
        if not inputs:
            return []
        check_parameters(len(parameters.encode()))  # a URL holds no more
        place, query = _plan_path(hash), f"?give={_quote(give)}&parameters={_quote(parameters)}"
        if len(inputs) == 1:
            try:
                body = self._call("POST", f"{place}/run{query}", inputs[0], pause, deadline)
            except OF_AN_INPUT as error:
                return [(None, error)]
            return [(_text(body), None)]
        texts = (binascii.b2a_base64(each, newline=False) for each in inputs)
        whole = b'{"inputs": ["' + b'", "'.join(texts) + b'"]}'
        return _outcomes(self._call("POST", f"{place}/run-batch{query}", whole, pause, deadline), len(inputs))

    def define(
        self,
        hash: str,  # noqa: A002 - the catalogue's word
        name: str,
        definition: Any,
        *,
        pause: Pause,
        deadline: float | None = None,
    ) -> None:
        """Tell the service what a hash means."""
        import json

        body = json.dumps({"name": name, "definition": definition}).encode()
        self._call("PUT", _plan_path(hash), body, pause, deadline)

    def describe(self, request: str, *, pause: Pause, deadline: float | None = None) -> str:
        """What the catalogue says of a preset or a definition: JSON in, JSON out."""
        return _text(self._call("POST", "/api/v1/plans", request.encode(), pause, deadline))

    def ready(self) -> bool:
        """Whether the service takes calls now."""
        try:
            self._call("GET", "/health/ready", b"", lambda: None)
        except OpenAnalyticError:
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        while connection := self._take():
            connection.close()

    def _call(self, method: str, path: str, body: bytes, pause: Pause, deadline: float | None = None) -> bytes:
        if deadline is None:
            deadline = time.monotonic() + self._timeout_s
        idle = self._take()
        if idle is not None:
            try:
                return self._on(idle, method, path, body, pause, deadline)
            except OSError:
                pass  # it died since it was used last: once more, on a new one
        connection = self._connect(sent=idle is not None)
        try:
            return self._on(connection, method, path, body, pause, deadline)
        except OSError as error:
            raise _unanswered(
                ServiceUnavailable(
                    f"The inference service at {self.address} ended the connection: {error or type(error).__name__}.",
                    hint="It was perhaps stopped or restarted: run it again.",
                )
            ) from error

    def _on(self, connection: _Connection, method: str, path: str, body: bytes, pause: Pause, deadline: float) -> bytes:
        """One request on a connection, which is kept when it is still good afterwards."""
        left_ms = max(1, int(1000 * (deadline - time.monotonic())))
        try:
            status, answer = connection.exchange(self._head(method, path, len(body), left_ms), body, pause, deadline)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        if status < 300:
            return answer
        raise _error_of_answer(status, answer)

    def _head(self, method: str, path: str, length: int, timeout_ms: int) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {_endpoint(self.address)[1]}",
            f"Content-Length: {length}",
            "Content-Type: application/octet-stream",
            f"Open-Analytic-Timeout-Ms: {timeout_ms}",
            *([f"Authorization: Bearer {self._token}"] if self._token else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def _take(self) -> _Connection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connect(self, *, sent: bool) -> _Connection:
        """A new connection. The request can have been sent already, on one that broke."""
        try:
            return _Connection(self.address)
        except OSError as error:
            unavailable = ServiceUnavailable(
                f"The inference service at {self.address} cannot be reached: {error.strerror or error}.",
                hint="Start it with `open-analytic serve`; `open-analytic doctor` says more.",
            )
            raise _unanswered(unavailable) if sent else unavailable from error


class _Connection:
    """One HTTP/1.1 connection, used for one request at a time."""

    def __init__(self, address: str) -> None:
        kind, host, port = _endpoint(address)
        self._socket = _unix(address[len(UNIX) :]) if kind == "unix" else _tcp(host, port, tls=kind == "https")
        self._socket.settimeout(SLICE_S)
        self.reusable = True

    def close(self) -> None:
        self._socket.close()

    def exchange(self, head: bytes, body: bytes, pause: Pause, deadline: float) -> tuple[int, bytes]:
        """Status and body of the answer."""
        waits = _sliced(pause, deadline)
        # A small request goes as one packet; a picture is not copied for it.
        for data in (head + body,) if len(body) < SMALL else (head, body):
            view = memoryview(data)
            while view:
                try:
                    view = view[self._socket.send(view) :]
                except _socket.timeout:
                    next(waits)
        return self._answer(waits)

    def _answer(self, waits: Iterator[None]) -> tuple[int, bytes]:
        data = bytearray()
        while (end := data.find(b"\r\n\r\n")) < 0:
            if len(data) > LARGEST_HEAD:
                raise ConnectionError(NOT_HTTP)
            data += self._receive(waits)
        status, length, self.reusable = _read_head(bytes(data[:end]))
        body = data[end + 4 :]
        while len(body) < length:
            body += self._receive(waits)
        if len(body) > length:
            raise ConnectionError(NOT_HTTP)
        return status, bytes(body)

    def _receive(self, waits: Iterator[None]) -> bytes:
        while True:
            try:
                data = self._socket.recv(65_536)
            except _socket.timeout:
                next(waits)
                continue
            if not data:
                raise ConnectionResetError("it closed the connection")
            return data


def _unix(path: str) -> _socket.socket:
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        sock.settimeout(CONNECT_S)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _tcp(host: str, port: int, *, tls: bool) -> socket.socket:
    import socket

    sock = socket.create_connection((host, port), CONNECT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return sock
    import ssl

    return ssl.create_default_context().wrap_socket(sock, server_hostname=host)


def _sliced(pause: Pause, deadline: float) -> Iterator[None]:
    """Taken from after each slice of waiting."""
    while True:
        pause()
        if time.monotonic() > deadline + GRACE_S:
            raise _unanswered(DeadlineExceeded(hint="Allow more time (timeout_ms), or send fewer pictures at once."))
        yield


def _unanswered(error: ServiceError) -> ServiceError:
    """The error of a request that was sent: who sends it again has to know that a node can have begun with it."""
    error.sent = True
    return error


def _read_head(head: bytes) -> tuple[int, int, bool]:
    """Status, length of the body, and whether the connection stays open."""
    status, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    protocol, _, rest = status.partition(" ")
    number = rest.partition(" ")[0]
    # The service always says the length, but for 204, which has no body.
    length = "0" if number == "204" else fields.get("content-length", "").strip()
    if protocol != "HTTP/1.1" or not (_is_number(number, 3) and len(number) == 3 and _is_number(length, 12)):
        raise ConnectionError(NOT_HTTP)
    return int(number), int(length), "close" not in fields.get("connection", "")


def _is_number(text: str, longest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= longest


def _endpoint(address: str) -> tuple[str, str, int]:
    """Kind, host and port of ``unix:/path``, ``http://host:port`` or ``https://host:port``."""
    if address.startswith(f"{UNIX}/"):
        return "unix", "localhost", 0
    from urllib.parse import urlsplit

    try:
        components = urlsplit(address)
        if components.scheme in ("http", "https") and components.hostname:
            return (
                components.scheme,
                components.hostname,
                components.port or (443 if components.scheme == "https" else 80),
            )
    except ValueError:
        pass  # the error below
    raise BadParameter(
        f"{address!r} is no address of a service.", hint="Write unix:/path/to/service.sock, or http://host:port."
    )


def _plan_path(hash: str) -> str:  # noqa: A002
    return f"/api/v1/plans/{_quote(hash)}"


def _quote(text: str) -> str:
    """The text as part of a URL; most are letters and digits already."""
    if text.isascii() and text.isalnum():
        return text
    if text == "{}":
        return "%7B%7D"
    from urllib.parse import quote

    return quote(text, safe="")


def _outcomes(body: bytes, count: int) -> list[tuple[str | None, OpenAnalyticError | None]]:
    import json

    try:
        outcomes = [_outcome(result) for result in json.loads(body)["results"]]
    except (ValueError, TypeError, LookupError, AttributeError):
        raise _strange() from None
    if len(outcomes) != count:
        raise _strange()
    return outcomes


def _outcome(result: Any) -> tuple[str | None, OpenAnalyticError | None]:
    import json

    if "error" in result:
        return None, from_dict(result["error"])
    return json.dumps(result["output"]), None


def _text(body: bytes) -> str:
    """The body, which has to look like JSON: the caller parses it."""
    try:
        text = body.decode()
    except ValueError:
        raise _strange() from None
    if text[:1] not in set('{["-0123456789') and text not in ("null", "true", "false"):
        raise _strange()
    return text


def _strange() -> ServiceUnavailable:
    return ServiceUnavailable(
        "The inference service answered with something else than results.",
        hint="Another version, or another service, can be at its address.",
    )


def _error_of_answer(status: int, body: bytes) -> OpenAnalyticError:
    import json

    try:
        document = json.loads(body)
        if isinstance(document, dict) and "sqlstate" in document:
            return from_dict(document)
    except ValueError:
        pass
    return ServiceUnavailable(f"The inference service answered with HTTP status {status}.", hint="Look at its log.")
