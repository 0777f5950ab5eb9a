"""The galleries of the search benchmark, and the arithmetic of recall."""

import numpy as np
import pytest

from tests.bench.search_sets import CASES, Case, Filter, Gallery, Grade, generate, grade, rough_squares, truth


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return generate("hard", 12_000, 6)


def line(*places: float) -> Gallery:
    """Rows on a line, in clusters 0, 1, 0, 1, ...; the query is at 0."""
    rows = len(places)
    return Gallery(
        name="line",
        vectors=np.array(places, np.float16)[:, None],
        r=(np.arange(rows) / rows).astype(np.float32),
        cluster=np.arange(rows) % 2,
        part=np.zeros(rows, np.float32),
        queries=np.zeros((1, 1), np.float16),
        homes=np.zeros(1, np.intp),
        order=np.array([[0, 1], [1, 0]]),
    )


def test_smaller_gallery_is_the_beginning_of_a_larger_one(gallery: Gallery) -> None:
    small = generate("hard", 300, 3)
    for name in ("vectors", "r", "cluster", "part"):
        assert np.array_equal(getattr(small, name), getattr(gallery, name)[:300]), name
    assert np.array_equal(small.queries, gallery.queries[:3])


def test_rows_are_of_unit_length_and_like_their_cluster(gallery: Gallery) -> None:
    rows = gallery.vectors[:500].astype(np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=2e-3)
    alike = rows @ rows.T
    same = gallery.cluster[:500, None] == gallery.cluster[None, :500]
    assert alike[same].mean() > 0.4 > 0.1 > abs(alike[~same].mean())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_case_keeps_its_share(gallery: Gallery, case: Case) -> None:
    for query, home in enumerate(gallery.homes):
        mask = case.filter(gallery, query).keeps(gallery)
        assert mask.mean() == pytest.approx(case.share, rel=0.2, abs=0.003)
        if case.kind in ("correlated", "anti-correlated") and case.share < 1:
            assert mask[gallery.cluster == home].any() == (case.kind == "correlated")


@pytest.mark.parametrize(
    ("condition", "where", "params", "text"),
    [
        (Filter(), None, {}, None),
        (Filter(below=("r", 0.01)), "r < %(below)s", {"below": 0.01}, "r < 0.01"),
        (Filter(clusters=(3, 7)), "cluster = ANY(%(clusters)s)", {"clusters": [3, 7]}, "cluster IN (3, 7)"),
        (
            Filter(clusters=(3,), below=("part", 0.1)),
            "cluster = ANY(%(clusters)s) AND part < %(below)s",
            {"clusters": [3], "below": 0.1},
            "cluster IN (3) AND part < 0.1",
        ),
    ],
    ids=["none", "share", "clusters", "part"],
)
def test_a_filter_says_the_same_in_all_words(
    condition: Filter, where: str | None, params: dict[str, object], text: str | None
) -> None:
    assert (condition.where, condition.params, condition.text) == (where, params, text)


def test_truth_is_what_measuring_everything_finds(gallery: Gallery) -> None:
    filters = [Case("random", 0.2).filter(gallery, query) for query in range(len(gallery.queries))]
    exact = truth(gallery, rough_squares(gallery), filters, 10)
    rows, queries = gallery.vectors.astype(np.float64), gallery.queries.astype(np.float64)
    for query in range(len(queries)):
        distances = np.sort(np.linalg.norm(rows[filters[query].keeps(gallery)] - queries[query], axis=1))
        assert distances[9] <= exact.reach[query] < distances[10]
    assert exact.counts.tolist() == [10] * len(queries)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0", "1"], Grade(1.0, True)),
        (["0", "2"], Grade(1.0, True)),  # as far as 1
        (["0", "3"], Grade(0.5, True)),
        (["0", "0"], Grade(0.5, False)),
        (["0"], Grade(0.5, False)),
        (["0", "1", "2"], Grade(1.0, False)),
        ([], Grade(0.0, False)),
    ],
    ids=["nearest", "as near", "one too far", "twice", "too few", "too many", "nothing"],
)
def test_grades(names: list[str], expected: Grade) -> None:
    places = line(1, 2, -2, 3)
    assert grade(places, truth(places, rough_squares(places), [Filter()], 2), 0, Filter(), names) == expected


def test_rows_that_do_not_match_count_for_nothing() -> None:
    places, odd = line(1, 2, 3, 4), Filter(clusters=(1,))
    exact = truth(places, rough_squares(places), [odd], 2)
    assert grade(places, exact, 0, odd, ["1", "3"]) == Grade(1.0, True)
    assert grade(places, exact, 0, odd, ["0", "1"]) == Grade(0.5, False)


def test_all_rows_there_are_will_do() -> None:
    places, few, none = line(1, 2, 3, 4), Filter(below=("r", 0.25)), Filter(below=("r", 0.0))
    assert grade(places, truth(places, rough_squares(places), [few], 2), 0, few, ["0"]) == Grade(1.0, True)
    assert grade(places, truth(places, rough_squares(places), [none], 2), 0, none, []) == Grade(1.0, True)
