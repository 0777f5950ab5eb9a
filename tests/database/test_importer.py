"""Importing folders: resumable, row by row honest about what failed, and never half a row."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, ConnectionLost, UnreadableFile
from open_analytic.importer import VectorRow
from open_analytic.store import loading
from open_analytic.types import Progress
from tests import tiny


def picture(red: int, green: int, blue: int, size: tuple[int, int] = (24, 20)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (red, green, blue)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def tiny_db(dsn: str, settings: Settings, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture
def colours(tiny_db: OpenAnalytic) -> Collection:
    return tiny_db.create_collection("colours", pipeline="mean_colour", columns={"district": "text", "year": "integer"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "A").mkdir(parents=True)
    (folder / "B").mkdir()
    (folder / "A" / "red.png").write_bytes(picture(250, 10, 10))
    (folder / "A" / "green.png").write_bytes(picture(10, 250, 10))
    (folder / "B" / "blue.png").write_bytes(picture(10, 10, 250))
    return folder


def counts(report: open_analytic.ImportReport) -> dict[str, int]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "failed": len(report.failed),
    }


def test_names_are_paths_below_the_folder_and_values_fill_the_columns(colours: Collection, folder: Path) -> None:
    report = colours.import_files(folder, values=lambda name: {"district": name.split("/")[0], "year": 2020})

    assert counts(report) == {"added": 3, "updated": 0, "unchanged": 0, "failed": 0}
    hits = colours.search(picture(200, 0, 0), k=5)
    assert [hit.name for hit in hits] == ["A/red.png", "A/green.png", "B/blue.png"]
    assert [dict(hit.row) for hit in hits] == [
        {"district": "A", "year": 2020},
        {"district": "A", "year": 2020},
        {"district": "B", "year": 2020},
    ]
    assert hits[0].distance < 0.1 < hits[1].distance
    assert colours.image("A/red.png") == (folder / "A" / "red.png").read_bytes()
    assert colours.index() == "ready"


def test_second_import_adds_nothing(colours: Collection, folder: Path) -> None:
    colours.import_files(folder)
    assert counts(colours.import_files(folder)) == {"added": 0, "updated": 0, "unchanged": 3, "failed": 0}
    assert colours.count() == 3


def test_an_import_that_finds_all_there_brings_a_missing_index_back(
    colours: Collection, folder: Path, dsn: str
) -> None:
    colours.import_files(folder)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP INDEX colours_feature_idx")
    assert colours.import_files(folder).rows == 0
    assert colours.index() == "ready"


def test_many_files_drop_the_index_and_it_comes_back(
    colours: Collection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colours.import_files(folder)
    monkeypatch.setattr(loading, "LEAST", 100)
    (folder / "C").mkdir()
    for number in range(300):
        (folder / "C" / f"{number:03}.png").write_bytes(picture(number % 256, number // 2, 7))
    seen: list[tuple[str, str]] = []

    report = colours.import_files(folder, progress=lambda step: seen.append((step.what, colours.index())))
    assert counts(report) == {"added": 300, "updated": 0, "unchanged": 3, "failed": 0}
    assert ("import", "building") in seen
    assert (colours.index(), colours.count()) == ("ready", 303)


def test_a_changed_file_replaces_its_row(colours: Collection, folder: Path) -> None:
    colours.import_files(folder)
    (folder / "A" / "red.png").write_bytes(picture(240, 240, 10))

    assert counts(colours.import_files(folder)) == {"added": 0, "updated": 1, "unchanged": 2, "failed": 0}
    assert colours.count() == 3
    (hit,) = colours.search(picture(250, 250, 10), k=1)
    assert hit.name == "A/red.png"
    assert hit.distance < 0.01


def test_a_bad_file_is_a_failure_and_its_neighbours_go_in(colours: Collection, folder: Path) -> None:
    (folder / "A" / "empty.jpg").write_bytes(b"")
    (folder / "A" / "letter.jpg").write_text("dear friend")
    (folder / "B" / "cut.png").write_bytes(picture(9, 9, 9, (300, 300))[:100])
    (folder / "B" / "notes.txt").write_text("not a picture, and not called one")
    (folder / "B" / "weird\udce9.png").write_bytes(picture(1, 2, 3))
    (folder / "B" / 'O\'Brien "照片".png').write_bytes(picture(0, 200, 200))

    report = colours.import_files(folder)

    assert counts(report) == {"added": 4, "updated": 0, "unchanged": 0, "failed": 4}
    assert {failure.name: type(failure.error).__name__ for failure in report.failed} == {
        "A/empty.jpg": "BadImage",
        "A/letter.jpg": "UnsupportedImage",
        "B/cut.png": "BadImage",
        "B/weird\udce9.png": "InvalidName",
    }
    assert colours.image('B/O\'Brien "照片".png') == picture(0, 200, 200)


def test_a_pipe_a_missing_link_and_a_directory_loop_end(colours: Collection, folder: Path) -> None:
    os.mkfifo(folder / "A" / "pipe.jpg")
    (folder / "A" / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    (folder / "B" / "loop").symlink_to(folder)

    report = colours.import_files(folder)

    assert report.added == 3
    assert {failure.name: type(failure.error) for failure in report.failed} == {
        "A/nowhere.jpg": UnreadableFile,
        "A/pipe.jpg": UnreadableFile,
    }


def test_a_value_that_a_function_gives_fails_its_row_only(colours: Collection, folder: Path) -> None:
    values: dict[str, dict[str, Any]] = {"A/red.png": {"year": "MMXX"}, "A/green.png": {"year": 2021}}
    report = colours.import_files(folder, values=lambda name: values.get(name, {}))

    assert counts(report) == {"added": 2, "updated": 0, "unchanged": 0, "failed": 1}
    assert report.failed[0].name == "A/red.png"


def test_two_files_of_one_name_are_not_mixed_up(colours: Collection, folder: Path) -> None:
    (folder / "B" / "red.png").write_bytes(picture(150, 0, 0))
    report = colours.import_files([folder / "A" / "red.png", folder / "B" / "red.png"])

    assert [(failure.name, type(failure.error).__name__) for failure in report.failed] == [("red.png", "InvalidName")]
    assert colours.image("red.png") == picture(250, 10, 10)


def test_a_missing_folder_is_an_error_before_anything_happens(colours: Collection, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="There is no file or folder"):
        colours.import_files(tmp_path / "nowhere")


def test_progress_counts_every_file_once(colours: Collection, folder: Path) -> None:
    (folder / "A" / "letter.jpg").write_text("dear friend")
    seen: list[Progress] = []
    colours.import_files(folder, progress=seen.append)

    imports = [step for step in seen if step.what == "import"]
    assert imports[-1] == Progress(what="import", done=4, total=4, failed=1)
    assert [step.done for step in imports] == sorted(step.done for step in imports)


def test_an_interruption_keeps_whole_rows_and_the_rerun_completes(colours: Collection, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}.png").write_bytes(picture(number % 256, number // 2, 7))

    def stop(progress: Progress) -> None:
        if progress.done >= 128:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        colours.import_files(many, progress=stop)
    stored = colours.count()
    assert 0 < stored < 300

    report = colours.import_files(many)
    assert (report.unchanged, report.added) == (stored, 300 - stored)
    assert colours.count() == 300


def test_vectors_from_elsewhere_are_imported_and_replaced(colours: Collection) -> None:
    rows: list[VectorRow] = [
        ("a", [1, 0, 0], {"district": "A"}),
        ("b", np.array([0, 1, 0], np.float32), None),
        ("c", [0, 0, float("nan")], None),
    ]
    report = colours.import_vectors(rows)

    assert counts(report) == {"added": 2, "updated": 0, "unchanged": 0, "failed": 1}
    assert [failure.name for failure in report.failed] == ["c"]
    assert colours.import_vectors([("a", [0, 0, 1], None)]).updated == 1
    (hit,) = colours.search([0, 0, 1], k=1)
    assert (hit.name, hit.distance) == ("a", 0.0)


def test_a_second_row_of_one_name_in_one_import_wins(colours: Collection) -> None:
    report = colours.import_vectors([("a", [1, 0, 0], None), ("a", [0, 1, 0], None)])
    assert counts(report) == {"added": 1, "updated": 1, "unchanged": 0, "failed": 0}
    assert colours.search([0, 1, 0], k=1)[0].distance == 0.0


def test_after_lost_connections_what_was_committed_stays_and_the_rerun_completes(
    colours: Collection, dsn: str, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(300):
        (many / f"{number:03}.png").write_bytes(picture(number % 256, number // 2, 7))

    def cut(progress: Progress) -> None:
        if progress.done == 128:
            with psycopg.connect(dsn, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    with contextlib.suppress(ConnectionLost):  # unless the dead connections were idle ones, replaced unseen
        colours.import_files(many, progress=cut)
    stored = colours.count()
    assert stored >= 128
    report = colours.import_files(many)
    assert (report.added, report.unchanged) == (300 - stored, stored)


MEETS = """
CREATE SEQUENCE public.met;
GRANT USAGE ON SEQUENCE public.met TO public;
CREATE FUNCTION public.meet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_catalog.nextval('public.met') <= 2 THEN
        RAISE 'met another' USING ERRCODE = '%s';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER meet BEFORE INSERT ON public.colours FOR EACH STATEMENT EXECUTE FUNCTION public.meet();
"""


@pytest.mark.parametrize("state", ["40P01", "40001"])
def test_a_chunk_that_met_another_transaction_is_written_again(colours: Collection, state: str) -> None:
    with psycopg.connect(colours._database.dsn, autocommit=True) as other:
        other.execute((MEETS % state).encode())
    report = colours.import_vectors([("a", [1, 0, 0], None), ("b", [0, 1, 0], None)])
    assert (report.added, report.failed, colours.count()) == (2, (), 2)
