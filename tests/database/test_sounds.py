"""Sounds from Python: one, many, and a collection of them, imported from a folder and searched by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadAudio, BadParameter
from open_analytic.types import Span
from tests import tiny_sounds
from tests.tiny_sounds import wav

LOUD, QUIET, LOW = (wav(np.full(800, height)) for height in (0.5, 0.25, -0.5))
HALF = {"vector": pytest.approx([0.25, 0.5])}


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_sounds.write(tmp_path / "cards")
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("sounds", tiny_sounds.PIPELINE)
        yield db


def test_a_sound_runs_alone_and_among_others(db: OpenAnalytic) -> None:
    assert db.pipeline("sounds").input == "audio"
    assert db.pipeline_run("sounds", LOUD) == HALF
    good, bad = db.pipeline_run_many("sounds", [LOUD, LOUD[:-2]])
    assert (good, type(bad)) == (HALF, BadAudio)
    with pytest.raises(BadParameter, match="A pipeline takes bytes, not str"):
        db.pipeline_run("sounds", "a song")


def test_a_collection_of_sounds_is_imported_and_searched(db: OpenAnalytic, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, data in {"loud.wav": LOUD, "QUIET.WAV": QUIET, "bad.wav": b"RIFF", "notes.txt": b"no sound"}.items():
        (folder / name).write_bytes(data)
    sounds = db.create_collection("sounds", pipeline="sounds", columns={"place": "text"})
    report = sounds.import_files(folder)
    assert (report.added, [(each.name, type(each.error)) for each in report.failed]) == (2, [("bad.wav", BadAudio)])
    assert [(each.type, each.count) for each in report.left_out] == [(".txt", 1)]
    sounds.import_pictures([("low", LOW)], values={"low": {"place": "cellar"}})
    assert [hit.name for hit in sounds.search(LOUD, k=3)] == ["loud.wav", "QUIET.WAV", "low"]
    (hit,) = sounds.search(folder / "QUIET.WAV", k=1)
    assert (hit.name, hit.distance, hit.region, dict(hit.row)) == ("QUIET.WAV", 0.0, None, {"place": None})
    (hit,) = sounds.search(LOW, k=1, filter="place = 'cellar'")
    assert (hit.name, bytes(sounds.image("low"))) == ("low", LOW)


def test_windows_run_and_a_collection_stores_their_spans(db: OpenAnalytic) -> None:
    db.pipeline_create("windows", tiny_sounds.WINDOWS)
    assert db.pipeline_run("windows", wav(np.full(12_000, 0.5))) == {
        "parts": [
            {"start": 0.0, "end": 1.0, "vector": pytest.approx([0.25, 0.5])},
            {"start": 1.0, "end": 1.5, "vector": pytest.approx([0.25, 0.5])},
        ]
    }
    windows = db.create_collection("windows", pipeline="windows", columns={"start": "real"})
    sound = np.concatenate([np.full(8_000, 0.5), np.full(4_000, 0.25)])
    assert windows.import_items([("a.wav", wav(sound))]).rows == 2
    spans = [Span(start=0, end=1), Span(start=1, end=1.5)]
    assert [(row.part, row.region, row.box, row.row["start"]) for row in windows] == [
        (0, spans[0], None, 0), (1, spans[1], None, 1)
    ]  # fmt: skip
    (hit,) = windows.search(QUIET, k=1)
    assert (hit.name, hit.part, hit.region) == ("a.wav", 1, spans[1])
    assert windows.region("a.wav", 0) == (wav(sound), spans[0])
