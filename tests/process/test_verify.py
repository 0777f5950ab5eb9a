"""verify and pipeline calibrate as a user types them."""

import csv
import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.database.test_rates import shades
from tests.process.runner import Cli

DECODE, *STEPS = tiny.PIPELINE["steps"]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pairs.csv beside a folder of 25 pictures of five hues."""
    folder = tmp_path_factory.mktemp("labelled pairs")
    named = []
    for number, (hue, data) in enumerate(shades()):
        name = f"{hue}/{number}.png"
        (folder / hue).mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        named.append((hue, name))
    rows = [[a, b, int(one == other)] for (one, a), (other, b) in combinations(named, 2)]
    return write(folder / "pairs.csv", ["a", "b", "same"], *rows)


def write(file: Path, *rows: list[Any]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows(rows)
    return file


def test_a_pipeline_is_calibrated_and_decides(cli: Cli, pairs: Path) -> None:
    report = cli("pipeline", "calibrate", "mean_colour", "--pairs", pairs, "--source", "five hues", "--json").json
    assert {key: report[key] for key in ("pipeline", "version", "same_pairs", "different_pairs", "source")} == {
        "pipeline": "mean_colour", "version": 1, "same_pairs": 50, "different_pairs": 250, "source": "five hues",
    }  # fmt: skip
    assert (report["skipped"], report["failed"]) == (0, [])
    assert [line["false_accept_rate"] for line in report["rates"]] == [0.1, 0.01]
    plain = cli("pipeline", "calibrate", "mean_colour", "--pairs", pairs).out
    assert "measured on 50 same and 250 different pairs" in plain
    assert "pairs.csv" in plain

    tables = cli("pipeline", "show", "mean_colour", "--json").json["rates"]
    assert [table["rates"] for table in tables] == [report["rates"]]
    assert "false_accept_rate  distance" in cli("pipeline", "show", "mean_colour").out

    red, dark, green = (pairs.parent / name for name in ("red/0.png", "red/1.png", "green/5.png"))
    words = ("--pipeline", "mean_colour")
    result = cli("verify", red, dark, *words, "--json").json
    assert result == {
        "same": True,
        "distance": pytest.approx(0.0511, abs=1e-3),  # of (250, 10, 10) and (246, 2, 0), each of length 1
        "threshold": report["rates"][1]["distance"],
        "false_accept_rate": 0.01,
        "true_accept_rate": report["rates"][1]["true_accept_rate"],
    }
    assert cli("verify", red, dark, *words).out.startswith("same: distance 0.0")
    assert cli("verify", red, green, *words, "--false-accept-rate", "0.1").out.startswith("different: distance 1.3")
    assert cli("verify", "-", green, *words, "--json", text=green.read_bytes()).json["distance"] == 0
    error = cli("verify", red, green, *words, "--false-accept-rate", "0.0001", "--json", code=3).error
    assert (error["type"], error["sqlstate"]) == ("BadParameter", "OA019")


def test_without_a_table_the_next_step_is_told(cli: Cli, pairs: Path) -> None:
    red = pairs.parent / "red/0.png"
    definition = json.dumps(tiny.PIPELINE | {"steps": [DECODE | {"shrink_to": 90}, *STEPS]})
    cli("pipeline", "create", "unmeasured", "--definition", "-", text=definition)
    done = cli("verify", red, red, "--pipeline", "unmeasured", code=4)
    assert "`open-analytic pipeline calibrate unmeasured --pairs FILE`" in done.err
    assert cli("pipeline", "show", "unmeasured", "--json").json["rates"] == []


def test_bad_pictures_are_listed_and_the_others_go_on(cli: Cli, pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    rows = list(csv.reader(pairs.read_text("utf-8").splitlines()))[1:]
    absolute = [[pairs.parent / a, pairs.parent / b, {"1": "yes", "0": "No"}[same]] for a, b, same in rows]
    mixed = write(
        tmp_path / "mixed.csv",
        ["a", "b", "same"],
        ["words.png", "missing.png", 1],
        *absolute,
        ["words.png", rows[0][0], 0],
    )
    report = cli("pipeline", "calibrate", "mean_colour", "--pairs", mixed, "--json", code=9).json
    assert (report["same_pairs"], report["different_pairs"], report["skipped"]) == (50, 250, 2)
    assert [(Path(failure["name"]).name, failure["error"]["type"]) for failure in report["failed"]] == [
        ("words.png", "UnsupportedImage"), ("missing.png", "UnreadableFile"), ("0.png", "UnreadableFile"),
    ]  # fmt: skip
    plain = cli("pipeline", "calibrate", "mean_colour", "--pairs", mixed, code=9)
    assert "3 pictures failed, 2 pairs were left out." in plain.out
    assert plain.err.count("Error:") == 3


BAD = {
    "no column": (b"a,b\nx,y\n", "has no column 'same'"),
    "nothing": (b"", "has no column 'a'"),
    "a short line": (b"a,b,same\nx,y,1\nx,y\n", "Line 3 of"),
    "a long line": (b"a,b,same\nx,y,1,2\n", "Line 2 of"),
    "a word": (b"a,b,same\nx,y,maybe\n", "same is 'maybe'"),
    "no picture": (b"a,b,same\nx,,1\n", "names no picture in column 'b'"),
    "an open quote": (b'a,b,same\n"x,y,1\n', "is not CSV"),
    "not UTF-8": (b"a,b,same\n\xff,y,1\n", "not UTF-8 text"),
    "too few": (b"a,b,same\n", "0 same and 0 different pairs are too few"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_told_with_its_line(cli: Cli, tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    assert message in cli("pipeline", "calibrate", "mean_colour", "--pairs", tmp_path / "bad.csv", code=3).err


def test_a_file_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    error = cli("pipeline", "calibrate", "mean_colour", "--pairs", tmp_path / "none.csv", "--json", code=3).error
    assert error["type"] == "UnreadableFile"
    assert "none.csv" in error["message"]
