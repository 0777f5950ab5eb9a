"""The options of a search as one value, checked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import index
from typing import Any, TypedDict

from open_analytic.errors import BadParameter
from open_analytic.types import Hit
from open_analytic.util.deprecated import renamed_where
from open_analytic.util.lexer import is_text

LARGEST_K = 2**31 - 1
TARGET_RECALL = 0.95


class SearchKeywords(TypedDict, total=False):
    """The options of a search as keyword arguments: those of ``SearchOptions``, and a deprecated name."""

    k: int | None
    filter: str | None
    params: Mapping[str, Any] | None
    max_distance: float | None
    target_recall: float
    after: Hit | None
    timeout_s: float | None
    where: str | None  # deprecated: filter


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How a search is done: an immutable value that several searches can share.

    Every search method takes it as ``options``, or its fields as keyword arguments; a keyword argument replaces the
    field of ``options``. A value that no search can use is a BadParameter here, before a model runs.

        near = SearchOptions(k=5, filter="district = %(d)s", params={"d": "A"}, max_distance=1.1)
        hits = photos.search("query.jpg", options=near)
        photos.explain_search("query.jpg", options=near)
    """

    k: int | None = 10  # hits at most; None: all within max_distance
    filter: str | None = None  # an SQL condition on the collection's columns; never put a value into it yourself
    params: Mapping[str, Any] | None = None  # values for %(name)s in filter
    max_distance: float | None = None  # in the collection's metric
    target_recall: float = TARGET_RECALL  # minimum recall: share of the true nearest rows; 1: exact search
    after: Hit | None = None  # the last hit of the page before
    timeout_s: float | None = None  # of each SQL statement

    def __post_init__(self) -> None:
        max_distance = _max_distance(self.max_distance)
        object.__setattr__(self, "max_distance", max_distance)
        object.__setattr__(self, "k", _k(self.k, max_distance))
        object.__setattr__(self, "target_recall", _recall(self.target_recall))
        if self.after is not None:
            _check_after(self.after)


def search_options(options: SearchOptions | None, keywords: SearchKeywords) -> SearchOptions:
    """``options`` with the keyword arguments of a method of ``Collection`` in place of its fields."""
    values: dict[str, Any] = dict(keywords)
    where = values.pop("where", None)
    if where is not None:
        values["filter"] = renamed_where(values.get("filter"), where, stacklevel=4)
    return replace(options or SearchOptions(), **values) if values or options is None else options


def _k(k: int | None, max_distance: float | None) -> int | None:
    if k is None and max_distance is not None:
        return None
    try:
        number = -1 if isinstance(k, bool) or k is None else index(k)
    except TypeError:
        number = -1
    if not 0 <= number <= LARGEST_K:
        raise BadParameter(
            f"k is {k!r:.80}.", hint="Give the number of hits, 0 or more; with max_distance, None returns all of them."
        )
    return number


def _max_distance(max_distance: float | None) -> float | None:
    if max_distance is None:
        return None
    try:
        limit = float(max_distance)
    except (TypeError, ValueError, OverflowError):
        limit = math.nan
    if math.isnan(limit):
        raise BadParameter(f"max_distance is {max_distance!r:.80}.", hint="Give a number, or None.")
    return limit


def _recall(target_recall: float) -> float:
    try:
        recall = float(target_recall)
    except (TypeError, ValueError, OverflowError):
        recall = math.nan
    if not 0 < recall <= 1:
        raise BadParameter(
            f"target_recall is {target_recall!r:.80}.",
            hint="Give a share of the true neighbours above 0, such as 0.95; 1 measures every row.",
        )
    return recall


def _check_after(after: object) -> None:
    if not (isinstance(after, Hit) and math.isfinite(after.distance) and is_text(after.name)):
        raise BadParameter(f"after is {after!r:.80}.", hint="Give the last hit of the page before.")
