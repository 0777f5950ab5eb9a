"""Rates of distances: only those that the pairs support, the largest distance that keeps each, and an honest bound."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.errors import BadParameter, BadVector
from open_analytic.models.library import Library
from open_analytic.pipeline import rates
from open_analytic.pipeline.plan import plan
from open_analytic.pipeline.spec import preset
from open_analytic.types import Rate
from open_analytic.util import resources


def labelled(near: list[float], far: list[float]) -> tuple[Any, Any]:
    return np.array([True] * len(near) + [False] * len(far), dtype=bool), np.array(near + far, dtype=np.float64)


def test_the_table_of_a_hundred_different_pairs_worked_out_by_hand() -> None:
    """Different pairs at 1, 2, ... 100: one in ten lets ten through, those below 11; one in a hundred one, below 2."""
    near, far = [0.5, 1.5, 10.5, 11.0], [float(number) for number in range(100, 0, -1)]
    one, other = rates.table(*labelled(near, far))
    assert one == Rate(
        false_accept_rate=0.1, distance=11.0, true_accept_rate=0.75, false_accepts=10, upper_bound=one.upper_bound
    )
    assert other == Rate(
        false_accept_rate=0.01, distance=2.0, true_accept_rate=0.5, false_accepts=1, upper_bound=other.upper_bound
    )


def test_equal_distances_are_let_through_all_or_none() -> None:
    (line,) = rates.table(*labelled([0.1], [1.0] * 5 + [2.0] * 6))
    assert (line.distance, line.false_accepts) == (1.0, 0)  # the second of them must not pass, so none does


@pytest.mark.parametrize(("pairs", "smallest"), [(10, 0.1), (99, 0.1), (100, 0.01), (999, 0.01), (1000, 0.001)])
def test_a_rate_needs_as_many_different_pairs(pairs: int, smallest: float) -> None:
    assert rates.table(*labelled([0.0], [float(number) for number in range(pairs)]))[-1].false_accept_rate == smallest


@pytest.mark.parametrize(("near", "far"), [([], [1.0] * 10), ([1.0], [1.0] * 9), ([], [])])
def test_too_few_pairs_are_refused_with_their_numbers(near: list[float], far: list[float]) -> None:
    with pytest.raises(BadParameter, match=f"{len(near)} same and {len(far)} different pairs are too few"):
        rates.table(*labelled(near, far))


def test_a_distance_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadVector, match="not a finite number"):
        rates.table(*labelled([float("inf")], [1.0] * 10))


@pytest.mark.parametrize(("accepts", "pairs"), [(0, 10), (0, 1000), (1, 100), (10, 100), (25, 2585)])
def test_at_the_bound_so_few_false_accepts_are_one_in_twenty(accepts: int, pairs: int) -> None:
    """Clopper and Pearson's definition, with whole binomial coefficients."""
    bound = rates.upper_bound(accepts, pairs)
    chance = sum(math.comb(pairs, seen) * bound**seen * (1 - bound) ** (pairs - seen) for seen in range(accepts + 1))
    assert chance == pytest.approx(0.05, abs=1e-9)


def test_distances_are_those_of_pgvector() -> None:
    a, b = (np.array(rows, dtype=np.float32) for rows in ([[3, 4], [1, 0]], [[0, 0.5], [0, 2]]))
    assert rates.distances(a, b, "l2") == pytest.approx([np.hypot(3, 3.5), np.hypot(1, 2)])
    assert rates.distances(a, b, "cosine") == pytest.approx([0.2, 1])
    assert rates.distances(a, b, "ip") == pytest.approx([-2, 0])
    with pytest.raises(BadVector, match="no direction"):
        rates.distances(a, np.zeros_like(a), "cosine")


NUMBERS = st.floats(0, 4, width=16)


@given(st.lists(NUMBERS, min_size=1, max_size=50), st.lists(NUMBERS, min_size=10, max_size=1200))
def test_no_line_lets_more_through_than_it_says(near: list[float], far: list[float]) -> None:
    lines = rates.table(*labelled(near, far))
    for line in lines:
        accepted = [distance for distance in far if distance < line.distance]
        assert len(accepted) == line.false_accepts <= line.false_accept_rate * len(far) + 1e-9
        assert line.upper_bound >= line.false_accepts / len(far)
        beyond = [
            distance for distance in far if distance <= line.distance
        ]  # the next larger distance lets these through
        assert len(beyond) > line.false_accept_rate * len(far) - 1e-9
    assert [line.distance for line in lines] == sorted((line.distance for line in lines), reverse=True)


def shipped() -> Any:
    return json.loads((resources.folder("pipelines") / "face_feature_extractor.rates.json").read_text("utf-8"))


def test_the_table_that_ships_belongs_to_the_preset_that_ships(library: Library) -> None:
    assert shipped()["hash"] == plan(preset("face_feature_extractor"), library.cards).hash
