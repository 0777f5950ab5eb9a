"""The site's JSON: collections with their pictures, searches, imports. Errors have a status each, as everywhere."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from open_analytic.app import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.errors import AddressRefused, ImageTooLarge, NotFound
from open_analytic.kinds.image import HEIF, SUFFIXES
from open_analytic.operators.limits import Limits
from open_analytic.render import graph, recall_curve
from open_analytic.service import limits
from open_analytic.service.http_io import NAME, body, json_bytes, length, while_connected
from open_analytic.service.requests import is_json
from open_analytic.service.typed import from_json, from_query, json_object
from open_analytic.service.work import Work
from open_analytic.store.sources import UPLOAD, conflicts
from open_analytic.util.cancellation import CANCEL_TOKEN, CancelToken, check_cancelled
from open_analytic.util.jsonable import jsonable
from open_analytic.web import bundle, contents, filters, media, parts, search_page, texts
from open_analytic.web.fetch import Fetcher
from open_analytic.web.imports import Job, Jobs
from open_analytic.web.pictures import THUMBNAIL, WHOLE, Album, Rendition
from open_analytic.web.query_cache import QueryCache, searched_by_file
from open_analytic.web.requests import (
    Decision,
    Files,
    ImportOptions,
    PictureName,
    PicturesPage,
    PictureUrl,
    PictureView,
    Rename,
    TextView,
)

T = TypeVar("T")

THREADS = 8  # that ask the database and draw pictures
SEARCH_S = 30.0
CALL_S = 30.0  # of any other call: it can wait for a thread, or for memory to decode a picture in
# A drawing has its style within; as a page of its own it can do nothing else.
DRAWING = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class Api:
    """The endpoints, with what they need."""

    def __init__(self, work: Work, db: OpenAnalytic, *, fetcher: Fetcher | None) -> None:
        self.work, self.db, self._fetcher = work, db, fetcher
        self.limits = Limits.of(db.settings)
        self.query_cache, self.album, self.jobs = QueryCache(self.limits), Album(self.limits), Jobs()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="open_analytic-web")

    def routes(self) -> list[Route]:
        """Where they are. A name can have slashes, so what is more than a name comes before it."""
        one = f"/api/v1/collections/{{collection:{NAME}}}"
        return [
            Route(f"{one}/curve.svg", self.curve),
            Route(f"{one}/pictures", self.pictures),
            Route(f"{one}/picture", self.picture),
            Route(f"{one}/picture", self.delete, methods=["DELETE"]),
            Route(f"{one}/picture", self.rename, methods=["PATCH"]),
            Route(f"{one}/thumbnail", self.thumbnail),
            Route(f"{one}/text", self.text),
            Route(f"{one}/media", self.media),
            Route(f"{one}/regions", self.regions),
            Route(f"{one}/queries", self.query, methods=["POST"]),
            Route(f"{one}/queries/{{id}}", self.query_again),
            Route(f"{one}/hits", self.hits),
            Route(f"{one}/imports", self.begin, methods=["POST"]),
            Route("/api/v1/queries/{id}/picture", self.query_preview),
            Route("/api/v1/queries/{id}/media", self.query_preview),
            Route("/api/v1/imports/{id}", self.look),
            Route("/api/v1/imports/{id}", self.stop, methods=["DELETE"]),
            Route("/api/v1/imports/{id}", self.decide, methods=["PATCH"]),
            Route("/api/v1/imports/{id}/known", self.known, methods=["POST"]),
            Route("/api/v1/imports/{id}/file", self.put, methods=["PUT"]),
            Route("/api/v1/imports/{id}/files", self.put_several, methods=["POST"]),
            Route("/api/v1/imports/{id}/commit", self.commit, methods=["POST"]),
            Route("/api/v1/imports/{id}/finish", self.finish, methods=["POST"]),
            Route(f"/api/v1/pipelines/{{name:{NAME}}}/graph.svg", self.graph),
            Route(one, self.collection),
        ]

    def facts(self) -> dict[str, Any]:
        """What a page has to know of this site."""
        more = [suffix for suffix in HEIF if suffix in SUFFIXES]
        return {"url_queries": self._fetcher is not None, "max_bytes": self.work.max_bytes, "more_suffixes": more}

    async def busy(self, work: Callable[[], T]) -> T:
        """What it gives, done in a thread; it stops waiting at the deadline, and when the client is gone."""
        cancel_token = CancelToken(time.monotonic() + CALL_S)

        def run() -> T:
            CANCEL_TOKEN.set(cancel_token)  # until the thread's next call sets its own
            check_cancelled()
            return work()

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        finally:
            cancel_token.cancel()

    def close(self) -> None:
        """Stop imports and end the threads."""
        self.jobs.stop()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def fetch(self, url: str) -> bytes:
        """A picture by its URL."""
        if self._fetcher is None:
            raise AddressRefused(
                "Pictures are not fetched by URL here.", hint="Start it with --url-queries, or send the picture."
            )
        return self._fetcher.fetch(url)

    async def collection(self, request: Request) -> Response:
        """All that there is to know of one."""
        return await self._json_of(request, self._collection_json)

    async def curve(self, request: Request) -> Response:
        """The recall curve."""

        def draw(collection: Collection) -> str:
            known = collection.recall_curve()
            if known is None:
                raise NotFound(
                    f"The index of {collection.name!r} was never measured.",
                    hint=f"open-analytic collection measure-index {collection.name}",
                )
            return recall_curve.draw(known, name=collection.name)

        return _drawing(await self._with(request, draw))

    async def pictures(self, request: Request) -> Response:
        """The names, a page at a time."""
        parameters_ = from_query(PicturesPage, request.query_params)

        def page(collection: Collection) -> dict[str, Any]:
            page = collection.names(after=parameters_.after, limit=parameters_.limit + 1)
            names = [{"name": name, "parts": parts} for name, parts in page[: parameters_.limit]]
            return {"pictures": names, "next": names[-1]["name"] if len(page) > parameters_.limit else None}

        return await self._json_of(request, page)

    async def picture(self, request: Request) -> Response:
        """One, large."""
        return await self._show(request, WHOLE)

    async def thumbnail(self, request: Request) -> Response:
        """One, small."""
        return await self._show(request, THUMBNAIL)

    async def text(self, request: Request) -> Response:
        """A stored text, or an excerpt of it."""
        view = from_query(TextView, request.query_params)

        def cut(collection: Collection) -> Any:
            return jsonable(texts.excerpt(collection, view.name, view.part, length=view.length))

        with self.work.admitted(0):
            return await self._json_of(request, cut)

    async def media(self, request: Request) -> Response:
        """An item that a browser plays."""
        name = from_query(PictureName, request.query_params).name
        with self.work.admitted(0):
            item = await self._with(request, lambda collection: media.of(collection, name))
            return media.answer(item, request.headers)

    async def regions(self, request: Request) -> Response:
        """What a pipeline detected in an item: where, and your columns."""
        name = from_query(PictureName, request.query_params).name
        with self.work.admitted(0):
            return await self._json_of(request, lambda collection: parts.of(collection, name, self.limits))

    async def delete(self, request: Request) -> Response:
        """With all its rows."""
        name = from_query(PictureName, request.query_params).name
        return JSONResponse({"deleted": await self._with(request, lambda collection: collection.delete(name))})

    async def rename(self, request: Request) -> Response:
        name = from_query(PictureName, request.query_params).name
        new = (await self._sent(request, Rename)).name
        limits.check_name(new)
        await self._with(request, lambda collection: collection.rename(name, new))
        return JSONResponse({"name": new})

    async def query(self, request: Request) -> Response:
        """Keep a picture to search with, and return its regions."""
        most = limits.JSON_BYTES if is_json(request) else self.work.max_bytes
        with self.work.admitted(length(request, most)):
            data = await body(request, most)
            if is_json(request):
                data = await while_connected(request, asyncio.to_thread(self._fetched, data))

            def keep() -> dict[str, Any]:
                collection = self.db.collection(request.path_params["collection"])
                kind = searched_by_file(collection)
                return search_page.seen(collection, self.query_cache.keep(data, kind), self.limits)

            return await self._searching(request, keep)

    async def query_again(self, request: Request) -> Response:
        """What was found in a picture that is kept; also for another collection than it was first for."""
        query = self.query_cache.get(request.path_params["id"])
        with self.work.admitted(0):

            def look() -> dict[str, Any]:
                return search_page.seen(self.db.collection(request.path_params["collection"]), query, self.limits)

            return await self._searching(request, look)

    async def query_preview(self, request: Request) -> Response:
        """A kept picture as a page shows it, or a kept sound as it plays it."""
        preview = self.query_cache.get(request.path_params["id"]).preview
        return media.answer(preview, request.headers, cache="private, max-age=3600")

    async def hits(self, request: Request) -> Response:
        """A search."""
        search_request = search_page.read(request.query_params)
        with self.work.admitted(0):

            def look() -> dict[str, Any]:
                collection = self.db.collection(request.path_params["collection"])
                return search_page.find(
                    self.db, collection, search_request, self.query_cache, self.limits, timeout_s=SEARCH_S
                )

            return await self._searching(request, look)

    async def begin(self, request: Request) -> Response:
        """An import."""
        with self.work.admitted(0):
            choice = from_query(ImportOptions, request.query_params).on_conflict
            collection = await self._with(request, _importable)
            return JSONResponse(self.jobs.begin(collection, choice).status(), 201)

    async def decide(self, request: Request) -> Response:
        """What happens to pictures whose names others have; the names that have to be sent again."""
        job = self._job(request)
        choice = (await self._sent(request, Decision)).on_conflict
        return JSONResponse({"again": job.decide(choice)})

    async def look(self, request: Request) -> Response:
        """How an import stands."""
        job = self._job(request)
        return _json(await self.busy(lambda: json_bytes(job.status())))

    async def known(self, request: Request) -> Response:
        """Which pictures need not be sent."""
        job = self._job(request)
        sent = await self._sent(request, Files)

        def look() -> bytes:
            digests = {file.name: bytes.fromhex(file.sha256) for file in sent.files}
            there = job.collection.known(list(digests))
            same = {name for name, one in there.items() if one.complete and one.digest == digests[name]}
            names = [name for name in digests if name in same]
            job.known({name: digests[name] for name in names})
            tracked = job.collection.info.has_source and job.on_conflict == "error"
            conflicting = [name for name in there if tracked and conflicts(there[name], UPLOAD, digests[name])]
            return json_bytes({"known": names, "taken": conflicting})

        return _json(await self.busy(look))

    async def put(self, request: Request) -> Response:
        """One picture of an import."""
        job, name = self._job(request), from_query(PictureName, request.query_params).name
        limits.check_name(name)
        await job.room()
        with self.work.admitted(length(request, self.work.max_bytes)):
            try:
                data = await body(request, self.work.max_bytes)
            except ImageTooLarge as error:
                job.put(name, error)
                raise
            await self.busy(lambda: job.put(name, data))
        return _accepted(job)

    async def put_several(self, request: Request) -> Response:
        """Small pictures of an import together, which is quicker than one by one."""
        job = self._job(request)
        await job.room()
        with self.work.admitted(length(request, self.work.max_bytes)):
            data = await body(request, self.work.max_bytes)
            await self.busy(lambda: job.put_all(bundle.read(data)))
        return _accepted(job)

    async def commit(self, request: Request) -> Response:
        """What came is worked on now, not after a pause."""
        job = self._job(request)
        job.commit()
        return JSONResponse(job.status())

    async def finish(self, request: Request) -> Response:
        """No more will come."""
        job = self._job(request)
        job.finish()
        return JSONResponse(job.status())

    async def stop(self, request: Request) -> Response:
        job = self._job(request)
        job.stop()
        return JSONResponse(job.status())

    async def graph(self, request: Request) -> Response:
        """A pipeline's steps, drawn."""
        info = await self.busy(lambda: self.db.pipeline(request.path_params["name"]))
        return _drawing(graph.draw(info.definition, name=info.name))

    def _collection_json(self, collection: Collection) -> dict[str, Any]:
        (pictures, rows), (table, index) = collection.counts(), collection.sizes()
        rates = search_page.rates(self.db, collection)
        fields = ("false_accept_rate", "distance", "true_accept_rate")
        details: dict[str, Any] = jsonable(collection.info)
        return details | contents.of_collection(collection).facts() | {
            "pictures": pictures, "rows": rows, "vectors": collection.vectors(), "index": collection.index(),
            "bytes": {"table": table, "index": index}, "calibration": jsonable(collection.recall_curve()),
            "rates": [{name: getattr(rate, name) for name in fields} for rate in rates.rates] if rates else [],
            "filters": filters.offered(collection),
        }  # fmt: skip

    async def _with(self, request: Request, work: Callable[[Collection], T]) -> T:
        name = request.path_params["collection"]
        return await self.busy(lambda: work(self.db.collection(name)))

    async def _json_of(self, request: Request, work: Callable[[Collection], Any]) -> Response:
        """What it gives as JSON, which is written where it is made: in a thread."""
        return _json(await self._with(request, lambda collection: json_bytes(work(collection))))

    async def _sent(self, request: Request, kind: type[T]) -> T:
        """The JSON body of a small request, as its type."""
        with self.work.admitted(length(request, limits.JSON_BYTES)):
            data = await body(request, limits.JSON_BYTES)
            return await self.busy(lambda: from_json(kind, json_object(data)))

    def _fetched(self, data: bytes) -> bytes:
        return self.fetch(from_json(PictureUrl, json_object(data)).url)

    async def _searching(self, request: Request, work: Callable[[], Any]) -> Response:
        find = self.work.search(lambda: json_bytes(work()), timeout_s=SEARCH_S)
        return _json(await while_connected(request, find))

    async def _show(self, request: Request, side: int) -> Response:
        view, known = from_query(PictureView, request.query_params), request.headers.get("if-none-match")

        def show(collection: Collection) -> Rendition | str:
            return self.album.show(collection, view.name, view.part, side, known=known)

        with self.work.admitted(0):
            drawn = await while_connected(request, self._with(request, show))
        tag = drawn if isinstance(drawn, str) else drawn.tag
        headers = {"Cache-Control": "private, no-cache"} | ({"ETag": f'"{tag}"'} if tag else {})
        if isinstance(drawn, str):
            return Response(status_code=304, headers=headers)
        return Response(drawn.data, media_type="image/jpeg", headers=headers)

    def _job(self, request: Request) -> Job:
        return self.jobs.get(request.path_params["id"])


def _accepted(job: Job) -> Response:
    return JSONResponse(job.counts(), 202)  # without the failures: with every file they would be many


def _json(text: bytes) -> Response:
    return Response(text, media_type="application/json")


def _drawing(text: str) -> Response:
    return Response(text, media_type="image/svg+xml", headers=DRAWING)


def _importable(collection: Collection) -> Collection:
    """The collection, when it is bound to a pipeline."""
    _ = collection.models
    return collection
