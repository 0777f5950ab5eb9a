"""Rows of a collection that have bytes and no feature, such as those of an adopted table."""

from collections.abc import Iterator

from open_analytic.importer.feed import Named
from open_analytic.store import pictures
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo

PAGE = 500  # names; the bytes are read one row at a time, so memory does not grow with them


def uncomputed(database: Database, info: CollectionInfo) -> Iterator[Named]:
    """Each as an import takes it: name, bytes, source. In the order of names."""
    after = ""
    while True:
        with database.reading() as connection:
            names = pictures.uncomputed(connection, info, after=after, limit=PAGE)
        for name, source in names:
            with database.reading() as connection:
                data = pictures.image(connection, info, name)
            yield name, data, source
        if len(names) < PAGE:
            return
        after = names[-1][0]
