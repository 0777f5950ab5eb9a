"""Videos on the command line, over HTTP and on the pages."""

from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests import tiny_videos
from tests.process import site
from tests.process.runner import Cli
from tests.tiny_videos import BLUE, RED, scenes

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


def test_a_body_is_a_video(home: site.Home) -> None:
    with site.site(home) as (running, http):
        answer = http.post("/api/v1/pipelines/videos/run", content=FILM)
        assert (answer.status_code, answer.json()) == (200, {"frames": FRAMES})
        bad = http.post("/api/v1/pipelines/videos/run", content=FILM[:-20])
        assert (bad.status_code, bad.json()["sqlstate"]) == (422, "OA028")
        assert http.get("/pipelines/videos").status_code == 200
        assert [each for each in psutil.Process(running.process.pid).children(recursive=True)
                if "video_child" in " ".join(each.cmdline())] == []  # fmt: skip
