"""The plot of a recall curve is an SVG that shows every rank, whatever was measured and whatever the name."""

import dataclasses
import re
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from open_analytic.render import recall_curve
from open_analytic.types import RecallCurve

SVG = "{http://www.w3.org/2000/svg}"
CURVE = RecallCurve(
    measured_at=datetime(2026, 1, 24, 4, 9, 43, tzinfo=UTC), rows=100_000, queries=200, scan_ms=9.0, exact_ms=36.5,
    efforts=(40, 640, 4000), first_ms=(0.5, 1.0, 2.0), all_ms=(0.69, 2.4, 28.7), ranks=(1, 3, 10, 30, 100, 300, 1000),
    recalls=(
        (0.925, 0.93, 0.925, 0.923, 0.14, 0.0, 0.0),
        (0.985, 0.9875, 0.9886, 0.9855, 0.985, 0.982, 0.48),
        (0.99, 0.989, 0.991, 0.992, 0.992, 0.992, 0.99),
    ),
)  # fmt: skip


def drawn(curve: RecallCurve, name: str = "photos") -> ElementTree.Element:
    return ElementTree.fromstring(recall_curve.draw(curve, name=name))  # noqa: S314 - our own


def texts(root: ElementTree.Element) -> list[str | None]:
    return [element.text for element in root.iter(f"{SVG}text")]


def lines(root: ElementTree.Element) -> dict[str, list[tuple[float, ...]]]:
    """Where the points of each line are, by the line's name."""
    return {
        str(group.findtext(f"{SVG}text")): [
            tuple(map(float, point.split(","))) for point in str(group[0].get("points")).split(" ")
        ]
        for group in root.iter(f"{SVG}g")
    }


def curve(all_ms: tuple[float, ...], exact_ms: float, recalls: tuple[tuple[float, ...], ...]) -> RecallCurve:
    """So many efforts, so many of the ranks."""
    count = len(all_ms)
    return dataclasses.replace(
        CURVE, efforts=CURVE.efforts[:count], first_ms=all_ms, all_ms=all_ms, exact_ms=exact_ms,
        ranks=CURVE.ranks[: len(recalls[0])], recalls=recalls,
    )  # fmt: skip


def test_each_rank_has_a_line_and_each_effort_a_point_that_says_what_it_is() -> None:
    root = drawn(CURVE)
    assert list(lines(root)) == ["recall of 1", "recall of 10", "recall of 100", "recall of 1000"]
    assert [point.findtext(f"{SVG}title") for point in root.iter(f"{SVG}circle")][3:6] == [
        "40 rows of the index, 0.69 ms, recall of 10: 0.925",
        "640 rows of the index, 2.4 ms, recall of 10: 0.989",
        "4000 rows of the index, 28.7 ms, recall of 10: 0.991",
    ]


def test_it_says_what_it_shows_also_to_who_does_not_see_it() -> None:
    root = drawn(CURVE)
    assert (root.tag, root.get("role")) == (f"{SVG}svg", "img")
    assert root.findtext(f"{SVG}title") == "Recall and time of the index of photos"
    assert root.findtext(f"{SVG}desc") == (
        "Recall over milliseconds, a line for each number of neighbours. With 4000 rows of the index, in 28.7 ms, "
        "the recall is 0.990 of 1, 0.991 of 10, 0.992 of 100, 0.990 of 1000. An exact search takes 36.5 ms."
    )
    assert "@media (prefers-color-scheme: dark)" in str(root.findtext(f"{SVG}style"))
    assert {
        "Measured with 200 rows of 100,000 as queries, 2026-01-24 04:09 UTC.",
        "exact search: 36.5 ms",
        "recall (scale: logarithm of the part missed)",
        "time in ms (logarithmic scale) of a search that takes 40 to 4,000 rows of the index",
        "0", "0.9", "0.95", "0.99", "≥ 0.999", "1", "2", "5", "10", "20",
    } <= set(texts(root))  # fmt: skip


def test_from_90_to_99_percent_is_as_far_as_from_0_to_90_and_1_is_at_the_top() -> None:
    root = drawn(curve((1.0, 2.0, 3.0), 4.0, ((0.0,), (0.9,), (0.99,))))
    bottom, ninety, more = (y for _, y in lines(root)["recall of 1"])
    assert bottom == recall_curve.BOTTOM
    assert more - ninety == pytest.approx(ninety - bottom, abs=0.2)
    assert {y for _, y in lines(drawn(curve((1.0, 2.0), 4.0, ((1.0,), (0.9995,)))))["recall of 1"]} == {
        recall_curve.TOP
    }


@pytest.mark.parametrize(
    ("all_ms", "exact_ms", "ticks", "scale"),
    [
        ((1.0, 12.7), 5.0, ["0", "2", "4", "6", "8", "10", "12"], ""),
        ((0.2, 0.3), 0.21, ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"], ""),
        ((1.0, 2.0), 40.0, ["1", "2", "5", "10", "20"], " (logarithmic scale)"),
        ((0.02, 3.0), 4100.0, ["0.1", "1", "10", "100", "1,000"], " (logarithmic scale)"),
    ],
    ids=["even", "fractions", "logarithmic", "decades"],
)
def test_time_is_logarithmic_where_the_range_asks_for_it(
    all_ms: tuple[float, ...], exact_ms: float, ticks: list[str], scale: str
) -> None:
    labels = texts(drawn(curve(all_ms, exact_ms, ((0.5,), (0.9,)))))
    assert labels[2 + len(recall_curve.RECALLS) + 1 :][: len(ticks) + 1] == [
        *ticks,
        f"time in ms{scale} of a search that takes 40 to 640 rows of the index",
    ]


@pytest.mark.parametrize(
    "shape",
    [
        curve((0.3,), 0.21, ((1.0, 1.0, 1.0),)),
        curve((1.0, 2.0, 3.0), 2.0, ((0.97,) * 7,) * 3),
        curve((1.0, 2.0, 3.0), 3.1, ((0.0,) * 7,) * 3),
        curve((1.0, 2.0, 3.0), 90.0, ((1.0,) * 7,) * 3),
        curve((0.0, 0.0, 0.0), 0.0, ((1.0,) * 7,) * 3),
    ],
    ids=["one effort", "flat", "nothing found", "all found", "no time"],
)
def test_labels_stand_apart_and_beside_the_exact_search(shape: RecallCurve) -> None:
    root = drawn(shape)
    labels = [group.findall(f"{SVG}text")[0] for group in root.iter(f"{SVG}g")]
    assert [len(points) for points in lines(root).values()] == [len(shape.efforts)] * len(labels)
    heights = sorted(float(str(label.get("y"))) for label in labels)
    assert all(below - above >= recall_curve.LINE for above, below in pairwise(heights))
    assert heights[0] > recall_curve.TOP
    assert heights[-1] < recall_curve.BOTTOM + recall_curve.LINE
    (exact,) = [float(str(line.get("x1"))) for line in root.iter(f"{SVG}line") if line.get("class") == "exact"]
    left = float(str(labels[0].get("x")))
    assert not left <= exact <= left + recall_curve.LABEL_WIDTH
    assert left + recall_curve.LABEL_WIDTH <= recall_curve.WIDTH


@pytest.mark.parametrize(
    ("name", "whole", "title"),
    [
        ('a"b<script>&\x01\u202e', 'a"b<script>&··', 'a"b<script>&··'),
        ("]]><!--" + "x" * 100, "]]><!--" + "x" * 100, "]]><!--xxxxxxxxx…xxxxxxxxxxxxxxxx"),
        ("人脸" * 20, "人脸" * 20, "人脸人脸人脸人脸…人脸人脸人脸人脸"),
    ],
    ids=["markup", "long", "wide"],
)
def test_hostile_names_are_text(name: str, whole: str, title: str) -> None:
    root = drawn(CURVE, name)
    assert root.findtext(f"{SVG}title") == f"Recall and time of the index of {whole}"
    assert texts(root)[0] == f"Recall and time of the index of {title}"
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg", "title", "desc", "style", "rect", "text", "line", "g", "polyline", "circle"
    }  # fmt: skip


MS = st.floats(0, 1e7)


@given(st.integers(1, 3), st.integers(1, 7), st.data())
def test_whatever_was_measured_every_number_is_one_within_the_picture(
    efforts: int, ranks: int, data: st.DataObject
) -> None:
    all_ms = data.draw(st.tuples(*[MS] * efforts))
    recalls = data.draw(st.tuples(*[st.tuples(*[st.floats(0, 1)] * ranks)] * efforts))
    picture = recall_curve.draw(curve(all_ms, data.draw(MS), recalls), name="photos")
    assert not re.search(r'="-|\b(nan|inf)\b', picture, re.IGNORECASE)
    for points in lines(ElementTree.fromstring(picture)).values():  # noqa: S314 - our own
        assert all(
            recall_curve.LEFT <= x <= recall_curve.RIGHT and recall_curve.TOP <= y <= recall_curve.BOTTOM
            for x, y in points
        )
