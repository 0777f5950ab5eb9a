"""The rows of a collection: read, change, delete, count."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from open_analytic.collection.base import CollectionBase
from open_analytic.store import collections, pictures, records, rows
from open_analytic.store.sources import Known
from open_analytic.types import Region, StoredRow, Vector


class CollectionRows(CollectionBase):
    """Iterate, get, update, delete, rename, count."""

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

    def parts(self, name: str) -> list[StoredRow]:
        """All rows of a picture: one, or one a face where it has several."""
        with self._database.reading() as connection:
            return records.of(connection, self.info, name)

    def rows(self, *, after: str = "", limit: int = 100) -> list[StoredRow]:
        """Rows in the order of names, those after a name."""
        with self._database.reading() as connection:
            return records.page(connection, self.info, after=(after, records.LAST_PART), limit=limit)

    def texts(self, *, regions: bool = False) -> Iterator[tuple[str, int | None, list[str | None]]]:
        """Every row as PostgreSQL writes it: name, part, and the values of your columns.

        With ``regions``, in a collection with one row a region, the first value is the row's region.
        """
        return records.texts(self._database, self.info, regions=regions)

    def update(self, name: str, values: Mapping[str, Any], *, part: int | None = None) -> int:
        """Change values of your columns, in all rows of a picture or in that of one face; how many rows."""
        with self._database.transaction() as connection:
            return records.update(connection, self.info, name, values, part)

    def delete(self, names: str | Iterable[str]) -> int:
        """Delete pictures with all their rows; how many there were."""
        items = [names] if isinstance(names, str) else list(names)
        with self._database.transaction() as connection:
            return rows.delete(connection, self.info, items)

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

    def image(self, name: str) -> bytes:
        """The bytes of a picture as they were imported."""
        with self._database.reading() as connection:
            return pictures.image(connection, self.info, name)

    def region(self, name: str, part: int) -> tuple[bytes, Region | None]:
        """An input's bytes, and where in it one of its regions is: the box of a face, the span of a passage."""
        with self._database.reading() as connection:
            return pictures.region(connection, self.info, name, part)

    def feature(self, name: str, part: int | None = None) -> Vector:
        """The vector of a row, to search for what is like it."""
        with self._database.reading() as connection:
            return pictures.feature(connection, self.info, name, part)

    def is_adopted(self) -> bool:
        """Whether its table was yours before: dropping the collection leaves the table with its columns and rows."""
        with self._database.reading() as connection:
            return collections.is_adopted(connection, self.info)

    def count(self) -> int:
        """How many pictures are in it."""
        return self.counts()[0]

    def count_rows(self) -> int:
        """How many table rows: one a picture, or one a face."""
        return self.counts()[1]

    def counts(self) -> tuple[int, int]:
        """How many pictures, and how many table rows."""
        with self._database.reading() as connection:
            return collections.count(connection, self.info)

    def vectors(self) -> int:
        """How many rows have a vector: those of pictures in which nothing was found have none."""
        with self._database.reading() as connection:
            return collections.vectors(connection, self.info)
