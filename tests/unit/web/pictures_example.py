"""pictures.example on this machine: a resolver that knows it, and a server whose answers are written out in bytes."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
HOST = "pictures.example"
TRUST = httpx.create_ssl_context()
DRIPS = 400  # of 20 ms each: far longer than any deadline here, and an end all the same


@dataclass
class Names:
    """Stands for the system's resolver: what each name has, and what was asked."""

    known: dict[str, list[list[str]]] = field(default_factory=dict)  # name: the answers, one after the other
    hosts: list[str] = field(default_factory=list)

    def __call__(self, host: str, *_: object, **__: object) -> list[Any]:
        self.hosts.append(host)
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answers = self.known[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_UNSPEC, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


def http(status: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def picture(*headers: str, body: bytes = PNG) -> bytes:
    return http("200 OK", "Content-Type: image/png", *headers, body=body)


def chunked(data: bytes, size: int) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def away(to: str, status: str = "302 Found") -> bytes:
    return http(status, f"Location: {to}", "Set-Cookie: session=1", "Content-Length: 0")


ANSWERS: dict[str, bytes] = {
    "/plain": picture(f"Content-Length: {len(PNG)}"),
    "/until-closed": picture(),
    "/chunked": picture("Transfer-Encoding: chunked", body=chunked(PNG, 100)),
    "/hints-first": http("103 Early Hints", "Link: </style.css>") + picture(),
    "/octets": http("200 OK", "Content-Type: application/octet-stream; x=y", body=PNG),
    "/identity": picture("Content-Encoding: identity"),
    "/full": picture(body=PNG[:8].ljust(10_000)),
    "/301": away("/302", "301 Moved Permanently"),
    "/302": away("307?token=secret#there"),
    "/307?token=secret": away("/plain", "307 Temporary Redirect"),
    "/four": away("/301"),
    "/loop": away("/loop"),
    "/nowhere": http("302 Found", "Content-Length: 0"),
    "/to-file": away("file:///etc/passwd"),
    "/to-private": away("http://10.0.0.1/admin"),
    "/to-metadata": away("//169.254.169.254/latest/meta-data/"),
    "/to-name": away("http://inside.example/admin"),
    "/to-loopback": away("http://127.0.0.2/"),
    "/to-mapped": away("https://[::ffff:192.168.0.1]/"),
    "/to-port": away("http://127.0.0.1:22/"),
    "/to-user": away("http://user:secret@127.0.0.1/"),
    "/to-backslash": away("/\\10.0.0.1/"),
    "/to-bracket": away("http://[10.0.0.1/"),
    "/too-large-declared": picture("Content-Length: 10001"),
    "/too-large": picture(body=PNG[:8].ljust(10_001)),
    "/too-large-chunked": picture("Transfer-Encoding: chunked", body=chunked(PNG[:8].ljust(10_001), 4000)),
    "/endless-number": picture("Content-Length: " + "9" * 30),
    "/gzip": picture("Content-Encoding: gzip"),
    "/gzip-transfer": picture("Transfer-Encoding: gzip, chunked"),
    "/html": http("200 OK", "Content-Type: text/html", body=PNG),
    "/untyped": http("200 OK", body=PNG),
    "/svg": http("200 OK", "Content-Type: image/svg+xml", body=b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "/not-a-picture": picture(body=b"root:x:0:0:root:/root:/bin/bash"),
    "/empty": picture("Content-Length: 0", body=b""),
    "/cut": picture("Content-Length: 9000"),
    "/absent": http("404 Not Found", "Content-Type: image/png", body=PNG),
    "/part": http("206 Partial Content", "Content-Type: image/png", body=PNG),
    "/huge-headers": picture("X: " + "x" * 100_000),
    "/many-headers": picture(*["X: y"] * 20_000),
    "/not-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/silent": b"",
}
DRIP = {
    "/drip-status": (b"", b"HTTP/1.1 200 OK".ljust(DRIPS)),
    "/drip-headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 80),
    "/drip-hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20),
    "/drip-body": (picture(body=PNG[:8]), b"x" * DRIPS),
}


class Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, list[tuple[str, str]]]] = []
        self.base = f"http{'s' if tls else ''}://{HOST}:{self.server_port}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, *_: object) -> None:
        """Clients that leave are what is tested."""


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.items()))
        if self.path not in DRIP:
            self.wfile.write(ANSWERS[self.path])
            return
        at_once, slowly = DRIP[self.path]
        self.wfile.write(at_once)
        for octet in slowly:
            time.sleep(0.02)
            self.wfile.write(bytes([octet]))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def served(site: Site) -> Iterator[Site]:
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.shutdown()
    thread.join()
    site.server_close()
