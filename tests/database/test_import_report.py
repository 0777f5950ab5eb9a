"""What an import leaves out, could not use or was not told is in its report; wrong options end it before it reads."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, UnknownImage
from open_analytic.importer import Defaults
from open_analytic.types import ImportReport, LeftOut
from tests import tiny, tiny_faces
from tests.database.test_importer import picture


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    tiny_faces.write(cards)
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        db.pipeline_create("faces", tiny_faces.EXTRACTOR)
        yield db


@pytest.fixture
def album(db: OpenAnalytic) -> Collection:
    return db.create_collection("album", pipeline="mean_colour", columns={"place": "text", "year": "integer"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "phone"
    folder.mkdir()
    (folder / "1.jpg").write_bytes(picture(250, 0, 0))
    (folder / "2.jpg").write_bytes(picture(0, 250, 0))
    return folder


def test_what_is_left_out_is_counted_by_type_with_what_helps(album: Collection, folder: Path) -> None:
    for name in ("a.JP2", "b.jp2", "c.CR2", "d.mov", "e.jxl", "f.pdf", "notes.txt", "README", ".hidden.jpg"):
        (folder / name).write_bytes(b"something")
    (folder / ".trash").mkdir()

    report = album.import_files(folder)

    assert (report.added, report.failed, report.unmatched) == (2, (), ())
    assert {each.type: each.count for each in report.left_out if each.hint} == {
        ".jp2": 2, "hidden": 2, ".cr2": 1, ".mov": 1, ".jxl": 1, ".pdf": 1, "no suffix": 1
    }  # fmt: skip
    assert [each for each in report.left_out if not each.hint] == [LeftOut(type=".txt", count=1)]
    assert album.import_files(folder / "README").failed[0].name == "README"  # what is named is read


@pytest.mark.parametrize("face", ["largest", "all"])
def test_a_picture_without_a_face_is_remembered(db: OpenAnalytic, tmp_path: Path, face: str) -> None:
    people = db.create_collection("people", pipeline="faces", parameters={"face": face})
    folder = tmp_path / "people"
    folder.mkdir()
    red = (250, 10, 10)
    (folder / "ann.png").write_bytes(tiny_faces.paint([red]))
    (folder / "lake.png").write_bytes(tiny_faces.paint([]))

    def counts(report: ImportReport) -> Mapping[str, int]:
        names = ("added", "updated", "unchanged", "without_regions")
        return {name: getattr(report, name) for name in names} | {"failed": len(report.failed)}

    nothing = {"added": 0, "updated": 0, "unchanged": 0, "without_regions": 0, "failed": 0}
    assert counts(people.import_files(folder)) == nothing | {"added": 1, "without_regions": 1}
    assert counts(people.import_files(folder)) == nothing | {"unchanged": 2}
    assert (people.count(), people.names()) == (2, [("ann.png", 1), ("lake.png", 0)])
    assert [hit.name for hit in people.search(tiny_faces.paint([red]), k=10)] == ["ann.png"]
    with pytest.raises(UnknownImage, match="no vector"):
        people.feature("lake.png")

    (folder / "lake.png").write_bytes(tiny_faces.paint([red, (10, 250, 10)]))
    assert counts(people.import_files(folder)) == nothing | {"updated": 1, "unchanged": 1}
    assert {hit.name for hit in people.search(tiny_faces.paint([red]), k=10)} == {"ann.png", "lake.png"}
    (folder / "lake.png").write_bytes(tiny_faces.paint([]))
    assert counts(people.import_files(folder)) == nothing | {"without_regions": 1, "unchanged": 1}
    assert people.names() == [("ann.png", 1), ("lake.png", 0)]


def test_the_older_name_of_a_count_stays_and_warns() -> None:
    report = ImportReport(added=2, without_regions=3)
    with pytest.warns(DeprecationWarning, match="use without_regions"):
        assert report.without_face == 3


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"values": Defaults(every={"plac": "home"})}, "'plac'"),
    ({"values": Defaults(every={"year": "abc"})}, "'abc' of every picture"),
    ({"values": {"1.jpg": {"plac": "x"}}}, "'plac'"),
    ({"values": {"1.jpg": {"year": "1"}, "2.jpg": {"year": "x"}}}, "'x' of picture '2.jpg'.*'year'"),
    ({"values": {"./1.jpg": {"year": 1}}}, r"None of the 1 rows.*\./1\.jpg"),
    ({"values": {"1.jpg": "home"}}, "of the type str"),
    ({"on_conflict": "overwrite"}, "on_conflict"),
]


@pytest.mark.parametrize(("options", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_option_ends_the_import_before_the_first_picture(
    album: Collection, folder: Path, options: dict[str, Any], message: str
) -> None:
    (folder / "1.jpg").write_text("not a picture: reading it would fail")
    with pytest.raises(BadParameter, match=message):
        album.import_files(folder, **options)
    assert album.count() == 0


def test_wrong_values_end_what_comes_without_files(album: Collection) -> None:
    with pytest.raises(BadParameter, match="'plac'"):
        album.import_pictures([("a", b"x")], values={"a": {"plac": 1}})
    with pytest.raises(BadParameter, match="'year'"):
        album.add("a", picture(1, 2, 3), values={"year": "abc"})
    assert album.count() == 0


def test_rows_of_values_that_name_no_picture_are_named(album: Collection, folder: Path, dsn: str) -> None:
    values = {"1.jpg": {"place": "home"}, "./2.jpg": {"place": "away"}, "phone/1.jpg": {}}
    report = album.import_files(folder, values=values)
    assert (report.added, report.unmatched) == (2, ("./2.jpg", "phone/1.jpg"))
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT place FROM album ORDER BY image_name").fetchall() == [("home",), (None,)]


def test_defaults_and_values_by_name(album: Collection, folder: Path, dsn: str) -> None:
    report = album.import_files(folder, values=Defaults(every={"place": "home"}, by_name={"1.jpg": {"year": "7"}}))
    assert report.failed == ()
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT place, year FROM album ORDER BY image_name").fetchall()
    assert rows == [("home", 7), ("home", None)]


@pytest.mark.parametrize("data", [Path("a.png"), "a.png", 3], ids=["path", "text", "number"])
def test_what_is_no_bytes_is_no_picture(album: Collection, data: Any) -> None:
    with pytest.raises(BadParameter, match=rf"given as {type(data).__name__}, not as bytes"):
        album.add("a.png", data)
    report = album.import_pictures([("a.png", data), ("b.png", picture(0, 0, 250))])
    assert (report.added, [failure.name for failure in report.failed]) == (1, ["a.png"])
