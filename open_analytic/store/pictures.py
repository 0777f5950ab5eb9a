"""The pictures of a collection one by one: their bytes, names, vectors and places, and what their columns hold."""

from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from open_analytic import regions
from open_analytic.errors import BadParameter, Conflict, UnknownImage
from open_analytic.store import rows, tables
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query, quoted
from open_analytic.types import CollectionInfo, Region, Vector

FEW, LOOKED_AT = 20, 100_000  # values worth a list, and rows in which they are counted


def uncomputed(connection: Connection, info: CollectionInfo, *, after: str, limit: int) -> list[tuple[str, str | None]]:
    """Names after one, with their sources, of pictures that no pipeline has run on: those of an adopted table."""
    source = sql.SQL("source" if info.has_source else "NULL")
    statement = query("pictures_uncomputed").format(
        table=tables.bound(info), source=source, **tables.input_columns(info)
    )
    with translated(), connection.transaction():
        tables.check(connection, info)
        return connection.execute(statement, {"after": after, "limit": limit}).fetchall()


def image(connection: Connection, info: CollectionInfo, name: str) -> bytes:
    """A picture's bytes as they were imported."""
    return _image_and_region(connection, info, name, None)[0]


def region(connection: Connection, info: CollectionInfo, name: str, part: int) -> tuple[bytes, Region | None]:
    """A picture's bytes, and where in it a region is; None for what is no part of it."""
    return _image_and_region(connection, info, name, part)


def feature(connection: Connection, info: CollectionInfo, name: str, part: int | None) -> Vector:
    """The vector of a row: of a picture, or of one of its regions (the first by default)."""
    statement = query("pictures_feature").format(
        table=tables.bound(info),
        part=sql.SQL("AND part = %(part)s" if info.many else ""),
        **tables.input_columns(info),
    )
    row = _one(connection, info, statement, name, part or 0)
    if row is None or row[0] is None:
        which = f" region {part}" if part else ""
        raise UnknownImage(
            f"Collection {info.name!r} has no vector of {name!r:.200}{which}.", hint="Choose another hit."
        )
    return np.asarray(row[0].to_numpy(), dtype=np.float32)


def names(connection: Connection, info: CollectionInfo, *, after: str, limit: int) -> list[tuple[str, int]]:
    """Pictures by name, those that come after one, each with how many vectors it has."""
    statement = query("pictures_names").format(table=tables.bound(info), name=quoted(info.inputs.name))
    with translated():
        tables.check(connection, info)
        return connection.execute(statement, {"after": after, "limit": limit}).fetchall()


def rename(connection: Connection, info: CollectionInfo, name: str, new: str) -> None:
    """Give a picture another name, which must be free."""
    rows.encoded(new)
    statement = query("pictures_rename").format(table=tables.bound(info), name=quoted(info.inputs.name))
    with translated(), connection.transaction():
        tables.check(connection, info)
        try:
            count = tables.is_text(name) and connection.execute(statement, {"name": name, "new": new}).rowcount
        except psycopg.errors.UniqueViolation as error:
            raise Conflict(
                f"Collection {info.name!r} has an image {new!r:.200} already.", hint="Choose another name."
            ) from error
    if not count:
        raise _unknown(info, name)


def sizes(connection: Connection, info: CollectionInfo) -> tuple[int, int]:
    """Bytes of the table with its long values, and of its indexes."""
    with translated():
        row = connection.execute(query("pictures_bytes"), {"table": tables.identifier(info).as_string()}).fetchone()
    return row or (0, 0)


def values(connection: Connection, info: CollectionInfo, column: str) -> list[str] | None:
    """The values of a user's column in order, or None when they are more than a few."""
    if column not in info.columns:
        raise BadParameter(
            f"{column!r:.80} is no column of collection {info.name!r}.",
            hint=f"Your columns: {', '.join(info.columns) or 'none'}.",
        )
    statement = query("pictures_values").format(table=tables.bound(info), column=quoted(column))
    with translated():
        tables.check(connection, info)
        rows = connection.execute(statement, {"rows": LOOKED_AT, "most": FEW + 1}).fetchall()
    return sorted(text for (text,) in rows) if len(rows) <= FEW else None


def _image_and_region(
    connection: Connection, info: CollectionInfo, name: str, part: int | None
) -> tuple[bytes, Region | None]:
    statement = query("pictures_regions" if info.region else "pictures_whole").format(
        table=tables.bound(info), region=tables.region_of(info), **tables.input_columns(info)
    )
    row = _one(connection, info, statement, name, part)
    if row is None:
        raise _unknown(info, name)
    if row[0] is None:
        raise UnknownImage(f"Of {name!r:.200} only the vector was imported, not the picture.", hint="Import the file.")
    return bytes(row[0]), regions.from_row(info.region, row[1])


def _one(
    connection: Connection, info: CollectionInfo, statement: sql.Composed, name: str, part: int | None
) -> tuple[Any, ...] | None:
    with translated():
        tables.check(connection, info)
        if not tables.is_text(name):
            return None
        return connection.execute(statement, {"name": name, "part": part}).fetchone()


def _unknown(info: CollectionInfo, name: str) -> UnknownImage:
    return UnknownImage(f"Collection {info.name!r} has no image {name!r:.200}.", hint="Names are those of the import.")
