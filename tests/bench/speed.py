"""Speed and memory, each beside its yardstick in the same run: python -m tests.bench.speed FOLDER_OF_PHOTOS.

Import against a bare loop that only decodes and runs the same network in the same batches and threads; ``pipeline_run``
against the same steps by hand; starting up against Python itself; the peak memory of a long import against a short one.
"""

import io
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import open_analytic
from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.pipeline import spec
from open_analytic.pipeline.run import BATCHES_AHEAD, RUNNERS
from tests.bench import machine

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

PIPELINE, MODEL = "general_feature_extractor", "efficientnet_lite2"
PHOTOS, FEW, ROUNDS = 2000, 200, 3
MEMORY = "import sys; from pathlib import Path; from tests.bench import speed; speed.import_and_tell(Path(sys.argv[1]))"


def main(folder: Path) -> None:
    """Print every figure with the machine."""
    print(machine.describe())
    files = sorted(path for path in folder.iterdir() if path.is_file())
    with tempfile.TemporaryDirectory() as top:
        many, few = (repeated(files, count, Path(top) / str(count)) for count in (PHOTOS, FEW))
        print_import(many)
        print_one_photo(files)
        print_start()
        print_memory(many, few)


def repeated(files: list[Path], count: int, folder: Path) -> Path:
    """A folder with ``count`` photos: the given ones again and again, under other names."""
    folder.mkdir()
    for number, path in enumerate(itertools.islice(itertools.cycle(files), count)):
        (folder / f"{number:05}{path.suffix}").symlink_to(path.resolve())
    return folder


def print_import(folder: Path) -> None:
    """Rows a second of both, in turns."""
    bare, imports = [], []
    for _ in range(ROUNDS):
        bare.append(PHOTOS / timed(lambda: bare_loop(sorted(folder.iterdir()))))
        with collection() as photos:
            report = photos.import_files(folder)
            imports.append(PHOTOS / report.seconds)
            assert report.added == PHOTOS
    print(f"\nimport of {PHOTOS:,} photos, median of {ROUNDS} rounds in turns")
    print(f"  bare loop (decode, model)            {statistics.median(bare):7.1f} photos/s")
    print(f"  import_files (and hash, COPY, commit) {statistics.median(imports):6.1f} photos/s")
    ratios = [mine / yardstick for mine, yardstick in zip(imports, bare, strict=True)]
    print(f"  ratio                                {statistics.median(ratios):7.2f}   (promised: at least 0.90)")


@contextmanager
def collection() -> Iterator[open_analytic.Collection]:
    """An empty collection on a fresh embedded server, its model there."""
    settings = Settings.read()
    with tempfile.TemporaryDirectory() as home, open_analytic.connect(home=home, settings=settings) as db:
        db.pipeline_create(PIPELINE)
        db.engine.prepare(db.plan(PIPELINE))
        yield db.create_collection("bench", pipeline=PIPELINE)


def session(threads: int) -> "tuple[InferenceSession, str]":
    """The same network with the engine's options, and the output the pipeline uses."""
    import onnxruntime  # after open_analytic, which turns its telemetry off

    library = Library(Settings.read())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    role = next(step.parameters["role"] for step in spec.preset(PIPELINE).steps if step.model == MODEL)
    return (
        onnxruntime.InferenceSession(str(library.path(MODEL)), options, providers=["CPUExecutionProvider"]),
        library.card(MODEL).outputs[role].name,
    )


def decode(data: bytes) -> NDArray[np.float32]:
    """A photo as the network takes it, in as few words as possible."""
    with Image.open(io.BytesIO(data)) as file:
        pixels = np.asarray(file.convert("RGB"))
    small = cv2.resize(pixels, (260, 260), interpolation=cv2.INTER_LINEAR)
    return (small.transpose(2, 0, 1) - np.float32(127)) / np.float32(128)


def bare_loop(paths: list[Path]) -> None:
    """Decode in threads, and run batches side by side as the engine does. Nothing is checked, kept or written."""
    cores = os.cpu_count() or 1
    runners = min(RUNNERS, cores)
    network, output = session(cores // runners)
    size = max(1, 2 * cores // runners)
    with ThreadPoolExecutor(cores) as decoders, ThreadPoolExecutor(runners) as runs:
        ahead: deque[Future[object]] = deque()
        rest = iter(paths)
        while True:
            while len(ahead) < BATCHES_AHEAD and (part := list(itertools.islice(rest, size))):
                decoded = [decoders.submit(lambda place: decode(place.read_bytes()), path) for path in part]
                ahead.append(runs.submit(run_batch, network, output, decoded))
            if not ahead:
                return
            ahead.popleft().result()


def run_batch(
    network: "InferenceSession", output: str, decoded: list[Future[NDArray[np.float32]]]
) -> NDArray[np.float32]:
    (rows,) = network.run([output], {"input": np.stack([each.result() for each in decoded])})
    return np.asarray(rows)


def print_one_photo(files: list[Path]) -> None:
    """Medians over single photos: the network alone, the steps by hand, and pipeline_run."""
    network, output = session(Settings.read().threads)
    photos = [path.read_bytes() for path in files]
    with tempfile.TemporaryDirectory() as home, open_analytic.connect(home=home) as db:
        db.pipeline_create(PIPELINE)
        db.engine.prepare(db.plan(PIPELINE))
        alone, by_hand, ours = [], [], []
        for photo in photos:
            tensor = decode(photo)[None]
            alone.append(timed(lambda tensor=tensor: network.run([output], {"input": tensor})))  # type: ignore[misc]
            by_hand.append(timed(lambda photo=photo: network.run([output], {"input": decode(photo)[None]})))  # type: ignore[misc]
            ours.append(timed(lambda photo=photo: db.pipeline_run(PIPELINE, photo)))  # type: ignore[misc]
    model, steps, run = (1000 * statistics.median(times) for times in (alone, by_hand, ours))
    print(f"\none photo, median of {len(photos)}")
    print(f"  the network alone        {model:6.2f} ms")
    print(f"  decode and network       {steps:6.2f} ms")
    print(f"  pipeline_run             {run:6.2f} ms")
    print(f"  added to the two         {(run - steps) / model:6.1%} of the network's time   (promised: at most 10 %)")


def print_start() -> None:
    """Medians of fresh processes."""
    bare = process("-c", "pass")
    imports = process("-c", "import open_analytic") - bare
    help_ = process("-m", "open_analytic", "--help")
    print("\nstarting, median of 15 processes")
    print(f"  import open_analytic     {imports:6.3f} s over a bare Python ({bare:.3f} s)   (promised: under 0.15 s)")
    print(f"  open-analytic --help     {help_:6.3f} s in all   (promised: under 0.4 s)")


def process(*words: str) -> float:
    """Seconds of a Python process."""
    command = [sys.executable, *words]
    return statistics.median(
        timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) for _ in range(15)
    )


def print_memory(many: Path, few: Path) -> None:
    """Peaks of two processes of their own."""
    peaks = {folder.name: peak_mb(folder) for folder in (few, many)}
    print("\npeak memory of an import, a process each")
    for count, megabytes in peaks.items():
        print(f"  {count:>5} photos             {megabytes:6.0f} MB")
    print(f"  ratio                    {peaks[many.name] / peaks[few.name]:6.2f}   (promised: at most 1.20)")


def peak_mb(folder: Path) -> float:
    done = subprocess.run([sys.executable, "-c", MEMORY, folder], check=True, capture_output=True, text=True)
    return float(done.stdout)


def import_and_tell(folder: Path) -> None:
    """Import a folder and print this process's peak resident memory in MB."""
    import resource

    with collection() as photos:
        photos.import_files(folder)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(Path(sys.argv[1]))
