"""Missing values of pandas and NumPy are NULL, and their types are Python's: in imports, in params, nested or not."""

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from open_analytic.errors import BadParameter
from open_analytic.search_options import SearchOptions
from open_analytic.store import conversion, rows, search
from open_analytic.store.connection import Connection
from open_analytic.types import Feature, Row
from tests.database.conftest import MakeCollection

UTC = dt.UTC
DAY, MOMENT = dt.date(2024, 2, 3), dt.datetime(2024, 2, 3, 4, 5, 6, 789)
NAN = float("nan")
STORED: list[tuple[str, Any, Any]] = [
    ("text", NAN, None), ("text", np.float32("nan"), None), ("text", pd.NA, None), ("text", pd.NaT, None),
    ("date", pd.NaT, None), ("date", np.datetime64("NaT"), None), ("bigint", NAN, None), ("boolean", pd.NA, None),
    ("interval", np.timedelta64("NaT"), None), ("numeric", NAN, None), ("timestamptz", NAN, None), ("jsonb", NAN, None),
    ("numeric", Decimal("Infinity"), Decimal("Infinity")), ("uuid", NAN, None), ("bytea", pd.NA, None),
    ("float8", pd.NA, None), ("real", float("inf"), float("inf")),
    ("date", np.datetime64("2024-02-03"), DAY), ("date", pd.Timestamp("2024-02-03"), DAY),
    ("timestamp", np.datetime64("2024-02-03T04:05:06.000789123"), MOMENT),
    ("timestamp", pd.Timestamp("2024-02-03 04:05:06.000789"), MOMENT),
    ("timestamptz", pd.Timestamp("2024-02-03 04:05:06.000789", tz="UTC"), MOMENT.replace(tzinfo=UTC)),
    ("date", np.datetime64("2024-02"), dt.date(2024, 2, 1)), ("date", np.datetime64("12024-02-03"), "12024-02-03"),
    ("interval", np.timedelta64(90, "s"), dt.timedelta(seconds=90)),
    ("interval", pd.Timedelta(days=1, seconds=1), dt.timedelta(days=1, seconds=1)),
    ("bigint", np.uint8(7), 7), ("boolean", np.bool_(True), True), ("text", np.str_("a"), "a"),
    ("float8", np.longdouble(0.5), 0.5), ("float8", np.float16(0.5), 0.5), ("integer", np.array(5), 5),
    ("text[]", np.array(["a", "b"]), ["a", "b"]), ("text[]", pd.Series(["a", None, NAN]), ["a", None, None]),
    ("text[]", {"b", "a"}, ["a", "b"]), ("text[]", ("a", "b"), ["a", "b"]), ("integer[]", range(3), [0, 1, 2]),
    ("date[]", np.array(["2024-02-03", "NaT"], "datetime64[D]"), [DAY, None]),
    ("integer[]", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), ("integer[]", pd.array([1, pd.NA]), [1, None]),
    ("text[]", {"a": 1}.keys(), ["a"]), ("bigint[]", pd.Index([1, 2]), [1, 2]),
    ("jsonb", {"a": [NAN, np.int64(1), pd.NA]}, {"a": [None, 1, None]}), ("jsonb", {1}, [1]),
    ("jsonb", np.array([0.5]), [0.5]), ("public.pair", (1, "x"), "(1,x)"),
]  # fmt: skip


def picture(name: str, values: Mapping[str, Any]) -> Row:
    return Row(name=name, features=(Feature(vector=np.array([1, 0, 0, 0], np.float32)),), values=values)


def test_values_are_stored_as_they_are_meant(connection: Connection, make: MakeCollection) -> None:
    connection.execute("CREATE TYPE public.pair AS (n integer, t text)")
    info = make("things", columns={f"c{number}": type_ for number, (type_, _, _) in enumerate(STORED)})
    rows.write(connection, info, [picture("a", {f"c{number}": value for number, (_, value, _) in enumerate(STORED)})])
    (hit,) = search.search(connection, info, np.array([1, 0, 0, 0], np.float32), SearchOptions(k=1))
    values = [(type_, value) for (type_, _, _), value in zip(STORED, hit.row.values(), strict=True)]
    assert values == [(type_, stored) for type_, _, stored in STORED]


def test_nan_stays_a_number_in_a_column_of_floats(connection: Connection, make: MakeCollection) -> None:
    info = make("things", columns={"a": "float8", "b": "real[]"})
    rows.write(connection, info, [picture("a", {"a": NAN, "b": np.array([NAN, 1])})])
    row = connection.execute("SELECT a::text, b::text FROM things").fetchone()
    assert row == ("NaN", "{NaN,1}")


@pytest.mark.parametrize(
    "value", [object(), Path("x"), pd.DataFrame({"a": [1]}), pd.Period("2024-01"), [object()], len]
)
def test_a_value_of_no_type_names_its_column(connection: Connection, make: MakeCollection, value: Any) -> None:
    info = make(columns={"district": "text", "year": "integer"})
    with pytest.raises(BadParameter, match="'district'") as caught:
        rows.write(connection, info, [picture("a", {"district": value})])
    assert type(value).__name__ in caught.value.message
    with pytest.raises(BadParameter, match="'the_value'") as caught:
        conversion.parameters(connection, {"fine": 1, "the_value": value})
    assert caught.value.hint


PARAMETERS: list[tuple[str, Any, int]] = [
    ("year = ANY(%(x)s)", (2001, 2002), 2), ("year = ANY(%(x)s)", np.array([2001, 2002]), 2),
    ("year = ANY(%(x)s)", {2001}, 1), ("year = ANY(%(x)s)", pd.Series([2001, 2003]), 2),
    ("district = ANY(%(x)s)", np.array(["d1", "d2"]), 2), ("district = ANY(%(x)s)", {"d1"}, 1),
    ("year = %(x)s", np.int16(2001), 1), ("year > %(x)s", np.float32(2002.5), 2),
    ("day = %(x)s", np.datetime64("2024-02-01"), 1), ("day >= %(x)s", pd.Timestamp("2024-02-03"), 2),
    ("day = %(x)s", pd.NaT, 0), ("year = %(x)s", pd.NA, 0), ("(%(x)s::int) IS NULL", np.datetime64("NaT"), 4),
    ("day < %(x)s", dt.date(2024, 2, 3), 2), ("info @> %(x)s", {"n": np.int64(1)}, 1),
    ("key = %(x)s", uuid.UUID(int=1), 1), ("year BETWEEN 2001 AND %(x)s", np.array(2002), 2),
]  # fmt: skip


def test_params_are_converted_alike(connection: Connection, make: MakeCollection) -> None:
    columns = {"district": "text", "year": "integer", "day": "date", "info": "jsonb", "key": "uuid"}
    info = make("things", columns=columns)
    samples = [
        {"district": f"d{n}", "year": 2000 + n, "day": dt.date(2024, 2, n), "info": {"n": n}, "key": uuid.UUID(int=n)}
        for n in range(1, 5)
    ]
    rows.write(connection, info, [picture(f"{number}", values) for number, values in enumerate(samples)])
    counts = [
        len(
            search.search(
                connection, info, np.zeros(4, np.float32), SearchOptions(k=9, filter=where, params={"x": value})
            )
        )
        for where, value, _ in PARAMETERS
    ]
    assert counts == [count for _, _, count in PARAMETERS]
