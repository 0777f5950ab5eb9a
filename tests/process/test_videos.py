"""Videos on the command line, over HTTP and on the pages."""

from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests import tiny_videos
from tests.process import site
from tests.process.runner import Cli
from tests.process.serving import Served, eventually
from tests.tiny_videos import BLUE, RED, jpeg, matroska, scenes

FILM = scenes((RED, 3), (BLUE, 2))
FRAMES = [
    {"seconds": seconds, "feature": pytest.approx([each / 255 for each in colour], abs=0.03)}
    for seconds, colour in ((0, RED), (2, RED), (3, BLUE))
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site.Home]:
    with site.home(tmp_path_factory.mktemp("videos")) as home:
        with home.database() as db:
            db.pipeline_create("videos", tiny_videos.PIPELINE)
        yield home


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.mp4"
    path.write_bytes(FILM)
    return path


def test_the_command_line_runs_a_file_and_standard_input(home: site.Home, film: Path) -> None:
    run: Cli = home.cli
    assert run("--json", "pipeline", "run", "videos", film).json == {"frames": FRAMES}
    assert run("--json", "pipeline", "run", "videos", "-", text=FILM).json == {"frames": FRAMES}
    refused = run("--json", "pipeline", "run", "videos", "-", text=b"ffconcat version 1.0", code=3).error
    assert (refused["type"], refused["sqlstate"]) == ("BadVideo", "OA028")


def test_the_command_line_imports_a_folder_and_searches_it(home: site.Home, film: Path) -> None:
    run: Cli = home.cli
    run("collection", "create", "films", "--pipeline", "videos", "--column", "seconds:real")
    report = run("--json", "import", film.parent, "--collection", "films").json
    assert [report["added"], report["rows"], report["failed"]] == [1, 3, []]
    (hit,) = run("--json", "search", "films", film, "-k", "1").json
    assert (hit["name"], hit["distance"], hit["box"], hit["region"]) == (
        "film.mp4", 0.0, None, {"number": 0, "seconds": 0},
    )  # fmt: skip


def test_a_body_is_a_video(home: site.Home) -> None:
    with site.site(home) as (running, http):
        answer = http.post("/api/v1/pipelines/videos/run", content=FILM)
        assert (answer.status_code, answer.json()) == (200, {"frames": FRAMES})
        bad = http.post("/api/v1/pipelines/videos/run", content=FILM[:-20])
        assert (bad.status_code, bad.json()["sqlstate"]) == (422, "OA028")
        home.cli("collection", "create", "bodies", "--pipeline", "videos")
        with home.database() as db:
            db.collection("bodies").import_items([("a.mp4", FILM)])
        hits = http.post("/api/v1/collections/bodies/search?k=3", content=FILM).json()
        assert [(hit["name"], hit["region"]["seconds"]) for hit in hits] == [("a.mp4", 0), ("a.mp4", 2), ("a.mp4", 3)]
        for page in ("/pipelines/videos", "/collections", "/collections/bodies", "/search/bodies"):
            assert http.get(page).status_code == 200
        refused = http.get("/api/v1/collections/bodies/thumbnail", params={"name": "a.mp4"})
        assert (refused.status_code, refused.json()["sqlstate"]) == (415, "OA012")
        assert decoders(running) == []


def decoders(running: Served) -> list[psutil.Process]:
    """Processes of the service that decode."""
    children = psutil.Process(running.process.pid).children(recursive=True)
    return [each for each in children if "video_child" in _command(each)]


def _command(process: psutil.Process) -> str:
    """Its command line; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def test_a_request_whose_time_is_over_leaves_no_process(home: site.Home) -> None:
    same = jpeg(RED, (320, 240))
    long = matroska([(0.05 * number, same) for number in range(15_000)], size=(320, 240))
    with site.site(home) as (running, http):
        late = http.post("/api/v1/pipelines/videos/run", content=long, headers={"Open-Analytic-Timeout-Ms": "1500"})
        assert (late.status_code, late.json()["sqlstate"]) == (504, "OA073")
        eventually("no process decodes", lambda: decoders(running) == [])
        assert http.post("/api/v1/pipelines/videos/run", content=FILM).json() == {"frames": FRAMES}
