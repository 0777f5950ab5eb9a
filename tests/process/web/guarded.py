"""A small application behind the guard, on a real socket."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from open_analytic.service import listener
from open_analytic.web.guard import LOOPBACK, Guard, SessionCookie

EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Guarded:
    """Its client and its cookies; ``port`` for requests that no client would send."""

    client: httpx.Client
    entry: SessionCookie
    port: int

    def raw(self, head: bytes) -> str:
        """The first line of the answer to these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as sock:
            sock.sendall(head)
            return sock.makefile("rb").readline().decode().strip()


async def _hello(request: Request) -> Response:
    return Response("hello", headers={"Set-Cookie": "a=b"})


async def _elsewhere(_: Request) -> Response:
    return RedirectResponse("/hello", 303)


async def _unchanged(_: Request) -> Response:
    return Response(status_code=304, headers={"ETag": '"1"', "Cache-Control": "private, no-cache"})


async def _broken(_: Request) -> Response:
    raise KeyError("/etc/secret")


async def _answer_error(_: Request, __: Exception) -> Response:
    return Response("broken", 500)


@contextmanager
def guarded(token: str | None) -> Iterator[Guarded]:
    """With a token it answers to any name, without one to those of this machine."""
    entry = SessionCookie(token)
    routes = [
        Route("/elsewhere", _elsewhere),
        Route("/unchanged", _unchanged),
        Route("/broken", _broken),
        Route("/{path:path}", _hello, methods=EVERY),
    ]
    guard = Middleware(Guard, entry=entry, hosts=None if token else (*LOOPBACK, "photos.example"))
    app = Starlette(routes=routes, middleware=[guard], exception_handlers={Exception: _answer_error})
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    it = listener.Server(app, tcp=True, connections=20)
    thread = threading.Thread(target=asyncio.run, args=(it.serve(sock),))
    thread.start()
    port = sock.getsockname()[1]
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield Guarded(client, entry, port)
    finally:
        it.stop()
        thread.join()
        sock.close()
