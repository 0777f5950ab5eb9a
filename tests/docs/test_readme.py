"""The first screen of README and its section on SQL run as they stand, in a folder with a few pictures."""

import os
import re
import shutil
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
    match = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert match, f"README has no block in {language}"
    return match[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newcomer's folder: pictures, and a cat to search with."""
    folder = tmp_path / "a new user"
    (folder / "Pictures").mkdir(parents=True)
    for name, picture in {"cat": data.chelsea(), "coffee": data.coffee(), "portrait": data.astronaut()}.items():
        Image.fromarray(picture).save(folder / "Pictures" / f"{name}.jpg")
    Image.fromarray(data.chelsea()[:, ::-1]).save(folder / "cat.jpg")
    return folder


def run(folder: Path, *words: str, text: str = "") -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPEN_ANALYTIC_")}
    environment |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        words, cwd=folder, env=environment, input=text, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def psql(folder: Path, statements: str) -> list[list[str]]:
    """The rows that psql prints for what is typed into it, by their columns."""
    words = ("open-analytic", "db", "psql", "--", "-X", "-qAt", "-v", "ON_ERROR_STOP=1")
    return [line.split("|") for line in run(folder, *words, text=statements).splitlines()]


def test_the_python_and_the_sql_find_the_same_cat(folder: Path, tmp_path: Path) -> None:
    hits = [line.split(" ") for line in run(folder, sys.executable, "-c", block("python")).splitlines()]
    assert hits[0][0] == "cat.jpg"
    assert len(hits) == 3

    other = tmp_path / "another new user"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns(".open_analytic"))
    dim, name, *rows = psql(other, block("sql"))
    assert (dim, name) == (["1024"], ["image_search_table"])
    assert rows == hits


def test_the_section_on_sql_finds_the_cat(folder: Path) -> None:
    section = README.partition("\n## SQL\n")[2].partition("\n## ")[0]
    statements = "".join(re.findall(r"```sql\n(.*?)```", section, re.DOTALL))
    dim, columns, first, second, only, output, face, index, itself, least = psql(folder, statements)
    assert (dim, columns, output) == (["1024"], ['{"place": "text"}'], ['["faces"]'])
    assert (first[0], first[2], second[0], second[2]) == ("cat.jpg", "home", "coffee.jpg", "office")
    assert float(first[1]) < 0.5 < float(second[1])
    assert only == second[:2]
    assert float(face[0]) > 0.5
    assert 60 < float(face[1]) < 130
    assert (index, itself, least[0]) == (["public.photos_feature_idx"], ["cat.jpg", "0"], "coffee.jpg")


def test_the_shell_finds_the_cat(folder: Path) -> None:
    output = run(folder, "bash", "-e", "-c", block("sh"))
    assert re.search(r"cat\.jpg", output)
    with Image.open(folder / "found.jpg") as sheet:
        assert sheet.width > 300
