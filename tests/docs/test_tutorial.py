"""docs/tutorial.md runs from its first line to its last, and prints what its comments say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text("utf-8")

pytestmark = pytest.mark.models


def blocks(language: str) -> str:
    """All code of the page in this language."""
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL))


def run(folder: Path, *words: str, text: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words, cwd=folder, env=environment | {"PATH": path}, input=text, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tutorial_prints_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "Pictures").mkdir()
    for name, picture in {"cat": data.chelsea(), "coffee": data.coffee(), "portrait": data.astronaut()}.items():
        Image.fromarray(picture).save(tmp_path / "Pictures" / f"{name}.jpg")
    Image.fromarray(data.chelsea()[:, ::-1]).save(tmp_path / "cat.jpg")

    program = blocks("python")
    comments = re.findall(r"^print\(.*\)  # (.*)$", program, re.MULTILINE)
    assert len(comments) == program.count("print(") > 8
    assert run(tmp_path, sys.executable, "-W", "error", "-c", program).splitlines() == comments

    psql = ("open-analytic", "db", "psql", "--", "-X", "-qAt", "-v", "ON_ERROR_STOP=1")
    rows = run(tmp_path, *psql, text=blocks("sql")).splitlines()
    assert rows == ["home|1", "office|1", "studio|1", "coffee.jpg|office", "people/portrait.jpg|studio"]

    output = run(tmp_path, "sh", "-e", "-c", blocks("sh"))
    assert re.search(r"album +general_feature_extractor", output)
    assert (tmp_path / "album.dump").stat().st_size > 100_000
