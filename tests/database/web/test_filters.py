"""Filters chosen on a page: the rows that come back are those that Python would choose, whatever the value."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.errors import BadParameter, InvalidFilter
from open_analytic.web import filters
from tests import tiny
from tests.databases import database

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic
    from open_analytic.collection import Collection

COLUMNS = {
    "city": "text", "code": "varchar(40)", "letter": "char(3)", "uid": "uuid",
    "small": "smallint", "n": "integer", "big": "bigint", "r": "real", "d": "double precision",
    "money": "numeric(12,2)",
    "indoor": "boolean", "day": "date", "at": "timestamp", "zone": "timestamp with time zone",
    "extra": "jsonb", "tags": "text[]", "raw": "bytea", "gap": "interval",
}  # fmt: skip
UID = "00000000-0000-4000-8000-00000000000{}"
TEXTS = [
    "Oslo",
    "oslo",
    "O'Hara",
    '"quoted"',
    "100%",
    "%s",
    "%(v0)s",
    "a_b",
    "back\\slash",
    "猫 城",
    "",
    " ",
    "$$",
    "--",
]
NUMBERS = [-7, -1, 0, 1, 2, 3, 40, 500, 6000, 30000, 7, 8, 9, None]
DAY = datetime.date(2024, 1, 31)
NOON = datetime.datetime(2024, 1, 31, 12, 30, 15, 250000)


def row(at: int) -> dict[str, Any]:
    """Values of each type; None among them."""
    text, number = TEXTS[at], NUMBERS[at]
    return dict.fromkeys(("small", "n", "big", "r"), number) | {
        "city": text, "code": text, "letter": text[:3], "uid": UID.format(at % 10), "d": number and number / 4,
        "money": number and Decimal(number) / 4, "indoor": [True, False, None][at % 3],
        "day": DAY + datetime.timedelta(at), "at": NOON + datetime.timedelta(hours=at),
        "zone": (NOON + datetime.timedelta(hours=at)).replace(tzinfo=datetime.UTC),
        "extra": {"a": 1} if at % 2 else None, "tags": ["x"] if at % 2 else None,
        "raw": b"\0" if at % 2 else None, "gap": "1 day" if at % 2 else None,
    }  # fmt: skip


ROWS = {f"{at:02}": row(at) for at in range(len(TEXTS))}


@pytest.fixture(scope="module")
def places(tiny_db: OpenAnalytic) -> Collection:
    collection = tiny_db.create_collection("places", pipeline="mean_colour", columns=COLUMNS)
    collection.import_vectors([(name, [1, at, 0], values) for at, (name, values) in enumerate(ROWS.items())])
    return collection


def matching(collection: Collection, *conditions: Any) -> list[str]:
    """The names that a search with these conditions gives."""
    where, params = filters.condition(collection.info, list(conditions))
    return sorted(hit.name for hit in collection.search([1, 0, 0], k=100, filter=where, params=params))


def one(column: str, operator_: str, value: Any = None) -> dict[str, Any]:
    return {"column": column, "operator": operator_, "value": value}


def chosen(keep: Callable[[dict[str, Any]], Any]) -> list[str]:
    return [name for name, values in ROWS.items() if keep(values)]


# Types and operators


def test_every_type_has_its_operators(places: Collection) -> None:
    offered = {each["column"]: each for each in filters.offered(places)}
    kinds = {column: each["type"] for column, each in offered.items()}
    assert kinds == {
        "city": "text", "code": "text", "letter": "text", "uid": "text", "small": "number", "n": "number",
        "big": "number", "r": "number", "d": "number", "money": "number", "indoor": "boolean", "day": "date",
        "at": "time", "zone": "time", "extra": "other", "tags": "other", "raw": "other", "gap": "other",
    }  # fmt: skip
    assert all(each["operators"] == list(filters.OPERATORS[each["type"]]) for each in offered.values())
    assert offered["city"]["values"] == sorted(TEXTS)
    assert offered["indoor"]["values"] == ["false", "true"]
    assert [offered[name]["values"] for name in ("day", "at", "extra", "tags")] == [None] * 4


@pytest.mark.parametrize("column", COLUMNS)
def test_whether_there_is_a_value(places: Collection, column: str) -> None:
    assert matching(places, one(column, "is null")) == chosen(lambda values: values[column] is None)
    assert matching(places, one(column, "is not null")) == chosen(lambda values: values[column] is not None)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@pytest.mark.parametrize("sign", COMPARISONS)
@pytest.mark.parametrize(
    ("column", "value", "sent"),
    [
        *((column, 3, sent) for column in ("small", "n", "big", "r") for sent in (3, "3", " 3 ")),
        ("d", 0.25, 0.25),
        ("d", 0.25, "2.5e-1"),
        ("money", Decimal("0.25"), "0.250"),
        ("money", Decimal("0.25"), 0.25),
        ("day", DAY + datetime.timedelta(3), "2024-02-03"),
        ("at", NOON, "2024-01-31T12:30:15.25"),
        ("at", NOON, "2024-01-31 12:30:15.250000"),
        ("zone", NOON.replace(tzinfo=datetime.UTC), "2024-01-31T13:30:15.25+01:00"),
    ],
)
def test_numbers_and_times_compare(places: Collection, column: str, value: Any, sent: Any, sign: str) -> None:
    compare = COMPARISONS[sign]
    expected = chosen(lambda values: values[column] is not None and compare(values[column], value))
    assert matching(places, one(column, sign, sent)) == expected


@pytest.mark.parametrize("sent", [True, "true", "t", "yes", 1, "1"])
def test_truth(places: Collection, sent: Any) -> None:
    assert matching(places, one("indoor", "=", sent)) == chosen(lambda values: values["indoor"] is True)


def test_one_of_several(places: Collection) -> None:
    assert matching(places, one("n", "in", [1, "2", 3, 99])) == ["03", "04", "05"]
    assert matching(places, one("city", "in", ["Oslo", "%s", "nowhere"])) == ["00", "05"]
    assert matching(places, one("uid", "in", [UID.format(1)])) == ["01", "11"]
    assert matching(places, one("city", "in", [f"x{at}" for at in range(999)] + ["Oslo"])) == ["00"]


@pytest.mark.parametrize("column", ["city", "code", "uid"])
def test_texts_are_found_by_parts_of_them(places: Collection, column: str) -> None:
    for part in ("OSL", "%", "_", "\\", "'", '"', "猫", "-4000-", ""):
        expected = [name for name, values in ROWS.items() if part.lower() in values[column].lower()]
        assert matching(places, one(column, "contains", part)) == expected, part


def test_all_conditions_hold(places: Collection) -> None:
    conditions = [one("n", ">", 0), one("n", "<", 100), one("city", "<>", "%s"), one("indoor", "is not null")]
    expected = chosen(
        lambda values: (
            values["n"] is not None
            and 0 < values["n"] < 100
            and values["city"] != "%s"
            and values["indoor"] is not None
        )
    )
    assert matching(places, *conditions) == expected != []
    assert filters.condition(places.info, []) == (None, {})
    assert matching(places, *[one("n", ">", -100)] * filters.MOST) == chosen(lambda values: values["n"] is not None)


# Values stay values

SIGNS = st.sampled_from([*"%'\"\\$;-/*(){}:?&|_ aAzZ09\t\n猫é", "%s", "%(v0)s", "%(like)s", "''", "--", "$$", "E'"])
HOSTILE = st.lists(SIGNS, max_size=12).map("".join) | st.sampled_from(TEXTS)
ESCAPES = [
    "' OR true --", "'; DROP TABLE places; --", "\\' OR true --", "' OR '' = '", "%' OR true", "*/ OR true /*",
    "$$ OR true OR $$", "') OR (true", "x'::text OR true --", "%(v1)s", "%%", "%", "%s%s", "\\", "\\\\'", "''", "E''",
]  # fmt: skip


@given(value=HOSTILE | st.sampled_from(ESCAPES), others=st.lists(HOSTILE, max_size=3))
@settings(max_examples=80, deadline=None)
def test_a_value_never_leaves_its_place(places: Collection, value: str, others: list[str]) -> None:
    several = [value, *others]
    for column in ("city", "code"):
        assert matching(places, one(column, "=", value)) == chosen(lambda values: values["city"] == value)
        assert matching(places, one(column, "<>", value)) == chosen(lambda values: values["city"] != value)
        assert matching(places, one(column, "contains", value)) == chosen(
            lambda values: value.lower() in values["city"].lower()
        )
        assert matching(places, one(column, "in", several)) == chosen(lambda values: values["city"] in several)


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
@settings(max_examples=60, deadline=None)
def test_any_text_is_only_compared(places: Collection, value: str) -> None:
    assert matching(places, one("city", "=", value)) == chosen(lambda values: values["city"] == value)
    for column in ("n", "money", "day", "indoor", "uid", "at"):
        try:
            names = matching(places, one(column, "=", value))
        except InvalidFilter as error:
            assert "syntax" in error.message or "out of range" in error.message, error.message  # noqa: PT017
        else:
            assert set(names) < set(ROWS)


@given(value=st.integers() | st.floats() | st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_number_is_only_compared(places: Collection, value: float) -> None:
    expected = chosen(lambda values: values["d"] is not None and values["d"] > value)
    if value != value:  # in PostgreSQL no number is larger
        expected = []
    if isinstance(value, bool):
        with pytest.raises(InvalidFilter, match="double precision"):
            matching(places, one("d", ">", value))
    elif isinstance(value, int) and abs(value) > 10**300:
        with pytest.raises(InvalidFilter, match="out of range"):
            matching(places, one("d", ">", value))
    else:
        assert matching(places, one("d", ">", value)) == expected


@pytest.mark.parametrize("value", ["a\0b", "\0", "\ud800", "half \udfff of a pair"])
@pytest.mark.parametrize("operator_", ["=", "contains", "in"])
def test_what_no_text_of_the_database_can_be_is_refused(places: Collection, value: str, operator_: str) -> None:
    with pytest.raises(InvalidFilter):
        matching(places, one("city", operator_, [value] if operator_ == "in" else value))


@pytest.mark.parametrize(
    ("column", "value"),
    [("n", "x"), ("n", ""), ("n", 2**31), ("n", 1.5), ("small", 70000), ("d", "1e999"), ("day", "31.31.31"),
     ("at", "soon"), ("uid", "x"), ("indoor", "maybe"), ("indoor", 2)],
)  # fmt: skip
def test_a_value_of_another_type_is_refused(places: Collection, column: str, value: Any) -> None:
    with pytest.raises(InvalidFilter, match="The filter is not a condition on collection 'places'"):
        matching(places, one(column, "=", value))


# Columns


@pytest.fixture(scope="module")
def odd(tiny_db: OpenAnalytic) -> Collection:
    """Each column holds its own name."""
    collection = tiny_db.create_collection('odd "100%" {x}', pipeline="mean_colour", columns=dict.fromkeys(ODD, "text"))
    collection.import_vectors([("mine", [1, 0, 0], dict(zip(ODD, ODD, strict=True))), ("empty", [1, 1, 0], None)])
    return collection


ODD = ['a"b', "100%", "%s", "%(v0)s", "%%", "' OR true --", "a b", "猫", "select", "{x}", "{}", "v0", "like", "a\nb",
       "\\", "A", "a", "row", "k", "--", "/*", "$1", "x" * 63]  # fmt: skip


@pytest.mark.parametrize("column", ODD)
def test_columns_of_any_name(odd: Collection, column: str) -> None:
    for each in (one(column, "=", column), one(column, "contains", column), one(column, "in", ["x", column])):
        assert matching(odd, each) == ["mine"]
        assert matching(odd, each, one(column, "is not null")) == ["mine"]
    assert matching(odd, one(column, "is null")) == ["empty"]
    assert matching(odd, one(column, "<>", column)) == []


def test_all_columns_at_once(odd: Collection) -> None:
    assert matching(odd, *(one(column, "=", column) for column in ODD[: filters.MOST])) == ["mine"]


# What is no condition


@pytest.mark.parametrize("column", [
    "image_name", "image_data", "feature", "ctid", "xmin", "open_analytic_distance", "City", "city ", '"city"', "",
    "city\0", "\ud800", "city OR true", "1=1) OR (city", "*", None, 1, ["city"], {"city": 1}, True,
])  # fmt: skip
def test_only_columns_of_the_users_own(places: Collection, column: Any) -> None:
    with pytest.raises(BadParameter, match="is no column of collection 'places'"):
        filters.condition(places.info, [one(column, "is null")])


@pytest.mark.parametrize("operator_", [
    "LIKE", "==", "!=", "~", "||", "IS NULL", "= ", "is null OR true", "in (SELECT 1)", "", None, 1, ["="], {}, True,
])  # fmt: skip
@pytest.mark.parametrize("column", ["city", "n", "indoor", "day", "at", "extra"])
def test_only_known_operators(places: Collection, column: str, operator_: Any) -> None:
    with pytest.raises(BadParameter, match="has no operator"):
        filters.condition(places.info, [one(column, operator_, "x")])


@pytest.mark.parametrize(
    ("column", "operator_"),
    [("city", "<"), ("n", "contains"), ("indoor", "<>"), ("indoor", "in"), ("day", "contains"), ("extra", "="),
     ("tags", "contains"), ("raw", "="), ("gap", ">")],
)  # fmt: skip
def test_only_operators_of_the_type(places: Collection, column: str, operator_: str) -> None:
    with pytest.raises(BadParameter, match="has no operator"):
        filters.condition(places.info, [one(column, operator_, "x")])


@pytest.mark.parametrize("value", [None, [], {}, ["Oslo"], {"a": 1}, "x" * 10_001, [["Oslo"]]])
def test_only_texts_and_numbers_are_values(places: Collection, value: Any) -> None:
    with pytest.raises(BadParameter, match="filter's value for 'city'"):
        filters.condition(places.info, [one("city", "=", value)])


@pytest.mark.parametrize(
    "value", [None, [], "Oslo", {"0": "Oslo"}, ["Oslo"] * 1001, [None], [["Oslo"]], ["x" * 10_001]]
)
def test_only_lists_are_lists(places: Collection, value: Any) -> None:
    with pytest.raises(BadParameter, match="filter's value for 'city'"):
        filters.condition(places.info, [one("city", "in", value)])


@pytest.mark.parametrize("conditions", [
    None, 1, "", "city", {}, {"column": "city"}, True, [one("n", "=", 1)] * 21,
])  # fmt: skip
def test_only_a_list_is_a_list_of_conditions(places: Collection, conditions: Any) -> None:
    with pytest.raises(BadParameter, match="filter is not a list of conditions"):
        filters.condition(places.info, conditions)


@pytest.mark.parametrize("condition", [None, 1, "city", [], ["city", "=", "Oslo"], {}, {"operator": "="}])
def test_only_an_object_is_a_condition(places: Collection, condition: Any) -> None:
    with pytest.raises(BadParameter, match="is no column"):
        filters.condition(places.info, [condition])


def test_a_collection_without_columns_has_no_filters(tiny_db: OpenAnalytic) -> None:
    collection = tiny_db.create_collection("plain", pipeline="mean_colour")
    assert filters.offered(collection) == []
    with pytest.raises(BadParameter, match="is no column") as caught:
        filters.condition(collection.info, [one("city", "=", "x")])
    assert caught.value.hint == "Your columns: none."


# Whose operators compare


HIJACK = """
CREATE FUNCTION public.never(varchar, varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'taken over'::text$$;
CREATE OPERATOR public.=  (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.never);
CREATE OPERATOR public.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.never);
CREATE EXTENSION citext SCHEMA public;
CREATE FUNCTION public.citext_never(citext, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR public.=  (LEFTARG = citext, RIGHTARG = text, FUNCTION = public.citext_never);
"""


@pytest.fixture
def hijacked(server: embedded.Server, template: str, tmp_path: Path) -> Iterator[Collection]:
    """A collection in a database where somebody made operators and functions that fit its columns better."""
    dsn = database(server, template)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(HIJACK)
    settings = Settings.read({}, cards=(tiny.write(tmp_path),), models_dir=tmp_path, audit_percent=0)
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("mean_colour", tiny.PIPELINE)
        columns = {"title": "varchar(80)", "word": "citext"}
        collection = db.create_collection("photos", pipeline="mean_colour", columns=columns)
        values = [("a", "Oslo"), ("b", "Bergen")]
        collection.import_vectors([(name, [1, 0, 0], {"title": city, "word": city}) for name, city in values])
        yield collection


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (one("title", "=", "Oslo"), ["a"]),
        (one("title", "<>", "Oslo"), ["b"]),
        (one("title", "in", ["Oslo", "Paris"]), ["a"]),
        (one("title", "contains", "SLO"), ["a"]),
        (one("word", "=", "oSLO"), ["a"]),
        (one("word", "<>", "oSLO"), ["b"]),
        (one("word", "in", ["OSLO", "x"]), ["a"]),
        (one("word", "contains", "SLO"), ["a"]),
    ],
    ids=lambda value: f"{value['column']} {value['operator']}" if isinstance(value, dict) else "",
)
def test_nobody_s_operators_are_used(hijacked: Collection, condition: dict[str, Any], expected: list[str]) -> None:
    assert matching(hijacked, condition) == expected
