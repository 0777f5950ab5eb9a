"""Videos from Python: one, many, in threads and after a fork."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, BadVideo
from open_analytic.operators.limits import Limits
from open_analytic.operators.video import decode_video, sample_frames
from open_analytic.types import Frame
from tests import tiny, tiny_videos
from tests.tiny_videos import BLUE, GREEN, RED, scenes

FILM = scenes((RED, 3), (BLUE, 2))
FRAMES = [
    {"seconds": seconds, "feature": pytest.approx([each / 255 for each in colour], abs=0.03)}
    for seconds, colour in ((0, RED), (2, RED), (3, BLUE))
]


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("videos", tiny_videos.PIPELINE)
        yield db


def test_a_video_runs_alone_and_among_others(db: OpenAnalytic) -> None:
    assert db.pipeline("videos").input == "video"
    assert db.pipeline_run("videos", FILM) == {"frames": FRAMES}
    good, bad = db.pipeline_run_many("videos", [FILM, FILM[:-20]])
    assert (good, type(bad)) == ({"frames": FRAMES}, BadVideo)
    with pytest.raises(BadParameter, match="A pipeline takes bytes, not str"):
        db.pipeline_run("videos", "a film")


def test_a_collection_of_videos_is_imported_and_searched(db: OpenAnalytic, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    other = scenes((GREEN, 1), (RED, 1.5))
    files = {"a.mp4": FILM, "B.MP4": other, "cut.mov": FILM[:-20], "list.m3u8": b"#EXTM3U", "text.avi": b"no video"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    videos = db.create_collection("videos", pipeline="videos", columns={"seconds": "real"})
    report = videos.import_files(folder)
    assert (report.added, report.rows, [(each.name, type(each.error)) for each in report.failed]) == (
        2, 5, [("cut.mov", BadVideo), ("text.avi", BadVideo)],
    )  # fmt: skip
    assert [(each.type, each.count) for each in report.left_out] == [(".m3u8", 1)]
    assert [(row.name, row.part, row.region, row.row["seconds"]) for row in videos] == [
        ("B.MP4", 0, Frame(number=0, seconds=0), 0),
        ("B.MP4", 1, Frame(number=10, seconds=1), 1),
        ("a.mp4", 0, Frame(number=0, seconds=0), 0),
        ("a.mp4", 1, Frame(number=20, seconds=2), 2),
        ("a.mp4", 2, Frame(number=30, seconds=3), 3),
    ]
    (hit,) = videos.search([each / 255 for each in BLUE], k=1)
    assert (hit.name, hit.part, hit.region, hit.box) == ("a.mp4", 2, Frame(number=30, seconds=3), None)
    (hit,) = videos.search(folder / "B.MP4", k=1)  # by its first frame
    assert (hit.name, hit.part, hit.distance) == ("B.MP4", 0, 0.0)
    assert bytes(videos.image("a.mp4")) == FILM
    assert videos.import_files(folder).unchanged == 2


def test_threads_decode_at_once(db: OpenAnalytic) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: db.pipeline_run("videos", FILM), range(3))) == 3 * [{"frames": FRAMES}]


def test_a_fork_decodes_too() -> None:
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if len(sample_frames(decode_video(FILM, Limits()), every=2)) == len(FRAMES) else 1
        finally:
            os._exit(code)
    assert os.waitpid(child, 0) == (child, 0)
