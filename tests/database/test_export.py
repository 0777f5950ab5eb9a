"""Exports: the pictures and values of a collection as files, whose names harm nothing."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.cli import cli_args
from open_analytic.collection import export
from open_analytic.collection.export import Exported
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, Conflict
from tests import tiny
from tests.database.test_importer import picture

HOSTILE = {
    "../../../etc/cron.d/x": "_/_/_/etc/cron.d/x",
    "/etc/passwd": "etc/passwd",
    "C:\\Windows\\win.ini": "C_/Windows/win.ini",
    "a/../b.jpg": "a/_/b.jpg",
    ".bashrc": "_.bashrc",
    "~/x": "_~/x",
    "con.txt": "_con.txt",
    "a\nb\x1b[31m.jpg": "a_b_[31m.jpg",
    "trail. ": "trail",
    "...": "_",
    "//": "_",
    "x" * 300 + ".jpg": "x" * 196 + ".jpg",
    "图" * 100: "图" * 66,
    "ordinary/猫 1.jpg": "ordinary/猫 1.jpg",
}


@pytest.mark.parametrize(("name", "path"), HOSTILE.items(), ids=ascii)
def test_a_name_becomes_a_path_below_the_folder(name: str, path: str) -> None:
    assert export.safe(name) == path
    assert export.safe(path) == path or name in ("...", "//")


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture
def album(db: OpenAnalytic) -> Collection:
    columns = {"place": "text", "n": "integer", "ok": "boolean", "tags": "text[]", "extra": "jsonb"}
    return db.create_collection("album", pipeline="mean_colour", columns=columns)


def test_pictures_and_values_come_back_through_an_import(db: OpenAnalytic, album: Collection, tmp_path: Path) -> None:
    first = {"place": 'a "b", c\nd', "n": 1, "ok": True, "tags": ["x", "y,z"], "extra": {"k": [1, None]}}
    album.add("one/a.png", picture(1, 2, 3), values=first)
    album.add("b.png", picture(4, 5, 6))
    album.import_vectors([("only a vector", [1, 0, 0], None)])
    folder = tmp_path / "out"
    for kind in (".csv", ".jsonl"):
        file = tmp_path / f"values{kind}"
        done = export.export(album, pictures=folder / kind, values=file)
        assert done == Exported(pictures=2, without_picture=1, rows=3)
        assert (folder / kind / "one" / "a.png").read_bytes() == picture(1, 2, 3)

        again = db.create_collection(f"again{kind[1:]}", pipeline="mean_colour", columns=album.info.columns)
        report = again.import_files(folder / kind, values=cli_args.values(file))
        assert (report.added, report.failed, report.unmatched) == (2, (), ("only a vector",))
        assert again.get("one/a.png").row == first
        assert again.get("b.png").row == dict.fromkeys(album.info.columns)


def test_nothing_is_overwritten_unless_told(album: Collection, tmp_path: Path) -> None:
    album.add("a.png", picture(1, 2, 3))
    album.add("b.png", picture(4, 5, 6))
    (tmp_path / "b.png").write_text("mine")
    (tmp_path / "v.csv").write_text("mine")
    with pytest.raises(Conflict, match=r"2 files are there already \(first: .*b\.png\)"):
        export.export(album, pictures=tmp_path, values=tmp_path / "v.csv")
    assert not (tmp_path / "a.png").exists()
    export.export(album, pictures=tmp_path, values=tmp_path / "v.csv", overwrite=True)
    assert (tmp_path / "b.png").read_bytes() == picture(4, 5, 6)
    assert [row["image_name"] for row in csv.DictReader((tmp_path / "v.csv").read_text().splitlines())] == [
        "a.png",
        "b.png",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_names_that_meet_get_a_number(album: Collection, tmp_path: Path) -> None:
    for number, name in enumerate(("A.png", "a.png", "x", "x/y.png", "../p.png", "_/p.png", "x/y.PNG")):
        album.add(name, picture(number, number, number))
    done = export.export(album, pictures=tmp_path / "out", values=tmp_path / "v.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text().splitlines()]
    files = {row["image_name"]: row["file"] for row in rows}
    assert done.pictures == len(set(files.values())) == len({file.casefold() for file in files.values()}) == 7
    for name, file in files.items():
        assert (tmp_path / "out" / file).read_bytes() == album.image(name)


def test_a_link_in_the_folder_is_not_followed(album: Collection, tmp_path: Path) -> None:
    album.add("sub/a.png", picture(1, 2, 3))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    for overwrite in (False, True):
        with pytest.raises(BadParameter, match="is a link"):
            export.export(album, pictures=tmp_path / "out", overwrite=overwrite)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_of_values_has_a_known_suffix(album: Collection, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="xlsx"):
        export.export(album, values=tmp_path / "v.xlsx")
