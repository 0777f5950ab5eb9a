"""The wheel alone, in a fresh environment outside the repository, is enough for doctor and the demo."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from open_analytic.config import Settings

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this tree."""
    top = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", top, REPOSITORY], check=True, timeout=600)
    (wheel,) = top.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``open-analytic`` as installed from the wheel."""
    top = tmp_path_factory.mktemp("installed")
    venv.create(top / "venv", with_pip=True)
    subprocess.run([top / "venv/bin/python", "-m", "pip", "install", "--quiet", wheel], check=True, timeout=900)
    return top / "venv" / "bin" / "open-analytic"


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """A new user's, except that the models pulled already are used again."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OPEN_ANALYTIC_", "PYTHON"))}
    return inherited | {"HOME": str(tmp_path), "OPEN_ANALYTIC_MODELS_DIR": str(settings.models_dir.resolve())}


def test_the_wheel_holds_cards_pipelines_and_migrations_but_no_weights(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for folder, pattern in {"onnx_models": "*.toml", "pipelines": "*.toml", "migrations": "**/*.*"}.items():
        shipped = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / folder).glob(pattern)}
        expected = {f"open_analytic/_data/{name}" for name in shipped if "__pycache__" not in name}
        assert expected
        assert expected <= names
    assert not [name for name in names if ".onnx" in name or name.endswith(".lock")]


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
        run("search", "image_search_table", str(query), "-k", "3", "--filter", "edit = 'original'", "--json")
    )
    assert hits[0]["name"] == "photos/coffee.png"
    assert len(hits) == 3
