"""A collection of 5,000 vectors with an index: the fixtures ``filled`` and ``measured`` clone its database."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from open_analytic.search_options import SearchOptions
from open_analytic.store import collections, indexes, planner, search, tables
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo, Hit

ROWS, DIM, CLUSTERS = 5000, 24, 25


def points(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Vectors in clusters of six dimensions each, and the clusters' numbers."""
    shape, rng = np.random.default_rng(3), np.random.default_rng(seed)
    centres, spans = shape.standard_normal((CLUSTERS, DIM)) / 2, shape.standard_normal((CLUSTERS, 6, DIM)) / 3
    cluster = rng.integers(0, CLUSTERS, count)
    inside = np.einsum("ni,nid->nd", rng.standard_normal((count, 6)), spans[cluster])
    return (centres[cluster] + inside).astype(np.float32), cluster


def queries(count: int, cluster: int = 0) -> list[NDArray[np.float32]]:
    """Vectors that are in no table, all of one cluster."""
    vectors, clusters = points(3000, 99)
    return list(vectors[clusters == cluster][:count])


@dataclass(frozen=True)
class Filled:
    """A collection with an index, in a database that others may look into."""

    database: Database
    info: CollectionInfo

    def find(self, vector: Any, **options: Any) -> list[Hit]:
        with self.database.reading() as connection:
            return search.search(connection, self.info, vector, SearchOptions(**options))

    def explain(self, vector: Any, **options: Any) -> dict[str, Any]:
        with self.database.reading() as connection:
            return planner.explain(connection, self.info, vector, SearchOptions(**options))

    def run(self, statement: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.database.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, values or ())
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Original:
    """A database to clone, and its collection."""

    dsn: str
    info: CollectionInfo


def fill(database: Database) -> Filled:
    """Make the collection, and its index."""
    with database.transaction() as connection:
        info = collections.make(
            connection, tables.Shape(name="points", dim=DIM, columns={"number": "integer", "cluster": "integer"})
        )
        vectors, clusters = points(ROWS, 1)
        with connection.cursor().copy("COPY public.points (image_name, feature, number, cluster) FROM STDIN") as copy:
            for number, (vector, cluster) in enumerate(zip(vectors, clusters, strict=True)):
                copy.write_row((f"{number:05d}", str(vector.tolist()), number, int(cluster)))
    indexes.create(database, info)
    filled = Filled(database, info)
    filled.run("ANALYZE points")
    return filled


def costs(filled: Filled, exact_ms: float) -> None:
    """What measuring every row takes, beside five microseconds for a row of the index."""
    filled.run(
        "UPDATE open_analytic.calibrations SET exact_ms = %s, scan_ms = %s,"
        " all_ms = ARRAY(SELECT e::float8 / 200::float8 FROM unnest(efforts) AS e ORDER BY e)", exact_ms, exact_ms / 3,
    )  # fmt: skip
