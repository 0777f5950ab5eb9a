"""Collections: ordinary tables with any name and columns, bound to one version of one pipeline."""

import dataclasses
from typing import Any

import numpy as np
import psycopg
import pytest

from open_analytic import errors
from open_analytic.errors import (
    BadParameter,
    CollectionExists,
    Conflict,
    InvalidName,
    InvalidPipeline,
    PermissionDenied,
    UnknownCollection,
    UnknownImage,
)
from open_analytic.store import collections, pictures, pipelines, rows, tables
from open_analytic.store.connection import Connection
from open_analytic.types import CollectionInfo, Feature, Row, Span
from tests.database.conftest import MakeCollection, SmallPlan

NAMES = ["photos", "Photos", "two words", 'quo"te', "it's", "图片", "a" * 63, "%s", "{x}", "select", "1st", "new\nline"]


def columns_of(connection: Connection, table: str) -> dict[str, str]:
    cursor = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        [table],
    )
    return dict(cursor.fetchall())


def test_a_collection_is_an_ordinary_table(connection: Connection, photos_table: CollectionInfo) -> None:
    assert columns_of(connection, "photos") == {
        "image_name": "text",
        "image_data": "bytea",
        "feature": "halfvec(4)",
        "district": "text",
        "year": "integer",
        "image_sha256": "bytea",
        "pipeline_version": "integer",
        "imported_at": "timestamp with time zone",
        "source": "text",
    }
    assert dataclasses.asdict(photos_table) | {"created_at": None} == {
        "name": "photos",
        "schema": "public",
        "pipeline": "colours",
        "version": 1,
        "dim": 4,
        "metric": "l2",
        "many": False,
        "parameters": {"scale": 0.5},
        "columns": {"district": "text", "year": "integer"},
        "created_at": None,
        "has_source": True,
        "inputs": {"name": "image_name", "data": "image_data", "sha256": "image_sha256", "data_type": "bytea"},
        "region": None,
    }
    assert collections.all(connection) == [photos_table] == [collections.get(connection, "public.photos")]


def test_a_collection_of_many_has_parts_and_boxes(connection: Connection, make: MakeCollection) -> None:
    info = make("faces", many=True, columns={"age": "integer"})
    assert list(columns_of(connection, "faces")) == [
        "image_name", "part", "box", "image_data", "feature", "age", "image_sha256", "pipeline_version", "imported_at",
        "source",
    ]  # fmt: skip
    assert (info.many, info.columns) == (True, {"age": "integer"})


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_identifier_is_a_name(connection: Connection, make: MakeCollection, name: str) -> None:
    info = make(name, columns={name: "text"})
    assert rows.write(connection, info, [Row(name="a", features=(), data=b"x", values={name: "1"})]) == 1
    assert collections.get(connection, name) == info
    assert (info.name, info.columns) == (name, {name: "text"})
    assert collections.count(connection, info) == (1, 1)
    collections.drop(connection, name)
    assert collections.all(connection) == []


def test_a_collection_may_live_in_another_schema(connection: Connection, make: MakeCollection) -> None:
    connection.execute('CREATE SCHEMA "My Schema"')
    info = make("My Schema.photos")
    assert (info.name, info.schema) == ("My Schema.photos", "My Schema")
    assert make("photos").name == "photos"
    assert [each.name for each in collections.all(connection)] == ["photos", "My Schema.photos"]


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a.b.c", "a" * 64, "图" * 22, "nul\0", "\ud800"], ids=ascii)
def test_what_is_no_identifier_is_no_name(make: MakeCollection, name: str) -> None:
    with pytest.raises(InvalidName):
        make(name)


def test_a_schema_must_be_there(make: MakeCollection) -> None:
    with pytest.raises(InvalidName, match="nowhere"):
        make("nowhere.photos")


def test_a_name_that_is_taken_is_refused(connection: Connection, make: MakeCollection) -> None:
    make("photos")
    with pytest.raises(CollectionExists), connection.transaction():
        make("photos")
    connection.execute("CREATE TABLE public.ordinary (n int)")
    with pytest.raises(CollectionExists, match="ordinary"), connection.transaction():
        make("ordinary")


TYPES = [
    "text", "TEXT", "varchar(20)", "numeric(10, 2)", "text[]", "timestamp with time zone", "double precision",
    "integer[][]", "jsonb", "uuid", "pg_catalog.int4", "interval day to second", "bit varying(3)", "char(3)",
    "text -- a comment", "text /* a comment */", "halfvec(3)", "vector",
]  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_any_type_of_the_server_is_a_columns_type(make: MakeCollection, type_: str) -> None:
    assert list(make(columns={"x": type_, "y": "text"}).columns) == ["x", "y"]


def test_a_users_own_types_are_types(connection: Connection, make: MakeCollection) -> None:
    connection.execute(
        """CREATE TYPE "mood %s" AS ENUM ('ok', 'bad'); CREATE DOMAIN year AS int CHECK (VALUE > 1800)"""
    )
    info = make(columns={"mood": '"mood %s"', "year": "year"})
    row = Row(name="a", features=(), values={"mood": "bad", "year": 1999})
    rows.write(connection, info, [row])
    assert connection.execute("SELECT mood::text, year::int FROM photos").fetchall() == [("bad", 1999)]
    with pytest.raises(BadParameter, match="year"):
        rows.write(connection, info, [dataclasses.replace(row, values={"year": 1700})])


@pytest.mark.parametrize(
    "type_",
    [
        "", " ", "nonsense", "text; drop table photos", "text, evil text", "text not null", "text default 'x'",
        "text) ; --", "text /*", "'", '"', "$$", "(text)", "text check (true)", "setof text", "void", "anyelement",
        "record", "serial", "text generated always as ('x') stored", "%s", "{x}", "nul\0", "\ud800", "text\n) --",
        None, 5,
    ],
    ids=ascii,
)  # fmt: skip
def test_what_is_no_type_is_refused_and_nothing_is_made(
    connection: Connection, make: MakeCollection, type_: Any
) -> None:
    with pytest.raises(BadParameter, match="'x'") as caught:
        make(columns={"x": type_})
    assert "numeric(10,2)" in (caught.value.hint or "")
    assert connection.execute("SELECT to_regclass('photos')").fetchone() == (None,)


@pytest.mark.parametrize("column", [*tables.OWN, *tables.SYSTEM, "", "a" * 64, "nul\0"], ids=ascii)
def test_a_column_cannot_be_called_like_ours(make: MakeCollection, column: str) -> None:
    with pytest.raises(InvalidName):
        make(columns={column: "text"})


def test_a_collection_of_one_a_picture_may_have_a_column_box(make: MakeCollection) -> None:
    assert make(columns={"box": "text"}).columns == {"box": "text"}
    with pytest.raises(InvalidName):
        make("faces", many=True, columns={"box": "text"})


def test_a_column_added_later_is_the_users(connection: Connection, photos_table: CollectionInfo) -> None:
    connection.execute("ALTER TABLE photos DROP COLUMN year, ADD COLUMN colour text")
    assert collections.get(connection, "photos").columns == {"district": "text", "colour": "text"}


@pytest.mark.parametrize("dim", [1, 3, 1024, tables.PLAIN_DIM, tables.PLAIN_DIM + 1, 4000])
def test_every_dim_an_index_takes_fits_a_row(connection: Connection, make: MakeCollection, dim: int) -> None:
    info = make(dim=dim, columns={"note": "text"})
    name = "n" * 600
    rows.write(
        connection, info, [Row(name=name, features=(feature(dim),), data=bytes(50_000), values={"note": "x" * 900})]
    )
    connection.execute("CREATE INDEX ON photos USING hnsw (feature halfvec_l2_ops)")
    assert pictures.image(connection, info, name) == bytes(50_000)
    toasted = connection.execute("SELECT pg_column_toast_chunk_id(feature) FROM photos").fetchone()
    assert (toasted == (None,)) == (dim <= tables.PLAIN_DIM)


@pytest.mark.parametrize("dim", [4001, 100_000])
def test_dims_no_index_takes_are_refused(make: MakeCollection, dim: int) -> None:
    with pytest.raises(BadParameter, match=str(dim)):
        make(dim=dim)


def feature(dim: int) -> Feature:
    return Feature(vector=np.random.default_rng(0).standard_normal(dim).astype(np.float32))


def test_an_unknown_collection_names_those_there_are(connection: Connection, photos_table: CollectionInfo) -> None:
    with pytest.raises(UnknownCollection, match="foto") as caught:
        collections.get(connection, "foto")
    assert "photos" in (caught.value.hint or "")
    with pytest.raises(UnknownCollection):
        collections.drop(connection, "foto")


def test_a_table_dropped_by_plain_sql_is_forgotten(
    connection: Connection, make: MakeCollection, photos_table: CollectionInfo
) -> None:
    connection.execute("DROP TABLE photos")
    assert collections.all(connection) == []
    with pytest.raises(UnknownCollection):
        collections.get(connection, "photos")
    with pytest.raises(UnknownCollection), connection.transaction():
        collections.count(connection, photos_table)
    assert make("photos", dim=5).dim == 5


def test_a_table_that_is_needed_is_not_dropped(connection: Connection, photos_table: CollectionInfo) -> None:
    connection.execute("CREATE VIEW public.needs AS SELECT * FROM photos")
    with pytest.raises(Conflict, match="needs"):
        collections.drop(connection, "photos")


def test_a_picture_comes_back_as_it_was(connection: Connection, photos_table: CollectionInfo) -> None:
    rows.write(connection, photos_table, [Row(name="a", features=(), data=b"\0\xff"), Row(name="b", features=())])
    assert pictures.image(connection, photos_table, "a") == b"\0\xff"
    for name in ("b", "c", "nul\0"):
        with pytest.raises(UnknownImage):
            pictures.image(connection, photos_table, name)


def test_features_of_another_version_are_refused_by_the_table(
    connection: Connection, photos_table: CollectionInfo
) -> None:
    connection.execute("INSERT INTO photos (image_name) VALUES ('by plain SQL')")
    assert connection.execute("SELECT pipeline_version FROM photos").fetchall() == [(1,)]
    with pytest.raises(psycopg.errors.CheckViolation, match="open_analytic_version"), connection.transaction():
        connection.execute("INSERT INTO photos (image_name, pipeline_version) VALUES ('other', 2)")
    with pytest.raises(errors.VersionMismatch):
        rows.write(connection, dataclasses.replace(photos_table, version=2), [Row(name="a", features=())])


def test_a_collection_may_be_bound_to_no_pipeline(connection: Connection) -> None:
    info = collections.make(connection, tables.Shape(name="free", dim=4))
    assert (info.pipeline, info.version) == (None, None)
    assert rows.write(connection, info, [Row(name="a", features=(feature(4),))]) == 1


def test_a_collection_says_what_it_is(connection: Connection, photos_table: CollectionInfo) -> None:
    comment = connection.execute("SELECT obj_description('photos'::regclass)").fetchone()
    assert comment == ("Collection of open_analytic: pipeline colours version 1, dim 4, metric l2",)


def test_users_fill_collections_and_admins_make_them(connection: Connection, make: MakeCollection) -> None:
    make("photos")
    connection.execute("SET ROLE open_analytic_user")
    info = collections.get(connection, "photos")
    rows.write(connection, info, [Row(name="a", features=(feature(4),))])
    with pytest.raises(PermissionDenied), connection.transaction():
        make("more")
    with pytest.raises(PermissionDenied), connection.transaction():
        collections.drop(connection, "photos")
    connection.execute("RESET ROLE; GRANT CREATE ON SCHEMA public TO open_analytic_admin; SET ROLE open_analytic_admin")
    make("more")
    collections.drop(connection, "more")


def test_a_pipeline_without_a_vector_fills_no_collection(connection: Connection) -> None:
    plan: Any = SmallPlan(dim=None)
    info = pipelines.register(connection, plan)
    with pytest.raises(InvalidPipeline):
        collections.create(connection, name="x", plan=plan, pipeline=info, columns={}, metric="l2")


def test_a_collection_of_regions_that_cannot_be_stored_is_refused(connection: Connection) -> None:
    plan: Any = SmallPlan(name="shots", many=True, unstorable=InvalidPipeline("They are spans."))
    info = pipelines.register(connection, plan)
    with pytest.raises(InvalidPipeline, match="They are spans"):
        collections.create(connection, name="shots", plan=plan, pipeline=info, columns={}, metric="l2")


def test_a_region_that_cannot_be_stored_is_refused_and_nothing_is_lost(
    connection: Connection, make: MakeCollection
) -> None:
    faces = make("faces", many=True)
    vector = np.ones(4, np.float32)
    with pytest.raises(BadParameter, match=r"A vector of 'film' has a region of type span; those of .* the type box\."):
        rows.write(
            connection, faces, [Row(name="film", features=(Feature(vector=vector, region=Span(start=0, end=1)),))]
        )
    assert collections.count(connection, faces) == (0, 0)
