"""The wheel alone, in a fresh environment outside the repository, is enough for doctor and the demo."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from open_analytic.config import Settings

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``open-analytic`` as installed from the wheel that is built from this tree."""
    top = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", top, REPOSITORY], check=True, timeout=600)
    (wheel,) = top.glob("*.whl")
    venv.create(top / "venv", with_pip=True)
    subprocess.run([top / "venv/bin/python", "-m", "pip", "install", "--quiet", wheel], check=True, timeout=900)
    return top / "venv" / "bin" / "open-analytic"


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """A new user's, except that the models pulled already are used again."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPEN_ANALYTIC_", "PYTHON"))}
    return kept | {"HOME": str(tmp_path), "OPEN_ANALYTIC_MODELS_DIR": str(settings.models_dir.resolve())}


def test_doctor_and_the_search_of_the_demo(command: Path, environment: dict[str, str], tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            [command, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("doctor")
    story = run("demo")
    assert "An edited copy finds its original" in story

    query = tmp_path / ".open_analytic" / "demo" / "queries" / "coffee-screenshot.jpg"
    hits = json.loads(
        run("search", "image_search_table", str(query), "-k", "3", "--where", "edit = 'original'", "--json")
    )
    assert hits[0]["name"] == "photos/coffee.png"
    assert len(hits) == 3
