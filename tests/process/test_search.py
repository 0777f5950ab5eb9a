"""Searches from the shell say how they are done, keep their recall, and are measured."""

from pathlib import Path
from xml.etree import ElementTree

from tests.process.runner import Cli


def test_a_search_says_how_it_is_done(cli: Cli, filled: str, pictures: Path) -> None:
    words = ("search", filled, pictures / "red.png", "--filter", "district = 'A'", "--explain")
    explanation = cli(*words, "--json").json
    expected = {"plan": "exact", "k": 10, "target_recall": 0.95}
    assert {name: explanation[name] for name in expected} == expected
    assert explanation["done"]["plan"] == "exact"
    lines = cli(*words).out.splitlines()
    assert lines[0] == explanation["reason"]
    assert lines[0].startswith("Every row that matches is measured")
    assert any(line.split()[:1] == ["index"] for line in lines)
    assert "target_recall" in cli(*words, "--target-recall", "2", code=3).err


def test_all_within_a_distance_need_no_number(cli: Cli, filled: str, pictures: Path) -> None:
    near = cli("search", filled, pictures / "red.png", "-k", "0", "--max-distance", "0.01", "--json").json
    assert [hit["name"] for hit in near] == ["red.png", "a\nb/dark red.png"]
    assert "max_distance" in cli("search", filled, pictures / "red.png", "-k", "0", code=3).err


def test_an_index_is_measured_and_searches_with_it(cli: Cli, filled: str) -> None:
    curve = cli("collection", "measure-index", filled, "--queries", "5", "--json").json
    assert curve["queries"] == 5
    assert len(curve["recalls"]) == len(curve["efforts"])
    header, *_ = cli("collection", "measure-index", filled, "--queries", "5").out.splitlines()[1:]
    assert header.split()[:4] == ["rows", "of", "the", "index"]
    report = cli("collection", "evaluate", filled, "--queries", "4", "-k", "2", "--json").json
    assert (report["queries"], report["k"], report["recall"]) == (4, 2, 1.0)
    first, second = cli("collection", "evaluate", filled, "--queries", "4", "-k", "2").out.splitlines()
    assert first.startswith("A recall of 1.000, as asked: 4 searches")
    assert second.startswith("A search takes")


def test_the_old_name_of_measure_index_works_and_is_not_listed(cli: Cli, filled: str) -> None:
    assert cli("collection", "calibrate", filled, "--queries", "5", "--json").json["queries"] == 5
    commands = cli("collection", "--help").out
    assert ("measure-index" in commands, "calibrate" in commands) == (True, False)


def test_what_was_measured_is_drawn(cli: Cli, filled: str, tmp_path: Path) -> None:
    curve, again = tmp_path / "curve.svg", tmp_path / "again.svg"
    done = cli("collection", "measure-index", filled, "--queries", "5", "--plot", curve)
    assert done.out.startswith("Measured with 5 rows of 5 as queries.")
    assert done.err.splitlines()[-1] == f"The plot is {curve}."
    assert ElementTree.parse(curve).getroot()[0].text == f"Recall and time of the index of {filled}"  # noqa: S314
    again.write_text("before")
    done = cli("collection", "show", filled, "--plot", again, "--json")
    assert (done.json["name"], done.err) == (filled, f"The plot is {again}.\n")
    assert again.read_bytes() == curve.read_bytes()


def test_a_plot_that_cannot_be_is_an_error_and_what_was_measured_is_told(cli: Cli, filled: str, tmp_path: Path) -> None:
    result = cli("collection", "show", filled, "--plot", tmp_path / "curve.svg", "--json", code=4)
    assert (result.error["message"], result.out) == (f"The index of {filled!r} was not measured yet.", "")
    words = ("collection", "measure-index", filled, "--queries", "5", "--json", "--plot")
    result = cli(*words, tmp_path / "curve.png", code=3)
    assert (result.error["message"], result.out) == ("A plot cannot be written as '.png'.", "")
    result = cli(*words, tmp_path / "missing" / "curve.svg", code=3)
    assert "missing/curve.svg cannot be written: No such file or directory." in result.error["message"]
    assert result.json["queries"] == 5
    assert list(tmp_path.iterdir()) == []
