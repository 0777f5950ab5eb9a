"""A search as pages ask for it: what is searched for, how, and everything that is shown of the answer."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from open_analytic.app import OpenAnalytic
from open_analytic.collection import Collection
from open_analytic.errors import BadParameter, NoFace, UnknownPipeline
from open_analytic.jsonable import jsonable
from open_analytic.operators.limits import Limits
from open_analytic.search_options import SearchOptions
from open_analytic.types import Box, Feature, RateTable, Text, Vector
from open_analytic.web import filters, texts
from open_analytic.web.query_cache import CachedQuery, QueryCache

MOST_HITS, HITS = 200, 10
FAR = 1e9  # pixels; no picture has as many
KNOWN = ("query", "face", "region", "like", "part", "text", "k", "max_distance", "rate", "filter", "explain")


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """The parameters of a search, read and checked."""

    query: str | None
    face: int | None
    region: Box | None
    like: str | None
    part: int | None
    k: int
    max_distance: float | None
    rate: float | None
    filter: Any
    explain: bool
    text: str | None = None


def read(given: Mapping[str, str]) -> SearchRequest:
    """What a page's address says."""
    unknown = sorted(set(given) - set(KNOWN))
    if unknown:
        raise BadParameter(f"A search has no option {unknown[0]!r:.40}.", hint=f"Known: {', '.join(KNOWN)}.")
    request = SearchRequest(
        query=given.get("query"), face=_whole(given, "face"), region=_region(given.get("region")),
        like=given.get("like"), part=_whole(given, "part"), k=_k(given),
        max_distance=_number(given, "max_distance"), rate=_number(given, "rate"),
        filter=_json(given.get("filter", "[]")), explain=given.get("explain", "0") not in ("", "0", "false"),
        text=texts.checked(given.get("text")),
    )  # fmt: skip
    if sum(each is not None for each in (request.query, request.text, request.like)) != 1:
        raise BadParameter("There is no query.", hint="Give one of: query (a picture's id), text, like (a name).")
    if request.max_distance is not None and request.rate is not None:
        raise BadParameter("Both max_distance and rate are given.", hint="Give one of them.")
    if request.face is not None and request.region is not None:
        raise BadParameter("Both face and region are given.", hint="Give one of them.")
    return request


def find(
    db: OpenAnalytic,
    collection: Collection,
    request: SearchRequest,
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
    """A kept picture with the faces a collection's pipeline finds in it: none where it takes a picture as a whole."""
    try:
        features = cached.look(collection, None, limits).features
    except NoFace:  # there can be one in a rectangle of it
        features = ()
    faces = [{"part": part, "box": jsonable(feature.box)} for part, feature in enumerate(features) if feature.box]
    return {"id": cached.id, "width": cached.size[0], "height": cached.size[1], "faces": faces}


def rates(db: OpenAnalytic, collection: Collection) -> RateTable | None:
    """What distances in a collection are worth; None where nobody measured it for its pipeline and metric."""
    info = collection.info
    try:
        tables = db.pipeline_rates(info.pipeline) if info.pipeline else []
    except UnknownPipeline:  # dropped since
        tables = []
    return next((one for one in tables if (one.version, one.metric) == (info.version, info.metric)), None)


def _vector(
    collection: Collection, request: SearchRequest, query_cache: QueryCache, limits: Limits
) -> tuple[Vector, float | None]:
    if request.like is not None:
        return collection.feature(request.like, request.part), None
    if request.text is not None:
        start = time.perf_counter()
        return collection.vector(Text(request.text)), 1000 * (time.perf_counter() - start)
    assert request.query is not None  # noqa: S101 - read() saw to it
    found = query_cache.get(request.query).look(collection, request.region, limits)
    return _chosen(found.features, request.face).vector, found.milliseconds


def _chosen(features: tuple[Feature, ...], face: int | None) -> Feature:
    if face is None:
        return max(features, key=lambda feature: feature.extent)
    if face >= len(features):
        raise BadParameter(f"The picture has no face {face}.", hint=f"They are numbered 0 to {len(features) - 1}.")
    return features[face]


def _limit(db: OpenAnalytic, collection: Collection, request: SearchRequest) -> tuple[float | None, float | None]:
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
    collection: Collection, request: SearchRequest, condition: str | None, params: dict[str, str]
) -> tuple[str, dict[str, str]]:
    """The condition that leaves out the row that is searched for."""
    unequal = filters.qualified("<>")
    other = f"image_name {unequal} %(like)s"
    params = params | {"like": request.like or ""}
    if collection.info.many:
        other, params = f"({other} OR part {unequal} %(like_part)s)", params | {"like_part": str(request.part or 0)}
    return f"{condition} AND {other}" if condition else other, params


def _whole(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadParameter(f"{name} is {text!r:.40}.", hint="Give a whole number, 0 or more.")
    return int(text)


def _k(given: Mapping[str, str]) -> int:
    k = HITS if "k" not in given else _whole(given, "k")
    if k is None or not 1 <= k <= MOST_HITS:
        raise BadParameter(f"k is {given['k']!r:.40}.", hint=f"Give 1 to {MOST_HITS}.")
    return k


def _number(given: Mapping[str, str], name: str) -> float | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadParameter(f"{name} is {text!r:.40}.", hint="Give a number.")
    return number


def _region(text: str | None) -> Box | None:
    if text is None:
        return None
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        x, y, width, height = math.nan, 0.0, 0.0, 0.0
    if not all(abs(number) < FAR for number in (x, y, width, height)) or width <= 0 or height <= 0:
        raise BadParameter(f"region is {text!r:.60}.", hint="Give x, y, width and height in pixels: 10,20,300,200.")
    return Box(x=x, y=y, width=width, height=height)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadParameter(f"filter is not JSON: {error}.", hint="Give a list of conditions.") from error
