"""Rows and exports, and what an import says, from the command line."""

import csv
from pathlib import Path

import psycopg

from open_analytic import OpenAnalytic
from open_analytic.errors import BadParameter, CollectionExists, Conflict, UnknownImage
from tests.process.runner import Cli


def test_rows_are_listed_changed_renamed_and_deleted(cli: Cli, filled: str) -> None:
    rows = cli("collection", "rows", filled, "--limit", "2", "--json").json
    assert [row["name"] for row in rows] == ['O\'Hara "x"/blue.png', "a\nb/dark red.png"]
    after = cli("collection", "rows", filled, "--after", "green.png", "--json").json
    assert [row["name"] for row in after] == ["red.png", "猫/grey;--.png"]
    assert r"a\nb/dark red.png" in cli("collection", "rows", filled).out

    words = ("collection", "update", filled, "red.png")
    assert cli(*words, "--set", "n=7", "--null", "district").out == "1 row updated.\n"
    assert cli("collection", "get", filled, "red.png", "--json").json["row"] == {"district": None, "n": 7}
    assert cli(*words, "--set", "n=x", "--json", code=3).error["type"] == BadParameter.__name__
    assert "not one of your own" in cli(*words, "--set", "feature=x", code=3).err
    cli(*words, code=3)

    cli("collection", "rename", filled, "red.png", "rouge.png")
    assert cli("collection", "get", filled, "red.png", "--json", code=4).error["type"] == UnknownImage.__name__
    assert "--yes" in cli("collection", "delete", filled, "rouge.png", code=3).err
    assert "nothing was deleted" in cli("collection", "delete", filled, "rouge.png", "gone", "--yes", code=4).err
    assert cli("collection", "delete", filled, "rouge.png", "--yes", "--json").json == {"deleted": 1}
    assert len(cli("collection", "rows", filled, "--json").json) == 4


def test_an_export_is_imported_again(cli: Cli, filled: str, tmp_path: Path) -> None:
    words = ("collection", "export", filled, "--pictures", tmp_path / "out", "--values", tmp_path / "v.csv")
    assert cli(*words, "--json").json == {"pictures": 5, "without_picture": 0, "rows": 5}
    names = {row["image_name"] for row in csv.DictReader((tmp_path / "v.csv").read_text().splitlines())}
    assert "red.png" in names
    done = cli(*words, "--json", code=5)
    assert done.error["type"] == Conflict.__name__
    assert "--overwrite" in cli(*words, code=5).err
    assert "5 pictures written" in cli(*words, "--overwrite").out


def test_dropping_the_collection_of_an_adopted_table_asks_for_what_it_does(cli: Cli, here: OpenAnalytic) -> None:
    with psycopg.connect(here.dsn, autocommit=True) as owner:
        owner.execute("CREATE TABLE hers (title text PRIMARY KEY, photo bytea)")
        owner.execute("INSERT INTO hers VALUES ('a', NULL), ('b', NULL)")
        here.adopt("hers", pipeline="mean_colour", name_column="title", data_column="photo")
        refused = cli("collection", "drop", "hers", code=3).err
        assert "'hers' is your own table with 2 rows: it stays, and would be no collection any more." in refused
        assert "gone" not in refused
        dropped = cli("collection", "drop", "hers", "--yes").out
        assert dropped == "hers is no collection any more. Your table stays, with its rows and columns.\n"
        assert owner.execute("SELECT title FROM hers ORDER BY title").fetchall() == [("a",), ("b",)]


def test_what_is_left_out_is_told(cli: Cli, collection: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes((pictures / "red.png").read_bytes())
    for name in ("b.JP2", "c.jp2", "d.mov", "e.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "values.csv").write_text("image_name,n\na.png,1\n./b.png,2\n")
    words = ("import", tmp_path, "--collection", collection, "--values", tmp_path / "values.csv")
    lines = cli(*words).out.splitlines()
    assert lines[1].startswith("5 files left out: 2 .jp2, 1 ")
    assert "  .jp2: Convert them to JPEG, PNG, WebP or AVIF." in lines
    assert lines[-2:] == ["1 row of --values named no picture:", "  ./b.png"]
    report = cli(*words, "--json").json
    assert {each["type"]: each["count"] for each in report["left_out"]} == {".jp2": 2, ".mov": 1, ".txt": 1, ".csv": 1}
    assert report["unmatched"] == ["./b.png"]


def test_a_wrong_option_ends_an_import_at_once(cli: Cli, collection: str, pictures: Path, tmp_path: Path) -> None:
    words = ("import", pictures, "--collection", collection)
    for option in (("--set", "plac=home"), ("--set", "n=seven"), ("--on-conflict", "overwrite")):
        done = cli(*words, *option, "--json", code=3)
        assert (done.error["type"], done.out) == (BadParameter.__name__, "")
    assert cli("collection", "rows", collection, "--json").json == []


def test_equal_reasons_are_told_once(cli: Cli, collection: str, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).symlink_to(tmp_path / "gone" / name)
    out = cli("import", tmp_path, "--collection", collection, code=9).out
    assert out.count("failed with") == 1
    assert "3 failed with UnreadableFile: the picture cannot be read" in out


def test_a_collection_that_is_there_is_opened_when_told(cli: Cli, collection: str) -> None:
    words = ("collection", "create", collection, "--pipeline", "mean_colour", "--column", "district:text")
    done = cli(*words, "--json", code=5)
    assert done.error["type"] == CollectionExists.__name__
    assert "drop" not in done.err
    assert "--exist-ok" in cli(*words, code=5).err
    assert cli(*words, "--exist-ok", "--json").json["name"] == collection
    assert "type of column 'n': integer, not text" in cli(*words, "--column", "n:text", "--exist-ok", code=5).err


def test_another_folders_names_end_an_import_unless_told(cli: Cli, filled: str, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes((pictures / "green.png").read_bytes())
    (tmp_path / "new.png").write_bytes((pictures / "red.png").read_bytes())
    words = ("import", tmp_path, "--collection", filled)
    done = cli(*words, code=5)
    assert "1 of 2 names is taken by pictures of other sources" in done.err
    assert "--on-conflict keep_both" in done.err
    assert len(cli("collection", "rows", filled, "--json").json) == 5
    for _ in range(2):
        report = cli(*words, "--on-conflict", "keep_both", "--json").json
    assert (report["unchanged"], report["added"]) == (2, 0)
    sources = {row["name"]: row["source"] for row in cli("collection", "rows", filled, "--json").json}
    assert sources["red (2).png"] == str(tmp_path / "red.png")
    assert sources["red.png"] == str(pictures / "red.png")
    assert "1 unchanged, 1 skipped, 0 failed" in cli(*words, "--on-conflict", "skip").out
