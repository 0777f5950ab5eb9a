import socket
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import AddressRefused, FetchFailed
from open_analytic.web.fetch import Fetcher, is_public
from tests.unit.web.pictures_example import HOST, TRUST, Names

PRIVATE = {
    "unspecified": "0.0.0.0", "this network": "0.1.2.3", "loopback": "127.0.0.1", "all of loopback": "127.255.0.9",  # noqa: S104
    "10/8": "10.0.0.1", "172.16/12": "172.31.255.255", "192.168/16": "192.168.0.1", "carrier": "100.64.0.1",
    "carrier's end": "100.127.255.255", "link-local": "169.254.0.1", "metadata": "169.254.169.254",
    "Azure": "168.63.129.16", "Alibaba": "100.100.100.200", "Oracle": "192.0.0.192", "protocols": "192.0.0.9",
    "documentation": "203.0.113.7", "benchmarks": "198.19.0.1", "6to4 relay": "192.88.99.1", "multicast": "224.0.0.1",
    "reserved": "240.0.0.1", "broadcast": "255.255.255.255",
    "v6 unspecified": "::", "v6 loopback": "::1", "v6 link-local": "fe80::1", "v6 site-local": "fec0::1",
    "v6 unique local": "fc00::1", "v6 metadata": "fd00:ec2::254", "v6 multicast": "ff0e::1", "v6 discard": "100::1",
    "v6 documentation": "2001:db8::1", "v6 new documentation": "3fff::1", "v6 segment routing": "5f00::1",
    "v6 not given out": "4000::1", "compatible": "::10.0.0.1", "mapped": "::ffff:10.0.0.1",
    "mapped in hex": "::ffff:7f00:1", "mapped metadata": "::ffff:169.254.169.254", "translated": "::ffff:0:10.0.0.1",
    "NAT64": "64:ff9b::10.0.0.1", "NAT64 metadata": "64:ff9b::a9fe:a9fe", "local NAT64": "64:ff9b:1::8.8.8.8",
    "6to4": "2002:a00:1::1", "6to4 of a public one": "2002:808:808::1", "Teredo": "2001:0:a00:1::1",
    "ORCHID": "2001:20::1",
}  # fmt: skip
PUBLIC = {
    "v4": "8.8.8.8", "below 10/8": "9.255.255.255", "above 10/8": "11.0.0.0", "below 172.16/12": "172.15.255.255",
    "above 172.16/12": "172.32.0.0", "below carrier": "100.63.255.255", "above carrier": "100.128.0.0",
    "below multicast": "223.255.255.255", "v6": "2606:4700::1111", "v6 of 2001": "2001:4860:4860::8888",
    "mapped public": "::ffff:8.8.8.8", "NAT64 of a public one": "64:ff9b::8.8.8.8",
}  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE.values(), ids=PRIVATE)
def test_special_addresses_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC.values(), ids=PUBLIC)
def test_ordinary_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_address_of_one_interface_is_not_public() -> None:
    assert not is_public(IPv6Address("2606:4700::1111%lo"))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names({HOST: [["127.0.0.1"]]})
    monkeypatch.setattr(socket, "getaddrinfo", names)
    return names


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def strict() -> Fetcher:
    return Fetcher(max_bytes=10_000, context=TRUST)


@pytest.mark.parametrize("text", PRIVATE.values(), ids=PRIVATE)
@pytest.mark.usefixtures("no_connection")
def test_no_private_address_is_asked_by_its_number_nor_by_a_name(names: Names, text: str) -> None:
    names.known = {"inside.example": [[text]], "both.example": [["8.8.8.8", text]]}
    literal = f"[{text}]" if ":" in text else text
    for host in (literal, "inside.example", "INSIDE.example.", "both.example"):
        for scheme in ("http", "https"):
            with pytest.raises(AddressRefused, match="address that is not public"):
                strict().fetch(f"{scheme}://{host}/picture.png")


ODD_URLS = {
    "nothing": ("", "Only http and https"),
    "no scheme": ("//pictures.example/x", "Only http and https"),
    "file": ("file:///etc/passwd", "Only http and https"),
    "ftp": ("ftp://pictures.example/x", "Only http and https"),
    "data": ("data:image/png;base64,AAAA", "Only http and https"),
    "gopher": ("gopher://127.0.0.1:6379/_FLUSHALL", "Only http and https"),
    "no host": ("http:///etc/passwd", "usual form"),
    "no slashes": ("http:127.0.0.1", "usual form"),
    "octal": ("http://0177.0.0.1/", "not well formed"),
    "octal, short": ("http://0177.1/", "usual form"),
    "one number": ("http://2130706433/", "usual form"),
    "hexadecimal": ("http://0x7f.1/", "usual form"),
    "hexadecimal number": ("http://0x7F000001/", "usual form"),
    "two numbers": ("http://127.1/", "usual form"),
    "five numbers": ("http://1.2.3.4.5/", "usual form"),
    "ends in a number": ("http://a.1/", "usual form"),
    "percent": ("http://%31%32%37.0.0.1/", "usual form"),
    "null": ("http://127.0.0.1%00.example.com/", "usual form"),
    "wide digits": ("http://１２７.0.0.1/", "not well formed"),
    "circled digits": ("http://①②⑦.0.0.1/", "not well formed"),
    "ideographic stops": ("http://127。0。0。1/", "address that is not public"),
    "trailing dot": ("http://127.0.0.1./", "address that is not public"),
    "two dots": ("http://pictures..example/", "usual form"),
    "long name": ("http://" + "a." * 130 + "example/", "usual form"),
    "long label": ("http://" + "a" * 64 + ".example/", "usual form"),
    "space in the host": ("http://pictures.example evil/", "usual form"),
    "interface": ("http://[2606:4700::1111%25lo]/", "usual form"),
    "unclosed bracket": ("http://[::1/", "not well formed"),
    "behind the bracket": ("http://[::1]pictures.example/", "not well formed"),
    "user": ("http://user@pictures.example/", "user name or password"),
    "password": ("http://:secret@pictures.example/", "user name or password"),
    "two users": ("http://a@b@127.0.0.1/", "user name or password"),
    "host as user": ("http://pictures.example%2f@127.0.0.1/", "user name or password"),
    "empty user": ("http://@127.0.0.1/", "address that is not public"),
    "host in the fragment": ("http://127.0.0.1#@pictures.example/", "address that is not public"),
    "host in the query": ("http://127.0.0.1?@pictures.example/", "address that is not public"),
    "backslash": ("http://pictures.example\\@127.0.0.1/", "not well formed"),
    "line break": ("http://pictures.example/\r\nHost: inside", "not well formed"),
    "tab": ("http://127.0.0\t.1/", "not well formed"),
    "C1 control": ("http://pictures.example/\x85", "not well formed"),
    "SSH": ("http://pictures.example:22/", "port"),
    "port 0": ("http://pictures.example:0/", "port"),
    "large port": ("http://pictures.example:65616/", "port"),
    "two ports": ("http://pictures.example:80:443/", "not well formed"),
    "long": ("http://pictures.example/" + "a" * 9000, "not well formed"),
    "long when encoded": ("http://pictures.example/" + "€" * 8000, "not well formed"),
}


@pytest.mark.parametrize(("url", "message"), ODD_URLS.values(), ids=ODD_URLS)
@pytest.mark.usefixtures("names", "no_connection")
def test_odd_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(AddressRefused, match=message) as caught:
        strict().fetch(url)
    assert "secret" not in str(caught.value)


@given(st.tuples(st.sampled_from(["", "http://", "https://", "HTTP:\\"]), st.text()).map("".join))
def test_any_text_is_refused_or_not_found(url: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", Names())
        with pytest.raises((AddressRefused, FetchFailed)):
            Fetcher(max_bytes=1, context=TRUST, allowed=lambda _: False).fetch(url)
