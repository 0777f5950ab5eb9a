"""Clusters that keep their ids: what a later run finds is what a first run would, and it says what changed."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import Fill
from tests.sql.conftest import column, value
from tests.sql.test_joins import by_index, make, scans

Sql = psycopg.Connection[Any]
Clusters = dict[int, list[str]]


def draw(sql: Sql) -> None:
    """Places on a line: three in a chain, two together, one alone, one without a feature."""
    make(sql, "line", dim=1)
    put(sql, a=0, b=1, c=2, x=10, y=11, alone=50)
    sql.execute("INSERT INTO line (image_name) VALUES ('nothing')")


@pytest.fixture
def line(copied: Callable[[Fill], Sql]) -> Sql:
    return copied(draw)


def put(sql: Sql, **places: float) -> None:
    """Put rows where they belong, or move them there."""
    for name, place in places.items():
        sql.execute(
            "INSERT INTO line (image_name, feature) VALUES (%s, %s)"
            " ON CONFLICT (image_name) DO UPDATE SET feature = excluded.feature",
            [name, f"[{place}]"],
        )


def take(sql: Sql, *names: str) -> None:
    sql.execute("DELETE FROM line WHERE image_name = ANY (%s)", [list(names)])


def cluster(sql: Sql, arguments: str = "'line', 1") -> Clusters:
    clusters: Clusters = {}
    for cluster_id, name, part in sql.execute(f"SELECT * FROM open_analytic.cluster({arguments})"):
        clusters.setdefault(cluster_id, []).append(name if part is None else f"{name} {part}")
    return clusters


def changes(sql: Sql) -> list[tuple[Any, ...]]:
    """What the last run changed: kind, cluster, and what else there is."""
    rows = sql.execute("SELECT * FROM open_analytic.cluster_changes('line')").fetchall()
    return [tuple(value for value in row if value is not None) for row in rows]


def test_linked_rows_are_a_cluster_the_largest_first(line: Sql) -> None:
    assert cluster(line) == {1: ["a", "b", "c"], 2: ["x", "y"]}
    assert changes(line) == [("new", 1), ("new", 2)]
    assert cluster(line) == {1: ["a", "b", "c"], 2: ["x", "y"]}
    assert changes(line) == []


def test_a_new_row_joins_its_cluster(line: Sql) -> None:
    cluster(line)
    put(line, z=11.5, d=3, far=80, farther=80.5)
    assert cluster(line) == {1: ["a", "b", "c", "d"], 2: ["x", "y", "z"], 4: ["far", "farther"]}
    assert changes(line) == [("joined", 1, "d"), ("joined", 2, "z"), ("new", 4)]


def test_one_that_was_alone_is_no_cluster_until_another_comes(line: Sql) -> None:
    cluster(line)
    put(line, friend=50.5)
    assert cluster(line)[3] == ["alone", "friend"]
    assert changes(line) == [("new", 3)]


def test_what_merges_keeps_the_id_of_the_larger(line: Sql) -> None:
    put(line, w=9)
    cluster(line, "'line', 1")
    take(line, "c")
    put(line, **{f"m{place}": place for place in range(2, 9)})
    assert list(cluster(line)) == [2]  # three of it, two of the other
    assert changes(line) == [("left", 1, "c"), ("merged", 2, 1), *(("joined", 2, f"m{n}") for n in range(2, 9))]


def test_what_splits_keeps_the_id_in_the_larger_part(line: Sql) -> None:
    put(line, d=3, e=4)
    cluster(line)
    take(line, "b")
    assert cluster(line) == {1: ["c", "d", "e"], 2: ["x", "y"]}
    assert changes(line) == [("left", 1, "a"), ("left", 1, "b")]  # a is alone now
    put(line, b=1, f=5)
    cluster(line)
    take(line, "c")
    assert cluster(line) == {1: ["d", "e", "f"], 2: ["x", "y"], 5: ["a", "b"]}
    assert changes(line) == [("left", 1, "c"), ("split", 5, 1)]
    take(line, "e")
    cluster(line)
    put(line, d=100, dd=100, f=200, ff=200)
    assert cluster(line) == {
        1: ["d", "dd"],
        2: ["x", "y"],
        5: ["a", "b"],
        6: ["f", "ff"],
    }  # of equals the first by name


def test_a_row_that_changes_goes_where_it_belongs(line: Sql) -> None:
    cluster(line)
    put(line, c=12)
    assert cluster(line) == {1: ["a", "b"], 2: ["c", "x", "y"]}
    assert changes(line) == [("joined", 2, 1, "c")]
    line.execute("UPDATE line SET feature = NULL WHERE image_name = 'c'")
    assert cluster(line) == {1: ["a", "b"], 2: ["x", "y"]}
    assert changes(line) == [("left", 2, "c")]
    line.execute("UPDATE line SET district = 'B', imported_at = now()")  # no feature changed
    cluster(line)
    assert changes(line) == []


def test_a_cluster_that_is_too_small_now_is_gone(line: Sql) -> None:
    cluster(line)
    take(line, "x")
    assert cluster(line) == {1: ["a", "b", "c"]}
    assert changes(line) == [("gone", 2)]
    take(line, "a", "b", "c", "y", "alone")
    assert cluster(line) == {}
    assert changes(line) == [("gone", 1)]
    assert value(line, "SELECT count(*) FROM open_analytic.cluster_members") == 0
    put(line, a=0, b=1)
    assert cluster(line) == {4: ["a", "b"]}  # no id is given twice


def test_min_size_says_what_is_a_cluster(line: Sql) -> None:
    assert cluster(line, "'line', 1, 3") == {1: ["a", "b", "c"]}
    assert changes(line) == [("new", 1)]
    assert cluster(line, "'line', 1, 1") == {1: ["a", "b", "c"], 2: ["x", "y"], 3: ["alone"]}
    assert changes(line) == []
    assert column(line, "SELECT name FROM open_analytic.clusters('line', 3)") == ["a", "b", "c"]
    assert column(line, "SELECT name FROM open_analytic.clusters('line')") == ["a", "b", "c", "x", "y"]


def test_another_distance_looks_at_all_and_keeps_ids(line: Sql) -> None:
    cluster(line)
    assert cluster(line, "'line', 8") == {1: ["a", "b", "c", "x", "y"]}
    assert changes(line) == [("merged", 1, 2)]
    assert cluster(line) == {1: ["a", "b", "c"], 4: ["x", "y"]}
    assert changes(line) == [("split", 4, 1)]


def test_a_chain_is_one_cluster_however_long(sql: Sql) -> None:
    """Single linkage: that is what it does, and docs/groups.md says so."""
    make(sql, "line", dim=1)
    sql.execute(
        "INSERT INTO line (image_name, feature) SELECT 'p' || i, ARRAY[i]::real[] FROM generate_series(1, 1500) AS i"
    )
    assert [len(names) for names in cluster(sql).values()] == [1500]
    sql.execute("DELETE FROM line WHERE image_name = 'p700'")
    assert [len(names) for names in cluster(sql).values()] == [800, 699]


def test_faces_are_clustered_one_by_one(sql: Sql) -> None:
    make(sql, "faces", dim=1, many=True)
    for name, part, place in [("p", 0, 0), ("p", 1, 5), ("q", 0, 5.5), ("q", 1, 0), ("r", 0, 9)]:
        sql.execute("INSERT INTO faces (image_name, part, feature) VALUES (%s, %s, %s)", [name, part, f"[{place}]"])
    assert cluster(sql, "'faces', 1") == {1: ["p 0", "q 1"], 2: ["p 1", "q 0"]}
    sql.execute("DELETE FROM faces WHERE (image_name, part) = ('p', 0)")
    sql.execute("INSERT INTO faces (image_name, part, feature) VALUES ('s', 7, '[0]')")
    assert cluster(sql, "'faces', 1") == {1: ["q 1", "s 7"], 2: ["p 1", "q 0"]}
    rows = sql.execute("SELECT kind, name, part FROM open_analytic.cluster_changes('faces')").fetchall()
    assert rows == [("joined", "s", 7), ("left", "p", 0)]


ROWS = st.dictionaries(st.sampled_from("abcdefghijkl"), st.one_of(st.none(), st.integers(0, 12)), max_size=8)


def test_many_runs_find_what_one_would(sql: Sql) -> None:
    """Whatever comes, goes and moves: the same clusters as anew, and ids that stay where most of the rows are."""
    make(sql, "line", dim=1)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(ROWS, min_size=1, max_size=5))
    def check(batches: list[dict[str, int | None]]) -> None:
        sql.execute("DELETE FROM line")
        sql.execute("DELETE FROM open_analytic.clusterings")
        places: dict[str, int] = {}
        earlier: Clusters = {}
        for batch in batches:
            places |= {name: place for name, place in batch.items() if place is not None}
            take(sql, *(name for name, place in batch.items() if place is None and places.pop(name, None) is not None))
            put(sql, **places)
            clusters = cluster(sql, "'line', 1, 1")
            assert sorted(clusters.values()) == _linked(places)
            for cluster_id, names in clusters.items():
                _check_id(cluster_id, names, earlier)
            earlier = clusters

    check()


def _linked(places: dict[str, int]) -> list[list[str]]:
    """The clusters by hand: on a line those with no gap of more than one."""
    clusters: list[list[str]] = []
    last: int | None = None
    for name, place in sorted(places.items(), key=lambda row: row[1]):
        if last is None or place > last + 1:
            clusters.append([])
        clusters[-1].append(name)
        last = place
    return sorted(sorted(names) for names in clusters)


def _check_id(cluster_id: int, names: list[str], earlier: Clusters) -> None:
    """An id that was there before is the one most of the rows had."""
    shares = {id_: len(set(names) & set(before)) for id_, before in earlier.items()}
    if cluster_id in earlier:
        assert shares[cluster_id] == max(shares.values()) > 0


@pytest.mark.parametrize("table", ["DROP TABLE line", "SELECT open_analytic.drop_collection('line')"])
def test_a_collection_of_the_same_name_starts_anew(line: Sql, table: str) -> None:
    cluster(line)
    line.execute(table)
    if "drop_collection" in table:
        assert value(line, "SELECT count(*) FROM open_analytic.cluster_members") == 0
    make(line, "line", dim=1)
    assert column(line, "SELECT name FROM open_analytic.clusters('line')") == []
    put(line, p=0, q=1)
    assert list(cluster(line).values()) == [["p", "q"]]
    assert value(line, "SELECT count(*) FROM open_analytic.cluster_members") == 2


def test_only_what_is_new_is_searched_for(sql: Sql) -> None:
    make(sql, "line", dim=1)
    sql.execute(
        "INSERT INTO line (image_name, feature) SELECT 'p' || i, ARRAY[i]::real[] FROM generate_series(1, 500, 2) AS i"
    )
    index = by_index(sql, "line")
    sql.execute("UPDATE pg_class SET reltuples = 1e9 WHERE relname = 'line'")
    cluster(sql, "'line', 0.5")
    first = scans(sql, index)
    assert first >= 250
    put(sql, new=1.5, newer=99)
    take(sql, "p101")
    assert list(cluster(sql, "'line', 0.5").values()) == [["new", "p1"], ["newer", "p99"]]
    assert scans(sql, index) - first == 2
    cluster(sql, "'line', 0.5")
    assert scans(sql, index) - first == 2


def test_two_runs_at_once_come_one_after_the_other(line: Sql) -> None:
    answers: list[Clusters] = []

    def other() -> None:
        with psycopg.connect(line.info.dsn, autocommit=True) as session:
            answers.append(cluster(session))

    thread = threading.Thread(target=other)
    with line.transaction():
        mine = cluster(line)
        thread.start()
        thread.join(0.5)
        assert not answers  # it waits
    thread.join(30)
    assert answers == [mine] == [{1: ["a", "b", "c"], 2: ["x", "y"]}]


def test_a_run_that_is_rolled_back_leaves_nothing(line: Sql) -> None:
    with line.transaction(force_rollback=True):
        cluster(line)
    assert column(line, "SELECT name FROM open_analytic.clusters('line')") == []


ERRORS = {
    "no distance": ("cluster('line', NULL)", "OA019", "0 or more"),
    "not a number": ("cluster('line', 'NaN')", "OA019", "0 or more"),
    "below nothing": ("cluster('line', -1)", "OA019", "0 or more"),
    "no size": ("cluster('line', 1, NULL)", "OA019", "1 or more"),
    "size of 0": ("cluster('line', 1, 0)", "OA019", "1 or more"),
    "size of 0 to read": ("clusters('line', 0)", "OA019", "1 or more"),
    "no collection": ("cluster('pg_class', 1)", "OA006", "line"),
    "no collection to read": ("clusters('pg_class')", "OA006", "line"),
    "no collection that changed": ("cluster_changes('pg_class')", "OA006", "line"),
}


@pytest.mark.parametrize(("call", "sqlstate", "hint"), ERRORS.values(), ids=ERRORS)
def test_what_is_wrong_is_a_typed_error(line: Sql, call: str, sqlstate: str, hint: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        line.execute(f"SELECT * FROM open_analytic.{call}")
    assert (caught.value.sqlstate, hint in (caught.value.diag.message_hint or "")) == (sqlstate, True)
