"""Every type of PostgreSQL arrives in Python: as a Python value where one can hold it, else as PostgreSQL's text."""

import datetime as dt
import itertools
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import psycopg
import pytest

from open_analytic import OpenAnalytic
from open_analytic.errors import BadParameter
from open_analytic.search_options import SearchOptions
from open_analytic.store import error_map, search
from open_analytic.store.connection import Connection, connect
from open_analytic.util.jsonable import jsonable
from tests.database.conftest import MakeCollection
from tests.database.test_importer import tiny_db as tiny_db  # a fixture

UTC = dt.UTC
FAR_WEST = dt.timezone(-dt.timedelta(hours=15, minutes=59, seconds=59))
VALUES: list[tuple[str, str, Any]] = [
    ("date", "infinity", "infinity"),
    ("date", "-infinity", "-infinity"),
    ("date", "10000-01-01", "10000-01-01"),
    ("date", "0044-03-15 BC", "0044-03-15 BC"),
    ("date", "5874897-12-31", "5874897-12-31"),
    ("date", "2024-02-03", dt.date(2024, 2, 3)),
    ("timestamp", "infinity", "infinity"),
    ("timestamp", "294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999"),
    ("timestamp", "4713-01-01 00:00:00 BC", "4713-01-01 00:00:00 BC"),
    ("timestamptz", "infinity", "infinity"),
    ("timestamptz", "-infinity", "-infinity"),
    ("timestamptz", "10001-01-01 00:00:00+00", "10001-01-01 00:00:00+00"),
    ("timestamptz", "2024-02-03 04:05:06+00", dt.datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
    ("time", "24:00:00", "24:00:00"),
    ("time", "23:59:59.999999", dt.time(23, 59, 59, 999999)),
    ("timetz", "24:00:00+15", "24:00:00+15"),
    ("timetz", "04:05:06-15:59:59", dt.time(4, 5, 6, tzinfo=FAR_WEST)),
    ("interval", "1 mon", "1 mon"),
    ("interval", "1 year 2 mons 3 days", "1 year 2 mons 3 days"),
    ("interval", "178000000 years", "178000000 years"),
    ("interval", "3 days 04:05:06", dt.timedelta(days=3, hours=4, minutes=5, seconds=6)),
    ("interval", "-1000000000 days", "-1000000000 days"),
    ("interval", "infinity", "infinity"),
    ("interval", "-infinity", "-infinity"),
    ("numeric", "NaN", "Decimal('NaN')"),
    ("numeric", "-Infinity", Decimal("-Infinity")),
    ("numeric", "1" * 5000 + ".5", Decimal("1" * 5000 + ".5")),
    ("float8", "Infinity", float("inf")),
    ("float8", "1e-320", 1e-320),
    ("int8", "-9223372036854775808", -(2**63)),
    ("oid", "4294967295", 2**32 - 1),
    ("bool", "t", True),
    ("bytea", "\\x00ff5c", b"\x00\xff\\"),
    ("text", "", ""),
    ("char(3)", "a", "a  "),
    ('"char"', "\\377", "\\377"),
    ("name", "n", "n"),
    ("money", "-92233720368547758.08", "-$92,233,720,368,547,758.08"),
    ("uuid", "00000000-0000-0000-0000-000000000000", "UUID('00000000-0000-0000-0000-000000000000')"),
    ("inet", "::ffff:102:304/128", "::ffff:102:304"),
    ("cidr", "10.0.0.0/8", "IPv4Network('10.0.0.0/8')"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
    ("bit(3)", "101", "101"),
    ("varbit", "1", "1"),
    ("point", "(Infinity,1e-300)", "(Infinity,1e-300)"),
    ("box", "(2,2),(1,1)", "(2,2),(1,1)"),
    ("circle", "<(0,0),1>", "<(0,0),1>"),
    ("tsvector", "'a':1", "'a':1"),
    ("tsquery", "'a' & 'b'", "'a' & 'b'"),
    ("jsonpath", '$."a"', '$."a"'),
    ("pg_lsn", "FFFFFFFF/FFFFFFFF", "FFFFFFFF/FFFFFFFF"),
    ("regclass", "pg_class", "pg_class"),
    ("json", "1e400", "1e400"),
    ("json", "[" * 3000 + "]" * 3000, "[" * 3000 + "]" * 3000),
    ("json", '"\\ud800"', '"\\ud800"'),
    ("json", "1" * 5000, "1" * 5000),
    ("jsonb", '{"a": 123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
    ("jsonb", '{"a": [1, null, 2.5]}', {"a": [1, None, 2.5]}),
    ("daterange", "[2024-01-01,infinity)", "[2024-01-01,infinity)"),
    ("daterange", "empty", "Range(empty=True)"),
    ("tstzrange", '["2024-01-01 00:00:00+00",infinity]', '["2024-01-01 00:00:00+00",infinity]'),
    ("datemultirange", "{[2024-01-01,10000-01-01)}", "{[2024-01-01,10000-01-01)}"),
    ("int4range", "[1,5)", "Range(1, 5, '[)')"),
    ("date[]", "{2024-02-03,infinity,NULL}", [dt.date(2024, 2, 3), "infinity", None]),
    ("timestamptz[]", "{-infinity}", ["-infinity"]),
    ("interval[]", '{"1 mon","1 day",infinity}', ["1 mon", dt.timedelta(days=1), "infinity"]),
    ("text[]", '{NULL,"NULL","a,b"}', [None, "NULL", "a,b"]),
    ("public.pair", "(1,infinity)", "(1,infinity)"),
    ("public.mood", "sad", "sad"),
    ("public.someday", "infinity", "infinity"),
]  # fmt: skip
OWN = """
CREATE TYPE public.pair AS (n integer, day date);
CREATE TYPE public.mood AS ENUM ('sad');
CREATE DOMAIN public.someday AS date
"""


@pytest.fixture
def connected(connection: Connection) -> Connection:
    connection.execute(OWN.encode())
    connection.execute(b"SET timezone = 'UTC'; SET lc_monetary = 'C'")
    return connection


def test_a_value_of_any_type_arrives(connected: Connection, make: MakeCollection) -> None:
    columns = {f"c{number}": type_ for number, (type_, _, _) in enumerate(VALUES)}
    info = make("things", columns=columns)
    texts = ", ".join(f"%s::text::{type_}" for type_ in columns.values())
    statement = f"INSERT INTO things (image_name, feature, {', '.join(columns)}) VALUES ('a', '[1,0,0,0]', {texts})"
    connected.execute(statement.encode(), [text for _, text, _ in VALUES])
    (hit,) = search.search(connected, info, np.zeros(4, np.float32), SearchOptions(k=1))
    wrong = [
        (*case, got)
        for case, got in zip(VALUES, hit.row.values(), strict=True)
        if case[2] not in (got, repr(got), str(got))
    ]
    assert wrong == []
    json.loads(json.dumps(jsonable(hit), allow_nan=False))


def test_every_type_of_the_server_is_read(dsn: str) -> None:
    """What each type shows of a text that it takes."""
    texts = ["infinity", "-infinity", "1", "{}", "{infinity}", "0", "NaN", "empty", "[infinity,infinity]", "{NaN}"]
    with connect(dsn, autocommit=True) as connection:
        types = connection.execute(
            "SELECT format_type(oid, NULL) FROM pg_type WHERE typtype IN ('b', 'r', 'm', 'e', 'd')"
            " AND typname NOT LIKE 'pg\\_%' AND typnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)"
        ).fetchall()
        assert len(types) > 100
        for (type_,), text in itertools.product(types, texts):
            try:
                connection.execute(f"SELECT CAST(%s::text AS {type_})".encode(), [text]).fetchall()
            except psycopg.Error as error:  # the type does not take this text
                if error.sqlstate is None:
                    raise


def test_what_python_cannot_read_is_not_blamed_on_the_caller() -> None:
    error = error_map.translate(psycopg.DataError("timestamp too large (after year 10K): 'infinity'"))
    assert isinstance(error, BadParameter)
    assert "does not accept" not in error.message
    assert error.hint != "Correct the value."


def test_a_row_with_an_infinite_date_is_found_everywhere(tiny_db: OpenAnalytic) -> None:
    album = tiny_db.create_collection(
        "album", pipeline="mean_colour", columns={"until": "timestamptz", "span": "interval"}
    )
    vector = np.array([1, 0, 0], np.float32)
    album.import_vectors([("a", vector, {"until": "infinity", "span": "1 mon"}), ("b", vector, None)])
    assert [hit.row for hit in album.search(vector, k=2)] == [
        {"until": "infinity", "span": "1 mon"},
        {"until": None, "span": None},
    ]
    assert album.values("until") == ["infinity"]
    command = [sys.executable, "-m", "open_analytic", "--dsn", tiny_db.dsn, "collection", "rows", "album", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert [row["row"] for row in json.loads(done.stdout)] == [
        {"until": "infinity", "span": "1 mon"},
        {"until": None, "span": None},
    ]
