"""A picture by its URL, without lending anybody a way into this network.

h11 speaks HTTP here and not httpx's client, which logs every URL with its query and limits each read, not the whole.
"""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeAlias

import h11
import httpx

from open_analytic.errors import AddressRefused, FetchFailed, ImageTooLarge, UnsupportedImage
from open_analytic.operators.image import FORMATS, is_picture

Address: TypeAlias = IPv4Address | IPv6Address

PORTS: Mapping[str, int] = {"http": 80, "https": 443}
REDIRECTS = (301, 302, 303, 307, 308)
URL_CHARACTERS = 8192
HEADERS = ((b"Accept", b"image/*"), (b"Accept-Encoding", b"identity"), (b"Connection", b"close"),
           (b"User-Agent", b"open-analytic"))  # fmt: skip
HEADER_BYTES = 16 * 1024  # of an answer; one read more can come on top of it
READ_BYTES = 16 * 1024
LOOKUPS = 16  # names looked up at a time: the system's resolver cannot be stopped
ADDRESSES = 4  # of a name, that are tried

# IANA's registries of special-purpose addresses, and what clouds keep for their own machines.
SPECIAL = tuple(ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "168.63.129.16/32",  # Azure's own services, which every machine there reaches
    "2001::/23",  # Teredo and other protocols' own
    "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
))  # fmt: skip
UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is given out
NAT64 = IPv6Network("64:ff9b::/96")

_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")  # read one way here and another way elsewhere
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"(.*\.)?([0-9]+|0x[0-9a-f]*)")  # what C libraries take for an IPv4 address: 127.1, 0x7f000001
_MALFORMED = "The URL is not well formed."
_HINT = "Pictures are fetched by http and https from public addresses."


def is_public(address: Address) -> bool:
    """Whether the address is one of the internet's, of no range with a special purpose.

    An IPv4 address inside (mapped, NAT64) is judged itself; 6to4 and Teredo, which lead through relays, are refused.
    """
    if isinstance(address, IPv6Address):
        within = address.ipv4_mapped or (IPv4Address(address.packed[-4:]) if address in NAT64 else None)
        if within is not None:
            return is_public(within)
        if address.scope_id is not None or address not in UNICAST:
            return False
    return not any(address in network for network in SPECIAL)


class _Deadline:
    """When a fetch must be over, however many small steps it takes."""

    def __init__(self, timeout_s: float) -> None:
        self._at = time.monotonic() + timeout_s

    def left(self) -> float:
        """The seconds left; TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Wire:
    """One request and its answer on a connection."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection, self._deadline = connection, deadline
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEADER_BYTES)

    def get(self, target: httpx.URL) -> h11.Response:
        request = h11.Request(method="GET", target=target.raw_path, headers=[(b"Host", target.netloc), *HEADERS])
        sent = self._http.send(request), self._http.send(h11.EndOfMessage())
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(b"".join(chunk or b"" for chunk in sent))
        while isinstance(event := self._next(), h11.InformationalResponse):
            pass
        if not isinstance(event, h11.Response):
            raise h11.RemoteProtocolError("no response")
        return event

    def body(self) -> Iterator[bytes]:
        while isinstance(event := self._next(), h11.Data):
            yield event.data

    def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._connection.settimeout(self._deadline.left())
            self._http.receive_data(self._connection.recv(READ_BYTES))
        return event


class Fetcher:
    """Fetches pictures; threads can share it. Tests say which addresses, ports and certificates they allow."""

    def __init__(
        self, *, max_bytes: int, timeout_s: float = 10.0, max_redirects: int = 3,
        ports: Collection[int] = (80, 443), allowed: Callable[[Address], bool] = is_public,
        context: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._max_bytes, self._timeout_s, self._max_redirects = max_bytes, timeout_s, max_redirects
        self._ports, self._allowed = ports, allowed
        self._context = context or httpx.create_ssl_context()
        self._lookups = threading.BoundedSemaphore(LOOKUPS)

    def fetch(self, url: str) -> bytes:
        """The bytes behind the URL, which begin like a picture. Every redirect is judged as the URL itself is."""
        deadline = _Deadline(self._timeout_s)
        target = self._read(url)
        for _ in range(self._max_redirects + 1):
            with self._failures_of(target), self._request(target, deadline) as wire:
                answer = wire.get(target)
                if answer.status_code not in REDIRECTS:
                    return self._picture(answer, wire.body(), target)
            location = dict(answer.headers).get(b"location")
            if location is None:
                raise FetchFailed(f"{_host(target)} answered {answer.status_code} and did not say where to look.")
            target = self._read(location.decode("utf-8", "replace"), target)
        raise FetchFailed(f"The URL was redirected more than {self._max_redirects} times.", hint="Use the last URL.")

    def _read(self, url: str, base: httpx.URL | None = None) -> httpx.URL:
        if len(url) > URL_CHARACTERS or _ODD.search(url):
            raise AddressRefused(_MALFORMED, hint=_HINT)
        try:
            read = base.join(url) if base else httpx.URL(url)
            read = read.copy_with(host=_host(read).removesuffix("."), fragment=None)
        except (httpx.InvalidURL, ValueError) as error:
            raise AddressRefused(_MALFORMED, hint=_HINT) from error
        if read.scheme not in PORTS:
            raise AddressRefused("Only http and https URLs are fetched.", hint=_HINT)
        if read.userinfo:
            raise AddressRefused("The URL holds a user name or password.", hint="Remove what stands before the @.")
        if _port(read) not in self._ports:
            allowed = ", ".join(map(str, self._ports))
            raise AddressRefused("The URL's port is not asked for pictures.", hint=f"Allowed: {allowed}.")
        _check_spelling(_host(read))
        return read

    @contextmanager
    def _failures_of(self, target: httpx.URL) -> Iterator[None]:
        """Foreign errors as ours. They say little: a client must not learn which hosts answer."""
        try:
            yield
        except TimeoutError as error:
            raise FetchFailed(f"{_host(target)} did not give the picture within {self._timeout_s:g} s.") from error
        except socket.gaierror as error:
            raise FetchFailed(f"No address is known for {_host(target)}.", hint="Check the URL.") from error
        except ssl.SSLCertVerificationError as error:
            raise FetchFailed(f"{_host(target)} has no certificate that proves its name.") from error
        except (OSError, h11.ProtocolError) as error:
            raise FetchFailed(f"{_host(target)} cannot be reached, or its answer cannot be read.") from error

    @contextmanager
    def _request(self, target: httpx.URL, deadline: _Deadline) -> Iterator[_Wire]:
        addresses = self._addresses(_host(target), deadline)
        with _connect(addresses, _port(target), deadline) as plain:
            if target.scheme == "http":
                yield _Wire(plain, deadline)
                return
            plain.settimeout(deadline.left())
            with self._context.wrap_socket(plain, server_hostname=_host(target)) as secure:
                yield _Wire(secure, deadline)

    def _addresses(self, host: str, deadline: _Deadline) -> Sequence[Address]:
        """The addresses that are then connected to: nothing is looked up again.

        One that is not public refuses them all, since a name with both kinds is meant to get past a check like this.
        """
        addresses = [ip_address(host)] if _is_address(host) else self._look_up(host, deadline)
        if not all(map(self._allowed, addresses)):
            raise AddressRefused("The URL leads to an address that is not public.", hint=_HINT)
        return addresses

    def _look_up(self, host: str, deadline: _Deadline) -> Sequence[Address]:
        """What the system's resolver says. It has no time limit of its own, so a thread waits for it."""
        if not self._lookups.acquire(timeout=deadline.left()):
            raise TimeoutError
        result: Future[list[Any]] = Future()

        def ask() -> None:
            try:
                result.set_result(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
            except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
                result.set_exception(error)
            finally:
                self._lookups.release()

        threading.Thread(target=ask, name="open_analytic-lookup", daemon=True).start()
        return [ip_address(place[4][0]) for place in result.result(deadline.left())]

    def _picture(self, answer: h11.Response, body: Iterable[bytes], target: httpx.URL) -> bytes:
        headers, host = dict(answer.headers), _host(target)
        if answer.status_code != 200:
            raise FetchFailed(f"{host} answered {answer.status_code} instead of giving the picture.")
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if not kind.startswith(b"image/") and kind != b"application/octet-stream":
            raise UnsupportedImage(f"{host} says that this is not a picture.", hint="Use the picture's own URL.")
        if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise FetchFailed(f"{host} compressed the picture, although it was asked not to.")
        self._check_size(int(headers.get(b"content-length", 0)))
        data = bytearray()
        for chunk in body:
            data += chunk
            self._check_size(len(data))
        if not is_picture(bytes(data)):
            raise UnsupportedImage(
                f"What {host} gave is not a known picture.", hint=f"Formats that are read: {', '.join(FORMATS)}."
            )
        return bytes(data)

    def _check_size(self, count: int) -> None:
        if count > self._max_bytes:
            raise ImageTooLarge(
                f"The picture has more than {self._max_bytes:,} bytes.", hint="OPEN_ANALYTIC_MAX_BYTES raises it."
            )


def _connect(addresses: Sequence[Address], port: int, deadline: _Deadline) -> socket.socket:
    """A connection to the first address that takes one; each can use its share of the time."""
    failed: OSError = TimeoutError()
    tried = addresses[:ADDRESSES]
    for number, address in enumerate(tried):
        try:
            return _dial(address, port, deadline.left() / (len(tried) - number))
        except OSError as error:
            failed = error
    raise failed


def _dial(address: Address, port: int, timeout_s: float) -> socket.socket:
    dialled = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6)
    try:
        dialled.settimeout(timeout_s)
        dialled.connect((str(address), port))
    except BaseException:
        dialled.close()
        raise
    return dialled


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _port(url: httpx.URL) -> int:
    return PORTS[url.scheme] if url.port is None else url.port


def _is_address(host: str) -> bool:
    return ":" in host or _NUMBER.fullmatch(host) is not None


def _check_spelling(host: str) -> None:
    """Refuses a host that is neither a name nor an address as everybody writes it (0177.0.0.1, 2130706433, 127.1)."""
    try:
        right = ip_address(host) if _is_address(host) else _NAME.fullmatch(host)
    except ValueError:
        right = None
    if right is None or "%" in host or len(host) > 253:
        raise AddressRefused("The URL's host is not a name or an address in its usual form.", hint=_HINT)
