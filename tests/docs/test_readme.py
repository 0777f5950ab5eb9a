"""The first screen of README runs as it stands, in a folder with a few pictures."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.models


def block(language: str) -> str:
    """The first code block in this language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found, f"README has no block in {language}"
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newcomer's folder: pictures, and a cat to search with."""
    folder = tmp_path / "a new user"
    (folder / "Pictures").mkdir(parents=True)
    for name, picture in {"cat": data.chelsea(), "coffee": data.coffee(), "astronaut": data.astronaut()}.items():
        Image.fromarray(picture).save(folder / "Pictures" / f"{name}.jpg")
    Image.fromarray(data.chelsea()[:, ::-1]).save(folder / "cat.jpg")
    return folder


def run(folder: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "default"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_and_the_sql_find_the_cat(folder: Path) -> None:
    lines = run(folder, sys.executable, "-c", block("python")).splitlines()
    assert lines[0].startswith("cat.jpg ")
    assert len(lines) == 3

    answer = run(folder, "open-analytic", "db", "psql", "--", "-At", "-c", block("sql"))
    assert answer.splitlines()[0] == "cat.jpg|0"


def test_the_shell_finds_the_cat(folder: Path) -> None:
    output = run(folder, "bash", "-e", "-c", block("sh"))
    assert re.search(r"cat\.jpg", output)
    with Image.open(folder / "found.jpg") as sheet:
        assert sheet.width > 300
