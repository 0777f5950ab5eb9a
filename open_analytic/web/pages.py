"""The HTML pages: what they show comes from the API, which their scripts ask."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from open_analytic.errors import OpenAnalyticError
from open_analytic.service.http import no_such_page
from open_analytic.service.http_io import NAME, outward
from open_analytic.types import CollectionInfo, PipelineInfo
from open_analytic.util.jsonable import jsonable
from open_analytic.web import language
from open_analytic.web.assets import assets
from open_analytic.web.contents import Contents, Nouns

TITLES = {"image_search_table": "title.image_search", "face_search_table": "title.face_search"}  # shown first
INLINE = 4  # collections in the header; those after it are in its menu
# Pages depend on the rights and the language of their reader, so no proxy stores them.
HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Cookie, Accept-Language"}

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class PageData(Protocol):
    """What pages are made from. Its functions block."""

    @property
    def version(self) -> str: ...
    def collections(self) -> Sequence[CollectionInfo]: ...
    def contents(self, name: str) -> Contents: ...
    def pipeline_contents(self, info: PipelineInfo) -> Contents: ...
    def pipelines(self) -> Sequence[PipelineInfo]: ...
    def site(self) -> dict[str, Any]: ...


def routes(data: PageData) -> list[BaseRoute]:
    """All pages, and the files they need."""
    pages = Pages(data)
    endpoints: dict[str, Endpoint] = {
        "/": pages.home,
        f"/search/{{name:{NAME}}}": pages.search,
        "/collections": pages.collections,
        f"/collections/{{name:{NAME}}}": pages.collection,
        "/pipelines": pages.pipelines,
        f"/pipelines/{{name:{NAME}}}": pages.pipeline,
        "/api": pages.api,
        "/login": pages.login,
    }
    static = Route("/static/{name}", assets(data.version).answer, methods=["GET"])
    return [*(Route(path, pages.with_errors(page), methods=["GET"]) for path, page in endpoints.items()), static]


def missing(data: PageData) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers requests that no route takes: a page for a browser, else the usual error."""
    page = Pages(data)

    async def answer(request: Request, error: Exception) -> Response:
        reads = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
        if reads and isinstance(error, HTTPException) and error.status_code == 404:
            return await page.with_errors(page.unknown)(request)
        return await no_such_page(request, error)

    return answer


async def login_page(data: PageData, request: Request, *, refused: bool = False, next_: str | None = None) -> Response:
    """The form that asks for the token; with 401 when the one given was refused. ``next_`` is where to go then."""
    return await Pages(data).login(request, refused=refused, next_=next_)


class Pages:
    """The endpoints."""

    def __init__(self, data: PageData) -> None:
        self._data = data

    def with_errors(self, page: Endpoint) -> Endpoint:
        """The page in the language asked for, and an error as a page."""

        async def endpoint(request: Request) -> Response:
            code = request.query_params.get("lang")
            if code is not None:
                return _with_language(request, code)
            try:
                return await page(request)
            except OpenAnalyticError as error:
                return self._error(request, error)

        return endpoint

    async def home(self, _: Request) -> Response:
        """The search page of the first collection."""
        infos = await self._collections()
        return RedirectResponse(_address("search", infos[0].name) if infos else "/collections", 303)

    async def search(self, request: Request) -> Response:
        """The search page of a collection."""
        return await self._of_collection(request, "search.html")

    async def collection(self, request: Request) -> Response:
        """What is in a collection; pictures are added, renamed and deleted there."""
        return await self._of_collection(request, "collection.html")

    async def collections(self, request: Request) -> Response:
        """All of them in a table."""
        infos = await self._collections()
        return self._page(request, "collections.html", collections=infos, known=infos)

    async def pipelines(self, request: Request) -> Response:
        """All of them."""
        known, infos = await self._collections(), await asyncio.to_thread(self._data.pipelines)
        return self._page(request, "pipelines.html", collections=known, pipelines=infos)

    async def pipeline(self, request: Request) -> Response:
        """One of them, to look at and to run."""
        known, infos = await self._collections(), await asyncio.to_thread(self._data.pipelines)
        name = request.path_params["name"]
        pipeline = next((item for item in infos if item.name == name), None)
        if pipeline is None:
            return self._missing(request, known, "missing.pipeline", name)
        about = await asyncio.to_thread(self._data.pipeline_contents, pipeline)
        data = {"pipeline": jsonable(pipeline), "contents": about.facts()}
        return self._page(request, "pipeline.html", collections=known, pipeline=pipeline, nouns=about.nouns, data=data)

    async def api(self, request: Request) -> Response:
        """The HTTP interface, described."""
        return self._page(request, "api.html", collections=await self._collections())

    async def unknown(self, request: Request) -> Response:
        """There is no such page."""
        return self._missing(request, await self._collections(), "missing.page", request.scope["path"])

    async def login(self, request: Request, *, refused: bool = False, next_: str | None = None) -> Response:
        """The form that asks for the token; the page shows nothing of the database before."""
        if not self._data.site()["login"]:
            return RedirectResponse("/", 303)
        place, status = local(next_ or request.query_params.get("next")), 401 if refused else 200
        return self._page(request, "login.html", collections=[], status=status, refused=refused, next=place)

    async def _collections(self) -> list[CollectionInfo]:
        infos = await asyncio.to_thread(self._data.collections)
        order = {name: number for number, name in enumerate(TITLES)}
        return sorted(infos, key=lambda info: (order.get(info.name, len(order)), info.name))

    async def _of_collection(self, request: Request, template: str) -> Response:
        known, name = await self._collections(), request.path_params["name"]
        info = next((item for item in known if item.name == name), None)
        if info is None:
            return self._missing(request, known, "missing.collection", name)
        about = await asyncio.to_thread(self._data.contents, name)
        return self._page(
            request,
            template,
            collections=known,
            info=info,
            nouns=about.nouns,
            texts=about.item.encode is not None,
            command=f"open-analytic import notes.csv --collection {shlex.quote(name)}",
            data={"collection": jsonable(info), "contents": about.facts()},
        )

    def _missing(self, request: Request, known: Sequence[CollectionInfo], key: str, name: str) -> Response:
        return self._page(request, "missing.html", collections=known, key=key, name=name, status=404)

    def _error(self, request: Request, error: OpenAnalyticError) -> Response:
        known = outward(error)
        return self._page(request, "error.html", collections=[], error=known, status=known.http_status)

    def _page(
        self,
        request: Request,
        template: str,
        *,
        collections: Sequence[CollectionInfo],
        status: int = 200,
        data: dict[str, Any] | None = None,
        nouns: Nouns | None = None,
        **options: Any,
    ) -> Response:
        files, tongue, site = assets(self._data.version), language.chosen(request), self._data.site()
        words = language.words(tongue)
        text = _templates().get_template(template).render(
            t=words, tag=language.TAGS[tongue], asset=files.url, version=self._data.version, site=site,
            here=request.scope["path"], languages=_languages(request, tongue), inline=collections[:INLINE],
            further=collections[INLINE:], title_of=lambda info: _title(info, words),
            script_words=_script_words(self._data.version, tongue, nouns), script_texts=words.texts,
            item=lambda what: words((nouns or Nouns()).key(what, words.table)),
            data=(data or {}) | {"site": jsonable(site)}, **options,
        )  # fmt: skip
        return HTMLResponse(text, status, headers=HEADERS)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # columns keep their order
    environment.filters.update(number=lambda value: f"{value:,}", address=_address)
    return environment


@cache
def _script_words(version: str, tongue: str, nouns: Nouns | None) -> dict[str, language.Text]:
    """Those that some script names, and those of the nouns of the page; without one, counts of everything."""
    scripts = "\n".join(assets(version).scripts().values())
    table = language.words(tongue).table
    return {
        key: text
        for key, text in table.items()
        if f'"{key}"' in scripts or (nouns.has(key) if nouns else key.startswith("item.") and key.endswith(".count"))
    }


def _address(kind: str, name: str) -> str:
    return f"/{kind}/{quote(name, safe='')}"


def _title(info: CollectionInfo, words: language.Words) -> str:
    return words(TITLES[info.name]) if info.name in TITLES else info.name


def _languages(request: Request, tongue: str) -> list[dict[str, Any]]:
    """Links to this page in each language."""
    here = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return [
        {"code": code, "tag": language.TAGS[code], "name": name, "current": code == tongue,
         "url": "?" + urlencode([*here, ("lang", code)])}
        for code, name in language.LANGUAGES.items()
    ]  # fmt: skip


def _with_language(request: Request, code: str) -> Response:
    """The same page without the choice, which a cookie keeps when there is such a language."""
    rest = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    path = quote(request.scope["path"], safe="/")
    answer = RedirectResponse(path + ("?" + urlencode(rest) if rest else ""), 303)
    if code in language.LANGUAGES:
        answer.set_cookie(
            language.COOKIE, code, max_age=language.COOKIE_S, samesite="lax", secure=request.url.scheme == "https"
        )
    return answer


def local(path: str | None) -> str:
    """A place on this site, whatever was asked for."""
    safe = path and path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if path and safe else "/"
