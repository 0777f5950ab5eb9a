"""How good image_tagger's scores are: python -m tests.bench.tags FOLDER_OF_PHOTOS.

The temperature is fitted on every other photo, to the log loss of the likeliest class, right or not. Everything that is
printed is measured on the other half, with intervals of 95 %: Wilson's of shares, 2,000 bootstrap samples of the rest.
"""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.operators.classify_image import softmax
from open_analytic.operators.embed import outputs
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits
from open_analytic.operators.resize import Fit
from open_analytic.pipeline.spec import preset
from open_analytic.runtime.session import OnnxModel
from tests.bench import machine
from tests.bench.features import photos
from tests.bench.tag_classes import EXACT_CLASSES, WIDER_CLASSES

Numbers: TypeAlias = NDArray[np.float64]
Right: TypeAlias = NDArray[np.bool_]
MODEL = "efficientnet_lite2"
FITS: tuple[Fit, ...] = ("stretch", "cover", "contain")
TEMPERATURES = np.arange(40, 151) / 100
BINS = 10  # of scores, all of one width
THRESHOLD = 0.1  # of a tag
COLUMNS = (
    "fit, words", "photos", "temperature", "right", "mean score", "calibration error", "log loss", "tags: score, right",
)  # fmt: skip


def logits(paths: list[Path], fit: Fit) -> NDArray[np.float32]:
    library = Library(Settings.read())
    network = OnnxModel(library.path(MODEL), library.card(MODEL))
    pictures = [decode_image(path.read_bytes(), Limits(), shrink_to=260).pixels for path in paths]
    return np.concatenate([outputs([picture], network, "logits", fit) for picture in pictures])


def best(rows: NDArray[np.float32], truth: list[frozenset[int]], temperature: float) -> tuple[Numbers, Right]:
    """The score of each photo's likeliest class, and whether that is right."""
    scores = softmax(rows, temperature)
    return scores.max(axis=1), np.array([int(row.argmax()) in right for row, right in zip(scores, truth, strict=True)])


def tags(rows: NDArray[np.float32], truth: list[frozenset[int]], temperature: float) -> tuple[Numbers, Right]:
    """The same of every class above the threshold."""
    scores = softmax(rows, temperature)
    places = [(photo, number) for photo, number in np.argwhere(scores > THRESHOLD).tolist()]
    return np.array([scores[place] for place in places]), np.array([number in truth[at] for at, number in places])


def log_loss(scores: Numbers, right: Right) -> float:
    return float(-np.log(np.clip(np.where(right, scores, 1 - scores), 1e-9, 1)).mean())


def calibration_error(scores: Numbers, right: Right) -> float:
    """The expected one: how far the mean score of each bin is from the share that is right, by the bin's size."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    parts = [bins == number for number in range(BINS) if (bins == number).any()]
    return float(sum(abs(scores[part].mean() - right[part].mean()) * part.mean() for part in parts))


def wilson(right: Right) -> str:
    n, share, z = len(right), float(right.mean()), 1.96
    middle, half = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return f"{share:.3f} ({low:.3f} to {high:.3f})"


def bootstrap(measure: Callable[[Numbers, Right], float], scores: Numbers, right: Right) -> str:
    samples = np.random.default_rng(0).integers(0, len(scores), (2000, len(scores)))
    values = [measure(scores[sample], right[sample]) for sample in samples]
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{measure(scores, right):.3f} ({low:.3f} to {high:.3f})"


def fitted(rows: NDArray[np.float32], truth: list[frozenset[int]]) -> float:
    return float(min(TEMPERATURES, key=lambda temperature: log_loss(*best(rows, truth, temperature))))


def shipped() -> float:
    (step,) = [step for step in preset("image_tagger").steps if step.operator == "classify_image"]
    return float(step.parameters["temperature"])


def show(label: str, rows: NDArray[np.float32], truth: list[frozenset[int]], temperature: float) -> None:
    scores, right = best(rows, truth, temperature)
    tag_scores, right_tags = tags(rows, truth, temperature)
    error = bootstrap(calibration_error, scores, right)
    print(
        f"| {label} | {len(rows)} | {temperature:.2f} | {wilson(right)} | {scores.mean():.3f} | {error} | "
        f"{bootstrap(log_loss, scores, right)} | {len(tag_scores)}: {tag_scores.mean():.3f}, {right_tags.mean():.3f} |"
    )


def main(folder: Path) -> None:
    """Print the table."""
    words = {path: path.stem.split("_", 2)[-1] for path in photos(folder)}
    kinds = {"exact": EXACT_CLASSES, "wider": WIDER_CLASSES, "all": EXACT_CLASSES | WIDER_CLASSES}
    paths = [path for path in words if words[path] in kinds["all"]]
    print(machine.describe())
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for fit in FITS:
        rows = logits(paths, fit)
        for kind, classes in kinds.items():
            chosen = [at for at, path in enumerate(paths) if words[path] in classes]
            truth = [classes[words[paths[at]]] for at in chosen]
            learnt, measured = rows[chosen[::2]], rows[chosen[1::2]]
            for temperature in (1.0, fitted(learnt, truth[::2]), shipped()):
                show(f"{fit}, {kind}", measured, truth[1::2], temperature)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
