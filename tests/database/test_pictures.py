"""Pictures of a collection one by one: pages of names, vectors, places, new names, what columns hold."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import open_analytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, Conflict, InvalidName, OpenAnalyticError, UnknownCollection, UnknownImage
from open_analytic.store import pictures, rows
from open_analytic.types import Box, CollectionInfo, Feature, Row
from tests import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from open_analytic import OpenAnalytic
    from open_analytic.store.connection import Connection
    from tests.database.conftest import MakeCollection

HOSTILE = [
    "it's.png", '"quoted".png', "100%.png", "%s", "%(name)s", "a b", "a/../b", "/etc/passwd", "猫.png", "\\", "--", ";",
    "a\nb", "\t", "' OR true --", "{x}", "$1", "?", "\u202e", "\U0001f600", "e\u0301", "\ufeff", "x" * 2000,
]  # fmt: skip
NO_NAMES = ["", "\0", "a\0b", "\ud800", "x" * 2001, "猫" * 700]
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


def write(connection: Connection, info: CollectionInfo, *names: str, data: bytes | None = b"jpeg") -> None:
    vector = np.arange(1, info.dim + 1, dtype=np.float32)
    feature = Feature(vector=vector, region=Box(x=1, y=2, width=3, height=4) if info.many else None)
    rows.write(connection, info, [Row(name=name, features=(feature,), data=data) for name in names])


@pytest.fixture
def faces(connection: Connection, make: MakeCollection) -> CollectionInfo:
    """One picture with three regions, one with none, one that only has a vector."""
    info = make("faces", many=True)
    vectors = [np.full(4, part + 1, np.float32) for part in range(3)]
    features = [Feature(vector=vector, region=Box(x=at, y=0, width=9, height=8)) for at, vector in enumerate(vectors)]
    three = Row(name="three", features=tuple(features), data=b"three", sha256=b"3" * 32)
    rows.write(connection, info, [three, Row(name="nobody", features=(), data=b"nobody", sha256=b"0" * 32)])
    rows.write(connection, info, [Row(name="vector", features=(Feature(vector=np.ones(4, np.float32)),))])
    return info


# Names


def test_names_come_in_pages(connection: Connection, photos_table: CollectionInfo) -> None:
    written = sorted(HOSTILE)
    write(connection, photos_table, *written)
    for size in (1, 3, len(written), 200):
        seen: list[tuple[str, int]] = []
        while page := pictures.names(connection, photos_table, after=seen[-1][0] if seen else "", limit=size):
            assert len(page) <= size
            seen += page
        assert sorted(name for name, _ in seen) == written
        assert {count for _, count in seen} == {1}


def test_a_page_begins_after_any_text(connection: Connection, photos_table: CollectionInfo) -> None:
    write(connection, photos_table, "a", "b", "c")
    for after, expected in (("", "abc"), ("a", "bc"), ("a!", "bc"), ("c", ""), ("' OR true --", "abc"), ("%s", "abc")):
        page = pictures.names(connection, photos_table, after=after, limit=9)
        assert "".join(name for name, _ in page) == expected
    assert pictures.names(connection, photos_table, after="", limit=0) == []
    with pytest.raises(BadParameter):
        pictures.names(connection, photos_table, after="\0", limit=9)


def test_names_count_vectors(connection: Connection, faces: CollectionInfo) -> None:
    assert pictures.names(connection, faces, after="", limit=9) == [("nobody", 0), ("three", 3), ("vector", 1)]


# Vectors and regions


def test_a_vector_is_of_a_region(connection: Connection, faces: CollectionInfo) -> None:
    for part, expected in ((None, 1), (0, 1), (1, 2), (2, 3)):
        assert pictures.feature(connection, faces, "three", part).tolist() == [expected] * 4
    assert pictures.feature(connection, faces, "three", 2).dtype == np.float32
    missing = [("three", 3), ("three", -1), ("nobody", 0), ("nobody", None), ("x", None), ("a\0b", 0), ("\ud800", 0)]
    for name, part in missing:
        with pytest.raises(UnknownImage):
            pictures.feature(connection, faces, name, part)


def test_a_whole_picture_has_its_vector_whatever_part(connection: Connection, photos_table: CollectionInfo) -> None:
    write(connection, photos_table, *HOSTILE)
    for name in HOSTILE:
        for part in (None, 0, 5):
            assert pictures.feature(connection, photos_table, name, part).tolist() == [1, 2, 3, 4]


def test_a_region_has_its_place(connection: Connection, faces: CollectionInfo) -> None:
    for part in range(3):
        assert pictures.region(connection, faces, "three", part) == (b"three", Box(x=part, y=0, width=9, height=8))
    assert pictures.region(connection, faces, "three", 99) == (b"three", None)
    assert pictures.region(connection, faces, "nobody", 0) == (b"nobody", None)
    assert pictures.image(connection, faces, "three") == b"three"
    with pytest.raises(UnknownImage, match="only the vector was imported"):
        pictures.region(connection, faces, "vector", 0)
    with pytest.raises(UnknownImage, match="has no image"):
        pictures.region(connection, faces, "x", 0)


def test_a_picture_as_a_whole_has_no_regions(connection: Connection, photos_table: CollectionInfo) -> None:
    write(connection, photos_table, "a")
    assert pictures.region(connection, photos_table, "a", 0) == (b"jpeg", None)
    for name in ("b", "\0", "\ud800"):
        with pytest.raises(UnknownImage):
            pictures.image(connection, photos_table, name)


# New names


@pytest.mark.parametrize("new", HOSTILE)
@pytest.mark.parametrize("old", ["plain", "%s' OR true --"])
def test_a_picture_gets_any_name(connection: Connection, photos_table: CollectionInfo, old: str, new: str) -> None:
    write(connection, photos_table, old, "other")
    pictures.rename(connection, photos_table, old, new)
    assert {name for name, _ in pictures.names(connection, photos_table, after="", limit=9)} == {new, "other"}
    assert pictures.image(connection, photos_table, new) == b"jpeg"


@given(old=NAMES, new=NAMES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_new_names_are_taken_as_they_are(
    connection: Connection, photos_table: CollectionInfo, old: str, new: str
) -> None:
    with connection.transaction(force_rollback=True):
        write(connection, photos_table, old)
        pictures.rename(connection, photos_table, old, new)
        assert pictures.names(connection, photos_table, after="", limit=9) == [(new, 1)]


@pytest.mark.parametrize("new", NO_NAMES)
def test_what_is_no_name_is_refused(connection: Connection, photos_table: CollectionInfo, new: str) -> None:
    write(connection, photos_table, "a")
    with pytest.raises(InvalidName):
        pictures.rename(connection, photos_table, "a", new)
    assert pictures.names(connection, photos_table, after="", limit=9) == [("a", 1)]


@pytest.mark.parametrize("old", [*NO_NAMES, "b", "A", "a "])
def test_only_what_is_there_is_renamed(connection: Connection, photos_table: CollectionInfo, old: str) -> None:
    write(connection, photos_table, "a")
    with pytest.raises(UnknownImage):
        pictures.rename(connection, photos_table, old, "c")
    assert pictures.names(connection, photos_table, after="", limit=9) == [("a", 1)]


def test_a_name_that_is_taken_stays_with_its_picture(connection: Connection, faces: CollectionInfo) -> None:
    for old, new in (("three", "nobody"), ("nobody", "three"), ("vector", "three")):
        with pytest.raises(Conflict, match="already"):
            pictures.rename(connection, faces, old, new)
    assert pictures.names(connection, faces, after="", limit=9) == [("nobody", 0), ("three", 3), ("vector", 1)]
    pictures.rename(connection, faces, "three", "three")
    pictures.rename(connection, faces, "three", "drei")
    assert pictures.names(connection, faces, after="", limit=9) == [("drei", 3), ("nobody", 0), ("vector", 1)]
    assert pictures.region(connection, faces, "drei", 2) == (b"three", Box(x=2, y=0, width=9, height=8))


# Columns and sizes

COLUMNS = {"city": "text", "n": "integer", "day": "date", "ok": "boolean", '100% "x"': "text", "none": "text"}


def test_few_values_are_told(connection: Connection, make: MakeCollection) -> None:
    info = make(columns=COLUMNS)
    write(connection, info, *map(str, range(60)))
    changes = "city = 'c' || image_name::int % 20, n = image_name::int % 21, day = '2024-01-31', ok = image_name = '7'"
    connection.execute(f"""UPDATE photos SET {changes}, "100% ""x\""" = '%s'""".encode())
    assert pictures.values(connection, info, "city") == sorted(f"c{number}" for number in range(20))
    assert pictures.values(connection, info, "n") is None
    assert pictures.values(connection, info, "day") == [datetime.date(2024, 1, 31).isoformat()]
    assert pictures.values(connection, info, "ok") == ["false", "true"]
    assert pictures.values(connection, info, '100% "x"') == ["%s"]
    assert pictures.values(connection, info, "none") == []
    connection.execute("UPDATE photos SET city = 'one more' WHERE image_name = '0'")
    assert pictures.values(connection, info, "city") is None
    with connection.transaction(force_rollback=True), pytest.raises(OpenAnalyticError, match="nothing"):
        pictures.values(connection, info, "nothing")


def test_sizes_count_pictures_and_indexes(connection: Connection, photos_table: CollectionInfo) -> None:
    empty = pictures.sizes(connection, photos_table)
    noise = np.random.default_rng(1).bytes(500_000)  # which PostgreSQL cannot make smaller
    write(connection, photos_table, "a", data=noise)
    table, index = pictures.sizes(connection, photos_table)
    assert table - empty[0] > 500_000
    assert (index >= empty[1] > 0, index < 100_000) == (True, True)


def test_a_table_that_is_gone_is_an_error(connection: Connection, photos_table: CollectionInfo) -> None:
    connection.execute("DROP TABLE photos CASCADE")
    for ask in (
        lambda: pictures.image(connection, photos_table, "a"),
        lambda: pictures.names(connection, photos_table, after="", limit=1),
        lambda: pictures.values(connection, photos_table, "district"),
        lambda: pictures.rename(connection, photos_table, "a", "b"),
        lambda: pictures.feature(connection, photos_table, "a", None),
    ):
        with connection.transaction(force_rollback=True), pytest.raises(UnknownCollection):
            ask()


# Through the collection


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    settings = Settings.read({}, cards=(tiny.write(tmp_path),), models_dir=tmp_path)
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


class Noted(bytes):
    """Bytes that are missed when they are gone."""

    gone = 0

    def __del__(self) -> None:
        Noted.gone += 1


def test_pictures_that_failed_are_not_kept_in_memory(db: OpenAnalytic) -> None:
    """Their errors are: with the place they were raised at each would hold its picture."""
    collection = db.create_collection("bad", pipeline="mean_colour")
    broken = b"\x89PNG\r\n\x1a\n"
    bad = ((f"{at}", Noted(broken + bytes(1000) if at % 2 else b"words" * at)) for at in range(20))
    report = collection.import_pictures(bad)
    assert [type(failure.error).__name__ for failure in report.failed] == [
        "BadImage" if int(failure.name) % 2 or failure.name == "0" else "UnsupportedImage" for failure in report.failed
    ]
    assert Noted.gone == len(report.failed) == 20


def test_two_who_import_the_same_new_picture_at_once_both_can(db: OpenAnalytic) -> None:
    collection = db.create_collection("same", pipeline="mean_colour")
    with (
        psycopg.connect(db.dsn) as other,
        psycopg.connect(db.dsn, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as thread,
    ):
        other.execute(
            "INSERT INTO same (image_name, feature, pipeline_version) VALUES ('a', '[1,0,0]', %s)",
            [collection.info.version],
        )
        second = thread.submit(collection.import_vectors, [("a", [0, 1, 0], None)])
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'transactionid'"
        while watcher.execute(blocked).fetchone() == (0,):
            assert not second.done()
            time.sleep(0.01)
        other.commit()
        report = second.result(60)
    assert (report.failed, collection.feature("a").tolist()) == ((), [0, 1, 0])


def test_two_who_rename_at_once_do_not_both_win(db: OpenAnalytic) -> None:
    collection = db.create_collection("two", pipeline="mean_colour")
    collection.import_vectors([("a", [1, 0, 0], None), ("b", [0, 1, 0], None)])
    with psycopg.connect(db.dsn) as other:
        other.execute("UPDATE two SET image_name = 'c' WHERE image_name = 'b'")
        other.commit()
        with pytest.raises(Conflict):
            collection.rename("a", "c")
    assert collection.names() == [("a", 1), ("c", 1)]
