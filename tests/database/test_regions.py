"""Rows of a collection keep their regions, of whatever type: a column for each type, the same in Python and SQL."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
import psycopg
import pytest

from open_analytic import regions
from open_analytic.errors import BadParameter, InvalidName
from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, pictures, records, rows, search, tables
from open_analytic.store.connection import Connection
from open_analytic.types import Box, CollectionInfo, Feature, Frame, Region, Row, Span, TextSpan
from tests.database.conftest import MakeCollection, reading

EXAMPLES: Mapping[str, tuple[Region, Region]] = {
    "box": (Box(x=0, y=1.5, width=3, height=4), Box(x=-2, y=0, width=10, height=20)),
    "span": (Span(start=0, end=0.1), Span(start=3599.9, end=3600.25)),
    "text_span": (TextSpan(start=0, end=12), TextSpan(start=13, end=99_999)),
    "frame": (Frame(number=0, seconds=0), Frame(number=2**40, seconds=0.04)),
}
TYPES = {"box": "real[]", "span": "double precision[]", "text_span": "integer[]", "frame": "double precision[]"}
each_type = pytest.mark.parametrize("region", EXAMPLES)


def vector(at: int) -> Any:
    return np.eye(4, dtype=np.float32)[at]


def row(name: str, *parts: Region | None, data: bytes = b"data") -> Row:
    features = tuple(Feature(vector=vector(at), region=region) for at, region in enumerate(parts))
    return Row(name=name, features=features, data=data)


def stored(connection: Connection, info: CollectionInfo) -> list[tuple[str, int | None, Region | None]]:
    page = records.page(connection, info, after=records.START, limit=100)
    return [(each.name, each.part, each.region) for each in page]


def test_python_and_sql_know_the_same_types(connection: Connection) -> None:
    there = connection.execute("SELECT region, type::text, fields FROM open_analytic._region_types()").fetchall()
    assert there == [
        (name, TYPES[name], [field.name for field in fields(type_)]) for name, type_ in regions.TYPES.items()
    ]
    assert EXAMPLES.keys() == regions.TYPES.keys()


@each_type
def test_rows_keep_their_regions(connection: Connection, make: MakeCollection, region: str) -> None:
    first, second = EXAMPLES[region]
    info = make("things", many=True, region=region)
    assert (info.many, info.region, dict(info.columns)) == (True, region, {})
    assert rows.write(connection, info, [row("a", first, second), row("b", None), row("c")]) == 4
    everything = [("a", 0, first), ("a", 1, second), ("b", 0, None), ("c", 0, None)]
    assert stored(connection, info) == everything
    assert records.get(connection, info, "a", 1).region == second
    assert pictures.region(connection, info, "a", 1) == (b"data", second)
    with reading(connection):
        hits = search.search(connection, info, vector(1), SearchOptions(k=1))
    assert [(hit.name, hit.part, hit.region) for hit in hits] == [("a", 1, second)]
    # Written again, the regions of a row that is there change; those it no longer has are gone.
    rows.write(connection, info, [row("a", second, data=b"other"), row("b", first, None)])
    assert stored(connection, info) == [("a", 0, second), ("b", 0, first), ("b", 1, None), ("c", 0, None)]


@each_type
def test_the_table_has_a_column_for_them(connection: Connection, make: MakeCollection, region: str) -> None:
    make("things", many=True, region=region, columns={"label": "text"})
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
        " FROM pg_attribute WHERE attrelid = 'things'::regclass AND attname = ANY (%s)",
        [list(TYPES)],
    ).fetchall()
    assert [column[:2] for column in columns] == [(region, TYPES[region])]
    assert all(field.name in columns[0][2] for field in fields(regions.TYPES[region]))
    for column in ("part", region):
        with pytest.raises(InvalidName, match=f"Column '{column}' is one every collection has"):
            make("more", many=True, region=region, columns={column: "text"})
    others = {name: "text" for name in TYPES if name != region}  # names that are free
    assert make("more", many=True, region=region, columns=others).columns == others


@each_type
def test_sql_gives_the_same_regions(connection: Connection, make: MakeCollection, region: str) -> None:
    info = make("things", many=True, region=region, columns={"label": "text"})
    rows.write(connection, info, [row("a", *EXAMPLES[region]), row("b", None)])
    hits = connection.execute(
        "SELECT s.name, s.part, s.box, open_analytic.region('things', s.name, s.part), s.row"
        " FROM open_analytic.search('things', '[0,1,0,0]'::vector, 3) AS s ORDER BY s.name, s.part"
    ).fetchall()
    documents = [asdict(each) for each in EXAMPLES[region]]
    boxes = documents if region == "box" else [None, None]
    assert hits == [
        ("a", 0, boxes[0], documents[0], {"label": None}),
        ("a", 1, boxes[1], documents[1], {"label": None}),
        ("b", 0, None, None, {"label": None}),
    ]


def test_a_row_that_is_a_whole_input_has_no_region(connection: Connection, make: MakeCollection) -> None:
    info = make("photos")
    assert info.region is None
    rows.write(connection, info, [row("a", Box(x=0, y=0, width=1, height=1))])
    assert stored(connection, info) == [("a", None, None)]
    answers = connection.execute(
        "SELECT open_analytic.region('photos', 'a', 0), open_analytic.region('photos', 'a', NULL),"
        " open_analytic.region('photos', 'b', 0)"
    ).fetchone()
    assert answers == (None, None, None)
    with pytest.raises(psycopg.Error, match="There is no collection"):
        connection.execute("SELECT open_analytic.region('pg_class', 'a', 0)")


@each_type
def test_a_region_of_another_type_is_refused(connection: Connection, make: MakeCollection, region: str) -> None:
    info = make("things", many=True, region=region)
    for name, (other, _) in EXAMPLES.items():
        if name != region:
            message = (
                f"A vector of 'a' has a region of type {name}; those of collection 'things' have the type {region}"
            )
            with pytest.raises(BadParameter, match=message):
                rows.write(connection, info, [row("a", other)])
    assert stored(connection, info) == []


@pytest.mark.parametrize("array", ["{}", "{1}", "{1,NULL}", "{{1,2},{3,4}}", "{1,2,3,4,5}", "[2:3]={1,2}"])
@each_type
def test_an_array_that_is_no_region_hides_no_row(
    connection: Connection, make: MakeCollection, region: str, array: str
) -> None:
    info = make("things", many=True, region=region)
    rows.write(connection, info, [row("a", EXAMPLES[region][0])])
    connection.execute(f"UPDATE things SET {region} = '{array}'".encode())
    expected = regions.from_row(region, [1, 2]) if array.endswith("={1,2}") else None
    with reading(connection):
        (hit,) = search.search(connection, info, vector(0), SearchOptions(k=1))
        assert connection.execute("SELECT count(open_analytic.region('things', 'a', 0)) FROM things").fetchone() == (1,)
    assert (hit.name, hit.region, stored(connection, info)) == ("a", expected, [("a", 0, expected)])


BEYOND = [
    TextSpan(start=0, end=2**40),
    TextSpan(start=-(2**31) - 1, end=0),
    TextSpan(start=0, end=2**31),
    Box(x=1e39, y=0, width=1, height=1),
]


@pytest.mark.parametrize("beyond", BEYOND, ids=lambda each: each.label)
def test_a_region_beyond_its_column_is_a_typed_error(
    connection: Connection, make: MakeCollection, beyond: Region
) -> None:
    info = make("things", many=True, region=beyond.column)
    first = EXAMPLES[beyond.column][0]
    rows.write(connection, info, [row("a", first)])
    for name in ("a", "b"):  # known, and new
        with pytest.raises(BadParameter, match=f"which column '{beyond.column}' cannot hold"):
            rows.write(connection, info, [row(name, beyond, data=b"other")])
    assert stored(connection, info) == [("a", 0, first)]


def test_the_largest_regions_are_stored(connection: Connection, make: MakeCollection) -> None:
    largest = TextSpan(start=0, end=2**31 - 1)
    info = make("things", many=True, region="text_span")
    rows.write(connection, info, [row("a", largest)])
    rows.write(connection, info, [row("a", largest, data=b"other")])
    assert stored(connection, info) == [("a", 0, largest)]


def test_an_unknown_type_of_regions_is_refused() -> None:
    with pytest.raises(BadParameter, match="There is no region 'circle'"):
        tables.Shape(name="things", dim=4, many=True, region="circle")


@each_type
def test_a_collection_whose_column_was_replaced_is_refused(
    connection: Connection, make: MakeCollection, region: str
) -> None:
    info = make("things", many=True, region=region)
    connection.execute(f"ALTER TABLE things DROP COLUMN {region}, ADD COLUMN {region} text".encode())
    with pytest.raises(Exception, match="is not as create_collection made it"):
        collections.count(connection, info)


def test_a_user_reads_regions_of_tables_that_it_can_read(connection: Connection, make: MakeCollection) -> None:
    info = make("things", many=True, region="span")
    rows.write(connection, info, [row("a", EXAMPLES["span"][0])])
    connection.execute("SET ROLE open_analytic_user")
    region = "SELECT open_analytic.region('things', 'a', 0)"
    assert connection.execute(region.encode()).fetchone() == ({"start": 0, "end": 0.1},)
    connection.execute("RESET ROLE; REVOKE SELECT ON things FROM open_analytic_user; SET ROLE open_analytic_user")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(region.encode())
