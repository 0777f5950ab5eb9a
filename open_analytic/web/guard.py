"""Access control (host, origin, token) and security headers for the site."""

import asyncio
import hashlib
import hmac
import math
import re
import secrets
import time
from collections import OrderedDict
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from open_analytic.analyticdb.demo_routes import DEMOS
from open_analytic.errors import PermissionDenied, Unauthorized
from open_analytic.service import limits
from open_analytic.service.http_io import claims, refusal, shows, unexpected

COOKIE, COOKIE_S = "open_analytic", 12 * 3600
MOST_SESSIONS = 10_000
OPEN = ("/health/live", "/health/ready", "/login")  # without the token; so are the pages' files
STATIC = "/static/"
NO_PAGES = ("/api/", *(f"/{demo}/" for demo in DEMOS))  # no link leads here; some of it changes what there is
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?:\[([0-9a-f:.]+)]|([^\s\[\]:/?#@\\]+?)\.?)(?::\d*)?", re.ASCII)  # [address] or name, then a port
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


class SessionCookie:
    """Sessions of those who showed the token, by the cookie of each. They end with the process, or after half a day."""

    def __init__(self, token: str | None) -> None:
        self.token = token
        self._until: OrderedDict[bytes, float] = OrderedDict()  # by the cookie's SHA-256: a look-up tells nothing of it

    def issue(self) -> str:
        """A cookie's value that is good for a while."""
        value = secrets.token_urlsafe(32)
        self._until[_digest(value)] = time.monotonic() + COOKIE_S
        while len(self._until) > MOST_SESSIONS:
            self._until.popitem(last=False)
        return value

    def end(self, scope: Scope) -> None:
        """The session of this request ends: its cookie and copies of it open nothing any more."""
        self._until.pop(_digest(_cookie(scope)), None)

    def opens(self, token: str) -> bool:
        """Whether this is the token."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def is_valid(self, scope: Scope) -> bool:
        """Whether a request has the token, or a cookie that was issued for it; everybody has where there is none."""
        return self.token is None or shows(scope, self.token) or self._good(_cookie(scope))

    def _good(self, value: str) -> bool:
        return self._until.get(_digest(value), -math.inf) > time.monotonic()


class Guard:
    """Refuses before anything is done. ``hosts`` are the names it answers to; None where the token guards it."""

    def __init__(self, app: ASGIApp, *, entry: SessionCookie, hosts: tuple[str, ...] | None) -> None:
        self._app, self._entry, self._hosts = app, entry, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(_with_headers(message))

        try:
            problem = self._problem(scope)
            if problem and claims(scope) and not self._entry.is_valid(scope):
                await asyncio.sleep(limits.WRONG_TOKEN_S)
            await (problem or self._app)(scope, receive, sending)
        except Exception:
            if not started:  # what answers it otherwise stands outside of us
                await unexpected()(scope, receive, sending)
            raise

    def _problem(self, scope: Scope) -> ASGIApp | None:
        headers, path = Headers(scope=scope), scope["path"]
        if self._hosts is not None and _host(headers.get("host", "")) not in self._hosts:
            return refusal(
                PermissionDenied("This site is not known under that name.", hint=f"Ask for {self._hosts[0]}.")
            )
        if _is_foreign(scope, headers):
            return refusal(
                PermissionDenied("Another site asked for this.", hint="Open a page of this site, and go on from there.")
            )
        if path in OPEN or path.startswith(STATIC) or self._entry.is_valid(scope):
            return None
        if scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(f"/login?next={quote(path + ('?' + query if query else ''), safe='/')}", 303)
        error = Unauthorized(hint="Send it as the header `Authorization: Bearer TOKEN`, or log in.")
        return refusal(error, {"WWW-Authenticate": "Bearer"})


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    """Whether a page of another site asks. A link from there to a page here can be followed."""
    site = headers.get("sec-fetch-site")
    if site is None:  # an old browser says Origin with what changes something; curl says neither
        origin = headers.get("origin")
        return origin is not None and origin.partition("://")[2] != headers.get("host")
    if site in ("same-origin", "none"):
        return False
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (is_link and scope["method"] == "GET" and not scope["path"].startswith(NO_PAGES))


def _host(text: str) -> str:
    """The name of a Host header without its port and brackets; nothing when it is none."""
    match = HOST.fullmatch(text.lower())
    return (match[1] or match[2]) if match else ""


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()


def _cookie(scope: Scope) -> str:
    """Ours, whatever cookies other servers of this machine have set beside it."""
    return Request(scope).cookies.get(COOKIE, "")


def _with_headers(message: Message) -> Message:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(raw=message["headers"])
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        headers.setdefault("Cache-Control", "no-store")
    return message
