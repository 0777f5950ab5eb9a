"""Near duplicates, neighbours and clusters in Python: the SQL functions' answers as values, their faults as errors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import open_analytic
from open_analytic.errors import (
    BadParameter,
    BadVector,
    InvalidFilter,
    OpenAnalyticError,
    UnknownCollection,
    VersionMismatch,
)
from open_analytic.store import collections, joins, rows
from open_analytic.store.connection import Connection
from open_analytic.types import (
    Box,
    Cluster,
    ClusterChange,
    Clustering,
    CollectionInfo,
    Feature,
    Member,
    NearDuplicate,
    Neighbour,
    Row,
)
from tests.database.conftest import MakeCollection

LINE = {"a": 0, "b": 1, "c": 2, "x": 10, "y": 11}


def fill(connection: Connection, info: CollectionInfo, places: Mapping[str, float], **values: str) -> None:
    """Rows on a line: the first number of their vector."""
    features = {name: Feature(vector=np.array([place, 0, 0, 0], np.float32)) for name, place in places.items()}
    rows.write(connection, info, [Row(name=name, features=(one,), values=values) for name, one in features.items()])


@pytest.fixture
def line(connection: Connection, photos_table: CollectionInfo) -> CollectionInfo:
    fill(connection, photos_table, LINE, district="100%")
    return photos_table


def test_pairs_are_values_nearest_first(connection: Connection, line: CollectionInfo) -> None:
    fill(connection, line, {"z": 10.5})
    assert joins.near_duplicates(connection, line, max_distance=0.5) == [
        NearDuplicate(name="x", other="z", distance=0.5),
        NearDuplicate(name="y", other="z", distance=0.5),
    ]


@pytest.mark.parametrize(
    ("where", "params", "count"),
    [
        ("district = '100%'", None, 3),
        ("district = %(d)s", {"d": "100%"}, 3),
        ("district LIKE '100%%' AND image_name > %(n)s", {"n": "a"}, 2),
        ("district = %(d)s", {"d": "') OR ('1' = '1"}, 0),
        ("year IS NOT NULL", None, 0),
    ],
)
def test_a_condition_holds_for_both_rows(
    connection: Connection, line: CollectionInfo, where: str, params: dict[str, Any] | None, count: int
) -> None:
    assert len(joins.near_duplicates(connection, line, max_distance=1, filter_=where, params=params)) == count


@pytest.mark.parametrize(
    ("where", "params"),
    [
        ("district = %(d)s", {}),
        ("year % 2 = 0", {"d": 1}),
        ("district = %(d)s", None),
        ("true) OR (true", None),
        ("a\0b", None),
        (7, None),
    ],
)
def test_what_is_no_condition_is_refused(connection: Connection, line: CollectionInfo, where: Any, params: Any) -> None:
    with pytest.raises(InvalidFilter) as caught:
        joins.near_duplicates(connection, line, max_distance=1, filter_=where, params=params)
    assert caught.value.hint


@pytest.mark.parametrize("value", ["a\0b", object()])
def test_a_parameter_that_cannot_be_sent_is_named(connection: Connection, line: CollectionInfo, value: Any) -> None:
    with pytest.raises(BadParameter, match="'d'"):
        joins.near_duplicates(connection, line, max_distance=1, filter_="district = %(d)s", params={"d": value})


def test_neighbours_are_values_by_rank(connection: Connection, line: CollectionInfo, make: MakeCollection) -> None:
    faces = make("faces", many=True)
    connection.execute("UPDATE open_analytic.collections SET (pipeline, version) = (NULL, NULL)")  # of one model
    vectors = [np.array([place, 0, 0, 0], np.float32) for place in (1, 10)]
    features = tuple(Feature(vector=vector, region=Box(x=1, y=2, width=3, height=4)) for vector in vectors)
    rows.write(connection, faces, [Row(name="party", features=features)])
    assert joins.knn_join(connection, faces, line, k=1) == [
        Neighbour(name="party", neighbour="b", distance=0, rank=1, part=0),
        Neighbour(name="party", neighbour="x", distance=0, rank=1, part=1),
    ]
    assert joins.knn_join(connection, faces, faces, k=3) == [
        Neighbour(name="party", neighbour="party", distance=9, rank=1, part=0, neighbour_part=1),
        Neighbour(name="party", neighbour="party", distance=9, rank=1, part=1, neighbour_part=0),
    ]
    assert [hit.neighbour for hit in joins.knn_join(connection, line, line, k=2)][:4] == ["b", "c", "a", "c"]


def members(*names: str) -> tuple[Member, ...]:
    return tuple(Member(name=name) for name in names)


def test_clusters_keep_their_ids_and_tell_what_changed(connection: Connection, line: CollectionInfo) -> None:
    assert joins.cluster(connection, line, max_distance=1, min_size=2) == Clustering(
        clusters=(Cluster(id=1, members=members("a", "b", "c")), Cluster(id=2, members=members("x", "y"))),
        changes=(ClusterChange(kind="new", cluster_id=1), ClusterChange(kind="new", cluster_id=2)),
    )
    fill(connection, line, {"d": 3} | {f"m{place}": place for place in range(4, 10)})
    clustering = joins.cluster(connection, line, max_distance=1, min_size=3)
    assert [(cluster.id, len(cluster.members)) for cluster in clustering.clusters] == [(1, 12)]
    assert joins.cluster(connection, line, max_distance=1, min_size=13) == Clustering(clusters=(), changes=())
    rows.delete(connection, line, ["d"])
    assert joins.cluster(connection, line, max_distance=1, min_size=2).changes == (
        ClusterChange(kind="left", cluster_id=1, name="d"),
        ClusterChange(kind="split", cluster_id=3, earlier_id=1),
    )


WRONG = [None, "far", float("nan"), object(), -1]


@pytest.mark.parametrize("distance", WRONG)
def test_what_is_no_distance_is_refused(connection: Connection, line: CollectionInfo, distance: Any) -> None:
    with pytest.raises(BadParameter, match="max_distance"), connection.transaction():
        joins.near_duplicates(connection, line, max_distance=distance)
    with pytest.raises(BadParameter, match="max_distance"):
        joins.cluster(connection, line, max_distance=distance, min_size=2)


@pytest.mark.parametrize("number", [0, -1, None, 1.5, True, "2", 2**31])
def test_what_is_no_number_of_rows_is_refused(connection: Connection, line: CollectionInfo, number: Any) -> None:
    with pytest.raises(BadParameter, match="k is"):
        joins.knn_join(connection, line, line, k=number)
    with pytest.raises(BadParameter, match="min_size is"):
        joins.cluster(connection, line, max_distance=1, min_size=number)


@pytest.mark.parametrize(
    ("options", "error"),
    [({"dim": 3}, BadVector), ({"metric": "cosine"}, BadParameter), ({"many": True}, VersionMismatch)],
    ids=["dim", "metric", "version"],
)
def test_vectors_that_cannot_be_compared_are_not(
    connection: Connection, line: CollectionInfo, make: MakeCollection, options: Any, error: type[OpenAnalyticError]
) -> None:
    other = make("other", **options)
    with pytest.raises(error) as caught:
        joins.knn_join(connection, line, other, k=1)
    assert caught.value.hint


def test_a_collection_that_is_gone_is_unknown(connection: Connection, line: CollectionInfo) -> None:
    collections.drop(connection, line.name)
    for call in (
        lambda: joins.near_duplicates(connection, line, max_distance=1),
        lambda: joins.knn_join(connection, line, line, k=1),
        lambda: joins.cluster(connection, line, max_distance=1, min_size=2),
    ):
        with pytest.raises(UnknownCollection), connection.transaction():
            call()


def test_a_collection_offers_them(db: open_analytic.OpenAnalytic, make: MakeCollection, connection: Connection) -> None:
    info = make()
    fill(connection, info, LINE)
    connection.commit()
    photos = db.collection("photos")
    assert len(photos.near_duplicates(max_distance=1, filter="image_name < %(n)s", params={"n": "c"})) == 1
    with pytest.warns(DeprecationWarning, match="where is deprecated") as caught:
        assert len(photos.near_duplicates(max_distance=1, where="image_name < %(n)s", params={"n": "c"})) == 1
    assert [warning.filename for warning in caught] == [__file__]
    assert len(photos.knn_join(photos, k=1)) == 5
    with open_analytic.connect(f"{db.dsn} application_name=another") as other, pytest.raises(BadParameter, match="two"):
        photos.knn_join(other.collection("photos"))
    assert [cluster.id for cluster in photos.cluster(max_distance=1).clusters] == [1, 2]
    assert photos.cluster(max_distance=1, min_size=3).changes == ()
