"""Galleries to search, filters for them, and what a search should have found: everything with fixed seeds."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from psycopg import sql

from open_analytic.demo.edits import encoded
from open_analytic.importer import VectorRow

Halves: TypeAlias = NDArray[np.float16]  # (n, dim), as halfvec keeps them: what is rounded away is nobody's loss
Singles: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.intp]
Features: TypeAlias = Callable[[Iterable[bytes]], Halves]  # pictures to a row each
Kind: TypeAlias = Literal["random", "correlated", "anti-correlated"]

INTRINSIC = {"easy": 12, "hard": 48}  # dimensions a cluster has
DIM, CLUSTERS, NOISE, BLOCK = 512, 100, 0.05, 10_000
SEED, QUERY_SEED, SPACE_SEED, COLUMN_SEED = 7, 8, 9, 10
SHARES = (0.001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
COLUMNS = {"r": "real", "cluster": "integer", "part": "real"}
SPARE = 32  # rows beyond k that are measured exactly, since the rough measure can swap the last ones
TOLERANCE = 1e-6  # relative: PostgreSQL adds up in 32-bit floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """Rows with the columns that filters use, and queries drawn as the rows were."""

    name: str
    vectors: Halves
    r: Singles  # uniform in 0 to 1
    cluster: Numbers
    part: Singles  # uniform in 0 to 1, for filters that keep a part of a cluster
    queries: Halves
    homes: Numbers  # the cluster of each query
    order: NDArray[np.intp]  # (clusters, clusters): beginning with each, the others by the distance of their centres

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def sizes(self) -> Numbers:
        return np.bincount(self.cluster, minlength=len(self.order))

    def rows(self) -> Iterator[VectorRow]:
        """As a collection imports them, one at a time; a row's name is its number."""
        for number, vector in enumerate(self.vectors):
            yield f"{number:08}", vector, self.values(number)

    def values(self, number: int) -> dict[str, Any]:
        return {
            "r": float(self.r[number]),
            "cluster": int(self.cluster[number]),
            "part": float(self.part[number]),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A condition on columns: what is None is not asked for."""

    below: tuple[str, float] | None = None  # a column, and what it must be less than
    clusters: tuple[int, ...] | None = None

    @property
    def where(self) -> str | None:
        """For search(filter=...)."""
        parts = ["cluster = ANY(%(clusters)s)"] if self.clusters is not None else []
        parts += [f"{self.below[0]} < %(below)s"] if self.below else []
        return " AND ".join(parts) or None

    @property
    def params(self) -> Mapping[str, Any]:
        """For search(params=...)."""
        values: dict[str, Any] = {} if self.clusters is None else {"clusters": list(self.clusters)}
        return values | ({"below": self.below[1]} if self.below else {})

    @property
    def text(self) -> str | None:
        """With the values written in, in words that every SQL knows."""
        parts = [f"cluster IN ({', '.join(map(str, self.clusters))})"] if self.clusters is not None else []
        parts += [f"{self.below[0]} < {sql.Literal(self.below[1]).as_string()}"] if self.below else []
        return " AND ".join(parts) or None

    def keeps(self, gallery: Gallery, rows: Numbers | slice = slice(None)) -> NDArray[np.bool_]:
        """Which of the rows match."""
        cluster = gallery.cluster[rows]
        mask = np.ones(len(cluster), dtype=np.bool_)
        if self.clusters is not None:
            chosen = np.zeros(len(gallery.order), dtype=np.bool_)
            chosen[list(self.clusters)] = True
            mask &= chosen[cluster]
        if self.below:
            column = {"r": gallery.r, "part": gallery.part}[self.below[0]]
            mask &= column[rows].astype(np.float64) < self.below[1]  # as real < float8 compares
        return mask


@dataclass(frozen=True, slots=True)
class Case:
    """What a filter keeps, and how that lies to the query. Correlated ones differ from query to query."""

    kind: Kind | None
    share: float = 1.0

    def __str__(self) -> str:
        return f"{self.kind} {100 * self.share:g} %" if self.kind else "no filter"

    def filter(self, gallery: Gallery, query: int) -> Filter:
        if self.kind is None:
            return Filter()
        if self.kind == "random":
            return Filter(below=("r", self.share))
        order = gallery.order[gallery.homes[query]]
        return nearest(gallery, order if self.kind == "correlated" else order[::-1], self.share)


CASES = (Case(None), *(Case(kind, share) for kind, share in itertools.product(get_args(Kind), SHARES)))
QUICK_CASES = (Case(None), *(Case(kind, share) for kind, share in itertools.product(get_args(Kind), (0.01, 0.1, 0.5))))


def nearest(gallery: Gallery, order: Numbers, share: float) -> Filter:
    """The first clusters of an order that keep about the share of rows, or a part of the very first."""
    size, sizes = share * len(gallery), gallery.sizes[order]
    if size < 0.75 * sizes[0]:
        return Filter(clusters=(int(order[0]),), below=("part", round(float(size / sizes[0]), 6)))
    count = len(order) if share == 1 else 1 + int(np.argmin(np.abs(np.cumsum(sizes) - size)))
    return Filter(clusters=tuple(sorted(int(cluster) for cluster in order[:count])))


def generate(name: str, rows: int, queries: int) -> Gallery:
    """A gallery of unit vectors in 100 clusters, block by block: a smaller one is the beginning of a larger one."""
    space = np.random.default_rng([SPACE_SEED, INTRINSIC[name]])
    centres = space.standard_normal((CLUSTERS, DIM), dtype=np.float32)
    bases = space.standard_normal((CLUSTERS, INTRINSIC[name], DIM), dtype=np.float32) / np.sqrt(INTRINSIC[name])
    vectors, cluster = _draw(centres, bases, rows, SEED)
    query_vectors, homes = _draw(centres, bases, queries, QUERY_SEED)
    return _gallery(name, vectors, cluster, query_vectors, homes, centres)


def _draw(centres: Singles, bases: Singles, rows: int, seed: int) -> tuple[Halves, Numbers]:
    vectors, cluster = np.empty((rows, DIM), np.float16), np.empty(rows, np.intp)
    for start in range(0, rows, BLOCK):
        random = np.random.default_rng([seed, start])
        which = random.integers(0, CLUSTERS, BLOCK)
        places = random.standard_normal((BLOCK, bases.shape[1]), dtype=np.float32)
        stop = min(rows, start + BLOCK)
        numbers = which[: stop - start]
        block = centres[numbers] + NOISE * random.standard_normal((len(numbers), DIM), dtype=np.float32)
        for number in np.unique(numbers):
            here = numbers == number
            # The product of all: that of fewer rows is rounded otherwise.
            block[here] += (places[which == number] @ bases[number])[: here.sum()]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        vectors[start:stop], cluster[start:stop] = block, numbers
    return vectors, cluster


def from_photos(folder: Path, features: Features, *, variations: int, queries: int) -> Gallery:
    """Features of photos that were cropped, turned and mirrored; a cluster is a photo, a query one more variation."""
    photos = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir()) if path.is_file()]
    cluster = np.repeat(np.arange(len(photos)), variations)
    homes = np.random.default_rng(QUERY_SEED).integers(0, len(photos), queries)
    vectors = features(_variations(photos, cluster, SEED))
    centres = vectors.reshape(len(photos), variations, -1).mean(axis=1, dtype=np.float32)
    return _gallery("photos", vectors, cluster, features(_variations(photos, homes, QUERY_SEED)), homes, centres)


def _variations(photos: list[Image.Image], which: Numbers, seed: int) -> Iterator[bytes]:
    random = np.random.default_rng(seed)
    return (encoded(varied(photos[number], random)) for number in which)


def varied(photo: Image.Image, random: np.random.Generator) -> Image.Image:
    """Turned by up to 15 degrees, cropped to half of its area or more, and mirrored as often as not."""
    turned = photo.rotate(float(random.uniform(-15, 15)), Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    side = float(np.sqrt(random.uniform(0.5, 1)))
    width, height = (round(side * length) for length in photo.size)
    left, top = (int(random.integers(0, room + 1)) for room in (photo.width - width, photo.height - height))
    cropped = turned.crop((left, top, left + width, top + height))
    return ImageOps.mirror(cropped) if random.random() < 0.5 else cropped


def _gallery(
    name: str, vectors: Halves, cluster: Numbers, queries: Halves, homes: Numbers, centres: Singles
) -> Gallery:
    columns = np.random.default_rng(COLUMN_SEED).random((len(vectors), 2), dtype=np.float32)
    units = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return Gallery(
        name=name,
        vectors=vectors,
        r=columns[:, 0].copy(),
        cluster=cluster,
        part=columns[:, 1].copy(),
        queries=queries,
        homes=homes,
        order=np.argsort(-(units @ units.T), axis=1, kind="stable"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What an exact search of each query would find: how many rows, and how far away the last of them is."""

    counts: Numbers  # (queries,) k, or fewer where fewer match
    reach: NDArray[np.float64]  # (queries,) the distance of the last, a little more for rounding


@dataclass(frozen=True, slots=True)
class Grade:
    """An answer: the share of the nearest rows in it, and whether it has k rows that match (or all there are)."""

    recall: float
    whole: bool


def rough_squares(gallery: Gallery) -> Singles:
    """Squared distances of every query to every row, to within the rounding of 32 bits: (queries, rows)."""
    queries = gallery.queries.astype(np.float32)
    squares = np.empty((len(queries), len(gallery)), np.float32)
    for start in range(0, len(gallery), BLOCK):
        block = gallery.vectors[start : start + BLOCK].astype(np.float32)
        squares[:, start : start + BLOCK] = np.square(block).sum(axis=1) - 2 * (queries @ block.T)
    squares += np.square(queries).sum(axis=1)[:, None]
    return squares


def distances(gallery: Gallery, query: int, rows: Numbers) -> NDArray[np.float64]:
    apart = gallery.vectors[rows].astype(np.float64) - gallery.queries[query].astype(np.float64)
    return np.asarray(np.linalg.norm(apart, axis=1))


def truth(gallery: Gallery, squares: Singles, filters: Sequence[Filter], k: int) -> Truth:
    """For one filter a query; ``squares`` are those of ``rough_squares``."""
    counts, reach = np.zeros(len(filters), np.intp), np.zeros(len(filters))
    for query, condition in enumerate(filters):
        rows = np.flatnonzero(condition.keeps(gallery))
        if len(rows) > k + SPARE:
            rows = rows[np.argpartition(squares[query, rows], k + SPARE)[: k + SPARE]]
        nearest = np.sort(distances(gallery, query, rows))[:k]
        counts[query] = len(nearest)
        reach[query] = nearest[-1] * (1 + TOLERANCE) if len(nearest) else 0
    return Truth(counts=counts, reach=reach)


def grade(gallery: Gallery, truth: Truth, query: int, condition: Filter, names: Sequence[str]) -> Grade:
    """A row that does not match, or comes twice, counts for nothing."""
    rows = np.unique(np.array([int(name) for name in names], np.intp))
    rows = rows[condition.keeps(gallery, rows)]
    size = int(truth.counts[query])
    right = int((distances(gallery, query, rows) <= truth.reach[query]).sum())
    return Grade(min(1.0, right / size) if size else 1.0, len(rows) == len(names) == size)
