"""The pages: a search, and an import beside the command line's: python -m tests.bench.web FOLDER_OF_PHOTOS.

A real Chromium imports the folder, a real service serves it, on an embedded server of its own.
"""

import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.demo.edits import EDITS, encoded
from tests import chromium
from tests.bench import machine

PIPELINE = "general_feature_extractor"
ROWS, SEARCHES, FILES, ROUNDS = 50_000, 100, 1000, 3
NOISE = 0.02
SEED = 7


def main(folder: Path) -> None:
    """Print every figure with the machine."""
    print(machine.describe())
    photos = [path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()]
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        home = Path(top) / "home"
        with open_analytic.connect(home=home) as db:
            fill(db, photos)
            for number in range(ROUNDS):
                for who in ("browser", "command"):
                    db.create_collection(f"{who}_{number}", pipeline=PIPELINE)
            with served(home) as address:
                print_search(address, photos)
                print_import(home, address, written(photos, Path(top) / "photos"))


def fill(db: OpenAnalytic, photos: list[bytes]) -> None:
    """50,000 features around those of the photos."""
    db.pipeline_create(PIPELINE)
    collection = db.create_collection("photos", pipeline=PIPELINE)
    features = np.array([db.pipeline_run(PIPELINE, data)["feature"] for data in photos], dtype=np.float32)
    random = np.random.default_rng(SEED)
    rows = features[random.integers(0, len(features), ROWS)]
    rows += NOISE * random.standard_normal(rows.shape, dtype=np.float32)
    collection.import_vectors((f"{number:05}.jpg", row, None) for number, row in enumerate(rows))


def print_search(address: str, photos: list[bytes]) -> None:
    """A picture sent, looked at and searched with: the two requests a page makes."""
    totals, parts = [], []
    with httpx.Client(base_url=address, timeout=60) as client:
        for data in varied(photos, SEARCHES + 5):
            start = time.perf_counter()
            query = client.post("/api/v1/collections/photos/queries", content=data).raise_for_status().json()
            answer = client.get("/api/v1/collections/photos/hits", params={"query": query["id"], "k": 50})
            totals.append(1000 * (time.perf_counter() - start))
            parts.append(answer.raise_for_status().json()["milliseconds"])
    totals, parts = totals[5:], parts[5:]  # the first load the model
    print(f"\na search for 50 of {ROWS:,} photos with one that was never seen, median of {SEARCHES}")
    print(f"  in all                  {statistics.median(totals):7.1f} ms   (promised: under 150)")
    for part, what in (("decode_and_model", "decoding and the model"), ("search", "the search")):
        print(f"  {what:<23} {statistics.median(each[part] for each in parts):7.1f} ms")


def varied(photos: list[bytes], count: int) -> Iterator[bytes]:
    """Photos nobody has sent before: each with a few rows and columns less."""
    for number, data in zip(range(count), itertools.cycle(photos)):
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        yield encoded(picture.crop((0, 0, picture.width - 1 - number // len(photos), picture.height - 2)))


def written(photos: list[bytes], folder: Path) -> Path:
    """A thousand different files."""
    folder.mkdir()
    edits = itertools.product((None, *EDITS.values()), photos)
    for number, (edit, data) in enumerate(itertools.islice(edits, FILES)):
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        (folder / f"{number:04}.jpg").write_bytes(encoded(edit(picture) if edit else picture))
    return folder


def print_import(home: Path, address: str, folder: Path) -> None:
    """Files a second of both, in turns."""
    browser, command = [], []
    for number in range(ROUNDS):
        command.append(FILES / by_command(home, f"command_{number}", folder))
        browser.append(FILES / by_browser(address, f"browser_{number}", folder))
    ratios = [mine / yardstick for mine, yardstick in zip(browser, command, strict=True)]
    print(f"\nimport of {FILES:,} files, median of {ROUNDS} rounds in turns")
    print(f"  open-analytic import  {statistics.median(command):7.1f} files/s")
    print(f"  a page in Chromium    {statistics.median(browser):7.1f} files/s")
    print(f"  ratio                 {statistics.median(ratios):7.2f}   (promised: at least 0.80)")


def by_command(home: Path, collection: str, folder: Path) -> float:
    """Seconds from its start to its end: all in and indexed."""
    words = ("--home", str(home), "import", str(folder), "--collection", collection, "--json")
    start = time.perf_counter()
    done = subprocess.run(command(*words), capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    assert json.loads(done.stdout)["added"] == FILES, done.stdout
    return seconds


def by_browser(address: str, collection: str, folder: Path) -> float:
    """Seconds from choosing the folder to all being in and indexed."""
    with (
        httpx.Client(base_url=address) as client,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium.require()) as browser,
    ):
        page = browser.new_page(base_url=address)
        page.goto(f"/collections/{collection}")
        with page.expect_response(lambda answer: answer.url.endswith("/imports")) as begun:
            start = time.perf_counter()
            page.locator("input[webkitdirectory]").set_input_files(folder)
        status = begun.value.json()
        while status["state"] in ("receiving", "finishing"):
            time.sleep(0.2)
            status = client.get(f"/api/v1/imports/{status['id']}").json()
        seconds = time.perf_counter() - start
    assert status["added"] == FILES, status
    return seconds


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of the pages."""
    words = command("--home", str(home), "--json", "serve", "--web-tcp", "127.0.0.1:0")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())["listening"][-1]
        finally:
            process.terminate()


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "open_analytic", *words]


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):  # noqa: PTH112 - as the others print it
        sys.exit("Give the folder of photos: make bench-web PHOTOS=folder")
    main(Path(sys.argv[1]))
