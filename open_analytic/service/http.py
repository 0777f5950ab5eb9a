"""The HTTP door (ASGI): run, search, what there is, health, metrics. Errors have a status each and the usual JSON."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from open_analytic.errors import (
    BadParameter,
    InputTooLarge,
    InvalidInput,
    NotFound,
    OpenAnalyticError,
    PermissionDenied,
    ServiceBusy,
    ServiceUnavailable,
    Unauthorized,
)
from open_analytic.pipeline.plan import Plan
from open_analytic.search_options import SearchOptions
from open_analytic.service import limits
from open_analytic.service.http_io import (
    NAME,
    body,
    claims,
    is_tcp,
    json_bytes,
    length,
    refusal,
    shows,
    unexpected,
    while_connected,
)
from open_analytic.service.openapi import document
from open_analytic.service.readiness import Readiness
from open_analytic.service.requests import is_json, items, query, run_options
from open_analytic.service.typed import json_object
from open_analytic.service.work import RETRY_AFTER_S, Answer, Work
from open_analytic.types import Hit, PipelineInfo

T = TypeVar("T")
Missing: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

DEADLINE = "open-analytic-timeout-ms"  # a request's header: how long the caller waits
OPEN = ("/health/live", "/health/ready")  # to be asked without a token
SEARCH_S, LONGEST_SEARCH_S = 30.0, 300.0  # without a deadline of the caller's, and at most


class Searchable(Protocol):
    """What a collection does here; ``collection.Collection`` is one."""

    @property
    def info(self) -> Any: ...
    def search(self, query: Any, *, options: SearchOptions) -> list[Hit]: ...
    def explain_search(self, query: Any, *, options: SearchOptions) -> dict[str, Any]: ...


class Catalogue(Protocol):
    """What is registered in the database; ``app.OpenAnalytic`` is one."""

    def pipelines(self) -> list[PipelineInfo]: ...
    def pipeline(self, name: str) -> PipelineInfo: ...
    def is_registered(self, hash: str) -> bool: ...  # noqa: A002
    def plan(self, name: str, parameters: Mapping[str, Any] | None = None) -> Plan: ...
    def collections(self) -> Sequence[Searchable]: ...
    def collection(self, name: str) -> Searchable: ...


class Endpoints:
    """The endpoints, with what they need."""

    def __init__(self, work: Work, catalogue: Catalogue, *, trusted: bool) -> None:
        self._work, self._catalogue, self._trusted = work, catalogue, trusted
        self._database = Readiness(catalogue.pipelines)

    async def live(self, _: Request) -> Response:
        """The process runs."""
        return JSONResponse({"status": "live"})

    async def ready(self, _: Request) -> Response:
        """It takes calls, and its database answers."""
        if self._work.draining:
            raise ServiceUnavailable("The inference service is shutting down.")
        await self._database.check()
        return JSONResponse({"status": "ready"})

    async def metrics(self, _: Request) -> Response:
        return PlainTextResponse(self._work.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(self, _: Request) -> Response:
        return JSONResponse(document())

    async def pipelines(self, _: Request) -> Response:
        return _json(await asyncio.to_thread(lambda: json_bytes(self._catalogue.pipelines())))

    async def pipeline(self, request: Request) -> Response:
        name = request.path_params["name"]
        return _json(await asyncio.to_thread(lambda: json_bytes(self._catalogue.pipeline(name))))

    async def run(self, request: Request) -> Response:
        """One picture through the newest version of a pipeline."""
        return await self._run(request, await self._newest(request))

    async def run_batch(self, request: Request) -> Response:
        """Several pictures; a bad one gives its error in its place."""
        return await self._run_batch(request, await self._newest(request))

    async def define(self, request: Request) -> Response:
        """Take the definition of a hash."""
        text = await self._definition(request)
        await asyncio.to_thread(self._work.plans.define, request.path_params["hash"], text)
        return Response(status_code=204)

    async def describe(self, request: Request) -> Response:
        """What the catalogue would say of a definition or preset; nothing is registered."""
        text = await self._definition(request)
        return _json(await asyncio.to_thread(self._work.plans.describe, text))

    async def _definition(self, request: Request) -> str:
        most = limits.DEFINITION_BYTES
        with self._work.admitted(length(request, most)):
            return (await body(request, most)).decode("utf-8", "replace")

    async def run_plan(self, request: Request) -> Response:
        return await self._run(request, self._plan(request))

    async def run_plan_batch(self, request: Request) -> Response:
        return await self._run_batch(request, self._plan(request))

    async def collections(self, _: Request) -> Response:
        return _json(await asyncio.to_thread(lambda: json_bytes([one.info for one in self._catalogue.collections()])))

    async def search(self, request: Request) -> Response:
        """The nearest rows to a picture or a vector."""
        return await self._search(request, lambda collection: collection.search)

    async def explain_search(self, request: Request) -> Response:
        """How that search is done, and why."""
        return await self._search(request, lambda collection: collection.explain_search)

    async def _search(self, request: Request, kind: Callable[[Searchable], Callable[..., Any]]) -> Response:
        most = limits.SEARCH_BYTES + self._work.max_bytes * 4 // 3 if is_json(request) else self._work.max_bytes
        with self._work.admitted(length(request, most)):
            search_query, options = await _read(partial(query, request), await body(request, most))
            if options.filter is not None and not self._trusted:
                raise PermissionDenied(
                    "Conditions in SQL are not taken where pages are served.",
                    hint="Search with the filter of /api/v1/collections/{name}/hits, or ask the service's own address.",
                )
            timeout_s = _timeout(request)
            timeout_s = SEARCH_S if timeout_s is None else min(timeout_s, LONGEST_SEARCH_S)
            deadline = time.monotonic() + timeout_s

            def find() -> Any:
                collection = self._catalogue.collection(request.path_params["name"])
                left = replace(options, timeout_s=deadline - time.monotonic())
                return json_bytes(kind(collection)(search_query, options=left))

            work = self._work.search(find, timeout_s=timeout_s)
            return _json(await while_connected(request, work))

    async def _newest(self, request: Request) -> Plan:
        parameters = json_object(run_options(request).parameters)
        return await asyncio.to_thread(self._catalogue.plan, request.path_params["name"], parameters)

    def _plan(self, request: Request) -> Plan:
        return self._work.plans.get(request.path_params["hash"], run_options(request).parameters)

    async def _run(self, request: Request, plan: Plan) -> Response:
        with _sized(plan), self._work.admitted(length(request, self._work.max_bytes)):
            picture = await body(request, self._work.max_bytes)
            (answer,) = await self._answers(request, plan, [picture])
        if answer.error:
            raise answer.error
        return _json(answer.text or "")

    async def _run_batch(self, request: Request, plan: Plan) -> Response:
        max_bytes = self._work.max_bytes
        most = limits.base64_bytes(max_bytes)
        with self._work.admitted(2 * length(request, most)):  # the pictures stand beside their text for a moment
            pictures = await _read(partial(items, max_bytes=max_bytes), await body(request, most))
            answers = await self._answers(request, plan, pictures)
            return _json(await asyncio.to_thread(_results, answers))

    async def _answers(self, request: Request, plan: Plan, items: Sequence[bytes]) -> list[Answer]:
        give = run_options(request).give
        work = self._work.run(plan, items, give=give, door="http", timeout_s=_timeout(request))
        return await while_connected(request, work)


@contextmanager
def _sized(plan: Plan) -> Iterator[None]:
    """An input with too many bytes is the error of its kind."""
    try:
        yield
    except InputTooLarge as error:
        raise plan.input_kind.too_large(error.message, hint=error.hint) from error


def application(
    work: Work,
    catalogue: Catalogue,
    *,
    guard: Middleware,
    more: Sequence[BaseRoute] = (),
    trusted: bool = True,
    missing: Missing | None = None,
) -> Starlette:
    """The ASGI application. The guard sees every request first; ``more`` routes come before the service's own.

    Conditions in SQL are taken from callers who are ``trusted`` only. ``missing`` answers requests that no route takes.
    """
    endpoints = Endpoints(work, catalogue, trusted=trusted)
    routes = [
        *more,
        Route("/health/live", endpoints.live),
        Route("/health/ready", endpoints.ready),
        Route("/metrics", endpoints.metrics),
        Route("/openapi.json", endpoints.openapi),
        Route("/api/v1/pipelines", endpoints.pipelines),
        Route("/api/v1/pipelines/{name}", endpoints.pipeline),
        Route("/api/v1/pipelines/{name}/run", endpoints.run, methods=["POST"]),
        Route("/api/v1/pipelines/{name}/run-batch", endpoints.run_batch, methods=["POST"]),
        Route("/api/v1/plans", endpoints.describe, methods=["POST"]),
        Route("/api/v1/plans/{hash}", endpoints.define, methods=["PUT"]),
        Route("/api/v1/plans/{hash}/run", endpoints.run_plan, methods=["POST"]),
        Route("/api/v1/plans/{hash}/run-batch", endpoints.run_plan_batch, methods=["POST"]),
        Route("/api/v1/collections", endpoints.collections),
        Route(f"/api/v1/collections/{{name:{NAME}}}/search", endpoints.search, methods=["POST"]),
        Route(f"/api/v1/collections/{{name:{NAME}}}/explain-search", endpoints.explain_search, methods=["POST"]),
    ]
    handlers: Any = {
        OpenAnalyticError: _refused,
        HTTPException: missing or no_such_page,
        ClientDisconnect: _gone,
        Exception: _unexpected,
    }
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[guard])


class TokenCheck:
    """Over TCP only the health pages are shown without the token. A Unix socket is guarded by its file's rights."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_tcp(scope) and scope["path"] not in OPEN and not shows(scope, self._token):
            if claims(scope):  # a guess costs its own connection a second, and nobody else
                await asyncio.sleep(limits.WRONG_TOKEN_S)
            error = Unauthorized(hint="Send it as the header `Authorization: Bearer TOKEN`.")
            await refusal(error, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _read(reader: Callable[[bytes], T], body: bytes) -> T:
    """What a reader finds in a body; a large one is read in a thread."""
    return reader(body) if len(body) <= limits.LARGE else await asyncio.to_thread(reader, body)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, OpenAnalyticError)  # noqa: S101 - what Starlette calls it with
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, ServiceBusy | ServiceUnavailable) else {}
    return refusal(error, headers)


async def no_such_page(_: Request, error: Exception) -> Response:
    """What a program gets that asks for what is not there."""
    assert isinstance(error, HTTPException)  # noqa: S101 - what Starlette calls it with
    known = NotFound if error.status_code == 404 else InvalidInput
    failure = known(f"{error.detail}.", hint="/openapi.json lists what there is.")
    return JSONResponse(failure.as_dict(), status_code=error.status_code, headers=error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _unexpected(_: Request, __: Exception) -> Response:
    return unexpected()


def _json(text: str | bytes) -> Response:
    return Response(text, media_type="application/json")


def _results(answers: Sequence[Answer]) -> bytes:
    return ('{"results": [' + ", ".join(map(_batch_line, answers)) + "]}").encode()


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
