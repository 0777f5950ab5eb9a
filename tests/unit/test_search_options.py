"""The options of a search: one value, checked once; ``where`` is an alias that warns whoever calls."""

import math
import re
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_type_hints

import numpy as np
import pytest

import open_analytic
from open_analytic.errors import BadParameter
from open_analytic.search_options import SearchKeywords, SearchOptions, search_options
from open_analytic.types import Hit

HIT = Hit(name="a", distance=0.5, row={})


def search(options: SearchOptions | None = None, **keywords: Any) -> SearchOptions:
    """As the methods of a collection are."""
    return search_options(options, SearchKeywords(**keywords))  # type: ignore[typeddict-item]


def test_it_is_public() -> None:
    assert open_analytic.SearchOptions is SearchOptions


def test_keywords_and_fields_are_the_same() -> None:
    assert list(get_type_hints(SearchKeywords)) == [*(each.name for each in fields(SearchOptions)), "where"]


def test_keywords_replace_fields() -> None:
    near = SearchOptions(k=5, filter="n = %(n)s", params={"n": 1}, max_distance=1, target_recall=1, after=HIT)
    assert search() == SearchOptions(k=10, target_recall=0.95)
    assert search(near) is near
    assert search(near, k=7, after=None) == SearchOptions(
        k=7, filter="n = %(n)s", params={"n": 1}, max_distance=1.0, target_recall=1.0
    )
    with pytest.raises(FrozenInstanceError):
        near.k = 3  # type: ignore[misc]


def test_numbers_are_those_of_python() -> None:
    options = SearchOptions(k=np.int64(3), max_distance=np.float32(0.5), target_recall=1)  # type: ignore[arg-type]
    assert [(type(value), value) for value in (options.k, options.max_distance, options.target_recall)] == [
        (int, 3), (float, 0.5), (float, 1.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        *(({"k": k}, "k is") for k in (-1, 1.5, "3", None, True, 2**31)),
        *(({"max_distance": far}, "max_distance is") for far in ("x", math.nan, [1], 10**400)),
        *(({"target_recall": part}, "target_recall is") for part in (0, 1.1, -1, math.nan, "x", None, 10**400)),
        *(({"after": hit}, "after is") for hit in ("a", 1, Hit(name="a", distance=math.nan, row={}))),
        ({"after": Hit(name="a\0", distance=1, row={})}, "after is"),
        ({"filter": "true", "where": "true"}, "Both filter and where"),
    ],
    ids=str,
)
def test_what_no_search_can_use_is_refused(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(BadParameter, match=re.escape(message)):
        search(**keywords)


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="neighbours"):
        search(neighbours=3)


def test_where_is_filter_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match="^where is deprecated: use filter"):
        assert search(SearchOptions(k=3), where="n = 1") == SearchOptions(k=3, filter="n = 1")
    assert search(where=None) == SearchOptions()
