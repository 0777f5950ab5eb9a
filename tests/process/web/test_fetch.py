import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest

from open_analytic.errors import AddressRefused, FetchFailed, ImageTooLarge, OpenAnalyticError, UnsupportedImage
from open_analytic.web import fetch
from open_analytic.web.fetch import Fetcher, is_public
from tests.unit.web.pictures_example import DRIP, DRIPS, HOST, PNG, TRUST, Names, Site, served

HERE = ip_address("127.0.0.1")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names({HOST: [["127.0.0.1"]]})
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def site() -> Iterator[Site]:
    yield from served(Site())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of pictures.example and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=pictures",
         "-addext", f"subjectAltName=DNS:{HOST}"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def told_names() -> list[str | None]:
    """The names that clients of the https site said they want (SNI)."""
    return []


@pytest.fixture
def secure_site(certificate: Path, told_names: list[str | None]) -> Iterator[Site]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    tls.sni_callback = lambda _, name, __: told_names.append(name)
    yield from served(Site(tls))


def only_here(address: IPv4Address | IPv6Address) -> bool:
    return is_public(address) or address == HERE


def fetcher(site: Site, **options: Any) -> Fetcher:
    defaults: dict[str, Any] = {"max_bytes": 10_000, "allowed": only_here, "context": TRUST}
    return Fetcher(ports=(80, 443, site.server_port), **(defaults | options))


@pytest.mark.parametrize("path", ["/plain", "/until-closed", "/chunked", "/hints-first", "/octets", "/identity"])
def test_a_picture_is_fetched(site: Site, names: Names, path: str) -> None:
    assert fetcher(site).fetch(f"{site.base}{path}#part") == PNG
    headers = [
        ("Host", f"{HOST}:{site.server_port}"), ("Accept", "image/*"), ("Accept-Encoding", "identity"),
        ("Connection", "close"), ("User-Agent", "open-analytic"),
    ]  # fmt: skip
    assert (site.seen, names.hosts) == ([(path, headers)], [HOST])


def test_a_picture_may_be_as_large_as_the_limit(site: Site, names: Names) -> None:
    assert len(fetcher(site).fetch(f"{site.base}/full")) == 10_000


@pytest.mark.parametrize("host", ["PICTURES.Example.", "127.0.0.1", "127。0.0。1."])
def test_a_host_is_asked_by_its_usual_spelling(site: Site, names: Names, host: str) -> None:
    assert fetcher(site).fetch(f"HTTP://{host}:{site.server_port}/plain") == PNG
    usual = HOST if "." in host and host[0] == "P" else "127.0.0.1"
    assert dict(site.seen[0][1])["Host"] == f"{usual}:{site.server_port}"


def test_a_name_beyond_ascii_is_looked_up_as_dns_writes_it(site: Site, names: Names) -> None:
    names.known = {"xn--bcher-kva.example": [["127.0.0.1"]]}
    assert fetcher(site).fetch(f"http://BÜCHER.example:{site.server_port}/plain") == PNG


def test_the_name_is_looked_up_once_and_the_checked_address_asked(site: Site, names: Names) -> None:
    names.known = {HOST: [["127.0.0.1"], ["10.0.0.1"]]}
    assert (fetcher(site).fetch(f"{site.base}/plain"), names.hosts) == (PNG, [HOST])


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site, names: Names) -> None:
    names.known = {HOST: [["127.0.0.2", "127.0.0.1"]]}
    client = fetcher(site, allowed=lambda address: address.is_loopback)
    assert client.fetch(f"{site.base}/plain") == PNG


def test_redirects_are_followed_without_cookies_and_leave_no_trace_of_secrets(
    site: Site, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    assert fetcher(site).fetch(f"{site.base}/301") == PNG
    assert [path for path, _ in site.seen] == ["/301", "/302", "/307?token=secret", "/plain"]
    assert not [name for _, headers in site.seen for name, _ in headers if name in ("Cookie", "Referer")]
    assert "secret" not in caplog.text


def test_proxies_of_the_environment_are_not_used(site: Site, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetcher(site).fetch(f"{site.base}/plain") == PNG


FAILURES: dict[str, tuple[type[OpenAnalyticError], str]] = {
    "/four": (FetchFailed, "redirected more than 3 times"),
    "/loop": (FetchFailed, "redirected more than 3 times"),
    "/nowhere": (FetchFailed, "did not say where to look"),
    "/to-file": (AddressRefused, "Only http and https"),
    "/to-private": (AddressRefused, "address that is not public"),
    "/to-metadata": (AddressRefused, "address that is not public"),
    "/to-name": (AddressRefused, "address that is not public"),
    "/to-loopback": (AddressRefused, "address that is not public"),
    "/to-mapped": (AddressRefused, "address that is not public"),
    "/to-port": (AddressRefused, "port"),
    "/to-user": (AddressRefused, "user name or password"),
    "/to-backslash": (AddressRefused, "not well formed"),
    "/to-bracket": (AddressRefused, "usual form"),
    "/too-large-declared": (ImageTooLarge, "more than 10,000 bytes"),
    "/too-large": (ImageTooLarge, "more than 10,000 bytes"),
    "/too-large-chunked": (ImageTooLarge, "more than 10,000 bytes"),
    "/endless-number": (FetchFailed, "cannot be read"),
    "/gzip": (FetchFailed, "compressed the picture"),
    "/gzip-transfer": (FetchFailed, "cannot be read"),
    "/html": (UnsupportedImage, "says that this is not a picture"),
    "/untyped": (UnsupportedImage, "says that this is not a picture"),
    "/svg": (UnsupportedImage, "not a known picture"),
    "/not-a-picture": (UnsupportedImage, "not a known picture"),
    "/empty": (UnsupportedImage, "not a known picture"),
    "/cut": (FetchFailed, "cannot be read"),
    "/absent": (FetchFailed, "answered 404"),
    "/part": (FetchFailed, "answered 206"),
    "/huge-headers": (FetchFailed, "cannot be read"),
    "/many-headers": (FetchFailed, "cannot be read"),
    "/not-http": (FetchFailed, "cannot be read"),
    "/silent": (FetchFailed, "cannot be read"),
}


@pytest.mark.parametrize(("path", "failure"), FAILURES.items(), ids=FAILURES)
def test_what_goes_wrong_is_typed_and_says_nothing_of_what_was_read(
    site: Site, names: Names, path: str, failure: tuple[type[OpenAnalyticError], str]
) -> None:
    names.known["inside.example"] = [["192.168.0.1"]]
    with pytest.raises(OpenAnalyticError, match=failure[1]) as caught:
        fetcher(site).fetch(site.base + path)
    assert type(caught.value) is failure[0]
    assert not [word for word in ("secret", "root:", "SSH", "passwd", "192.168.0.1") if word in str(caught.value)]


@pytest.mark.parametrize("path", DRIP)
def test_a_slow_server_is_left_at_the_deadline(site: Site, names: Names, path: str) -> None:
    with pytest.raises(FetchFailed, match=r"did not give the picture within 0\.3 s"):
        fetcher(site, timeout_s=0.3).fetch(site.base + path)


def test_without_time_nothing_is_asked(site: Site, names: Names) -> None:
    with pytest.raises(FetchFailed, match="did not give the picture within 0 s"):
        fetcher(site, timeout_s=0).fetch(f"{site.base}/plain")
    assert (names.hosts, site.seen) == ([], [])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_silent_server_is_left_at_the_deadline(names: Names, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        client = Fetcher(max_bytes=10, timeout_s=0.2, ports=[port], allowed=only_here, context=TRUST)
        with pytest.raises(FetchFailed, match=r"did not give the picture within 0\.2 s"):
            client.fetch(f"{scheme}://{HOST}:{port}/")


def test_a_slow_handshake_is_left_at_the_deadline(names: Names) -> None:
    def drip() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(b"\x16\x03\x03\x20\x00")  # the beginning of a handshake record of 8,192 bytes
            for _ in range(DRIPS):
                time.sleep(0.02)
                connection.sendall(b"\0")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        port = server.getsockname()[1]
        client = Fetcher(max_bytes=10, timeout_s=0.3, ports=[port], allowed=only_here, context=TRUST)
        with pytest.raises(FetchFailed, match=r"did not give the picture within 0\.3 s"):
            client.fetch(f"https://{HOST}:{port}/")
        thread.join()


def test_a_slow_resolver_is_left_at_the_deadline_and_not_asked_ever_more(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, hosts = threading.Event(), []

    def wait(host: str, *_: object, **__: object) -> list[Any]:
        hosts.append(host)
        answered.wait(60)
        return []

    monkeypatch.setattr(fetch, "LOOKUPS", 1)
    monkeypatch.setattr(socket, "getaddrinfo", wait)
    slow = Fetcher(max_bytes=10, timeout_s=0.2, context=TRUST)
    for host in ("one.example", "two.example"):
        with pytest.raises(FetchFailed, match=r"did not give the picture within 0\.2 s"):
            slow.fetch(f"http://{host}/")
    answered.set()
    assert hosts == ["one.example"]


def test_messages_name_the_host_and_no_more(names: Names) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    client = Fetcher(max_bytes=10, ports=[port], allowed=only_here, context=TRUST)
    with pytest.raises(FetchFailed) as closed:
        client.fetch(f"http://{HOST}:{port}/?token=secret")
    with pytest.raises(FetchFailed) as unknown:
        client.fetch(f"http://absent.example:{port}/?token=secret")
    assert closed.value.message == "pictures.example cannot be reached, or its answer cannot be read."
    assert unknown.value.message == "No address is known for absent.example."


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate / "cert.pem"))


def test_https_proves_the_name_of_the_url(
    secure_site: Site, names: Names, certificate: Path, told_names: Sequence[str | None]
) -> None:
    client = fetcher(secure_site, context=trusting(certificate))
    assert (client.fetch(f"{secure_site.base}/301"), set(told_names)) == (PNG, {HOST})


@pytest.mark.parametrize(
    ("host", "context"),
    [(HOST, lambda _: TRUST), ("other.example", trusting), ("127.0.0.1", trusting)],
    ids=["unknown authority", "another name", "the address itself"],
)
def test_a_certificate_that_does_not_prove_the_name_is_refused(
    secure_site: Site, names: Names, certificate: Path, host: str, context: Callable[[Path], ssl.SSLContext]
) -> None:
    names.known["other.example"] = [["127.0.0.1"]]
    with pytest.raises(FetchFailed, match="has no certificate that proves its name"):
        fetcher(secure_site, context=context(certificate)).fetch(f"https://{host}:{secure_site.server_port}/plain")
    assert secure_site.seen == []
