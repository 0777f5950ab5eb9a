"""A search as pages ask for it: what is searched for, how, and everything that is shown of the answer."""

import math
import time
from collections.abc import Mapping
from typing import Any

from open_analytic.app import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.errors import BadParameter, NoFace, UnknownPipeline
from open_analytic.operators.limits import Limits
from open_analytic.search_options import SearchOptions
from open_analytic.service.typed import from_query
from open_analytic.types import Feature, RateTable, Text, Vector
from open_analytic.util.jsonable import jsonable
from open_analytic.web import filters
from open_analytic.web.query_cache import CachedQuery, QueryCache
from open_analytic.web.requests import Search


def read(values: Mapping[str, str]) -> Search:
    """What a page's address says."""
    return from_query(Search, values, only="A search")


def find(
    db: OpenAnalytic,
    collection: Collection,
    request: Search,
    query_cache: QueryCache,
    limits: Limits,
    *,
    timeout_s: float | None = None,
) -> dict[str, Any]:
    """The hits, with the limit that held, the milliseconds it took, the same in SQL and, asked for, the plan.

    What the picture took is counted in, also when it was looked at before.
    """
    start = time.perf_counter()
    vector, model_ms = _vector(collection, request, query_cache, limits)
    looking_ms = 1000 * (time.perf_counter() - start)
    limit, rate = _limit(db, collection, request)
    condition, params = filters.condition(collection.info, request.filter)
    if request.like is not None:
        condition, params = _others(collection, request, condition, params)
    options = SearchOptions(
        k=request.k, filter=condition, params=params if condition else None, max_distance=limit, timeout_s=timeout_s
    )
    begun = time.perf_counter()
    hits = collection.search(vector, options=options)
    search_ms = 1000 * (time.perf_counter() - begun)
    answer = {
        "hits": jsonable(hits),
        "limit": {"max_distance": limit, "false_accept_rate": rate},
        "sql": collection.statement(vector, options=options),
    }
    if request.explain:
        answer["explained"] = jsonable(collection.explain_search(vector, options=options))
    total_ms = 1000 * (time.perf_counter() - start) - looking_ms + max(looking_ms, model_ms or 0)
    return answer | {"milliseconds": {"decode_and_model": model_ms, "search": search_ms, "total": total_ms}}


def seen(collection: Collection, cached: CachedQuery, limits: Limits) -> dict[str, Any]:
    """A kept file with the regions a collection's pipeline finds in it: none where it takes a file as a whole.

    ``faces`` are those that are boxes, as before there were others.
    """
    try:
        features = cached.look(collection, None, limits).features
    except NoFace:  # there can be one in a rectangle of it
        features = ()
    parts = [(part, feature) for part, feature in enumerate(features) if feature.region]
    width, height = cached.size or (None, None)
    return {
        "id": cached.id, "width": width, "height": height,
        "faces": [{"part": part, "box": jsonable(feature.box)} for part, feature in parts if feature.box],
        "regions": [
            {"part": part, "region": jsonable(feature.region), "attributes": jsonable(feature.attributes)}
            for part, feature in parts
        ],
    }  # fmt: skip


def rates(db: OpenAnalytic, collection: Collection) -> RateTable | None:
    """What distances in a collection are worth; None where nobody measured it for its pipeline and metric."""
    info = collection.info
    try:
        tables = db.pipeline_rates(info.pipeline) if info.pipeline else []
    except UnknownPipeline:  # dropped since
        tables = []
    return next((one for one in tables if (one.version, one.metric) == (info.version, info.metric)), None)


def _vector(
    collection: Collection, request: Search, query_cache: QueryCache, limits: Limits
) -> tuple[Vector, float | None]:
    if request.like is not None:
        return collection.feature(request.like, request.part), None
    if request.text is not None:
        start = time.perf_counter()
        return collection.vector(Text(request.text)), 1000 * (time.perf_counter() - start)
    assert request.query is not None  # noqa: S101 - Search sees to it
    cached = query_cache.get(request.query).look(collection, request.region, limits)
    return _chosen(cached.features, request.face).vector, cached.milliseconds


def _chosen(features: tuple[Feature, ...], face: int | None) -> Feature:
    if face is None:
        return max(features, key=lambda feature: feature.extent)
    if face >= len(features):
        raise BadParameter(f"The picture has no face {face}.", hint=f"They are numbered 0 to {len(features) - 1}.")
    return features[face]


def _limit(db: OpenAnalytic, collection: Collection, request: Search) -> tuple[float | None, float | None]:
    """The distance up to which rows count, and the rate it was chosen by."""
    if request.rate is None:
        return request.max_distance, None
    table = rates(db, collection)
    allowed = [rate for rate in table.rates if rate.false_accept_rate <= request.rate] if table else []
    if not allowed:
        raise BadParameter(
            f"There is no distance for a false accept rate of {request.rate:g}.",
            hint="Choose one of the collection's rates, or give max_distance.",
        )
    best = max(allowed, key=lambda rate: rate.false_accept_rate)
    return math.nextafter(best.distance, -math.inf), best.false_accept_rate


def _others(
    collection: Collection, request: Search, condition: str | None, params: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """The condition that leaves out the row that is searched for."""
    unequal = filters.qualified("<>")
    other = f"{filters.quoted(collection.info.inputs.name)} {unequal} %(like)s"
    params = params | {"like": request.like or ""}
    if collection.info.many:
        other, params = f"({other} OR part {unequal} %(like_part)s)", params | {"like_part": str(request.part or 0)}
    return f"{condition} AND {other}" if condition else other, params
