"""A collection: an ordinary table with a vector column, filled by one version of one pipeline, searched by pictures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Unpack

from open_analytic import importer
from open_analytic.config import Settings
from open_analytic.deprecated import renamed
from open_analytic.errors import BadParameter
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.kind import Kind
from open_analytic.pipeline.engine import Engine
from open_analytic.pipeline.plan import Plan
from open_analytic.query_reader import Query, QueryReader
from open_analytic.search_options import SearchKeywords, SearchOptions, renamed_where, search_options
from open_analytic.store import (
    audit,
    collections,
    indexes,
    joins,
    parts,
    pictures,
    planner,
    records,
    rows,
    search,
    upkeep,
)
from open_analytic.store.connection import Database
from open_analytic.store.sources import Known
from open_analytic.types import (
    EF_CONSTRUCTION,
    Box,
    Clustering,
    CollectionInfo,
    Feature,
    Hit,
    ImportReport,
    M,
    NearDuplicate,
    Neighbour,
    OnConflict,
    PathLike,
    ProgressCallback,
    RecallCurve,
    RecallReport,
    StoredRow,
    Vector,
)  # fmt: skip


class Collection:
    """Import pictures or vectors, search, delete. Reached through ``OpenAnalytic.collection(name)``."""

    def __init__(
        self, info: CollectionInfo, database: Database, engine: Engine, settings: Settings, plan: Callable[..., Plan],
        auditor: audit.Auditor | None = None,
    ) -> None:  # fmt: skip
        self.info, self._auditor = info, auditor
        self._database, self._engine, self._settings, self._make_plan = database, engine, settings, plan
        self._reader = QueryReader(engine, settings.max_bytes, lambda: self._plan)

    def __repr__(self) -> str:
        return f"<Collection {self.name!r} of {self.info.pipeline} version {self.info.version}, dim {self.info.dim}>"

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def models(self) -> tuple[str, ...]:
        """The models its pipeline runs."""
        return self._plan.models

    @property
    def kind(self) -> Kind:
        """The kind of its pipeline's input, such as text; what an import and a search take depends on it."""
        return ALL_KINDS[self._plan.input]

    @cached_property
    def _plan(self) -> Plan:
        return self._make_plan()

    @cached_property
    def _plan_of_all(self) -> Plan:
        """With every face, where the collection has only the largest of a picture."""
        return self._make_plan(face="all") if "face" in self.info.parameters else self._plan

    def import_files(
        self,
        paths: PathLike | Iterable[PathLike],
        *,
        values: importer.Values | None = None,
        on_conflict: OnConflict = "error",
        name_column: str | None = None,
        text_column: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> ImportReport:
        """Import files and folders: added, updated, unchanged, left out by type, and what failed with its reason.

        Where the pipeline's input is text, a CSV or JSON Lines file (.csv, .tsv, .jsonl, .ndjson) holds a text a row:
        ``name_column`` ("name") is the row's name, ``text_column`` ("text") the text, and columns that the collection
        has too are stored. Other columns are ``ignored_columns`` of the report. Errors name the file and the line.

        ``values`` gives your columns by image name: a mapping, or a function. A picture's name is its path below
        the folder given. The rows of a changed file are updated; your columns stay. A file of another folder that has
        the name of a picture is another picture: Conflict before anything is written, unless ``on_conflict`` is
        ``skip``, ``replace`` or ``keep_both`` (under a new name). When the collection has no index yet, one is built at
        the end; of many rows an existing one is dropped first and rebuilt, and searches measure every row meanwhile.
        """
        report = importer.import_files(
            self._database, self._engine, self._plan, self.info, paths,
            values=values, on_conflict=on_conflict, name_column=name_column, text_column=text_column,
            progress=progress, settings=self._settings,
        )  # fmt: skip
        upkeep.after_import(self._database, self.info, report, progress)
        return report

    def import_items(
        self,
        items: Iterable[importer.Named],
        *,
        values: importer.Values | None = None,
        source: str | None = None,
        on_conflict: OnConflict = "error",
        tally: importer.Tally | None = None,
    ) -> ImportReport:
        """Import pictures or texts as they come: (name, data), (name, data, source) or (name, data, source, values).

        Data is bytes, or a str where the pipeline's input is text. A source is a URL, for example, or None; the values
        are those of your columns. An item with other data replaces the one of its name when both have the same source;
        otherwise ``on_conflict`` decides, as for import_files. Of a list all names are checked before anything is
        written, of an iterator each such item is a failure of the report. ``tally`` can be looked at meanwhile.
        """
        tally = tally or importer.Tally()
        report = importer.import_pictures(
            self._database, self._engine, self._plan, self.info, items,
            values=values, source=source, on_conflict=on_conflict, tally=tally,
        )  # fmt: skip
        upkeep.after_import(self._database, self.info, report, tally.progress)
        return report

    import_pictures = import_items  # the name that version 0.1 had first

    def add(
        self,
        name: str,
        data: bytes | str,
        *,
        values: Mapping[str, Any] | None = None,
        source: str | None = None,
        on_conflict: OnConflict = "error",
    ) -> ImportReport:
        """Import one picture or text; what is wrong with it is raised, such as Conflict when another has the name."""
        report = self.import_items(
            [(name, data)], values={name: values} if values else None, source=source, on_conflict=on_conflict
        )
        for failure in report.failed:
            raise failure.error
        return report

    def import_vectors(
        self, rows: Iterable[importer.VectorRow], *, progress: ProgressCallback | None = None
    ) -> ImportReport:
        """Import features computed elsewhere: rows of (name, vector, values of your columns or None)."""
        report = importer.import_vectors(self._database, self.info, rows, progress=progress)
        upkeep.after_import(self._database, self.info, report, progress)
        return report

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
            parts.create(self._database, self.info, partition_by, **options)
        upkeep.measure_if_useful(self._database, self.info)

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
            self._auditor.saw(self.info, vector, hits, replace(options, timeout_s=None))
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

    def measure_index(self, *, queries: int = planner.QUERIES, seconds: float = planner.SECONDS) -> RecallCurve:
        """Measure recall and time of the index; imports call it after the first index and after large changes."""
        return planner.measure_index(self._database, self.info, queries=queries, seconds=seconds)

    def evaluate(
        self, *, queries: int = 100, options: SearchOptions | None = None, **keywords: Unpack[SearchKeywords]
    ) -> RecallReport:
        """Search for rows of its own with these options, also exactly: the recall, and how long both take."""
        options = search_options(options, keywords)
        return audit.evaluate(self._database, self.info, queries=queries, options=options)

    def recall_curve(self) -> RecallCurve | None:
        """The curve of the last ``measure_index``, or None."""
        with self._database.reading() as connection:
            return planner.recall_curve(connection, self.info)

    calibrate, calibration = renamed("calibrate", "measure_index"), renamed("calibration", "recall_curve")

    def vector(self, query: Query) -> Vector:
        """The vector a query is searched by."""
        return self._reader.vector(query)

    def features(self, data: bytes) -> tuple[Feature, ...]:
        """The features the collection's pipeline finds in a picture, with their boxes."""
        return self._reader.features(self._plan, data)

    def regions(self, data: bytes) -> tuple[Feature, ...]:
        """All features that could be searched with: every face, also where only the largest is kept."""
        return self._reader.features(self._plan_of_all, data)

    def __iter__(self) -> Iterator[StoredRow]:
        """Every row in the order of names (one a face where a picture has several), read a page at a time."""
        return records.each(self._database, self.info)

    def __len__(self) -> int:
        """How many rows there are: what iterating gives. ``count`` counts pictures."""
        return self.count_rows()

    def __bool__(self) -> bool:
        """Also an empty collection is one."""
        return True

    def get(self, name: str, part: int | None = None) -> StoredRow:
        """A picture's row: your columns, its source, when it was imported. ``part`` is the number of a face."""
        with self._database.reading() as connection:
            return records.get(connection, self.info, name, part)

    def rows(self, *, after: str = "", limit: int = 100) -> list[StoredRow]:
        """Rows in the order of names, those after a name."""
        with self._database.reading() as connection:
            return records.page(connection, self.info, after=(after, records.LAST_PART), limit=limit)

    def texts(self) -> Iterator[tuple[str, int | None, list[str | None]]]:
        """Every row as PostgreSQL writes it: name, part, and the values of your columns."""
        return records.texts(self._database, self.info)

    def update(self, name: str, values: Mapping[str, Any], *, part: int | None = None) -> int:
        """Change values of your columns, in all rows of a picture or in that of one face; how many rows."""
        with self._database.transaction() as connection:
            return records.update(connection, self.info, name, values, part)

    def delete(self, names: str | Iterable[str]) -> int:
        """Delete pictures with all their rows; how many there were."""
        wanted = [names] if isinstance(names, str) else list(names)
        with self._database.transaction() as connection:
            return rows.delete(connection, self.info, wanted)

    def rename(self, name: str, new: str) -> None:
        """Give a picture another name; Conflict when another has it."""
        with self._database.transaction() as connection:
            pictures.rename(connection, self.info, name, new)

    def names(self, *, after: str = "", limit: int = 100) -> list[tuple[str, int]]:
        """Pictures in the order of their names, those after one, each with how many vectors it has."""
        with self._database.reading() as connection:
            return pictures.names(connection, self.info, after=after, limit=limit)

    def digests(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """Those of these names that are there, with the SHA-256 of the bytes they came from; None when given none."""
        return {name: there.digest if there.complete else None for name, there in self.known(names).items()}

    def known(self, names: Sequence[str]) -> dict[str, Known]:
        """What is there under these names: hashes and sources."""
        with self._database.reading() as connection:
            return rows.known(connection, self.info, names)

    def values(self, column: str) -> list[str] | None:
        """The values of one of your columns, when the first rows have only a few."""
        with self._database.reading() as connection:
            return pictures.values(connection, self.info, column)

    def sizes(self) -> tuple[int, int]:
        """Bytes of the table with its pictures, and of its indexes."""
        with self._database.reading() as connection:
            return pictures.sizes(connection, self.info)

    def count(self) -> int:
        """How many pictures are in it."""
        return self.counts()[0]

    def count_rows(self) -> int:
        """How many table rows: one a picture, or one a face."""
        return self.counts()[1]

    def index(self) -> str:
        """State of the index: ready, invalid, building or absent."""
        with self._database.reading() as connection:
            return indexes.state(connection, self.info)

    def image(self, name: str) -> bytes:
        """The bytes of a picture as they were imported."""
        with self._database.reading() as connection:
            return pictures.image(connection, self.info, name)

    def region(self, name: str, part: int) -> tuple[bytes, Box | None]:
        """A picture's bytes, and where in it one of its regions (faces) is."""
        with self._database.reading() as connection:
            return pictures.region(connection, self.info, name, part)

    def feature(self, name: str, part: int | None = None) -> Vector:
        """The vector of a row, to search for what is like it."""
        with self._database.reading() as connection:
            return pictures.feature(connection, self.info, name, part)

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

    def knn_join(self, other: "Collection", *, k: int = 10) -> list[Neighbour]:
        """For each row its k nearest rows in another collection, or in this one, where no row is its own neighbour."""
        if other._database.dsn != self._database.dsn:
            raise BadParameter("The collections are in two databases.", hint="Join collections of one database.")
        with self._database.reading() as connection:
            return joins.knn_join(connection, self.info, other.info, k=k)

    def cluster(self, *, max_distance: float, min_size: int = 2) -> Clustering:
        """Rows linked by distances up to ``max_distance``. Ids stay from run to run: new rows join their cluster."""
        with self._database.transaction() as connection:
            return joins.cluster(connection, self.info, max_distance=max_distance, min_size=min_size)

    def counts(self) -> tuple[int, int]:
        """How many pictures, and how many table rows."""
        with self._database.reading() as connection:
            return collections.count(connection, self.info)

    def vectors(self) -> int:
        """How many rows have a vector: those of pictures in which nothing was found have none."""
        with self._database.reading() as connection:
            return collections.vectors(connection, self.info)
