"""The site put together: pages, their JSON, the original demo's routes and the service's own, behind one guard."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

import open_analytic
from open_analytic.analyticdb import demo_routes
from open_analytic.app import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.errors import CollectionExists, OpenAnalyticError, UnknownCollection, UnknownPipeline
from open_analytic.importer.folder import UNREAD
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.general import BYTES
from open_analytic.service import limits
from open_analytic.service.http import application
from open_analytic.service.http_io import body
from open_analytic.service.typed import from_query
from open_analytic.service.work import Work
from open_analytic.types import CollectionInfo, PipelineInfo
from open_analytic.web import openapi, pages
from open_analytic.web.api import Api
from open_analytic.web.contents import Contents, of_collection, of_plan
from open_analytic.web.fetch import Fetcher
from open_analytic.web.guard import COOKIE, COOKIE_S, LOOPBACK, Guard, SessionCookie
from open_analytic.web.requests import Login

T = TypeVar("T")

FORM_BYTES = 10_000
DEMOS = {demo.collection: demo.pipeline for demo in demo_routes.DEMOS.values()}


class Site:
    """What pages and routes ask for."""

    version = open_analytic.__version__

    def __init__(self, work: Work, db: OpenAnalytic, *, token: str | None, url_queries: bool) -> None:
        self.work, self.db, self.entry = work, db, SessionCookie(token)
        fetcher = Fetcher(max_bytes=db.settings.max_bytes) if url_queries else None
        self.api = Api(work, db, fetcher=fetcher)

    @property
    def max_bytes(self) -> int:
        """Of one picture."""
        return self.work.max_bytes

    def site(self) -> dict[str, Any]:
        """What a page has to know of this site."""
        kinds = {name: kind.suffixes for name, kind in UNREAD.items()}
        return {"version": self.version, "login": self.entry.token is not None, "left_out": kinds} | self.api.facts()

    async def describe(self, _: Request) -> Response:
        """The same, for the pages' scripts."""
        return JSONResponse(self.site())

    def collections(self) -> Sequence[CollectionInfo]:
        """All of them."""
        return [collection.info for collection in self.db.collections()]

    def contents(self, name: str) -> Contents:
        """The kinds of what a collection holds."""
        return of_collection(self.db.collection(name))

    def pipeline_contents(self, info: PipelineInfo) -> Contents:
        """The kinds of what a pipeline takes and detects."""
        item = ALL_KINDS.get(info.input, BYTES)
        try:
            return of_plan(self.db.plan(info.name), item)
        except OpenAnalyticError:  # its models have changed, or it was dropped
            return Contents(item=item)

    def pipelines(self) -> Sequence[PipelineInfo]:
        """Those that can be run."""
        return self.db.pipelines()

    def collection(self, name: str) -> Collection:
        """One collection."""
        return self.db.collection(name)

    def prepare(self, name: str, pipeline: str) -> None:
        """Create a pipeline and a collection of it where they are missing."""
        prepare(self.db, name, pipeline)

    def fetch(self, url: str) -> bytes:
        """A picture by its URL."""
        return self.api.fetch(url)

    def admitted(self, size: int) -> AbstractContextManager[None]:
        """A place for a request of ``size`` bytes, or ServiceBusy."""
        return self.work.admitted(size)

    async def busy(self, work: Callable[[], T], *, timeout_s: float | None = None) -> T:
        """What it gives, done in a thread within the service's limits and the deadline."""
        with self.work.admitted(0):
            return await self.work.search(work, timeout_s=timeout_s)

    async def login(self, request: Request) -> Response:
        """A cookie for who knows the token."""
        fields = parse_qs((await body(request, FORM_BYTES)).decode("utf-8", "replace"))
        form = from_query(Login, {name: values[0] for name, values in fields.items()})
        if not self.entry.opens(form.token.strip()):
            await asyncio.sleep(limits.WRONG_TOKEN_S)
            return await pages.login_page(self, request, refused=True, next_=form.next)
        answer = RedirectResponse(pages.local(form.next), 303)
        answer.set_cookie(
            COOKIE, self.entry.issue(), max_age=COOKIE_S, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer

    async def logout(self, request: Request) -> Response:
        """The session ends, and the cookie is taken away."""
        self.entry.end(request.scope)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    async def openapi(self, _: Request) -> Response:
        """The description of all this."""
        return JSONResponse(openapi.document())

    def application(self, host: str) -> Starlette:
        """The ASGI application for a socket at ``host``."""
        hosts = None if self.entry.token else tuple(dict.fromkeys((*LOOPBACK, host)))
        guard = Middleware(Guard, entry=self.entry, hosts=hosts)
        return application(
            self.work, self.db, guard=guard, more=self.routes(), trusted=False, missing=pages.missing(self)
        )

    def drain(self, timeout_s: float) -> None:
        """Store the pictures that imports have taken."""
        self.api.jobs.drain(timeout_s)

    def close(self) -> None:
        """Stop imports and end the threads."""
        self.api.close()

    def routes(self) -> list[BaseRoute]:
        """All that is the site's own."""
        return [
            Route("/login", self.login, methods=["POST"]),
            Route("/logout", self.logout, methods=["POST"]),
            Route("/openapi.json", self.openapi),
            Route("/api/v1/site", self.describe),
            *self.api.routes(),
            *demo_routes.routes(self),
            *pages.routes(self),
        ]


def prepare(db: OpenAnalytic, name: str, pipeline: str) -> None:
    """Create a pipeline and a collection of it, with every region of an input, where they are missing."""
    try:
        db.collection(name)
    except UnknownCollection:
        pass
    else:
        return
    try:
        db.pipeline(pipeline)
    except UnknownPipeline:
        db.pipeline_create(pipeline)
    try:
        db.create_collection(name, pipeline=pipeline, parameters=db.plan(pipeline).every_region)
    except CollectionExists:  # made by another meanwhile
        db.collection(name)
