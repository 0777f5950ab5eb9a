"""Where boxes stand that take from each other: in rows, each below what it takes from, with few wires crossing.

A wire that passes a row has a place of its own there, a lane. All that take from one box share its lanes, and the wires
into a box that takes from very many share lanes of that one. The rows are those of the longest path, the order within
them the barycentre's (Sugiyama, Tagawa and Toda, 1981).
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

ACROSS = 5  # boxes in a row at most
MANY = 8  # wires into a box with more than these become one
ORDERS, SETTLES = 12, 60  # times rows are gone through, down and up, to find an order and then places
APART, BESIDE, LANES = 24, 20, 12  # pixels between two boxes, a box and a lane, two lanes
BETWEEN, SLOPE, STEEP = 34, 0.08, 70  # pixels between two rows; more for each a wire goes aside, at most so many more
STRAIGHT = 8.0  # times as much as another counts a link that should be a straight line
PORTS, CORNER = 28, 20  # pixels between two wires into a box where there is room, at its ends without any
Item: TypeAlias = tuple[
    int, int
]  # a box and a row: the box itself, below it its lane, above it the one that leads to it
Link: TypeAlias = tuple[Item, Item]
Rows: TypeAlias = list[list[Item]]  # from left to right
Near: TypeAlias = Mapping[Item, list[Item]]  # those an item is linked with in the next row
Pulls: TypeAlias = Mapping[Item, list[tuple[Item, float]]]  # what it is linked with, and how much that counts


class Place(NamedTuple):
    x: float
    y: float
    height: float


class Piece(NamedTuple):
    """Of a wire: from a point to one further down, where it can enter a box."""

    x: float
    y: float
    to_x: float
    to_y: float
    enters: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The place of each box, and the wires of those that something takes from."""

    places: tuple[Place, ...]
    wires: Mapping[int, list[Piece]]
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    """Boxes in rows, and the lanes between them."""

    row_of: Sequence[int]
    above: Near
    below: Near
    width: float

    def is_box(self, item: Item) -> bool:
        return self.row_of[item[0]] == item[1]

    def half(self, item: Item) -> float:
        return self.width / 2 if self.is_box(item) else 0.0

    def apart(self, left: Item, right: Item) -> float:
        """How far the middles of two neighbours are from each other at least."""
        between = (LANES, BESIDE, APART)[self.is_box(left) + self.is_box(right)]
        return self.half(left) + between + self.half(right)


def arrange(
    sources: Sequence[Sequence[int]],
    *,
    late: AbstractSet[int],
    width: float,
    heights: Sequence[float],
    feet: Sequence[float],
) -> Layout:
    """The layout of boxes of one width, each listed after those it takes from; the ``late`` ones stand at the bottom.

    The foot of a box is the room below it for words. Boxes of a row are made as high as the highest, but
    for those that nothing takes from.
    """
    row_of = _rows_of(sources, late)
    rows, links = _items(sources, row_of)
    above, below = _near(links)
    graph = _Graph(row_of=row_of, above=above, below=below, width=width)
    rows = _ordered(rows, graph)
    return _planned(rows, _across(rows, graph), graph, heights=heights, feet=feet)


def _rows_of(sources: Sequence[Sequence[int]], late: AbstractSet[int]) -> list[int]:
    """The row of each box: the first below all it takes from that is not full."""
    rows: list[int] = []
    filled: Counter[int] = Counter()
    for number, inputs in enumerate(sources):
        row = max((rows[source] + 1 for source in inputs), default=0)
        if number in late and len(late) <= ACROSS:
            row = max([row, *(rows[other] + 1 for other in range(number) if other not in late)])
        while filled[row] == ACROSS:
            row += 1
        filled[row] += 1
        rows.append(row)
    return rows


def _items(sources: Sequence[Sequence[int]], row_of: Sequence[int]) -> tuple[Rows, list[Link]]:
    """Boxes and lanes row by row, and which are linked."""
    last = list(row_of)  # where the lanes of a box end
    first = list(row_of)  # and where those begin that lead to it
    links: list[Link] = []
    for number, inputs in enumerate(map(set, sources)):
        row = row_of[number]
        for source in sorted(inputs):
            if len(inputs) > MANY:
                first[number] = min(first[number], row_of[source] + 1)
                links.append(((source, row_of[source]), (number, row_of[source] + 1)))
            else:
                last[source] = max(last[source], row - 1)
                links.append(((source, row - 1), (number, row)))
    rows: Rows = [[] for _ in range(max(row_of) + 1)]
    for number, (begin, end) in enumerate(zip(first, last, strict=True)):
        passed = [(number, row) for row in range(begin, end + 1)]
        for item in passed:
            rows[item[1]].append(item)
        links += pairwise(passed)
    return rows, links


def _near(links: Iterable[Link]) -> tuple[Near, Near]:
    above: dict[Item, list[Item]] = {}
    below: dict[Item, list[Item]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    return above, below


def _ordered(rows: Rows, graph: _Graph) -> Rows:
    """The rows in the best order that going down and up a few times finds."""
    best, fewest = rows, _crossings(rows, graph.below)
    for sweep in range(ORDERS):
        rows = _swept(rows, graph.above) if sweep % 2 == 0 else _swept(rows[::-1], graph.below)[::-1]
        crossings = _crossings(rows, graph.below)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _swept(rows: Rows, near: Near) -> Rows:
    """Each row in the order of the middles of what is linked with it in the row before."""
    swept: Rows = []
    before: dict[Item, float] = {}
    for row in rows:
        positions = {
            item: _mean([before[other] for other in near[item]]) if item in near and before else float(place)
            for place, item in enumerate(row)
        }
        swept.append(sorted(row, key=positions.__getitem__))
        before = {item: float(place) for place, item in enumerate(swept[-1])}
    return swept


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _crossings(rows: Rows, below: Near) -> int:
    """How many pairs of links cross: those whose ends are in another order than their beginnings."""
    crossings = 0
    for upper, lower in pairwise(rows):
        place = {item: number for number, item in enumerate(lower)}
        seen: list[int] = []
        for item in upper:
            ends = sorted(place[other] for other in below.get(item, ()))
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


def _across(rows: Rows, graph: _Graph) -> dict[Item, float]:
    """The middle of each item: near those it is linked with, in order and apart from its neighbours."""
    xs = {item: 0.0 for row in rows for item in row}
    pulls = {item: _pulls(item, graph) for item in xs}
    for sweep in range(SETTLES):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            _settle(row, pulls, graph, xs)
        _align(rows, pulls, xs)
    left = min(x - graph.half(item) for item, x in xs.items())
    return {item: float(round(x - left)) for item, x in xs.items()}


def _pulls(item: Item, graph: _Graph) -> list[tuple[Item, float]]:
    """Straight are the links between lanes, and those of two items with nothing else between them."""
    pulls = []
    for near, back in ((graph.above, graph.below), (graph.below, graph.above)):
        for other in near.get(item, ()):
            lanes = not graph.is_box(item) and not graph.is_box(other)
            alone = len(near[item]) == len(back[other]) == 1
            pulls.append((other, STRAIGHT if lanes or alone else 1.0))
    return pulls


def _settle(row: Sequence[Item], pulls: Pulls, graph: _Graph, xs: dict[Item, float]) -> None:
    """Place a row where its links are shortest, by their squares: items that push each other become one block."""
    shifts = [0.0]
    for left, right in pairwise(row):
        shifts.append(shifts[-1] + graph.apart(left, right))
    blocks: list[tuple[float, float, int]] = []  # where its first would be, its weight, how many it has
    for item, shift in zip(row, shifts, strict=True):
        weight, count = sum(pull for _, pull in pulls[item]) or 1.0, 1
        mean = sum(xs[other] * pull for other, pull in pulls[item]) / weight - shift
        while blocks and blocks[-1][0] >= mean:
            other, heavy, many = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    means = [mean for mean, _, count in blocks for _ in range(count)]
    xs.update((item, mean + shift) for item, mean, shift in zip(row, means, shifts, strict=True))


def _align(rows: Rows, pulls: Pulls, xs: dict[Item, float]) -> None:
    """Move each row as a whole below the one above: what settling does to many rows only slowly."""
    for row in rows[1:]:
        ways = [(xs[other] - xs[item], pull) for item in row for other, pull in pulls[item] if other[1] < item[1]]
        straight = [way for way, pull in ways if pull == STRAIGHT] or [way for way, _ in ways]
        shift = _mean(straight or [0.0])
        xs.update((item, xs[item] + shift) for item in row)


def _planned(
    rows: Rows, xs: Mapping[Item, float], graph: _Graph, *, heights: Sequence[float], feet: Sequence[float]
) -> Layout:
    ports = _ports(rows, xs, graph)
    tops: list[float] = []
    bottoms: list[float] = []  # of the boxes, without their feet
    ends: list[float] = []
    for row in rows:
        boxes = [number for number, _ in filter(graph.is_box, row)]
        tops.append(ends[-1] + _gap(rows[len(ends) - 1], xs, ports, graph) if ends else 0.0)
        bottoms.append(tops[-1] + max(heights[box] for box in boxes))
        ends.append(bottoms[-1] + max(feet[box] for box in boxes))
    wires: dict[int, list[Piece]] = {}
    for row, top, bottom, end in zip(rows, tops, bottoms, ends, strict=True):
        for item in filter(graph.below.__contains__, row):
            box, x = item[0], xs[item]
            pieces = wires.setdefault(box, [])
            pieces.append(Piece(x, bottom if graph.is_box(item) else top, x, end))
            for other in graph.below[item]:
                pieces.append(Piece(x, end, ports[item, other], tops[other[1]], graph.is_box(other)))
    places = [
        Place(
            xs[box, row] - graph.width / 2,
            tops[row],
            bottoms[row] - tops[row] if feet[box] or (box, row) in graph.below else heights[box],
        )
        for box, row in enumerate(graph.row_of)
    ]
    right = max(x + graph.half(item) for item, x in xs.items())
    return Layout(places=tuple(places), wires=wires, width=right, height=ends[-1])


def _gap(
    row: Sequence[Item], xs: Mapping[Item, float], ports: Mapping[tuple[Item, Item], float], graph: _Graph
) -> float:
    """The height below a row, more where a wire goes far aside."""
    aside = max((abs(ports[item, other] - xs[item]) for item in row for other in graph.below.get(item, ())), default=0)
    return float(round(BETWEEN + min(aside * SLOPE, STEEP)))


def _ports(rows: Rows, xs: Mapping[Item, float], graph: _Graph) -> dict[tuple[Item, Item], float]:
    """Where each link ends: on a lane, or at the top of a box beside the others that do, in their order."""
    ports = {}
    for item in (item for row in rows for item in row):
        near = sorted(graph.above.get(item, ()), key=xs.__getitem__)
        between = min(PORTS, (graph.width - 2 * CORNER) / max(len(near) - 1, 1)) if graph.is_box(item) else 0
        for number, other in enumerate(near):
            ports[other, item] = xs[item] + (number - (len(near) - 1) / 2) * between
    return ports
