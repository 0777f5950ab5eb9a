"""Rows: written whole or not at all, replaced by name, and every bad value is an error that names its row."""

import dataclasses
import datetime
import decimal
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from open_analytic.errors import BadParameter, BadVector, InvalidInput, InvalidName
from open_analytic.store import collections, pictures, rows
from open_analytic.store.connection import Connection, Database
from open_analytic.store.sources import Known
from open_analytic.types import Box, CollectionInfo, Feature, Row
from tests.database.conftest import MakeCollection

VECTOR = np.array([1, 2, 3, 4], dtype=np.float32)


def picture(name: str, *, vector: Any = VECTOR, data: bytes | None = b"jpeg", **values: Any) -> Row:
    return Row(name=name, features=(Feature(vector=vector),), data=data, sha256=b"h" * 32, values=values)


def content(connection: Connection, columns: str = "image_name, image_data, feature::text, district, year") -> Any:
    return connection.execute(f"SELECT {columns} FROM photos ORDER BY image_name").fetchall()


def test_what_is_written_is_there(connection: Connection, photos_table: CollectionInfo) -> None:
    written = rows.write(connection, photos_table, [picture("b", district="Ä%s", year=3), picture("a", data=None)])
    assert written == 2
    assert content(connection) == [
        ("a", None, "[1,2,3,4]", None, None),
        ("b", b"jpeg", "[1,2,3,4]", "Ä%s", 3),
    ]
    assert content(connection, "image_sha256, pipeline_version, imported_at = now()") == [(b"h" * 32, 1, True)] * 2


def test_a_name_again_replaces_its_rows(connection: Connection, photos_table: CollectionInfo) -> None:
    rows.write(connection, photos_table, [picture("a", year=1), picture("b")])
    assert rows.write(connection, photos_table, [picture("a", year=2), picture("a", year=3)]) == 1
    assert content(connection, "image_name, year") == [("a", 3), ("b", None)]


def test_fewer_faces_than_before_leave_none_of_the_old(connection: Connection, make: MakeCollection) -> None:
    faces = make("photos", many=True, columns={"age": "integer"})

    def photo(ages: list[int]) -> Row:
        features = [
            Feature(
                vector=VECTOR * age, region=Box(x=age, y=0.5, width=2, height=3), attributes={"age": age, "score": 1}
            )
            for age in ages
        ]
        return Row(name="party", features=tuple(features), data=b"jpeg", sha256=b"h")

    assert rows.write(connection, faces, [photo([30, 40, 50])]) == 3
    assert content(connection, "part, age, box, image_data") == [
        (0, 30, [30.0, 0.5, 2.0, 3.0], b"jpeg"),
        (1, 40, [40.0, 0.5, 2.0, 3.0], None),
        (2, 50, [50.0, 0.5, 2.0, 3.0], None),
    ]
    assert rows.write(connection, faces, [photo([20])]) == 1
    assert collections.count(connection, faces) == (1, 1)
    assert rows.write(connection, faces, [photo([])]) == 1
    assert content(connection, "part, age, box, feature, image_data") == [(0, 20, None, None, b"jpeg")]
    assert rows.known(connection, faces, ["party"]) == {"party": Known(b"h", True, None)}


def test_a_value_given_wins_over_what_the_pipeline_says(connection: Connection, make: MakeCollection) -> None:
    faces = make("photos", many=True, columns={"age": "integer"})
    feature = Feature(vector=VECTOR, attributes={"age": 30})
    rows.write(connection, faces, [Row(name="a", features=(feature,), values={"age": 31})])
    assert content(connection, "age") == [(31,)]


def test_known_names_come_with_their_hash(connection: Connection, photos_table: CollectionInfo) -> None:
    rows.write(connection, photos_table, [picture("a"), dataclasses.replace(picture("b", data=None), sha256=None)])
    names = ["a", "b", "c", "nul\0", "\ud800"]
    assert rows.known(connection, photos_table, names) == {
        "a": Known(b"h" * 32, True, None),
        "b": Known(None, True, None),
    }
    assert rows.known(connection, photos_table, []) == {}


def test_deleting_counts_pictures(connection: Connection, make: MakeCollection) -> None:
    faces = make("photos", many=True)
    rows.write(connection, faces, [Row(name=name, features=(Feature(vector=VECTOR),) * 3) for name in "abc"])
    assert rows.delete(connection, faces, ["a", "b", "b", "z", "nul\0"]) == 2
    assert collections.count(connection, faces) == (1, 3)


def test_columns_no_row_names_get_their_default(connection: Connection, photos_table: CollectionInfo) -> None:
    connection.execute("ALTER TABLE photos ALTER year SET DEFAULT 2000, ALTER year SET NOT NULL")
    rows.write(connection, photos_table, [picture("a", district="d"), picture("b", year=1), picture("c")])
    assert content(connection, "district, year") == [("d", 2000), (None, 1), (None, 2000)]


VALUES: list[tuple[str, Any, Any]] = [
    ("text", "'\"\\N\n\t,{}中", "'\"\\N\n\t,{}中"),
    ("text", "", ""),
    ("text", 5, "5"),
    ("varchar(3)", "abc", "abc"),
    ("char(3)", "a", "a  "),
    ("integer", "7", 7),
    ("integer", np.int64(7), 7),
    ("smallint", True, None),
    ("bigint", 2**62, 2**62),
    ("real", np.float32(0.5), 0.5),
    ("double precision", float("inf"), float("inf")),
    ("numeric(6,2)", 3.14159, decimal.Decimal("3.14")),
    ("boolean", True, True),
    ("boolean", "no", False),
    ("date", "2024-02-29", datetime.date(2024, 2, 29)),
    ("date", datetime.date(2024, 2, 29), datetime.date(2024, 2, 29)),
    ("timestamptz", "2024-01-01 00:00+00", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)),
    ("uuid", uuid.UUID(int=5), uuid.UUID(int=5)),
    ("bytea", b"\0\xff", b"\0\xff"),
    ("jsonb", {"a": [1, None, "中"]}, {"a": [1, None, "中"]}),
    ("jsonb", [1, 2], [1, 2]),
    ("json", '"text is JSON already"', "text is JSON already"),
    ("text[]", ["a,b", '"', None], ["a,b", '"', None]),
    ("real[]", np.array([0.5, 1]), [0.5, 1]),
    ("integer[]", [], []),
    ("interval", "1 day", datetime.timedelta(days=1)),
    ("point", "(1,2)", "(1,2)"),
    ("bit varying(4)", "101", "101"),
    ("integer", None, None),
]


@pytest.mark.parametrize(("type_", "value", "stored"), VALUES, ids=str)
def test_values_of_every_kind_arrive(
    connection: Connection, make: MakeCollection, type_: str, value: Any, stored: Any
) -> None:
    info = make(columns={"x": type_})
    if type_ == "smallint":
        with pytest.raises(BadParameter, match="smallint"):
            rows.write(connection, info, [picture("a", x=value)])
        return
    rows.write(connection, info, [picture("a", x=value), picture("b", x=None)])
    assert content(connection, "x") == [(stored,), (None,)]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("integer", "seven"), ("integer", 2**40), ("integer", 1.5), ("varchar(3)", "abcd"), ("date", "2023-02-29"),
        ("text", "nul\0"), ("text", "\ud800"), ("text", object), ("jsonb", "{"), ("text[]", "{"),
        ("jsonb", {"a": "nul\0"}), ("uuid", "x"), ("jsonb", {"a": object}),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_the_rows_error(
    connection: Connection, make: MakeCollection, type_: str, value: Any
) -> None:
    info = make(columns={"x": type_})
    with pytest.raises(BadParameter), connection.transaction():
        rows.write(connection, info, [picture("good"), picture("bad", x=value)])
    assert collections.count(connection, info) == (0, 0)


def test_a_value_for_no_column_names_the_columns(connection: Connection, photos_table: CollectionInfo) -> None:
    with pytest.raises(BadParameter, match="colour") as caught:
        rows.write(connection, photos_table, [picture("a", colour="red")])
    assert "district, year" in (caught.value.hint or "")


def test_a_rule_of_the_table_is_the_rows_error(connection: Connection, photos_table: CollectionInfo) -> None:
    connection.execute("ALTER TABLE photos ADD CHECK (year > 1800), ADD UNIQUE (district)")
    for bad in ({"year": 1}, {"district": "d"}):
        with pytest.raises(BadParameter), connection.transaction():
            rows.write(connection, photos_table, [picture("a", district="d"), picture("b", **bad)])


@pytest.mark.parametrize("name", ["", "nul\0", "\ud800", "x" * 2001, None, 5], ids=ascii)
def test_a_bad_name_is_the_rows_error(connection: Connection, photos_table: CollectionInfo, name: Any) -> None:
    with pytest.raises(InvalidName):
        rows.write(connection, photos_table, [picture(name)])


@pytest.mark.parametrize("name", ["x" * 2000, "图" * 600, "../a'b\"c\\.jpg", " ", "\n"], ids=ascii)
def test_any_other_text_is_a_name(connection: Connection, photos_table: CollectionInfo, name: str) -> None:
    rows.write(connection, photos_table, [picture(name)])
    assert rows.known(connection, photos_table, [name]) == {name: Known(b"h" * 32, True, None)}


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([1, 2, 3], "3 numbers"), ([1, 2, 3, 4, 5], "5 numbers"), ([], "0 numbers"), ([[1, 2, 3, 4]], "1 x 4 numbers"),
        ([1, 2, 3, float("nan")], "finite"), ([1, 2, 3, float("inf")], "finite"), ([1, 2, 3, 65520], "65504"),
        (["a", "b", "c", "d"], "numbers"), (None, "number"), ([1, [2], 3, 4], "numbers"), (5, "no numbers"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_vector_names_its_row(
    connection: Connection, photos_table: CollectionInfo, vector: Any, message: str
) -> None:
    with pytest.raises(BadVector, match=message) as caught:
        rows.write(connection, photos_table, [picture("good"), picture("bad one", vector=vector)])
    assert "'bad one'" in caught.value.message


def test_a_zero_vector_has_no_cosine(connection: Connection, make: MakeCollection) -> None:
    rows.write(connection, make("lengths"), [picture("a", vector=[0, 0, 0, 0])])
    with pytest.raises(BadVector, match="zero"):
        rows.write(connection, make("directions", metric="cosine"), [picture("a", vector=[0, 0, 0, 0])])


def test_several_features_need_a_collection_of_many(connection: Connection, photos_table: CollectionInfo) -> None:
    row = Row(name="party", features=(Feature(vector=VECTOR),) * 2)
    with pytest.raises(BadParameter, match="party"):
        rows.write(connection, photos_table, [row])


@given(numbers=st.lists(st.floats(-65504, 65504, width=16), min_size=4, max_size=4))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sixteen_bit_floats_survive_the_way(
    connection: Connection, photos_table: CollectionInfo, numbers: list[float]
) -> None:
    rows.write(connection, photos_table, [picture("a", vector=numbers)])
    assert [vector.to_list() for (vector,) in content(connection, "feature")] == [numbers]


def test_an_empty_write_writes_nothing(connection: Connection, photos_table: CollectionInfo) -> None:
    assert rows.write(connection, photos_table, []) == 0


def test_who_write_the_same_pictures_at_once_leave_them_once(
    database: Database, connection: Connection, make: MakeCollection
) -> None:
    info = make("photos")
    connection.commit()

    def write(values: Mapping[str, Any]) -> None:
        pictures = [picture(f"{number:03d}") for number in range(100)]
        for _ in range(3):
            try:
                with database.transaction() as own:
                    rows.write(own, info, pictures)
            except InvalidInput:
                continue  # the other was first: the importer writes such rows again
            return
        raise AssertionError

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, [{}] * 4))
    assert collections.count(connection, info) == (100, 100)


def test_a_large_chunk_goes_through(connection: Connection, photos_table: CollectionInfo) -> None:
    data = np.random.default_rng(1).bytes(3_000_000)
    rows.write(connection, photos_table, [picture(str(number), data=data, year=number) for number in range(10)])
    assert pictures.image(connection, photos_table, "7") == data
