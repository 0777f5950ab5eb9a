"""verify in SQL: decided by the pipeline's table, by pictures and by vectors, with the caller's rights."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from open_analytic import embedded
from open_analytic.store import schema
from tests import tiny
from tests.databases import clone, database, filled
from tests.sql.conftest import BLUE, GREEN, RED, column, create, picture, value
from tests.sql.test_rights import denied

Sql = psycopg.Connection[Any]
LINES = [
    {"false_accept_rate": rate, "distance": distance, "true_accept_rate": 0.9, "false_accepts": 1, "upper_bound": rate}
    for rate, distance in ((0.1, 0.5), (0.01, 0.02))
]
PICTURES = "SELECT * FROM open_analytic.verify(%s::bytea, %s::bytea, 'mean_colour')"
VECTORS = "SELECT * FROM open_analytic.verify(%s::vector, %s::vector, 'mean_colour')"
DARK = (120, 5, 5)


def rate(sql: Sql) -> None:
    """With a table of mean_colour, as a calibration writes it."""
    for metric in ("l2", "cosine"):
        sql.execute(
            "INSERT INTO open_analytic.distance_rates"
            " (pipeline, version, metric, same_pairs, different_pairs, source, rates)"
            " VALUES ('mean_colour', 1, %s, 40, 250, 'shades', %s)",
            [metric, Jsonb(LINES)],
        )


@pytest.fixture
def dsn(sql_server: tuple[embedded.Server, str], original: str) -> Iterator[str]:
    """A copy of a database with the table."""
    server, _ = sql_server
    with clone(server, filled(server, original, rate)) as dsn:
        yield dsn


@pytest.fixture
def rated(sql: Sql) -> Sql:
    return sql


def test_two_pictures_are_the_same_below_the_distance_of_the_rate(rated: Sql) -> None:
    near = rated.execute(PICTURES, [picture(RED), picture(DARK)]).fetchall()
    far = rated.execute(PICTURES, [picture(RED), picture(GREEN)]).fetchall()
    # (250, 10, 10) and (120, 5, 5), then (250, 10, 10) and (10, 250, 10), each of length 1
    assert near == [(True, pytest.approx(0.002348, abs=1e-5), 0.02, 0.01, 0.9)]
    assert far == [(False, pytest.approx(1.355478, abs=1e-5), 0.02, 0.01, 0.9)]
    assert value(rated, "SELECT (open_analytic.verify(%s::bytea, %s::bytea, 'mean_colour')).same", *[picture()] * 2)


def test_the_rate_asked_for_decides(rated: Sql) -> None:
    statement = VECTORS.replace("'mean_colour')", "'mean_colour', %s)").replace(
        "*", "same, threshold, false_accept_rate"
    )
    for rate, expected in {0.01: (False, 0.02, 0.01), 0.09: (False, 0.02, 0.01), 0.1: (True, 0.5, 0.1)}.items():
        assert rated.execute(statement, ["[1,0,0]", "[0.9,0.1,0]", rate]).fetchall() == [expected]


def test_vectors_give_what_their_pictures_give(rated: Sql) -> None:
    expected = rated.execute(PICTURES, [picture(RED), picture(DARK)]).fetchall()
    embedded_too = """
        SELECT v.*
        FROM open_analytic.embed('mean_colour', %s::bytea) AS a, open_analytic.embed('mean_colour', %s::bytea) AS b,
             open_analytic.verify(a, b, 'mean_colour') AS v
    """
    assert rated.execute(embedded_too, [picture(RED), picture(DARK)]).fetchall() == expected


def test_features_of_a_collection_are_compared_where_they_are(rated: Sql) -> None:
    value(rated, "SELECT open_analytic.create_collection('photos', 'mean_colour')")
    for name, colour in {"red": RED, "dark": DARK, "blue": BLUE}.items():
        rated.execute(
            "INSERT INTO photos (image_name, feature) SELECT %s, open_analytic.embed('mean_colour', %s::bytea)",
            [name, picture(colour)],
        )
    same = """
        SELECT one.image_name || ' ' || other.image_name
        FROM photos AS one JOIN photos AS other ON one.image_name < other.image_name
        WHERE (open_analytic.verify(one.feature, other.feature, 'mean_colour')).same
    """
    assert column(rated, same) == ["dark red"]


def test_each_metric_has_its_own_distance(rated: Sql) -> None:
    statement = "SELECT distance FROM open_analytic.verify(%s::vector, %s::vector, 'mean_colour', metric => %s)"
    distances = {metric: value(rated, statement, "[2,0,0]", "[0,3,0]", metric) for metric in ("l2", "cosine")}
    assert distances == {"l2": pytest.approx(13**0.5), "cosine": 1}


ERRORS = {
    "a pipeline without a table": (
        "verify(%s::bytea, %s::bytea, 'slow_colour')",
        "OA009",
        "pipeline calibrate slow_colour",
    ),
    "no metric": ("verify('[1,0,0]'::vector, '[1,0,0]', 'mean_colour', metric => 'l1')", "OA019", "l2, cosine, ip"),
    "a metric without a table": (
        "verify('[1,0,0]'::vector, '[1,0,0]', 'mean_colour', 0.1, 'ip')",
        "OA009",
        "calibrate",
    ),
    "an unknown pipeline": ("verify(%s::bytea, %s::bytea)", "OA003", "pipeline_create('face_feature_extractor')"),
    "a rate that is too small": (
        "verify(%s::bytea, %s::bytea, 'mean_colour', 0.001)",
        "OA019",
        "There are: 0.1, 0.01.",
    ),
    "no share": ("verify('[1,0,0]'::vector, '[1,0,0]', 'mean_colour', 1)", "OA019", "such as 0.01"),
    "NaN": ("verify('[1,0,0]'::vector, '[1,0,0]', 'mean_colour', 'NaN')", "OA019", "such as 0.01"),
    "a vector of another length": ("verify('[1,0]'::vector, '[1,0,0]', 'mean_colour')", "OA015", "version 1"),
    "a vector without a direction": (
        "verify('[0,0,0]'::vector, '[1,0,0]', 'mean_colour', 0.1, 'cosine')",
        "OA015",
        "l2",
    ),
    "no picture": ("verify(%s::bytea, 'words'::bytea, 'mean_colour')", "OA012", "Formats that are read: JPEG"),
}


@pytest.mark.parametrize(("call", "sqlstate", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_is_wrong_is_a_typed_error(rated: Sql, call: str, sqlstate: str, hint: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        rated.execute(f"SELECT open_analytic.{call}", [picture()] * call.count("%s") or None)
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_says_which_of_the_two_pictures_it_is(rated: Sql, place: int) -> None:
    both = [picture(), picture()]
    both[place] = b"words"
    with pytest.raises(psycopg.Error) as caught:
        rated.execute(PICTURES, both)
    assert (caught.value.diag.message_primary or "").startswith(("a: ", "b: ")[place])


def test_an_input_beyond_the_limit_is_refused(rated: Sql) -> None:
    rated.execute("INSERT INTO open_analytic.settings VALUES ('max_bytes', '1000')")
    with pytest.raises(psycopg.Error) as caught:
        rated.execute("SELECT open_analytic.verify(%s::bytea, %s::bytea, 'mean_colour')", [picture(), bytes(1001)])
    assert caught.value.sqlstate == "OA013"
    assert (caught.value.diag.message_primary or "").startswith("b: ")


def test_null_gives_null(rated: Sql) -> None:
    for call in ("verify(NULL::bytea, %s::bytea, 'mean_colour')", "verify(%s::bytea, NULL::bytea, 'mean_colour')"):
        assert value(rated, f"SELECT open_analytic.{call} IS NULL", picture())
    assert value(rated, "SELECT open_analytic.verify(NULL::vector, '[1,0,0]', 'mean_colour') IS NULL")


def test_the_table_of_a_pipeline_can_be_read(rated: Sql) -> None:
    statement = """
        SELECT false_accept_rate, distance, true_accept_rate, false_accepts, upper_bound,
               same_pairs, different_pairs, source
        FROM open_analytic.current_rates WHERE pipeline = 'mean_colour' AND metric = 'l2' ORDER BY 1 DESC
    """
    assert rated.execute(statement).fetchall() == [
        (0.1, 0.5, 0.9, 1, 0.1, 40, 250, "shades"),
        (0.01, 0.02, 0.9, 1, 0.01, 40, 250, "shades"),
    ]
    create(rated, "mean_colour", tiny.PIPELINE | {"input": "bytes", "parameters": {}})
    assert len(rated.execute(statement).fetchall()) == 2  # the same definition is the same version
    decode, *steps = tiny.PIPELINE["steps"]
    create(rated, "mean_colour", tiny.PIPELINE | {"steps": [decode | {"shrink_to": 100}, *steps]})
    assert rated.execute(statement).fetchall() == []  # of other vectors nothing was measured


def test_the_preset_of_faces_comes_with_its_table(sql: Sql) -> None:
    value(sql, "SELECT open_analytic.pipeline_create('face_feature_extractor')")
    rates = (
        "SELECT false_accept_rate FROM open_analytic.current_rates WHERE pipeline = 'face_feature_extractor' ORDER BY 1"
    )
    assert column(sql, rates) == [0.001, 0.01, 0.1]
    threshold = (
        "SELECT distance FROM open_analytic.current_rates"
        " WHERE pipeline = 'face_feature_extractor' AND false_accept_rate = 0.01"
    )
    one = "array_fill(0.1, ARRAY[128])::vector"
    assert value(sql, f"SELECT to_jsonb(open_analytic.verify({one}, {one}))") == {
        "same": True,
        "distance": 0,
        "threshold": value(sql, threshold),
        "false_accept_rate": 0.01,
        "true_accept_rate": 1,
    }


CALLS = [
    "SELECT open_analytic.verify(''::bytea, ''::bytea, 'mean_colour')",
    "SELECT open_analytic.verify('[1,0,0]'::vector, '[1,0,0]'::vector, 'mean_colour')",
    "SELECT open_analytic.verify('[1,0,0]'::halfvec, '[1,0,0]'::halfvec, 'mean_colour')",
    "SELECT * FROM open_analytic.current_rates",
]
WRITES = [
    "DELETE FROM open_analytic.distance_rates",
    "UPDATE open_analytic.distance_rates SET source = 'mine'",
    "INSERT INTO open_analytic.distance_rates SELECT * FROM open_analytic.distance_rates",
    "DELETE FROM open_analytic.preset_rates",
]


def test_a_user_verifies_and_writes_no_table(rated: Sql, become: Any) -> None:
    stranger, user, admin = become(), become("open_analytic_user"), become("open_analytic_admin")
    assert [denied(stranger, call) for call in CALLS + WRITES] == [True] * 8
    assert [denied(user, call) for call in CALLS[1:]] == [False] * 3
    assert user.execute(PICTURES, [picture(), picture()]).fetchall() == [(True, 0, 0.02, 0.01, 0.9)]
    assert [denied(user, call) for call in WRITES] == [True] * 4
    assert [denied(admin, call) for call in WRITES] == [False, False, False, True]


HOSTILE = """
CREATE SCHEMA evil;
CREATE FUNCTION evil.away(vector, vector) RETURNS float8 LANGUAGE sql AS 'SELECT 9::float8';
CREATE OPERATOR evil.<-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = evil.away);
CREATE TABLE evil.current_rates (pipeline text);
"""


def test_a_hostile_search_path_changes_nothing(rated: Sql) -> None:
    expected = rated.execute(VECTORS, ["[1,0,0]", "[0.99,0,0]"]).fetchall()
    rated.execute(HOSTILE)
    rated.execute("SET search_path = evil, public, pg_catalog")
    assert rated.execute(VECTORS, ["[1,0,0]", "[0.99,0,0]"]).fetchall() == expected


def test_the_revision_goes_down_and_up_again(sql_server: tuple[embedded.Server, str]) -> None:
    dsn = database(*sql_server)
    schema.downgrade(dsn, "0006")
    with psycopg.connect(dsn) as connection:
        left = "SELECT count(*) FROM pg_proc WHERE proname IN ('verify', '_rate')"
        assert value(connection, left) == 0
        assert value(connection, "SELECT to_regclass('open_analytic.preset_rates') IS NULL")
    schema.upgrade(dsn)
    with psycopg.connect(dsn) as connection:
        assert value(connection, "SELECT count(*) FROM open_analytic.preset_rates") == 1
