"""The demo in a folder with a space in its name, twice, and the commands it ends with."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from open_analytic.config import Settings

pytestmark = pytest.mark.models


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """A new user's, except that the models pulled already are used again."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return inherited | {"PATH": path, "COLUMNS": "100", "OPEN_ANALYTIC_MODELS_DIR": str(settings.models_dir.resolve())}


def test_the_demo_runs_twice_and_its_last_words_are_commands_that_work(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    first = run(f"{shlex.quote(sys.executable)} -m open_analytic demo")
    second = run(f"{shlex.quote(sys.executable)} -m open_analytic demo")
    for output in (first, second):
        assert "obama_partial_face.jpg" in output
        assert "ORDER BY distance" in output
        assert "Traceback" not in output
    for sheet in ("image_search.jpg", "face_search.jpg"):
        with Image.open(folder / ".open_analytic" / "demo" / sheet) as picture:
            assert min(picture.size) > 300

    search, load, psql, pages = second.rstrip().splitlines()[-4:]
    assert "photos/coffee.png" in run(search)
    assert (folder / "found.jpg").is_file()
    (folder / "Pictures").mkdir()
    Image.new("RGB", (64, 64), "red").save(folder / "Pictures" / "red.png")
    run(load.replace("~", "."))
    assert run(f"{psql} -- -At -c 'SELECT count(*) FROM image_search_table'").strip() == "185"
    assert "serve the pages" in run(f"{pages} --help").lower()
