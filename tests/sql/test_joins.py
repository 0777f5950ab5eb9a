"""Near duplicates and nearest neighbours in SQL: each pair once, with the index what is found without it."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql as compose

from open_analytic.store.queries import quoted
from tests.databases import Fill
from tests.sql.conftest import column, value

Sql = psycopg.Connection[Any]
LINE = {"a": "[0,0]", "b": "[0,1]", "c": "[0,2]", "x": "[9,9]", "y": "[9,9.5]", "nothing": None}


def make(sql: Sql, name: str, *, dim: int = 2, metric: str = "l2", many: bool = False) -> None:
    """A collection of vectors computed elsewhere, with a column."""
    sql.execute(
        "SELECT open_analytic._make_collection(%s, %s, %s, %s, %s, NULL, NULL, '{}', false, '')",
        [name, dim, metric, many, '{"district": "text"}'],
    )


def fill(sql: Sql, name: str, rows: dict[str, str | None]) -> None:
    """Rows by name, the first in district A, the others in B and A by turns."""
    statement = compose.SQL("INSERT INTO {} (image_name, feature, district) VALUES (%s, %s, %s)")
    for number, (image, feature) in enumerate(rows.items()):
        sql.execute(statement.format(quoted(name)), [image, feature, "AB"[number % 2]])


def draw(sql: Sql) -> None:
    """Three rows one apart, two half apart elsewhere, one without a feature."""
    make(sql, "line")
    fill(sql, "line", LINE)


@pytest.fixture
def line(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(draw)


def duplicates(sql: Sql, arguments: str, *values: object) -> list[tuple[Any, ...]]:
    return sql.execute(f"SELECT * FROM open_analytic.near_duplicates({arguments})", values).fetchall()


def neighbours(sql: Sql, arguments: str, *values: object) -> list[tuple[Any, ...]]:
    return sql.execute(f"SELECT * FROM open_analytic.knn_join({arguments})", values).fetchall()


def test_each_pair_comes_once_nearest_first(line: Sql) -> None:
    assert duplicates(line, "'line', 1") == [
        ("x", "y", 0.5, None, None),
        ("a", "b", 1.0, None, None),
        ("b", "c", 1.0, None, None),
    ]
    assert [pair[:2] for pair in duplicates(line, "'line', 0.75")] == [("x", "y")]
    assert duplicates(line, "'line', 0") == []
    assert len(duplicates(line, "'line', 'Infinity'")) == 10


def test_names_are_in_the_order_of_their_bytes(sql: Sql) -> None:
    make(sql, "line")
    fill(sql, "line", {"é": "[0,0]", "b": "[0,0]", "B": "[0,0]"})
    assert [pair[:2] for pair in duplicates(sql, "'line', 0")] == [("B", "b"), ("B", "é"), ("b", "é")]


def test_a_filter_holds_for_both_rows(line: Sql) -> None:
    assert [pair[:2] for pair in duplicates(line, "'line', 2, $$district = 'A'$$")] == [("a", "c")]
    assert duplicates(line, "'line', 2, 'false'") == []


@pytest.mark.parametrize("filter_", ["true) OR (true", "true; SELECT 1", "(true", "nothing = 1", "", "--", "1 / 0 = 1"])
def test_a_filter_that_is_no_condition_is_refused(line: Sql, filter_: str) -> None:
    with pytest.raises(psycopg.Error, match="filter") as caught:
        duplicates(line, "'line', 1, %s", filter_)
    assert (caught.value.sqlstate, "district" in (caught.value.diag.message_hint or "")) == ("OA018", True)


@pytest.mark.parametrize(
    ("metric", "limit", "expected"),
    [
        ("cosine", 0, [("b", "c", 0.0)]),  # the same direction; a, of no direction, is near nothing
        ("ip", -2, [("b", "c", -2.0)]),  # minus the inner product
    ],
)
def test_each_metric_has_its_own_distance(sql: Sql, metric: str, limit: float, expected: list[Any]) -> None:
    make(sql, "line", metric=metric)
    fill(sql, "line", {name: LINE[name] for name in "abc"})
    assert [pair[:3] for pair in duplicates(sql, "'line', %s", limit)] == expected


@pytest.fixture
def faces(sql: Sql) -> Sql:
    """Two pictures with the same two faces."""
    make(sql, "faces", many=True)
    for name, part, feature in [("p", 0, "[0,0]"), ("p", 1, "[5,5]"), ("q", 0, "[5,5.5]"), ("q", 1, "[0,0]")]:
        sql.execute("INSERT INTO faces (image_name, part, feature) VALUES (%s, %s, %s)", [name, part, feature])
    return sql


def test_of_regions_the_parts_are_told(faces: Sql) -> None:
    assert duplicates(faces, "'faces', 1") == [("p", "q", 0.0, 0, 1), ("p", "q", 0.5, 1, 0)]
    assert neighbours(faces, "'faces', 'faces', 1") == [
        ("p", "q", 0.0, 1, 0, 1),
        ("p", "q", 0.5, 1, 1, 0),
        ("q", "p", 0.5, 1, 0, 1),
        ("q", "p", 0.0, 1, 1, 0),
    ]


def test_a_row_has_its_nearest_but_not_itself(line: Sql) -> None:
    assert neighbours(line, "'line', 'line', 2")[:4] == [
        ("a", "b", 1.0, 1, None, None),
        ("a", "c", 2.0, 2, None, None),
        ("b", "a", 1.0, 1, None, None),
        ("b", "c", 1.0, 2, None, None),
    ]
    assert len(neighbours(line, "'line', 'line'")) == 5 * 4  # k is 10, and there are four others


def test_of_another_collection_every_row_may_be_near(faces: Sql) -> None:
    make(faces, "line")
    fill(faces, "line", {"p": "[0,0]", "q": "[5,6]"})
    assert neighbours(faces, "'line', 'faces', 1") == [("p", "p", 0.0, 1, None, 0), ("q", "q", 0.5, 1, None, 0)]
    assert neighbours(faces, "'faces', 'line', 1")[:2] == [("p", "p", 0.0, 1, 0, None), ("p", "q", 1.0, 1, 1, None)]


def test_an_empty_collection_has_no_pairs(line: Sql) -> None:
    make(line, "empty")
    assert duplicates(line, "'empty', 1") == neighbours(line, "'empty', 'line'") == neighbours(line, "'line', 'empty'")
    assert duplicates(line, "'empty', 1") == []


ERRORS = {
    "no distance": ("near_duplicates('line', NULL)", "OA019", "0 or more"),
    "not a number": ("near_duplicates('line', 'NaN')", "OA019", "0 or more"),
    "below nothing": ("near_duplicates('line', -0.1)", "OA019", "0 or more"),
    "no collection": ("near_duplicates('pg_class', 1)", "OA006", "line"),
    "no table": ("near_duplicates(NULL, 1)", "OA006", "current_collections"),
    "no k": ("knn_join('line', 'line', NULL)", "OA019", "1 or more"),
    "k of 0": ("knn_join('line', 'line', 0)", "OA019", "1 or more"),
    "negative k": ("knn_join('line', 'line', -1)", "OA019", "1 or more"),
    "no collection to look in": ("knn_join('line', 'pg_class')", "OA006", "line"),
    "no collection to look from": ("knn_join('pg_class', 'line')", "OA006", "line"),
    "another dim": ("knn_join('line', 'three')", "OA015", "one and the same"),
    "another metric": ("knn_join('line', 'cosines')", "OA019", "same metric"),
    "another version": ("knn_join('older', 'newer')", "OA033", "newer"),
}


def draw_others(line: Sql) -> None:
    """Collections that do not go with the line, and two whose features are of two versions."""
    draw(line)
    make(line, "three", dim=3)
    make(line, "cosines", metric="cosine")
    for name in ("older", "newer"):
        make(line, name)
    line.execute(
        "INSERT INTO open_analytic.pipelines (name, version, input, output, many, hash, definition)"
        " SELECT 'p', v, 'bytes', '{feature}', false, repeat(v::text, 64), '{}' FROM generate_series(1, 2) AS v"
    )
    line.execute(
        "UPDATE open_analytic.collections SET pipeline = 'p', version = CASE table_name WHEN 'older' THEN 1 ELSE 2 END"
        " WHERE table_name IN ('older', 'newer')"
    )


@pytest.mark.parametrize(("call", "sqlstate", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_is_wrong_is_a_typed_error(copied: Callable[[Fill], Sql], call: str, sqlstate: str, hint: str) -> None:
    sql = copied(draw_others)
    with pytest.raises(psycopg.Error) as caught:
        sql.execute(f"SELECT * FROM open_analytic.{call}")
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)


def gather(sql: Sql) -> None:
    """A thousand rows in groups of five, and 150 that are all alike."""
    make(sql, "crowd", dim=16)
    sql.execute("SELECT setseed(0.5)")
    sql.execute(
        "INSERT INTO crowd (image_name, feature, district)"
        " SELECT 'p' || g || '.' || i, array_agg(c.number + 0.02 * random())::real[], CASE WHEN g % 2 = 0 THEN 'A' END"
        " FROM generate_series(1, 200) AS g"
        " CROSS JOIN LATERAL (SELECT random() AS number FROM generate_series(1, 16 + 0 * g)) AS c"
        " CROSS JOIN generate_series(1, 5) AS i GROUP BY g, i"
    )
    sql.execute(
        "INSERT INTO crowd (image_name, feature) SELECT 's' || i, array_fill(3::real, '{16}') || '{}'::real[]"
        " FROM generate_series(1, 150) AS i"
    )


@pytest.fixture
def crowd(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(gather)


def by_index(sql: Sql, name: str) -> str:
    """Build the index, and let the table look so large that it is worth it; the index's name."""
    index = str(value(sql, "SELECT open_analytic.create_ann_index(%s)", name)).rpartition(".")[2]
    sql.execute(compose.SQL("ANALYZE {}").format(compose.Identifier(name)))
    sql.execute("UPDATE pg_class SET reltuples = 1e6 WHERE relname = %s", [name])
    return index


def scans(sql: Sql, index: str) -> int:
    """How often the index was scanned so far."""
    sql.execute("SELECT pg_stat_force_next_flush()")
    return int(value(sql, "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = %s", index))


def gather_and_index(sql: Sql) -> None:
    gather(sql)
    assert by_index(sql, "crowd") == "crowd_feature_idx"


@pytest.mark.parametrize(
    "call",
    [
        "near_duplicates('crowd', 0.3)",
        "near_duplicates('crowd', 0.3, $$district = 'A'$$)",
        "knn_join('crowd', 'crowd', 4)",
    ],
)
def test_the_index_finds_the_same(copied: Callable[[Fill], Sql], crowd: Sql, call: str) -> None:
    columns = "name, other, distance" if "near" in call else "name, rank, distance"  # equals have many neighbours
    exact = crowd.execute(f"SELECT {columns} FROM open_analytic.{call}").fetchall()
    crowd = copied(gather_and_index)
    before = scans(crowd, "crowd_feature_idx")
    rows = crowd.execute(f"SELECT {columns} FROM open_analytic.{call}").fetchall()
    assert scans(crowd, "crowd_feature_idx") - before >= 500
    assert rows == exact
    assert len(exact) >= 1000


def test_more_alike_than_the_index_is_asked_for_are_all_found(sql: Sql) -> None:
    """A row looks at 100 others, then at 1,000, then at all, until it sees one that is too far."""
    make(sql, "alike", dim=4)
    sql.execute(
        "INSERT INTO alike (image_name, feature) SELECT 'p' || i, '[1,1,1,1]' FROM generate_series(1, 1100) AS i"
    )
    by_index(sql, "alike")
    assert value(sql, "SELECT count(*) FROM open_analytic.near_duplicates('alike', 0.5)") == 1100 * 1099 // 2


def test_the_index_gives_as_many_neighbours_as_there_are(sql: Sql) -> None:
    make(sql, "few", dim=4)
    sql.execute(
        "INSERT INTO few (image_name, feature)"
        " SELECT 'p' || i, ARRAY[i, 0, 0, 0]::real[] FROM generate_series(1, 30) AS i"
    )
    by_index(sql, "few")
    assert len(neighbours(sql, "'few', 'few', 100")) == 30 * 29


def test_settings_of_the_session_stay_what_they_were(crowd: Sql) -> None:
    names = ("work_mem", "hnsw.ef_search", "hnsw.iterative_scan", "plan_cache_mode", "search_path")
    crowd.execute("LOAD 'vector'")
    before = [value(crowd, f"SHOW {name}") for name in names]
    with crowd.transaction():
        assert duplicates(crowd, "'crowd', 0.3")
        by_index(crowd, "crowd")
        assert duplicates(crowd, "'crowd', 0.3")
        assert neighbours(crowd, "'crowd', 'crowd', 300")
        assert [value(crowd, f"SHOW {name}") for name in names] == before


@pytest.mark.parametrize("name", ["x; DROP TABLE line", 'x"; --', "%s %I %1$s %%", "猫"])
def test_a_hostile_name_is_only_a_name(line: Sql, name: str) -> None:
    make(line, name)
    fill(line, name, LINE)
    place = value(line, "SELECT format('public.%%I', %s::text)", name)
    expected = duplicates(line, "'line', 1"), neighbours(line, "'line', 'line', 2")

    def results() -> tuple[list[Any], list[Any]]:
        return duplicates(line, "%s::regclass, 1", place), neighbours(line, "%s::regclass, 'line', 2", place)

    assert results()[0] == expected[0]
    assert neighbours(line, "%s::regclass, %s::regclass, 2", place, place) == expected[1]
    line.execute("SELECT open_analytic.create_ann_index(%s::regclass)", [place])
    line.execute("UPDATE pg_class SET reltuples = 1e7 WHERE relname = %s", [name])
    assert results()[0] == expected[0]
    assert neighbours(line, "%s::regclass, %s::regclass, 2", place, place) == expected[1]


def test_joins_work_in_a_read_only_transaction(line: Sql) -> None:
    line.execute("SET default_transaction_read_only = on")
    assert len(column(line, "SELECT name FROM open_analytic.near_duplicates('line', 1)")) == 3
    assert len(column(line, "SELECT name FROM open_analytic.knn_join('line', 'line', 1)")) == 5
