"""Searches: all k rows when k match, under any filter; and a filter stays where it is put."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from open_analytic.errors import (
    BadParameter,
    BadVector,
    DatabaseError,
    DeadlineExceeded,
    InvalidFilter,
    UnknownCollection,
)
from open_analytic.search_options import SearchOptions
from open_analytic.store import rows, search
from open_analytic.store.connection import Connection
from open_analytic.types import Box, CollectionInfo, Feature, Metric, Row
from tests.database.conftest import MakeCollection, reading

QUERY = np.array([1, 0, 0, 0], dtype=np.float32)


def fill(connection: Connection, info: CollectionInfo, vectors: NDArray[Any], **values: list[Any]) -> None:
    values_by_row = [{name: column[number] for name, column in values.items()} for number in range(len(vectors))]
    pictures = [
        Row(name=f"{number:05d}", features=(Feature(vector=vector),), values=values_by_row[number])
        for number, vector in enumerate(vectors)
    ]
    rows.write(connection, info, pictures)


def find(connection: Connection, info: CollectionInfo, vector: Any = QUERY, **options: Any) -> list[tuple[str, float]]:
    with reading(connection):
        return [(hit.name, hit.distance) for hit in search.search(connection, info, vector, SearchOptions(**options))]


@pytest.fixture
def line(connection: Connection, photos_table: CollectionInfo) -> CollectionInfo:
    """Ten pictures at distances 0 to 9 of the query, in two districts."""
    vectors = np.array([[1, n, 0, 0] for n in range(10)])
    fill(connection, photos_table, vectors, district=["A", "B%"] * 5, year=list(range(2000, 2010)))
    return photos_table


def test_the_nearest_come_first_with_the_users_columns(connection: Connection, line: CollectionInfo) -> None:
    hits = search.search(connection, line, QUERY, SearchOptions(k=2))
    assert [hit.as_dict() for hit in hits] == [
        {"name": "00000", "distance": 0.0, "row": {"district": "A", "year": 2000}, "box": None, "part": None},
        {"name": "00001", "distance": 1.0, "row": {"district": "B%", "year": 2001}, "box": None, "part": None},
    ]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("l2", [("00001", 0.0), ("00002", 1.0), ("00000", 2.0)]),  # the length of the difference
        ("cosine", [("00001", 0.0), ("00002", 0.0), ("00000", 1.0)]),  # 1 - cosine
        ("ip", [("00002", -2.0), ("00001", -1.0), ("00000", 0.0)]),  # minus the inner product
    ],
)
def test_each_metric_has_its_own_distance(
    connection: Connection, make: MakeCollection, metric: Metric, expected: list[tuple[str, float]]
) -> None:
    info = make(metric=metric)
    fill(connection, info, np.array([[0, math.sqrt(3), 0, 0], [1, 0, 0, 0], [2, 0, 0, 0]]))
    hits = find(connection, info)
    assert [name for name, _ in hits] == [name for name, _ in expected]
    assert [distance for _, distance in hits] == pytest.approx([distance for _, distance in expected], abs=1e-3)


def test_equals_come_by_name(connection: Connection, photos_table: CollectionInfo) -> None:
    fill(connection, photos_table, np.array([QUERY] * 50))
    assert find(connection, photos_table, k=3) == [("00000", 0.0), ("00001", 0.0), ("00002", 0.0)]


def test_each_region_is_a_hit_with_its_box(connection: Connection, make: MakeCollection) -> None:
    faces = make("faces", many=True)
    box = Box(x=1, y=2, width=3, height=4)
    features = (Feature(vector=QUERY, region=box), Feature(vector=QUERY * 2))
    rows.write(connection, faces, [Row(name="party", features=features), Row(name="empty", features=())])
    hits = search.search(connection, faces, QUERY, SearchOptions(k=10))
    assert [(hit.name, hit.distance, hit.box) for hit in hits] == [("party", 0.0, box), ("party", 1.0, None)]


def test_how_many(connection: Connection, line: CollectionInfo) -> None:
    assert [len(find(connection, line, k=k)) for k in (0, 1, 10, 11, 2**31 - 1)] == [0, 1, 10, 10, 10]


def test_how_far(connection: Connection, line: CollectionInfo) -> None:
    assert [len(find(connection, line, max_distance=far)) for far in (-1, 0, 2.5, 9, math.inf)] == [0, 1, 3, 10, 10]


def test_an_empty_collection_gives_nothing(connection: Connection, photos_table: CollectionInfo) -> None:
    assert find(connection, photos_table) == []


@pytest.mark.parametrize("k", [-1, 1.5, "3", None, True, 2**31])
def test_a_bad_k_is_named(connection: Connection, line: CollectionInfo, k: Any) -> None:
    with pytest.raises(BadParameter, match="k is"):
        find(connection, line, k=k)


@pytest.mark.parametrize("far", ["x", math.nan, [1], 10**400])
def test_a_bad_max_distance_is_named(connection: Connection, line: CollectionInfo, far: Any) -> None:
    with pytest.raises(BadParameter, match="max_distance"):
        find(connection, line, max_distance=far)


@pytest.mark.parametrize(
    "vector", [[1, 2, 3], [1, 2, 3, math.nan], [1, 2, 3, math.inf], [1e6, 0, 0, 0], [], None, [[1, 2, 3, 4]]], ids=str
)
def test_a_bad_query_is_a_bad_vector(connection: Connection, line: CollectionInfo, vector: Any) -> None:
    with pytest.raises(BadVector, match="The query"):
        find(connection, line, vector)


@pytest.mark.parametrize(
    ("where", "params", "count"),
    [
        ("district = %(d)s", {"d": "A"}, 5),
        ("district = %(d)s", {"d": "B%"}, 5),
        ("district = %(d)s", {"d": "' OR true --"}, 0),
        ("district = 'B%'", None, 5),
        ("district LIKE 'B%%'", {}, 5),
        ("year BETWEEN %(low)s AND %(high)s", {"low": 2003, "high": 2005}, 3),
        ("year = ANY (%(years)s)", {"years": [2001, 2009]}, 2),
        ("photos.year = 2001", None, 1),
        ("image_name > '00005' AND pipeline_version = 1", None, 4),
        ("district = 'A' OR year = 2001 -- a comment", None, 6),
        ("/* ; ) */ district = ';)--'", None, 0),
        ("EXISTS (SELECT FROM public.photos AS other WHERE other.year = photos.year + 9)", None, 1),
        ("true", {"unused": 1}, 10),
        ("NULL", None, 0),
        ("year = 2000\n", None, 1),
    ],
)
def test_a_filter_keeps_what_meets_it(
    connection: Connection, line: CollectionInfo, where: str, params: Any, count: int
) -> None:
    assert len(find(connection, line, filter=where, params=params)) == count


HOSTILE = [
    "", " ", "true; DROP TABLE photos", "true) OR (true", "true) UNION SELECT 1 FROM photos WHERE (true", ")", "(",
    "true ORDER BY 1", "true LIMIT 1", "true GROUP BY 1", "true UNION SELECT 1", "true FOR UPDATE", "SELECT true",
    "true /*", "true */", "'", '"', "$$", "$a$ $$", "district", "1", "true, true", "(true, true)", "nope = 1",
    "%(d)s = 1", "%s", "%", "district = '%(d", "count(*) > 0", "row_number() OVER () > 0", "1/0 = 1", "year = 'x'",
    "nothing.year = 1", "EXISTS (SELECT FROM nothing)", "nul\0", "\ud800", "true\\; SELECT 1", "E'\\'",
    "U&'\\0027' = ", "true -- \n) OR (true", "(DELETE FROM photos)", "EXISTS (DELETE FROM photos RETURNING 1)",
    "setval('s', 1) > 0", "lo_create(0) > 0", "true WINDOW w AS ()", "true\n; \n", "true AND", "NOT", "CASE", "1 = 1 )",
    "open_analytic_distance < 1", "key", "{where}", "{", 5, ["true"],
]  # fmt: skip


@pytest.mark.parametrize("where", HOSTILE, ids=ascii)
def test_what_is_no_condition_is_refused(connection: Connection, line: CollectionInfo, where: Any) -> None:
    params: dict[str, Any] | None = {} if isinstance(where, str) and "%" in where else None
    with pytest.raises(InvalidFilter) as caught, connection.transaction():
        find(connection, line, filter=where, params=params)
    assert "district" in (caught.value.hint or "")
    assert connection.execute("SELECT count(*) FROM photos").fetchone() == (10,)


def test_placeholders_without_params_are_pointed_out(connection: Connection, line: CollectionInfo) -> None:
    with pytest.raises(InvalidFilter, match="params"):
        find(connection, line, filter="district = %(d)s")


PIECES = [
    "true", "false", "year", "= 2001", " AND ", " OR ", "NOT ", "(", ")", ";", "--", "/*", "*/", "'", '"', "$$", "\n",
    " ", "\\", ",", "SELECT ", "UNION ", "FROM photos ", "WHERE ", "DELETE ", "DROP TABLE photos", "LIMIT 1", "%",
    "%(d)s", "E'", "U&'", "NULL", "feature", "IS ", "::", "text", "[", "]", "{", "}", "ORDER BY 1", "COMMIT",
]  # fmt: skip


@given(where=st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=30))
@example("true) OR (true")
@example("true)) AS x, LATERAL (SELECT 1) AS y(z) --")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_leaves_its_place(connection: Connection, line: CollectionInfo, where: str) -> None:
    """Whatever the text, the other conditions hold and nothing changes: at most the 3 rows within 2.5, in order."""
    with connection.transaction(force_rollback=True):
        try:
            hits = find(connection, line, filter=where, params={"d": "A"}, max_distance=2.5)
        except InvalidFilter:
            hits = []
        everything = connection.execute("SELECT count(*) FROM photos").fetchone()
    assert hits == [hit for hit in [("00000", 0.0), ("00001", 1.0), ("00002", 2.0)] if hit in hits]
    assert everything == (10,)


def test_a_search_leaves_the_callers_transaction_as_it_was(connection: Connection, line: CollectionInfo) -> None:
    names = ("transaction_read_only", "hnsw.ef_search", "hnsw.iterative_scan")
    before = [connection.execute("SELECT current_setting(%s, true)", [name]).fetchone() for name in names]
    find(connection, line, filter="true")
    assert [connection.execute("SELECT current_setting(%s, true)", [name]).fetchone() for name in names] == before
    rows.delete(connection, line, ["00001"])


def test_a_table_that_is_gone_is_said_to_be(connection: Connection, line: CollectionInfo) -> None:
    connection.execute("DROP TABLE photos")
    for where in (None, "year = 1"):
        with pytest.raises(UnknownCollection), connection.transaction():
            find(connection, line, filter=where)


def test_a_column_may_be_called_anything(connection: Connection, make: MakeCollection) -> None:
    columns = {"%s": "text"} | dict.fromkeys(["distance", "k", "vector", "nearest", "图"], "int")
    info = make("nearest", columns=columns)
    rows.write(connection, info, [Row(name="a", features=(Feature(vector=QUERY),), values={"%s": "x", "distance": 7})])
    (hit,) = search.search(
        connection, info, QUERY, SearchOptions(k=1, filter='distance = 7 AND "%%s" = %(x)s', params={"x": "x"})
    )
    assert (hit.distance, hit.row["distance"], hit.row["%s"]) == (0.0, 7, "x")


def clustered(count: int, dim: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((20, dim))
    vectors = centres[rng.integers(0, 20, count)] + 0.3 * rng.standard_normal((count, dim))
    return vectors.astype(np.float32)


@pytest.fixture
def large(connection: Connection, make: MakeCollection) -> CollectionInfo:
    """4,000 vectors behind an index, which searches take as if they were many more."""
    info = make("large", dim=32, columns={"rare": "boolean"})
    vectors = clustered(4000, 32)
    distances = np.linalg.norm(vectors - vectors[0], axis=1)
    far = set(np.argsort(distances)[-40:].tolist())  # what the filter keeps is far from the query
    fill(connection, info, vectors, rare=[number in far for number in range(4000)])
    connection.execute("CREATE INDEX ON large USING hnsw (feature halfvec_l2_ops)")
    connection.execute("ANALYZE large")
    connection.execute("UPDATE pg_class SET reltuples = 1e6 WHERE relname = 'large'")
    return info


def test_a_filter_far_from_the_query_loses_no_row(connection: Connection, large: CollectionInfo) -> None:
    query = clustered(4000, 32)[0]
    hits = find(connection, large, query, k=30, filter="rare")
    assert len(hits) == 30
    everything = dict(find(connection, large, query, k=4000))
    assert hits == sorted(hits, key=lambda hit: everything[hit[0]])
    assert [distance for _, distance in hits] == sorted(distance for name, distance in everything.items() if distance)[
        -40:-10
    ]


def test_the_index_is_taken_and_finds_the_nearest(connection: Connection, large: CollectionInfo) -> None:
    query = clustered(4000, 32)[17]

    def scans() -> int:
        connection.execute("SELECT pg_stat_force_next_flush()")
        (count,) = connection.execute(
            "SELECT pg_stat_get_xact_numscans(indexrelid) FROM pg_index"
            " WHERE indrelid = 'large'::regclass AND NOT indisprimary"
        ).fetchone() or (0,)
        return int(count)

    before = scans()
    hits = find(connection, large, query, k=10)
    assert scans() > before
    exact = find(connection, large, query, k=10, filter="true")
    assert len(set(hits) & set(exact)) >= 9
    assert hits == sorted(hits, key=lambda hit: (hit[1], hit[0]))
    assert find(connection, large, query, k=10, max_distance=hits[4][1]) == hits[:5]


def test_what_the_index_cannot_give_is_measured(connection: Connection, large: CollectionInfo) -> None:
    query = clustered(4000, 32)[17]
    connection.execute("DELETE FROM large WHERE image_name > '00299'")
    connection.execute("UPDATE large SET feature = NULL WHERE image_name = '00000'")
    assert len(find(connection, large, query, k=400)) == 299


SLOW = "(SELECT count(*) FROM generate_series(1, 1000000000)) > year"


def test_a_search_ends_in_time_and_the_connection_keeps_its_own(connection: Connection, line: CollectionInfo) -> None:
    connection.execute("SET LOCAL statement_timeout = '1h'")
    with pytest.raises(DeadlineExceeded):
        find(connection, line, filter=SLOW, timeout_s=0.1)
    assert len(find(connection, line, timeout_s=math.inf)) == 10
    assert connection.execute("SHOW statement_timeout").fetchone() == ("1h",)


@pytest.mark.parametrize("timeout_s", [None, 60])
def test_the_timeout_of_the_role_holds_for_searches_too(
    connection: Connection, line: CollectionInfo, timeout_s: float | None
) -> None:
    connection.execute("SET LOCAL statement_timeout = '100ms'")
    with pytest.raises(DatabaseError if timeout_s is None else DeadlineExceeded):
        find(connection, line, filter=SLOW, timeout_s=timeout_s)


def test_no_time_at_all_is_no_absence_of_a_limit(connection: Connection, line: CollectionInfo) -> None:
    with pytest.raises(DeadlineExceeded):
        find(connection, line, filter=SLOW, timeout_s=-1)
