"""Where pictures come from: the same name from another place is another picture, and takes nobody's place unasked."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, Conflict, InvalidName, OpenAnalyticError
from open_analytic.importer.feed import numbered
from open_analytic.store import rows
from open_analytic.store.connection import connect
from open_analytic.types import Feature, ImportReport, OnConflict, Row
from tests import tiny
from tests.database.test_importer import picture

RED, GREEN, BLUE, GREY = picture(250, 0, 0), picture(0, 250, 0), picture(0, 0, 250), picture(99, 99, 99)


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture
def album(db: OpenAnalytic) -> Collection:
    return db.create_collection("album", pipeline="mean_colour", columns={"place": "text"})


def make(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / f"{name}.png").write_bytes(data)
    return folder


@pytest.fixture
def a(tmp_path: Path) -> Path:
    return make(tmp_path / "a", one=RED, two=GREEN, same=GREY)


@pytest.fixture
def b(tmp_path: Path) -> Path:
    return make(tmp_path / "b", one=BLUE, two=BLUE, same=GREY, new=RED)


def counts(report: ImportReport) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "skipped")
    totals = {name: getattr(report, name) for name in names} | {"failed": len(report.failed)}
    return {name: count for name, count in totals.items() if count}


def stored(album: Collection) -> dict[str, tuple[str | None, bytes]]:
    return {row.name: (row.source, album.image(row.name)) for row in album}


def test_a_file_is_known_by_its_path(album: Collection, a: Path) -> None:
    assert counts(album.import_files(a)) == {"added": 3}
    assert stored(album) == {
        "one.png": (str(a / "one.png"), RED), "two.png": (str(a / "two.png"), GREEN),
        "same.png": (str(a / "same.png"), GREY),
    }  # fmt: skip
    (a / "one.png").write_bytes(BLUE)
    assert counts(album.import_files(a)) == {"updated": 1, "unchanged": 2}
    assert album.info.columns == {"place": "text"}


def test_names_of_another_folder_are_refused_before_anything_is_written(album: Collection, a: Path, b: Path) -> None:
    album.import_files(a)
    before = stored(album)
    with pytest.raises(Conflict) as caught:
        album.import_files(b)
    assert caught.value.message == (
        f"2 of 4 names are taken by pictures of other sources (first: 'one.png' from {a / 'one.png'}); "
        "nothing was imported."
    )
    assert "on_conflict='skip'" in (caught.value.hint or "")
    assert stored(album) == before


CHOICES: list[tuple[OnConflict, dict[str, int], dict[str, int], dict[str, bytes]]] = [
    ("skip", {"added": 1, "skipped": 2, "unchanged": 1}, {"skipped": 2, "unchanged": 2}, {"one": RED, "two": GREEN}),
    ("replace", {"added": 1, "updated": 2, "unchanged": 1}, {"unchanged": 4}, {"one": BLUE, "two": BLUE}),
    (
        "keep_both", {"added": 3, "unchanged": 1}, {"unchanged": 4},
        {"one": RED, "two": GREEN, "one (2)": BLUE, "two (2)": BLUE},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "first", "second", "there"), CHOICES, ids=[row[0] for row in CHOICES])
def test_a_choice_holds_for_all_and_a_rerun_adds_nothing(
    album: Collection, a: Path, b: Path, choice: OnConflict, first: dict[str, int], second: dict[str, int],
    there: dict[str, bytes],
) -> None:  # fmt: skip
    album.import_files(a, values=lambda name: {"place": "home"})
    assert counts(album.import_files(b, on_conflict=choice)) == first
    assert counts(album.import_files(b, on_conflict=choice)) == second
    everything = there | {"same": GREY, "new": RED}
    assert {name: data for name, (_, data) in stored(album).items()} == {
        f"{name}.png": data for name, data in everything.items()
    }
    assert album.get("one.png").row == {"place": "home"}
    if choice == "keep_both":
        (b / "one.png").write_bytes(GREY)  # its own row is updated, under the name it got
        assert counts(album.import_files(b, on_conflict=choice)) == {"updated": 1, "unchanged": 3}
        assert stored(album)["one (2).png"] == (str(b / "one.png"), GREY)


def test_two_files_of_one_import_can_both_be_kept(album: Collection, a: Path, b: Path) -> None:
    paths = [a / "one.png", b / "one.png", a / "same.png", b / "same.png"]
    for _ in range(2):
        report = album.import_files(paths, on_conflict="keep_both")
    assert counts(report) == {"unchanged": 4}
    assert stored(album).keys() == {"one.png", "one (2).png", "same.png"}
    with pytest.raises(Conflict, match="1 of 5 names is taken"):
        album.import_files([*paths, a / "two.png"])


def test_two_files_of_one_name_in_one_import_are_not_mixed_up(album: Collection, a: Path, b: Path) -> None:
    (failure,) = album.import_files([a / "one.png", b / "one.png"]).failed
    assert (failure.name, type(failure.error)) == ("one.png", InvalidName)
    assert stored(album) == {"one.png": (str(a / "one.png"), RED)}


def test_a_folder_that_was_moved_is_the_same_place(album: Collection, a: Path, tmp_path: Path) -> None:
    album.import_files(a)
    moved = tmp_path / "moved"
    shutil.move(a, moved)
    assert counts(album.import_files(moved)) == {"unchanged": 3}
    (moved / "one.png").write_bytes(BLUE)
    assert counts(album.import_files(moved)) == {"updated": 1, "unchanged": 2}
    assert {source for source, _ in stored(album).values()} == {str(moved / f"{n}.png") for n in ("one", "two", "same")}


def test_a_copy_does_not_take_over(album: Collection, a: Path, tmp_path: Path) -> None:
    album.import_files(a)
    copy = tmp_path / "copy"
    shutil.copytree(a, copy)
    assert counts(album.import_files(copy)) == {"unchanged": 3}
    assert stored(album)["one.png"] == (str(a / "one.png"), RED)


def test_rows_of_unknown_source_are_learnt_when_they_are_the_same_and_refused_when_not(
    album: Collection, a: Path, dsn: str
) -> None:
    album.import_files(a)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE album SET source = NULL")
    (a / "one.png").write_bytes(BLUE)
    with pytest.raises(Conflict, match=r"1 of 3 names is taken.*from an unknown source"):
        album.import_files(a)
    assert counts(album.import_files(a, on_conflict="replace")) == {"updated": 1, "unchanged": 2}
    assert {source for source, _ in stored(album).values()} == {str(a / f"{n}.png") for n in ("one", "two", "same")}


def test_pictures_that_come_without_files(album: Collection) -> None:
    assert counts(album.add("x", RED)) == {"added": 1}
    assert counts(album.add("x", RED)) == {"unchanged": 1}
    with pytest.raises(Conflict, match="'x' is taken by another picture, from an unknown source"):
        album.add("x", BLUE)
    assert counts(album.add("x", BLUE, on_conflict="replace", source="https://example.org/x")) == {"updated": 1}
    assert counts(album.add("x", GREEN, source="https://example.org/x")) == {"updated": 1}
    assert stored(album) == {"x": ("https://example.org/x", GREEN)}
    named: list[Any] = [("x", RED), ("y", RED, "https://example.org/y"), ("z", RED)]
    with pytest.raises(Conflict, match="1 of 3 names is taken"):
        album.import_pictures(named)
    assert album.count() == 1
    report = album.import_pictures(iter(named), source="upload")
    assert (counts(report), type(report.failed[0].error)) == ({"added": 2, "failed": 1}, Conflict)
    assert {name: source for name, (source, _) in stored(album).items()} == {
        "x": "https://example.org/x", "y": "https://example.org/y", "z": "upload"
    }  # fmt: skip
    with pytest.raises(Conflict):  # uploads do not say from where
        album.add("z", BLUE, source="upload")


def test_a_picture_may_come_to_a_vector(album: Collection) -> None:
    album.import_vectors([("x", [1, 0, 0], None)])
    assert counts(album.add("x", BLUE)) == {"updated": 1}
    assert counts(album.import_vectors([("x", [1, 0, 0], None)])) == {"updated": 1}
    assert album.image("x") == BLUE


def test_who_came_first_keeps_the_name(album: Collection, dsn: str) -> None:
    """Looked at while the name was free, written when it was taken."""
    album.add("x", RED)
    row = Row(name="x", features=(Feature(vector=[0, 0, 1]),), data=BLUE, sha256=b"b" * 32, replaces=None)  # type: ignore[arg-type]
    with connect(dsn) as connection, pytest.raises(Conflict, match="taken meanwhile"), connection.transaction():
        rows.write(connection, album.info, [row])
    assert album.image("x") == RED


def test_two_imports_at_once_lose_no_picture(db: OpenAnalytic, album: Collection) -> None:
    start = Barrier(2)

    def run(data: bytes, source: str) -> OpenAnalyticError | None:
        start.wait()
        report = db.collection("album").import_pictures(
            iter([(f"{number:02}", data) for number in range(30)]), source=source
        )
        assert len(report.failed) + report.added == 30
        return report.failed[0].error if report.failed else None  # type: ignore[return-value]

    with ThreadPoolExecutor(2) as threads:
        errors = list(threads.map(run, (RED, BLUE), ("one", "two")))
    assert all(error is None or isinstance(error, Conflict) for error in errors)
    assert {data for source, data in stored(album).values() if source == "one"} <= {RED}
    assert {data for source, data in stored(album).values() if source == "two"} <= {BLUE}


def test_a_column_of_that_name_can_be_the_users(db: OpenAnalytic, a: Path, b: Path, dsn: str) -> None:
    own = db.create_collection("own", pipeline="mean_colour", columns={"source": "integer"})
    assert (own.info.has_source, own.info.columns) == (False, {"source": "integer"})
    own.import_files(a, values={"one.png": {"source": 7}})
    assert counts(own.import_files(b)) == {"added": 1, "updated": 2, "unchanged": 1}  # as before there were sources
    assert own.get("one.png").row == {"source": 7}
    own.update("one.png", {"source": 8})
    assert own.search(BLUE, k=1, filter="source = 8")[0].row == {"source": 8}
    (a / "one.png").write_bytes(GREY)
    assert counts(own.import_files(a, on_conflict="skip")) == {"unchanged": 1, "skipped": 2}


def test_our_column_can_be_searched_by_and_not_written(album: Collection, a: Path, dsn: str) -> None:
    album.import_files(a)
    hits = album.search(RED, k=5, filter="source LIKE %(like)s", params={"like": "%/one.png"})
    assert [(hit.name, hit.row) for hit in hits] == [("one.png", {"place": None})]
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT name, \"row\" FROM open_analytic.search('album', ARRAY[1, 0, 0]::real[], 1)")
        assert rows.fetchall() == [("one.png", {"place": None})]
    with pytest.raises(BadParameter, match="not one of your own"):
        album.update("one.png", {"source": "x"})
    with pytest.raises(BadParameter, match="'source'"):
        album.add("y", BLUE, values={"source": "x"})


def test_a_column_that_was_dropped_ends_the_tracking(db: OpenAnalytic, a: Path, dsn: str) -> None:
    db.create_collection("bare", pipeline="mean_colour")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER TABLE bare DROP source")
    bare = db.collection("bare")
    assert bare.info.has_source is False
    assert counts(bare.import_files(a)) == {"added": 3}


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.jpg", "a (2).jpg"), ("x.y/a", "x.y/a (2)"), (".jpg", ".jpg (2)"), ("a.b.c", "a.b (2).c"), ("a", "a (2)")],
)
def test_a_second_name(name: str, second: str) -> None:
    assert numbered(name, 2) == second
