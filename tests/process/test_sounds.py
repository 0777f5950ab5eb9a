"""Sounds on the command line, over HTTP and on the pages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import tiny_sounds
from tests.process import site
from tests.process.runner import Cli
from tests.tiny_sounds import wav

LOUD, QUIET = wav(np.full(800, 0.5)), wav(np.full(800, 0.25))
HALF = {"vector": [0.25, 0.5]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[site.Home]:
    with site.home(tmp_path_factory.mktemp("sounds")) as home:
        tiny_sounds.write(home.settings.cards[0])
        with home.database() as db:
            db.pipeline_create("sounds", tiny_sounds.PIPELINE)
            db.pipeline_create("windows", tiny_sounds.WINDOWS)
        yield home


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for name, data in {"loud.wav": LOUD, "quiet.wav": QUIET, "cover.png": site.picture(250, 10, 10)}.items():
        (folder / name).write_bytes(data)
    return folder


def test_the_command_line_runs_a_file_and_standard_input(home: site.Home, folder: Path) -> None:
    run: Cli = home.cli
    assert run("--json", "pipeline", "run", "sounds", folder / "loud.wav").json == HALF
    assert run("--json", "pipeline", "run", "sounds", "-", text=LOUD).json == HALF
    refused = run("--json", "pipeline", "run", "sounds", folder / "cover.png", code=3).error
    assert (refused["type"], refused["sqlstate"]) == ("BadAudio", "OA027")


def test_the_command_line_imports_a_folder_and_searches_it(home: site.Home, folder: Path) -> None:
    run: Cli = home.cli
    run("collection", "create", "recordings", "--pipeline", "sounds")
    report = run("--json", "import", folder, "--collection", "recordings").json
    assert [report["added"], report["failed"], report["left_out"]] == [
        2, [], [{"type": ".png", "count": 1, "hint": None}]
    ]  # fmt: skip
    (hit,) = run("--json", "search", "recordings", folder / "quiet.wav", "-k", "1").json
    assert (hit["name"], hit["distance"], hit["box"]) == ("quiet.wav", 0.0, None)
    sheet = run("--json", "search", "recordings", folder / "quiet.wav", "--sheet", "a.png", code=3).error
    assert sheet["message"] == "A contact sheet shows pictures."


def test_a_body_is_a_sound(home: site.Home, folder: Path) -> None:
    home.cli("collection", "create", "bodies", "--pipeline", "sounds")
    home.cli("import", folder, "--collection", "bodies")
    with site.site(home) as (_, http):
        answer = http.post("/api/v1/pipelines/sounds/run", content=LOUD)
        assert (answer.status_code, answer.json()) == (200, HALF)
        bad = http.post("/api/v1/pipelines/sounds/run", content=LOUD[:-2])
        assert (bad.status_code, bad.json()["sqlstate"]) == (422, "OA027")
        search = "/api/v1/collections/bodies/search?k=1"
        (hit,) = http.post(search, content=QUIET).json()
        assert (hit["name"], hit["distance"]) == ("quiet.wav", 0.0)
        for page in ("/collections", "/collections/bodies", "/search/bodies"):
            assert http.get(page).status_code == 200
        for form in ("thumbnail", "picture"):  # pages have no picture of a sound
            refused = http.get(f"/api/v1/collections/bodies/{form}", params={"name": "loud.wav"})
            assert (refused.status_code, refused.json()["sqlstate"]) == (415, "OA012")


def test_windows_have_their_seconds_on_the_command_line_and_over_http(home: site.Home, tmp_path: Path) -> None:
    run: Cli = home.cli
    (tmp_path / "a.wav").write_bytes(wav(np.concatenate([np.full(8_000, 0.5), np.full(4_000, 0.25)])))
    (tmp_path / "query").write_bytes(QUIET)
    run("collection", "create", "windows", "--pipeline", "windows")
    assert run("--json", "import", tmp_path, "--collection", "windows").json["rows"] == 2
    (hit,) = run("--json", "search", "windows", tmp_path / "query", "-k", "1").json
    assert hit == {
        "name": "a.wav", "distance": 0.0, "row": {}, "box": None, "region": {"start": 1.0, "end": 1.5}, "part": 1,
    }  # fmt: skip
    lines = run("search", "windows", tmp_path / "query", "-k", "1").out.splitlines()
    assert [line.split() for line in lines] == [["distance", "name", "span"], ["0.0000", "a.wav", "1-1.5", "s"]]
    with site.site(home) as (_, http):
        assert http.post("/api/v1/collections/windows/search?k=1", content=QUIET).json() == [hit]
        hits = http.get("/api/v1/collections/windows/hits", params={"like": "a.wav", "part": 0}).json()["hits"]
        assert hits == [hit | {"distance": hits[0]["distance"]}]
