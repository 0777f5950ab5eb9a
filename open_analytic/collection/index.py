"""The index of a collection: build it, measure it."""

from typing import Any

from open_analytic.collection.base import CollectionBase
from open_analytic.store import indexes, partial_indexes, pictures, planner
from open_analytic.types import EF_CONSTRUCTION, M, ProgressCallback, RecallCurve
from open_analytic.util.deprecated import renamed


class CollectionIndex(CollectionBase):
    """Create the index, its state, its recall curve."""

    def create_index(
        self,
        *,
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
        partition_by: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> None:
        """Build the HNSW index, in place of the one there is. Searches and imports go on meanwhile.

        With ``partition_by``, one of your columns, the index stays, and each value that a thousand rows have gets one
        of its own: filters that keep only such rows are answered as quickly as no filter is.
        """
        options: dict[str, Any] = {"m": m, "ef_construction": ef_construction, "progress": progress}
        if partition_by is None:
            indexes.create(self._database, self.info, **options)
        else:
            partial_indexes.create(self._database, self.info, partition_by, **options)
        planner.measure_if_useful(self._database, self.info)

    def index(self) -> str:
        """State of the index: ready, invalid, building or absent."""
        with self._database.reading() as connection:
            return indexes.state(connection, self.info)

    def measure_index(self, *, queries: int = planner.QUERIES, seconds: float = planner.SECONDS) -> RecallCurve:
        """Measure recall and time of the index; imports call it after the first index and after large changes."""
        return planner.measure_index(self._database, self.info, queries=queries, seconds=seconds)

    def recall_curve(self) -> RecallCurve | None:
        """The curve of the last ``measure_index``, or None."""
        with self._database.reading() as connection:
            return planner.recall_curve(connection, self.info)

    calibrate, calibration = renamed("calibrate", "measure_index"), renamed("calibration", "recall_curve")

    def sizes(self) -> tuple[int, int]:
        """Bytes of the table with its pictures, and of its indexes."""
        with self._database.reading() as connection:
            return pictures.sizes(connection, self.info)
