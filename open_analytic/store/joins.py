"""Every row with every other: near duplicates, nearest neighbours, clusters. The work is that of our SQL functions."""

import math
from collections.abc import Mapping
from itertools import groupby
from operator import index, itemgetter
from typing import Any

from open_analytic.errors import BadParameter
from open_analytic.store import tables
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.store.search import condition, opened
from open_analytic.types import Cluster, ClusterChange, Clustering, CollectionInfo, Member, NearDuplicate, Neighbour

LARGEST = 2**31 - 1


def near_duplicates(
    connection: Connection,
    info: CollectionInfo,
    *,
    max_distance: float,
    filter_: str | None = None,
    params: Mapping[str, Any] | None = None,
) -> list[NearDuplicate]:
    """Pairs of rows at most this far apart, each once, nearest first."""
    values: dict[str, Any] = {"table": _table(connection, info), "max_distance": _distance(max_distance)}
    values["filter"] = condition(connection, info, filter_, params)
    with opened(connection, info, None):
        rows = connection.execute(query("near_duplicates"), values).fetchall()
    return [
        NearDuplicate(name=name, other=other, distance=distance, part=part, other_part=other_part)
        for name, other, distance, part, other_part in rows
    ]


def knn_join(connection: Connection, info: CollectionInfo, other: CollectionInfo, *, k: int) -> list[Neighbour]:
    """For each row its k nearest rows in another collection, or in the same."""
    values = {"a": _table(connection, info), "b": _table(connection, other), "k": _whole(k, "k")}
    with translated():
        rows = connection.execute(query("knn_join"), values).fetchall()
    return [
        Neighbour(
            name=name, neighbour=neighbour, distance=distance, rank=rank, part=part, neighbour_part=neighbour_part
        )
        for name, neighbour, distance, rank, part, neighbour_part in rows
    ]


def cluster(connection: Connection, info: CollectionInfo, *, max_distance: float, min_size: int) -> Clustering:
    """Put new rows into their clusters; the clusters of at least ``min_size`` rows, and what changed."""
    table = _table(connection, info)
    values = {"table": table, "max_distance": _distance(max_distance), "min_size": _whole(min_size, "min_size")}
    with translated(), connection.transaction():
        rows = connection.execute(query("cluster"), values).fetchall()
        changes = connection.execute(query("cluster_changes"), {"table": table}).fetchall()
    return Clustering(
        clusters=tuple(
            Cluster(id=id_, members=tuple(Member(name=name, part=part) for _, name, part in members))
            for id_, members in groupby(rows, key=itemgetter(0))
        ),
        changes=tuple(
            ClusterChange(kind=kind, cluster_id=cluster_id, earlier_id=earlier_id, name=name, part=part)
            for kind, cluster_id, earlier_id, name, part in changes
        ),
    )


def _table(connection: Connection, info: CollectionInfo) -> str:
    return tables.identifier(info).as_string(connection)


def _distance(max_distance: float) -> float:
    try:
        limit = float(max_distance)
    except (TypeError, ValueError, OverflowError):
        limit = math.nan
    if math.isnan(limit):
        raise BadParameter(f"max_distance is {max_distance!r}.", hint="Give a number.")
    return limit


def _whole(number: int, name: str) -> int:
    try:
        whole = 0 if isinstance(number, bool) else index(number)
    except TypeError:
        whole = 0
    if not 1 <= whole <= LARGEST:
        raise BadParameter(f"{name} is {number!r}.", hint="Give a whole number, 1 or more.")
    return whole
