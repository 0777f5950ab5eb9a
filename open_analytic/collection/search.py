"""Searches of a collection, their recall, and what they say of all rows: duplicates, neighbours, clusters."""

from collections.abc import Mapping
from typing import Any, Unpack

from open_analytic.collection.base import CollectionBase, Query
from open_analytic.errors import BadParameter
from open_analytic.search_options import SearchKeywords, SearchOptions, search_options
from open_analytic.store import audit, joins, planner, search
from open_analytic.types import Clustering, Feature, Hit, NearDuplicate, Neighbour, RecallReport, Vector
from open_analytic.util.deprecated import renamed_where


class CollectionSearch(CollectionBase):
    """Search, explain, evaluate; near duplicates, neighbours, clusters."""

    def search(
        self, query: Query, *, options: SearchOptions | None = None, **keywords: Unpack[SearchKeywords]
    ) -> list[Hit]:
        """The nearest k rows, nearest first, to a picture (its bytes or path), a text or a vector.

        ``k=10, filter=None, params=None, max_distance=None, target_recall=0.95, after=None, timeout_s=None``: the
        fields of ``SearchOptions``, or such a value as ``options``. ``filter`` is an SQL condition on the table's
        columns, values as ``%(name)s`` from ``params``: never put a value into it yourself. All k are there when k
        rows match, with a recall of ``target_recall`` (1: exact). ``k`` can be None when ``max_distance`` is there;
        ``after`` is the last hit of the page before. Of a picture with several faces the largest is the query.
        ``timeout_s`` ends a statement that takes longer.

            photos.search("query.jpg", k=10, filter="district = %(d)s", params={"d": "A"})
        """
        options = search_options(options, keywords)
        vector = self.vector(query)
        with self._database.reading() as connection:
            hits = search.search(connection, self.info, vector, options)
        if self._auditor:
            self._auditor.saw(self.info, vector, hits, options)
        return hits

    def explain_search(
        self, query: Query, *, options: SearchOptions | None = None, **keywords: Unpack[SearchKeywords]
    ) -> dict[str, Any]:
        """How the search with these options is done and why, the alternatives, and how it went."""
        options = search_options(options, keywords)
        vector = self.vector(query)
        with self._database.reading() as connection:
            return planner.explain(connection, self.info, vector, options)

    def statement(
        self, query: Query, *, options: SearchOptions | None = None, **keywords: Unpack[SearchKeywords]
    ) -> str:
        """The SQL statement that gives what that search does: the names, their distances, your columns."""
        options = search_options(options, keywords)
        vector = self.vector(query)
        with self._database.reading() as connection:
            return search.as_sql(connection, self.info, vector, options)

    def evaluate(
        self, *, queries: int = 100, options: SearchOptions | None = None, **keywords: Unpack[SearchKeywords]
    ) -> RecallReport:
        """Search for rows of its own with these options, also exactly: the recall, and how long both take."""
        options = search_options(options, keywords)
        return audit.evaluate(self._database, self.info, queries=queries, options=options)

    def vector(self, query: Query) -> Vector:
        """The vector a query is searched by."""
        return self._reader.vector(query)

    def features(self, data: bytes) -> tuple[Feature, ...]:
        """The features that the collection's pipeline gives for an input, with their regions."""
        return self._reader.features(self._plan, data)

    def regions(self, data: bytes) -> tuple[Feature, ...]:
        """All features that could be searched with: every face, also where only the largest is kept."""
        return self._reader.features(self._plan_of_all, data)

    def near_duplicates(
        self,
        *,
        max_distance: float,
        filter: str | None = None,  # noqa: A002 - the word of SQL
        params: Mapping[str, Any] | None = None,
        where: str | None = None,
    ) -> list[NearDuplicate]:
        """Pairs of rows at most this far apart, each once, nearest first; ``filter`` holds for both rows.

        ``where`` is the deprecated name of ``filter``.
        """
        filter_ = renamed_where(filter, where)
        with self._database.reading() as connection:
            return joins.near_duplicates(
                connection, self.info, max_distance=max_distance, filter_=filter_, params=params
            )

    def knn_join(self, other: CollectionBase, *, k: int = 10) -> list[Neighbour]:
        """For each row its k nearest rows in another collection, or in this one, where no row is its own neighbour."""
        if other._database.dsn != self._database.dsn:
            raise BadParameter("The collections are in two databases.", hint="Join collections of one database.")
        with self._database.reading() as connection:
            return joins.knn_join(connection, self.info, other.info, k=k)

    def cluster(self, *, max_distance: float, min_size: int = 2) -> Clustering:
        """Rows linked by distances up to ``max_distance``. Ids stay from run to run: new rows join their cluster."""
        with self._database.transaction() as connection:
            return joins.cluster(connection, self.info, max_distance=max_distance, min_size=min_size)
