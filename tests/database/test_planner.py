"""Searches keep their rows and their recall, give a reason for their plan, and follow the recall curve of the index."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from open_analytic.errors import BadParameter, Conflict, DatabaseError, InvalidFilter, PermissionDenied
from open_analytic.store import collections, indexes, planner, tables
from open_analytic.store.connection import Database
from open_analytic.types import Hit, Metric
from tests.database.filled import DIM, ROWS, Filled, costs, points, queries

FILTERS = {
    "all": None,
    "half": "number % 2 = 0",
    "a tenth": "number % 10 = 3",
    "a hundredth": "number % 100 = 7",
    "a thousandth": "number % 1000 = 11",
    "own cluster": "cluster = 0",
    "other clusters": "cluster > 12",
    "none": "number < 0",
}


def outline(explanation: dict[str, Any]) -> tuple[str, str, int]:
    """The plan that was chosen, the one that was run and the rows it gave."""
    return explanation["plan"], explanation["done"]["plan"], explanation["done"]["rows"]


def recall(hits: list[Hit], true: list[Hit]) -> float:
    """Which part of the true neighbours was found; equally near ones count."""
    assert len(hits) == len(true)
    return sum(hit.distance <= true[-1].distance for hit in hits) / len(true) if true else 1.0


@pytest.mark.parametrize("target", [0.9, 0.99])
@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
def test_rows_and_recall_are_kept_under_any_filter(measured: Filled, where: str | None, target: float) -> None:
    recalls = []
    for vector in queries(30):
        true = measured.find(vector, filter=where, target_recall=1)
        hits = measured.find(vector, filter=where, target_recall=target)
        assert hits == sorted(hits, key=lambda hit: (hit.distance, hit.name))
        recalls.append(recall(hits, true))
    assert np.mean(recalls) >= target


def test_the_index_is_walked_where_it_is_cheaper_and_left_where_too_little_matches(measured: Filled) -> None:
    (vector,) = queries(1)
    assert measured.explain(vector, filter="number % 2 = 0")["done"]["plan"] == "index"
    costs(measured, 3)
    explanation = measured.explain(vector, filter="cluster > 12")
    assert outline(explanation) == (
        "index",
        "index, then exact",
        10,
    )
    assert "that was not enough" in explanation["reason"]
    costs(measured, 0.002)
    assert measured.explain(vector)["done"]["plan"] == "exact"


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "never measured": ({}, "never measured"),
    "exact": ({"target_recall": 1}, "a recall of 1"),
    "nothing": ({"k": 0}, "k is 0"),
}


@pytest.mark.parametrize(("options", "reason"), REASONS.values(), ids=REASONS)
def test_an_explanation_is_a_sentence(filled: Filled, options: dict[str, Any], reason: str) -> None:
    explanation = filled.explain(queries(1)[0], **options)
    assert reason in explanation["reason"]
    assert explanation["reason"].endswith(".")
    assert outline(explanation) == (
        "exact",
        "exact",
        options.get("k", 10),
    )


def test_an_explanation_says_what_there_was_to_choose(measured: Filled) -> None:
    explanation = measured.explain(queries(1)[0], filter="number %% 10 = %(n)s", params={"n": 3}, target_recall=0.9)
    exact, index = explanation["alternatives"]
    assert (explanation["plan"], explanation["k"], explanation["target_recall"], explanation["rows"]) == (
        "index",
        10,
        0.9,
        ROWS,
    )
    assert (exact["plan"], exact["recall"], index["plan"]) == ("exact", 1, "index")
    assert 0.9 <= index["recall"] < 1
    assert index["ms"] < exact["ms"]
    assert set(explanation["settings"]) == {"hnsw.ef_search", "hnsw.iterative_scan"}
    assert explanation["planning_ms"] > 0
    assert explanation["matches"]["used"] > 0


@pytest.mark.parametrize("where", [None, "number % 3 = 0"])
@pytest.mark.parametrize("kind", ["exact", "index"])
def test_pages_follow_each_other(measured: Filled, where: str | None, kind: str) -> None:
    (vector,) = queries(1)
    target = 1 if kind == "exact" else 0.95
    pages: list[Hit] = []
    while len(pages) < 45:
        page = measured.find(vector, k=9, filter=where, after=pages[-1] if pages else None, target_recall=target)
        assert len(page) == 9
        pages += page
    assert pages == sorted(pages, key=lambda hit: (hit.distance, hit.name))
    assert len({hit.name for hit in pages}) == 45
    assert recall(pages, measured.find(vector, k=45, filter=where, target_recall=1)) >= (1 if kind == "exact" else 0.9)


@pytest.mark.parametrize("target", [1, 0.9])
def test_all_within_a_distance_are_found_without_a_number(measured: Filled, target: float) -> None:
    for vector in queries(5):
        whole = measured.find(vector, k=200, target_recall=1)
        near = whole[120].distance
        hits = measured.find(vector, k=None, max_distance=near, target_recall=target)
        expected = [hit for hit in whole if hit.distance <= near]
        assert all(hit.distance <= near for hit in hits)
        assert len(hits) / len(expected) >= (1 if target == 1 else 0.85)
        assert measured.find(vector, k=None, max_distance=-1, target_recall=target) == []


def test_a_recall_curve_is_stored_and_read_again(filled: Filled) -> None:
    curve = planner.measure_index(filled.database, filled.info, queries=40)
    with filled.database.transaction() as connection:
        assert planner.recall_curve(connection, filled.info) == curve
    assert (curve.rows, curve.queries) == (ROWS, 40)
    assert list(curve.efforts) == sorted(curve.efforts)
    assert all(len(line) == len(curve.ranks) for line in curve.recalls)
    assert curve.recalls[-1][0] > 0.9
    assert 0 < curve.scan_ms < curve.exact_ms
    assert not planner.out_of_date(curve, ROWS)
    assert planner.out_of_date(curve, 2 * ROWS)
    assert planner.out_of_date(None, ROWS)


def test_the_recall_curve_of_a_table_that_was_recreated_is_forgotten(filled: Filled) -> None:
    planner.measure_index(filled.database, filled.info, queries=5)
    with filled.database.transaction() as connection:
        collections.drop(connection, "points")
        info = collections.make(connection, tables.Shape(name="points", dim=DIM, columns={}))
        assert planner.recall_curve(connection, info) is None


def test_an_interrupted_measurement_leaves_the_curve_before(filled: Filled) -> None:
    before = planner.measure_index(filled.database, filled.info, queries=5)
    with psycopg.connect(filled.database.dsn, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '50ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT open_analytic.measure_index('points', 5000)")
    with filled.database.transaction() as connection:
        assert planner.recall_curve(connection, filled.info) == before


def test_an_index_that_cannot_be_measured_is_a_typed_error(filled: Filled) -> None:
    with pytest.raises(BadParameter):
        planner.measure_index(filled.database, filled.info, queries=0)
    filled.run("DELETE FROM points WHERE number > 0")
    with pytest.raises(Conflict, match="too few rows"):
        planner.measure_index(filled.database, filled.info)
    indexes.drop(filled.database, filled.info)
    with pytest.raises(Conflict, match="no index"):
        planner.measure_index(filled.database, filled.info)


def test_only_an_admin_measures_an_index(filled: Filled) -> None:
    filled.run("CREATE ROLE planner_reader LOGIN IN ROLE open_analytic_user")
    try:
        dsn = make_conninfo(filled.database.dsn, user="planner_reader")
        with pytest.raises(PermissionDenied):
            planner.measure_index(dsn, filled.info)
    finally:
        filled.run("DROP ROLE planner_reader")


BAD = {
    "recall of nothing": {"target_recall": 0},
    "recall beyond all": {"target_recall": 1.01},
    "recall of no number": {"target_recall": float("nan")},
    "no number and no distance": {"k": None},
    "negative": {"k": -1},
}


@pytest.mark.parametrize("options", BAD.values(), ids=BAD)
def test_what_no_search_can_be_is_a_typed_error(filled: Filled, options: dict[str, Any]) -> None:
    with pytest.raises(BadParameter):
        filled.find(np.zeros(DIM), **options)


def test_prepared_statements_keep_their_rows(measured: Filled) -> None:
    """PostgreSQL's generic plan for a prepared search would guess what the filter keeps."""
    with psycopg.connect(measured.database.dsn, autocommit=True, prepare_threshold=0) as connection:
        for vector in queries(50):
            rows = connection.execute(
                "SELECT name FROM open_analytic.search('points', %s::vector, 10, 'cluster > 20 AND number %% 7 = 1')",
                [str(vector.tolist())],
            ).fetchall()
            assert len(rows) == 10


def test_searches_stand_changes_vacuum_and_reindexing(measured: Filled) -> None:
    vectors = queries(12)
    stop = threading.Event()

    def change() -> int:
        rng, done = np.random.default_rng(5), 0
        with psycopg.connect(measured.database.dsn, autocommit=True) as connection:
            while not stop.is_set():
                low = int(rng.integers(100, ROWS))
                name, vector = f"{low:05d}", str(points(1, low)[0][0].tolist())
                connection.execute("UPDATE points SET feature = %s WHERE image_name = %s", [vector, name])
                connection.execute("DELETE FROM points WHERE image_name = %s", [f"{low + 1:05d}"])
                connection.execute(
                    "INSERT INTO points (image_name, feature, number, cluster) VALUES (%s, %s, %s, 0)"
                    " ON CONFLICT (image_name) DO NOTHING", [f"n{done}", vector, low],
                )  # fmt: skip
                if done % 20 == 0:
                    connection.execute("VACUUM points" if done % 40 else "REINDEX TABLE points")
                done += 1
        return done

    with ThreadPoolExecutor(1) as thread:
        work = thread.submit(change)
        try:
            for _ in range(3):
                for vector in vectors:
                    for where in (None, "number % 10 = 3", "cluster > 12"):
                        hits = measured.find(vector, filter=where)
                        assert len({hit.name for hit in hits}) == 10, where
        finally:
            stop.set()
        assert work.result() > 20
    recalls = [recall(measured.find(vector), measured.find(vector, target_recall=1)) for vector in vectors]
    assert np.mean(recalls) >= 0.95


def test_an_index_that_is_invalid_or_gone_is_no_index(measured: Filled) -> None:
    (vector,) = queries(1)
    true = measured.find(vector, target_recall=1)
    measured.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'points_feature_idx'::regclass")
    explanation = measured.explain(vector)
    assert "no index that can be used" in explanation["reason"]
    assert measured.find(vector) == true
    measured.run("DROP INDEX points_feature_idx")
    assert measured.find(vector) == true


def test_more_than_there_is_and_nothing_at_all(measured: Filled) -> None:
    (vector,) = queries(1)
    assert len(measured.find(vector, k=ROWS + 7)) == ROWS
    assert measured.find(vector, k=0) == []
    measured.run("DELETE FROM points")
    assert measured.find(vector) == []


def test_a_fault_of_the_filter_names_it(measured: Filled) -> None:
    (vector,) = queries(1)
    with pytest.raises(InvalidFilter, match=r"'points'.*division by zero"):
        measured.explain(vector, filter="10 / (number %% 2) > 0", params={})
    for where in ("nothing = 1", "number = ", "number / 0 = 1", "pg_sleep()", "number; DROP TABLE points"):
        with pytest.raises(InvalidFilter, match="'points'"):
            measured.find(vector, filter=where)
    with pytest.raises((InvalidFilter, DatabaseError)):
        measured.find(vector, filter="set_config('transaction_read_only', 'off', false) = 'x' AND lo_create(0) = 1")


@pytest.mark.parametrize("metric", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("many", [False, True], ids=["one a picture", "faces"])
def test_every_metric_and_faces_keep_their_promises(database: Database, metric: Metric, many: bool) -> None:
    with database.transaction() as connection:
        shape = tables.Shape(name="points", dim=DIM, metric=metric, many=many, columns={"number": "integer"})
        info = collections.make(connection, shape)
        vectors, _ = points(2000, 1)
        key = ["image_name", *(["part"] if many else [])]
        with connection.cursor().copy(f"COPY points ({', '.join(key)}, feature, number) FROM STDIN") as copy:
            for number, vector in enumerate(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)):
                where = [f"{number // 3:04d}", number % 3] if many else [f"{number:04d}"]
                copy.write_row((*where, str(vector.tolist()), number))
    indexes.create(database, info)
    album = Filled(database, info)
    planner.measure_index(database, info, queries=100)
    costs(album, 1e7)
    recalls = []
    for vector in queries(20):
        options: dict[str, Any] = {"filter": "number % 4 = 1", "k": 12}
        first = album.find(vector, **options)
        second = album.find(vector, **options, after=first[-1])
        true = album.find(vector, **options | {"k": 24}, target_recall=1)
        assert [hit.part is None for hit in first] == [not many] * 12
        assert len({(hit.name, hit.part) for hit in first + second}) == 24
        recalls.append(recall(first + second, true))
    assert album.explain(queries(1)[0], filter="number % 4 = 1")["done"]["plan"] == "index"
    assert np.mean(recalls) >= 0.95


@pytest.mark.parametrize("where", [None, "number % 2 = 0"])
def test_pages_of_rows_that_are_equally_near_are_complete(measured: Filled, where: str | None) -> None:
    """Of many equal rows the index gives any; a page has those whose names come first."""
    (vector,) = queries(1)
    measured.run("UPDATE points SET feature = %s WHERE number < 60", str(vector.tolist()))
    names: list[str] = []
    page = measured.find(vector, k=7, filter=where)
    while page and page[0].distance == 0:
        names += [hit.name for hit in page if hit.distance == 0]
        page = measured.find(vector, k=7, filter=where, after=page[-1])
    assert names == [f"{number:05d}" for number in range(60) if where is None or number % 2 == 0]
