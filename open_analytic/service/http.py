"""The HTTP door (ASGI): run, search, what there is, health, metrics. Errors have a status each and the usual JSON."""

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from open_analytic.errors import (
    BadParameter,
    DeadlineExceeded,
    ImageTooLarge,
    InvalidInput,
    NotFound,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    Unauthorized,
)
from open_analytic.pipeline.plan import Plan
from open_analytic.plain import plain
from open_analytic.service.asked import is_json, is_number, items, json_object, query
from open_analytic.service.openapi import document
from open_analytic.service.stoppable import Stoppable, Stopped
from open_analytic.service.work import GIVES, RETRY_AFTER_S, Answer, Give, Work
from open_analytic.types import Hit, PipelineInfo

T = TypeVar("T")

DEADLINE = "open-analytic-timeout-ms"  # a request's header: how long the caller waits
OPEN = ("/health/live", "/health/ready")  # to be asked without a token
BODY_S = 300.0  # a request takes at most so long to arrive: a client that stopped keeps no place for ever
BATCH_FACTOR = 8  # a batch in Base64 may be so much larger than one picture
SEARCH_BYTES = 2_000_000  # of a search in JSON, beside its picture
SEARCH_S, LONGEST_SEARCH_S = 30.0, 300.0  # without a deadline of the caller's, and at most
LARGE = 262_144  # bytes of JSON that are not read between the answers to others


class Searchable(Protocol):
    """What a collection does here; ``collection.Collection`` is one."""

    @property
    def info(self) -> Any: ...
    def search(self, *query: Any, **options: Any) -> list[Hit]: ...
    def explain_search(self, *query: Any, **options: Any) -> dict[str, Any]: ...


class Catalogue(Protocol):
    """What is registered in the database; ``app.OpenAnalytic`` is one."""

    def pipelines(self) -> list[PipelineInfo]: ...
    def pipeline(self, name: str) -> PipelineInfo: ...
    def plan(self, name: str, parameters: Mapping[str, Any] | None = None) -> Plan: ...
    def collections(self) -> Sequence[Searchable]: ...
    def collection(self, name: str) -> Searchable: ...


class Doors:
    """The endpoints, with what they need."""

    def __init__(self, work: Work, catalogue: Catalogue) -> None:
        self._work, self._catalogue = work, catalogue

    async def live(self, _: Request) -> Response:
        """The process runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """It takes calls."""
        if self._work.draining:
            raise ServiceUnavailable("The inference service is shutting down.")
        return JSONResponse({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        return PlainTextResponse(self._work.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(document())

    async def pipelines(self, _: Request) -> Response:
        return JSONResponse(plain(await asyncio.to_thread(self._catalogue.pipelines)))

    async def pipeline(self, request: Request) -> Response:
        return JSONResponse(plain(await asyncio.to_thread(self._catalogue.pipeline, request.path_params["name"])))

    async def run(self, request: Request) -> Response:
        """One picture through the newest version of a pipeline."""
        parameters = json_object(request.query_params.get("parameters", "{}"))
        plan = await asyncio.to_thread(self._catalogue.plan, request.path_params["name"], parameters)
        return await self._run(request, plan)

    async def run_batch(self, request: Request) -> Response:
        """Several pictures; a bad one gives its error in its place."""
        parameters = json_object(request.query_params.get("parameters", "{}"))
        plan = await asyncio.to_thread(self._catalogue.plan, request.path_params["name"], parameters)
        return await self._run_batch(request, plan)

    async def define(self, request: Request) -> Response:
        """Take the definition of a hash."""
        text = (await self._body(request, self._work.max_bytes)).decode("utf-8", "replace")
        await asyncio.to_thread(self._work.plans.define, request.path_params["hash"], text)
        return Response(status_code=204)

    async def describe(self, request: Request) -> Response:
        """What the catalogue would say of a definition or preset; nothing is registered."""
        text = (await self._body(request, self._work.max_bytes)).decode("utf-8", "replace")
        return _json(await asyncio.to_thread(self._work.plans.describe, text))

    async def run_plan(self, request: Request) -> Response:
        return await self._run(request, self._plan(request))

    async def run_plan_batch(self, request: Request) -> Response:
        return await self._run_batch(request, self._plan(request))

    async def collections(self, _: Request) -> Response:
        found = await asyncio.to_thread(self._catalogue.collections)
        return JSONResponse([plain(collection.info) for collection in found])

    async def search(self, request: Request) -> Response:
        """The nearest rows to a picture or a vector."""
        return await self._search(request, lambda collection: collection.search)

    async def explain_search(self, request: Request) -> Response:
        """How that search is done, and why."""
        return await self._search(request, lambda collection: collection.explain_search)

    async def _search(self, request: Request, kind: Callable[[Searchable], Callable[..., Any]]) -> Response:
        most = SEARCH_BYTES + self._work.max_bytes * 4 // 3 if is_json(request) else self._work.max_bytes
        with self._work.admitted(self._length(request, most)):
            wanted, options = await _read(partial(query, request), await self._body(request, most))
            timeout_s = _timeout(request)
            timeout_s = SEARCH_S if timeout_s is None else min(timeout_s, LONGEST_SEARCH_S)
            deadline = time.monotonic() + timeout_s

            def find() -> Any:
                collection = self._catalogue.collection(request.path_params["name"])
                return kind(collection)(wanted, **options, timeout_s=deadline - time.monotonic())

            work = self._work.search(find, timeout_s=timeout_s)
            return JSONResponse(plain(await _while_connected(request, work)))

    def _plan(self, request: Request) -> Plan:
        return self._work.plans.get(request.path_params["hash"], request.query_params.get("parameters", "{}"))

    async def _run(self, request: Request, plan: Plan) -> Response:
        with self._work.admitted(self._length(request, self._work.max_bytes)):
            body = await self._body(request, self._work.max_bytes)
            (answer,) = await self._answers(request, plan, [body])
        if answer.error:
            raise answer.error
        return _json(answer.text or "")

    async def _run_batch(self, request: Request, plan: Plan) -> Response:
        most = BATCH_FACTOR * self._work.max_bytes
        with self._work.admitted(self._length(request, most)):
            pictures = await _read(items, await self._body(request, most))
            answers = await self._answers(request, plan, pictures)
        return _json('{"results": [' + ", ".join(map(_batch_line, answers)) + "]}")

    async def _answers(self, request: Request, plan: Plan, items: Sequence[bytes]) -> list[Answer]:
        give = _give(request.query_params.get("give", "output"))
        work = self._work.run(plan, items, give=give, door="http", timeout_s=_timeout(request))
        return await _while_connected(request, work)

    @staticmethod
    def _length(request: Request, most: int) -> int:
        """The bytes of the body that may be held: as many as can be when it does not say, and no more when it does."""
        text = request.headers.get("content-length", "")
        return min(most, int(text)) if is_number(text) else most

    @staticmethod
    async def _body(request: Request, most: int) -> bytes:
        """The body; what is too large is read to its end and thrown away, so that the client gets to read why."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_S):
                async for part in request.stream():
                    size += len(part)
                    parts.append(part) if size <= most else parts.clear()
        except TimeoutError:
            raise DeadlineExceeded(
                f"The request was not there within {BODY_S:.0f} s.", hint="Send less at once, or over a faster network."
            ) from None
        if size > most:
            raise ImageTooLarge(
                f"The request has {size:,} bytes; at most {most:,} are read.",
                hint="Send a smaller picture, or raise OPEN_ANALYTIC_MAX_BYTES.",
            )
        return b"".join(parts)


def application(work: Work, catalogue: Catalogue, *, token: str | None) -> Starlette:
    """The ASGI application. ``token`` is what everybody has to show who comes over TCP."""
    doors = Doors(work, catalogue)
    routes = [
        Route("/health/live", doors.live),
        Route("/health/ready", doors.ready),
        Route("/metrics", doors.metrics),
        Route("/openapi.json", doors.openapi),
        Route("/api/v1/pipelines", doors.pipelines),
        Route("/api/v1/pipelines/{name}", doors.pipeline),
        Route("/api/v1/pipelines/{name}/run", doors.run, methods=["POST"]),
        Route("/api/v1/pipelines/{name}/run-batch", doors.run_batch, methods=["POST"]),
        Route("/api/v1/plans", doors.describe, methods=["POST"]),
        Route("/api/v1/plans/{hash}", doors.define, methods=["PUT"]),
        Route("/api/v1/plans/{hash}/run", doors.run_plan, methods=["POST"]),
        Route("/api/v1/plans/{hash}/run-batch", doors.run_plan_batch, methods=["POST"]),
        Route("/api/v1/collections", doors.collections),
        Route("/api/v1/collections/{name}/search", doors.search, methods=["POST"]),
        Route("/api/v1/collections/{name}/explain-search", doors.explain_search, methods=["POST"]),
    ]
    handlers: Any = {
        OpenAnalyticError: _refused,
        HTTPException: _no_such_page,
        ClientDisconnect: _gone,
        Exception: _unexpected,
    }
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(TokenCheck, token=token)])


class TokenCheck:
    """Over TCP only the health pages are shown without the token. A Unix socket is guarded by its file's rights."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_tcp(scope) and scope["path"] not in OPEN and not self._shown(scope):
            error = Unauthorized(hint="Send it as the header `Authorization: Bearer TOKEN`.")
            await _answer(error, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _shown(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return bool(self._token) and hmac.compare_digest(given, f"Bearer {self._token}".encode())


def _is_tcp(scope: Scope) -> bool:
    server = scope.get("server")
    return bool(server and server[1] is not None)


async def _read(reader: Callable[[bytes], T], body: bytes) -> T:
    """What a reader finds in a body; a large one is read in a thread."""
    return reader(body) if len(body) <= LARGE else await asyncio.to_thread(reader, body)


async def _while_connected(request: Request, work: Awaitable[T]) -> T:
    """What the work gives; it is stopped when the client goes away."""
    stoppable = Stoppable()
    gone = asyncio.ensure_future(_disconnected(request))
    gone.add_done_callback(lambda done: None if done.cancelled() else stoppable.stop())
    try:
        return await stoppable.run(work)
    except Stopped:
        raise ClientDisconnect from None
    finally:
        gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, OpenAnalyticError)  # noqa: S101 - what Starlette calls it with
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, ServiceBusy | ServiceUnavailable) else {}
    return _answer(error, headers)


async def _no_such_page(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette calls it with
    known = NotFound if error.status_code == 404 else InvalidInput
    told = known(f"{error.detail}.", hint="/openapi.json lists what there is.")
    return JSONResponse(told.as_dict(), status_code=error.status_code, headers=error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _unexpected(_: Request, error: Exception) -> Response:
    return _answer(OpenAnalyticError("Something went wrong in the inference service.", hint="Its log says what."), {})


def _answer(error: OpenAnalyticError, headers: Mapping[str, str]) -> Response:
    text = json.dumps(error.as_dict())  # in ASCII: a message may quote half a surrogate pair
    return Response(text, error.http_status, dict(headers), "application/json")


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _batch_line(answer: Answer) -> str:
    if answer.error:
        return json.dumps({"error": answer.error.as_dict()})
    return f'{{"output": {answer.text}}}'


def _timeout(request: Request) -> float | None:
    text = request.headers.get(DEADLINE)
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:  # eleven days
        raise BadParameter(f"{DEADLINE} is {text!r:.40}.", hint="Give milliseconds in digits.")
    return int(text) / 1000


def _give(text: str) -> Give:
    for give in GIVES:
        if text == give:
            return give
    raise BadParameter(f"give is {text!r:.40}.", hint=f"Choose of: {', '.join(GIVES)}.")
