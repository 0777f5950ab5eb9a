"""A picture of what the index of a collection finds and costs: SVG for light and dark pages, on its own."""

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # which would load NumPy
    from open_analytic.types import RecallCurve

RANKS = (1, 10, 100, 1000)  # those shown; what is measured between them looks the same
RECALLS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)  # on the axis; more than the last is drawn there
WIDTH, HEIGHT = 880, 520  # pixels
LEFT, RIGHT, TOP, BOTTOM = 84, 740, 104, 454  # of the plot within
LABEL_WIDTH, LINE, GAP = 118, 18, 12  # of the labels at the lines' ends
NAME = 32  # letters of the collection's name in the heading
SHORTEST_MS = 0.001
LOGARITHMIC = 15  # times as long as the shortest is the longest, from where on the axis is
STYLE = """
.recall { color-scheme: light dark; max-width: 100%; height: auto; font: 13px system-ui, Helvetica, Arial, sans-serif; }
.recall .paper { fill: #ffffff; }
.recall text { fill: #1a202c; }
.recall .heading { font-size: 17px; font-weight: 600; }
.recall .quiet { fill: #5a6474; }
.recall .grid { stroke: #e2e8f0; }
.recall .exact { stroke: #4a5568; stroke-width: 1.5; stroke-dasharray: 6 4; }
.recall polyline { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.recall .leader { stroke: currentColor; opacity: 0.6; }
.recall g circle, .recall g text { fill: currentColor; }
.recall .k1 { color: #2b6cb0; }
.recall .k10 { color: #b7520a; }
.recall .k100 { color: #1f7a4d; }
.recall .k1000 { color: #8b3fa8; }
@media (prefers-color-scheme: dark) {
.recall .paper { fill: #14181f; }
.recall text { fill: #e8ecf2; }
.recall .quiet { fill: #a3adbb; }
.recall .grid { stroke: #2b3340; }
.recall .exact { stroke: #b4bdca; }
.recall .k1 { color: #6cb2f5; }
.recall .k10 { color: #f5a35c; }
.recall .k100 { color: #5fd39a; }
.recall .k1000 { color: #d69cf0; }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Time:
    """The axis of milliseconds."""

    low: float
    high: float
    logarithmic: bool

    def x(self, ms: float) -> float:
        if self.logarithmic:
            fraction = math.log(max(ms, SHORTEST_MS) / self.low) / math.log(self.high / self.low)
        else:
            fraction = (ms - self.low) / (self.high - self.low)
        return LEFT + fraction * (RIGHT - LEFT)

    def ticks(self) -> list[float]:
        """Round numbers, at most about a dozen."""
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            steps = (1, 2, 5) if self.high <= 10_000 * self.low else (1,)
            candidates = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        else:
            power = 10.0 ** math.floor(math.log10(self.high / 8))
            step = power * next(step for step in (1, 2, 5, 10) if step * power * 8 >= self.high)
            candidates = [number * step for number in range(9)]
        return [ms for ms in candidates if self.low <= ms <= self.high]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    x: float
    y: float
    title: str


def draw(curve: "RecallCurve", *, name: str) -> str:
    """The recall of the nearest 1, 10, 100 and 1000 rows over milliseconds, a point for each effort, as SVG."""
    axis = _time([*curve.all_ms, curve.exact_ms])
    elements = (
        _head(curve, name),
        *_recall_axis(),
        *_time_axis(curve, axis),
        *_exact(curve, axis),
        *_lines(curve, axis),
    )
    return "\n".join((*elements, "</svg>", ""))


def _time(times: Sequence[float]) -> _Time:
    low, high = max(min(times), SHORTEST_MS), max(*times, SHORTEST_MS)
    if high > LOGARITHMIC * low:
        return _Time(low=low / 1.2, high=high * 1.2, logarithmic=True)
    return _Time(low=0, high=high * 1.1, logarithmic=False)


def _y(recall: float) -> float:
    """From 0.9 to 0.99 is as far as from 0 to 0.9: what counts is how few are missed."""
    return BOTTOM - math.log(1 - min(max(recall, 0), RECALLS[-1])) / math.log(1 - RECALLS[-1]) * (BOTTOM - TOP)


def _head(curve: "RecallCurve", name: str) -> str:
    name = "".join(letter if letter.isprintable() else "·" for letter in name)
    when = f"{curve.measured_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    measured = f"Measured with {curve.queries:,} rows of {curve.rows:,} as queries, {when}."
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" class="recall" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" \
height="{HEIGHT}">
<title>{escape(_heading(name))}</title>
<desc>{escape(_described(curve))}</desc>
<style>{STYLE}</style>
<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>
<text class="heading" x="24" y="34">{escape(_heading(_short(name)))}</text>
<text class="quiet" x="24" y="56">{escape(measured)}</text>"""


def _heading(name: str) -> str:
    return f"Recall and time of the index of {name}"


def _short(name: str) -> str:
    """The name with its middle left out where it is too long; a Chinese letter takes the place of two."""
    keep = NAME // 2 if any(unicodedata.east_asian_width(letter) in "WF" for letter in name) else NAME
    return name if len(name) <= keep else f"{name[: keep // 2]}…{name[-(keep // 2) :]}"


def _described(curve: "RecallCurve") -> str:
    """What the picture shows, for who does not see it."""
    best = ", ".join(f"{curve.recalls[-1][curve.ranks.index(rank)]:.3f} of {rank}" for rank in _ranks(curve))
    return (
        f"Recall over milliseconds, a line for each number of neighbours. With {curve.efforts[-1]} rows of the index, "
        f"in {_ms(curve.all_ms[-1])}, the recall is {best}. An exact search takes {_ms(curve.exact_ms)}."
    )


def _ranks(curve: "RecallCurve") -> list[int]:
    return [rank for rank in RANKS if rank in curve.ranks]


def _recall_axis() -> Iterator[str]:
    for recall in RECALLS:
        y = _y(recall)
        yield f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        mark = f"{'≥ ' if recall == RECALLS[-1] else ''}{recall:g}"
        yield f'<text class="quiet" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>'
    middle = (TOP + BOTTOM) / 2
    label = "recall (scale: logarithm of the part missed)"
    yield f'<text text-anchor="middle" transform="translate(24 {middle}) rotate(-90)">{label}</text>'


def _time_axis(curve: "RecallCurve", axis: _Time) -> Iterator[str]:
    for ms in axis.ticks():
        x = axis.x(ms)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}"/>'
        yield f'<text class="quiet" x="{x:.1f}" y="{BOTTOM + 20}" text-anchor="middle">{ms:,g}</text>'
    scale = " (logarithmic scale)" if axis.logarithmic else ""
    efforts = " to ".join(f"{effort:,}" for effort in dict.fromkeys((curve.efforts[0], curve.efforts[-1])))
    label = f"time in ms{scale} of a search that takes {efforts} rows of the index"
    yield f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 46}" text-anchor="middle">{label}</text>'


def _exact(curve: "RecallCurve", axis: _Time) -> Iterator[str]:
    x, label = axis.x(curve.exact_ms), f"exact search: {_ms(curve.exact_ms)}"
    yield f'<line class="exact" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{BOTTOM}"><title>{label}</title></line>'
    yield f'<text x="{x:.1f}" y="{TOP - 15}" text-anchor="middle">{label}</text>'


def _lines(curve: "RecallCurve", axis: _Time) -> Iterator[str]:
    """A line for each rank, its points, and its name at its end, where nothing else stands."""
    lines = {rank: _points(curve, rank, axis) for rank in _ranks(curve)}
    labels = _spread({rank: points[-1].y for rank, points in lines.items()})
    right, exact = axis.x(max(curve.all_ms)), axis.x(curve.exact_ms)
    right = GAP + (exact if right < exact < right + GAP + LABEL_WIDTH else right)
    for number, (rank, points) in enumerate(lines.items()):
        yield f'<g class="k{rank}">'
        yield f'<polyline points="{" ".join(f"{point.x:.1f},{point.y:.1f}" for point in points)}"/>'
        end, y = points[-1], labels[rank]
        yield f'<line class="leader" x1="{end.x:.1f}" y1="{end.y:.1f}" x2="{right - 3:.1f}" y2="{y:.1f}"/>'
        radius = len(RANKS) + 2 - number  # what is drawn first looks out below
        for point in points:
            yield f'<circle cx="{point.x:.1f}" cy="{point.y:.1f}" r="{radius}"><title>{point.title}</title></circle>'
        yield f'<text x="{right:.1f}" y="{y + 4:.1f}">recall of {rank}</text>'
        yield "</g>"


def _points(curve: "RecallCurve", rank: int, axis: _Time) -> list[_Point]:
    place = curve.ranks.index(rank)
    return [
        _Point(
            x=axis.x(ms), y=_y(recalls[place]),
            title=f"{effort} rows of the index, {_ms(ms)}, recall of {rank}: {recalls[place]:.3f}",
        )
        for effort, ms, recalls in zip(curve.efforts, curve.all_ms, curve.recalls, strict=True)
    ]  # fmt: skip


def _spread(preferred: Mapping[int, float]) -> dict[int, float]:
    """Heights near those wanted, a line apart, none below the plot."""
    order = sorted(preferred, key=lambda rank: preferred[rank])
    heights: list[float] = []
    for number, rank in enumerate(order):
        lowest = BOTTOM - LINE * (len(order) - 1 - number)
        heights.append(min(lowest, max(preferred[rank], heights[-1] + LINE if heights else TOP)))
    return dict(zip(order, heights, strict=True))


def _ms(ms: float) -> str:
    return f"{ms:,.0f} ms" if ms >= 100 else f"{ms:.1f} ms" if ms >= 1 else f"{ms:.2g} ms"
