"""A collection: an ordinary table with a vector column, filled by one version of one pipeline, searched by pictures.

Three faces, one file each: rows, search, index. Imports are here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from open_analytic import importer
from open_analytic.collection.index import CollectionIndex
from open_analytic.collection.rows import CollectionRows
from open_analytic.collection.search import CollectionSearch
from open_analytic.store import loading
from open_analytic.types import ImportReport, OnConflict, PathLike, ProgressCallback

__all__ = ["Collection"]


class Collection(CollectionRows, CollectionSearch, CollectionIndex):
    """Import pictures or vectors, search, delete. Reached through ``OpenAnalytic.collection(name)``."""

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
            self._database,
            self._engine,
            self._plan,
            self.info,
            paths,
            values=values,
            on_conflict=on_conflict,
            name_column=name_column,
            text_column=text_column,
            progress=progress,
            settings=self._settings,
        )
        loading.after_import(self._database, self.info, report, progress)
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
            self._database,
            self._engine,
            self._plan,
            self.info,
            items,
            values=values,
            source=source,
            on_conflict=on_conflict,
            tally=tally,
        )
        loading.after_import(self._database, self.info, report, tally.progress)
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
        loading.after_import(self._database, self.info, report, progress)
        return report
