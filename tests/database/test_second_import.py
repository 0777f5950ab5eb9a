"""A second import destroys nothing: what users put beside our columns, and what refers to a row, stays."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import psycopg
import pytest

import open_analytic
from open_analytic import Collection, OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, Conflict
from open_analytic.store import rows
from open_analytic.store.connection import Connection
from open_analytic.types import Box, Feature, Row
from tests import tiny
from tests.database.conftest import MakeCollection
from tests.database.test_importer import counts, picture

Change: TypeAlias = Callable[[Collection, Path], Any]


@pytest.fixture
def tiny_db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny.write(tmp_path / "cards")
    with open_analytic.connect(dsn, settings=Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        yield db


@pytest.fixture
def album(tiny_db: OpenAnalytic) -> Collection:
    return tiny_db.create_collection("album", pipeline="mean_colour", columns={"place": "text"})


@pytest.fixture
def client(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def by_folder(album: Collection, folder: Path) -> Any:
    (folder / "a.png").write_bytes(picture(0, 0, 250))
    return album.import_files(folder)


def by_add(album: Collection, folder: Path) -> Any:
    return album.add("a.png", picture(0, 0, 250), on_conflict="replace")


def by_pictures(album: Collection, folder: Path) -> Any:
    return album.import_pictures(iter([("a.png", picture(0, 0, 250))]), source="camera")


def by_vectors(album: Collection, folder: Path) -> Any:
    return album.import_vectors([("a.png", [0, 0, 1], None)])


@pytest.mark.parametrize("change", [by_folder, by_add, by_pictures, by_vectors])
def test_a_changed_picture_keeps_what_is_not_ours(
    album: Collection, client: psycopg.Connection[Any], tmp_path: Path, change: Change
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(picture(250, 0, 0))
    if change is by_folder:
        album.import_files(folder, values={"a.png": {"place": "home"}})
    else:
        album.add("a.png", picture(250, 0, 0), values={"place": "home"}, source="camera")
    client.execute("ALTER TABLE album ADD stars integer DEFAULT 0")
    client.execute("UPDATE album SET stars = 5")
    client.execute("CREATE TABLE likes (image_name text REFERENCES album ON DELETE CASCADE, who text)")
    client.execute("CREATE TABLE prints (image_name text REFERENCES album, size text)")
    client.execute("INSERT INTO likes VALUES ('a.png', 'Ann'); INSERT INTO prints VALUES ('a.png', 'A4')")

    assert counts(change(album, folder)) == {"added": 0, "updated": 1, "unchanged": 0, "failed": 0}

    assert client.execute("SELECT place, stars, feature::text FROM album").fetchall() == [("home", 5, "[0,0,1]")]
    assert client.execute("SELECT * FROM likes, prints").fetchall() == [("a.png", "Ann", "a.png", "A4")]


def test_values_that_are_given_again_replace_those_columns_only(
    tiny_db: OpenAnalytic, album: Collection, client: psycopg.Connection[Any]
) -> None:
    client.execute("ALTER TABLE album ADD stars integer, ADD since date")
    album = tiny_db.collection("album")
    album.import_vectors([("a", [1, 0, 0], {"place": "home", "stars": 3, "since": "2024-01-02"})])
    album.import_vectors([("a", [0, 1, 0], {"place": None})])
    assert client.execute("SELECT place, stars, since::text FROM album").fetchall() == [(None, 3, "2024-01-02")]


def test_a_vector_for_a_picture_leaves_the_picture(album: Collection) -> None:
    album.add("a.png", picture(250, 0, 0))
    assert album.import_vectors([("a.png", [0, 1, 0], None)]).updated == 1
    assert album.image("a.png") == picture(250, 0, 0)
    assert album.feature("a.png").tolist() == [0, 1, 0]


def test_pictures_that_insert_wrote_are_compared_by_their_bytes(
    album: Collection, client: psycopg.Connection[Any]
) -> None:
    same, other, lonely = picture(250, 0, 0), picture(0, 250, 0), picture(0, 0, 250)
    insert = "INSERT INTO album (image_name, place, image_data, feature) VALUES (%s, 'home', %s, %s)"
    client.execute(insert, ("same", same, "[1,0,0]"))
    client.execute(insert, ("other", same, "[1,0,0]"))
    client.execute(insert, ("lonely", lonely, None))  # nobody computed its feature yet

    pictures = [("same", same), ("other", other), ("lonely", lonely)]
    with pytest.raises(Conflict, match="1 of 3 names"):
        album.import_pictures(pictures)
    report = album.import_pictures(pictures, on_conflict="replace")

    assert counts(report) == {"added": 0, "updated": 2, "unchanged": 1, "failed": 0}
    assert client.execute("SELECT image_name, place, feature::text FROM album ORDER BY 1").fetchall() == [
        ("lonely", "home", "[0,0,1]"), ("other", "home", "[0,1,0]"), ("same", "home", "[1,0,0]")
    ]  # fmt: skip


def test_faces_keep_their_columns_by_part(connection: Connection, make: MakeCollection) -> None:
    info = make("people", many=True, columns={"who": "text", "score": "real"})

    def photo(data: bytes, *scores: float) -> Row:
        features = [
            Feature(vector=np.full(4, score, np.float32), region=Box(x=score, y=1, width=2, height=3),
                    attributes={"score": score})
            for score in scores
        ]  # fmt: skip
        return Row(name="party", features=tuple(features), data=data, sha256=hashlib.sha256(data).digest())

    def content() -> list[Any]:
        columns = "part, who, score, box, feature::text, image_data"
        return connection.execute(f"SELECT {columns} FROM people ORDER BY part").fetchall()

    rows.write(connection, info, [photo(b"old", 9, 8, 7)])
    connection.execute("UPDATE people SET who = 'person ' || part")
    connection.execute("CREATE TABLE public.tags (image_name text, part integer, tag text, "
                       "FOREIGN KEY (image_name, part) REFERENCES people)")  # fmt: skip
    connection.execute("INSERT INTO public.tags VALUES ('party', 0, 'host'), ('party', 1, 'guest')")

    assert rows.write(connection, info, [photo(b"new", 6, 5)]) == 2
    assert content() == [
        (0, "person 0", 6, [6, 1, 2, 3], "[6,6,6,6]", b"new"),
        (1, "person 1", 5, [5, 1, 2, 3], "[5,5,5,5]", None),
    ]
    assert rows.write(connection, info, [photo(b"more", 6, 5, 4)]) == 3
    assert [(part, who) for part, who, *_ in content()] == [(0, "person 0"), (1, "person 1"), (2, None)]
    with pytest.raises(BadParameter, match=r"tied to another table.*tags"), connection.transaction():
        rows.write(connection, info, [photo(b"less", 6)])
    assert [(part, who) for part, who, *_ in content()] == [(0, "person 0"), (1, "person 1"), (2, None)]


def test_a_type_of_each_column_survives_an_update(connection: Connection, make: MakeCollection) -> None:
    columns = {"a%b": "varchar(3)", "tags": "text[]", "extra": "jsonb", "price": "numeric(6,2)"}
    info = make("things", columns=columns)
    first = {"a%b": "abc", "tags": ["x"], "extra": {"k": 1}, "price": 1.5}
    second = {"a%b": "de", "tags": ["y", None], "extra": None, "price": "2.25"}
    vector = np.array([1, 2, 3, 4], np.float32)
    for values in (first, second):
        rows.write(connection, info, [Row(name="a", features=(Feature(vector=vector),), values=values)])
    stored = connection.execute('SELECT "a%%b", tags, extra, price::text FROM things', ()).fetchall()
    assert stored == [("de", ["y", None], None, "2.25")]
    with pytest.raises(BadParameter, match="too long"):
        rows.write(connection, info, [Row(name="a", features=(Feature(vector=vector),), values={"a%b": "long"})])


# Values for pictures that have not changed


TYPES = {
    "place": "text",
    "price": "numeric(8,2)",
    "at": "timestamptz",
    "more": "jsonb",
    "tags": "text[]",
    "code": "varchar(3)",
}
ROW = {
    "place": "home",
    "price": "1.5",
    "at": "2024-01-01 12:00+02",
    "more": {"b": 1, "a": [2]},
    "tags": ["x", "y"],
    "code": "abc",
}


def numbers(report: open_analytic.ImportReport) -> tuple[int, int, int, int]:
    """Added, updated, unchanged, failed."""
    return tuple(counts(report).values())  # type: ignore[return-value]


@pytest.fixture
def typed(tiny_db: OpenAnalytic, tmp_path: Path) -> tuple[Collection, Path]:
    """A collection with two pictures that were imported without values, and their folder."""
    collection = tiny_db.create_collection("typed", pipeline="mean_colour", columns=TYPES)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, blue in (("a.png", 100), ("b.png", 200)):
        (folder / name).write_bytes(picture(0, 0, blue))
    collection.import_files(folder)
    return collection, folder


def test_values_for_unchanged_pictures_are_written_once(
    typed: tuple[Collection, Path], client: psycopg.Connection[Any]
) -> None:
    collection, folder = typed
    before = client.execute("SELECT image_name, imported_at, feature::text FROM typed ORDER BY 1").fetchall()
    assert numbers(collection.import_files(folder, values={"a.png": ROW})) == (0, 1, 1, 0)
    stored = collection.get("a.png").row
    assert (stored["place"], str(stored["price"]), stored["more"], stored["code"]) == (
        "home",
        "1.50",
        ROW["more"],
        "abc",
    )
    assert set(collection.get("b.png").row.values()) == {None}
    place = client.execute("SELECT ctid::text FROM typed ORDER BY image_name").fetchall()
    assert numbers(collection.import_files(folder, values={"a.png": ROW})) == (0, 0, 2, 0)
    assert client.execute("SELECT ctid::text FROM typed ORDER BY image_name").fetchall() == place
    assert client.execute("SELECT image_name, imported_at, feature::text FROM typed ORDER BY 1").fetchall() == before


def test_one_value_is_written_and_the_others_stay(typed: tuple[Collection, Path]) -> None:
    collection, folder = typed
    collection.import_files(folder, values=lambda name: ROW)
    some: dict[str, dict[str, Any]] = {"a.png": {"place": "work"}, "b.png": {"place": None}}
    assert numbers(collection.import_files(folder, values=some)) == (0, 2, 0, 0)
    assert [(row.row["place"], row.row["code"]) for row in collection] == [("work", "abc"), (None, "abc")]
    assert numbers(collection.import_files(folder)) == (0, 0, 2, 0)
    assert [row.row["place"] for row in collection] == ["work", None]


def test_a_refused_value_fails_its_picture_alone(typed: tuple[Collection, Path]) -> None:
    collection, folder = typed
    report = collection.import_files(
        folder, values=lambda name: {"code": "long", "place": name} if name == "b.png" else ROW
    )
    assert numbers(report) == (0, 1, 0, 1)
    ((name, error),) = [(failure.name, failure.error) for failure in report.failed]
    assert (name, type(error)) == ("b.png", BadParameter)
    assert [row.row["place"] for row in collection] == ["home", None]


@pytest.mark.parametrize("on_conflict", ["skip", "keep_both"])
def test_values_go_to_the_picture_they_are_of(typed: tuple[Collection, Path], tmp_path: Path, on_conflict: str) -> None:
    collection, _ = typed
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes(picture(0, 0, 50))
    collection.import_files(other, on_conflict=on_conflict)  # type: ignore[arg-type]
    collection.import_files(other, values={"a.png": {"place": "other"}}, on_conflict=on_conflict)  # type: ignore[arg-type]
    expected = {"skip": {}, "keep_both": {"a (2).png": "other"}}[on_conflict]
    assert {row.name: row.row["place"] for row in collection} == {"a.png": None, "b.png": None} | expected
