"""Rows of a collection: which are known, written anew, deleted. Writing is one binary COPY."""

import json
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg import abc, sql
from psycopg.adapt import PyFormat, Transformer

from open_analytic.errors import BadParameter, InvalidName
from open_analytic.store import tables, vectors
from open_analytic.store.collections import first
from open_analytic.store.connection import Connection
from open_analytic.store.faults import translated
from open_analytic.store.queries import query
from open_analytic.types import Box, CollectionInfo, Row

MAX_NAME = 2000  # bytes; an entry of the primary key's index holds 2,700
ATTEMPTS = 3  # to write names that are new to everybody
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END = struct.pack(">h", -1)
FLOAT4 = 700  # OID of real


class Record(NamedTuple):
    """One table row: our columns in binary, the user's as they were given."""

    fields: tuple[bytes | None, ...]
    values: Mapping[str, Any]


def known(connection: Connection, info: CollectionInfo, names: Sequence[str]) -> dict[str, bytes | None]:
    """The names that are there, with the SHA-256 of the bytes they came from (None: only a vector was given)."""
    statement = query("rows_known").format(table=tables.bound(info), first=first(info))
    with translated(), connection.transaction():
        tables.check(connection, info)
        return dict(connection.execute(statement, {"names": [name for name in names if tables.is_text(name)]}))


def write(connection: Connection, info: CollectionInfo, rows: Iterable[Row]) -> int:
    """Write pictures, in place of those of the same name; how many table rows. All or nothing, in the transaction.

    Of a name given twice the last one counts. Columns that no row names get their default.
    """
    pictures = {row.name: row for row in rows}
    # By name, so that two who write the same pictures at once wait for each other and never in a circle.
    records = [record for _, row in sorted(pictures.items()) for record in _records(info, row)]
    with translated():
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with connection.transaction():
                    _replace(connection, info, list(pictures), records)
                break
            except psycopg.errors.UniqueViolation:  # another wrote the same new names meanwhile: now they are seen
                if attempt == ATTEMPTS:
                    raise
    return len(records)


def _replace(connection: Connection, info: CollectionInfo, names: list[str], records: list[Record]) -> None:
    delete(connection, info, names)
    for columns, group in groupby(sorted(records, key=_columns), key=_columns):
        _copy(connection, info, columns, list(group))


def delete(connection: Connection, info: CollectionInfo, names: Sequence[str]) -> int:
    """Delete pictures with all their rows; how many there were."""
    statement = query("rows_delete").format(table=tables.bound(info))
    with translated(), connection.transaction():
        tables.check(connection, info)
        row = connection.execute(statement, {"names": [name for name in names if tables.is_text(name)]}).fetchone()
    return int(row[0]) if row else 0


def _columns(record: Record) -> tuple[str, ...]:
    return tuple(sorted(record.values))


def _records(info: CollectionInfo, row: Row) -> Iterator[Record]:
    """The table rows of one picture; one without a feature when nothing was found, so that it is known."""
    name = encoded(row.name)
    _check_values(info, row)
    if len(row.features) > 1 and not info.many:
        raise BadParameter(
            f"{row.name!r} has {len(row.features)} features; collection {info.name!r} takes one a picture.",
            hint="Use a collection whose pipeline yields many, or choose one of them.",
        )
    for part, feature in enumerate(row.features or (None,)):
        vector = box = None
        values = dict(row.values)
        if feature is not None:
            what = f"The vector of {row.name!r}" + (f" (region {part})" if info.many else "")
            vector = vectors.binary(vectors.half(feature.vector, info, what))
            box = _box(feature.box)
            values = {key: value for key, value in feature.attributes.items() if key in info.columns} | values
        fields = (name, row.data if part == 0 else None, vector, row.sha256, _integer(info.version))
        yield Record((*fields, _integer(part), box) if info.many else fields, values)


COPIED = ("image_name", "image_data", "feature", "image_sha256", "pipeline_version")


def _copy(connection: Connection, info: CollectionInfo, columns: tuple[str, ...], records: list[Record]) -> None:
    names = (*COPIED, *(("part", "box") if info.many else ()), *columns)
    values = _converted(connection, info, columns, records)
    statement = query("rows_copy").format(
        table=tables.identifier(info), columns=sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with connection.cursor().copy(statement) as copy:
        copy.write(SIGNATURE)
        for record, converted in zip(records, values, strict=True):
            copy.write(struct.pack(">h", len(names)))
            for field in (*record.fields, *converted):
                copy.write(struct.pack(">i", -1 if field is None else len(field)))
                if field:
                    copy.write(field)
        copy.write(END)


def _converted(
    connection: Connection, info: CollectionInfo, columns: tuple[str, ...], records: list[Record]
) -> Iterable[Sequence[bytes | None]]:
    """The user's values in the binary form of their columns' types, read and checked by the server."""
    if not columns:
        return [()] * len(records)
    place = tables.identifier(info).as_string(connection)
    found = connection.execute(query("rows_columns"), {"table": place, "names": list(columns)})
    types = {name: (type_, is_json) for name, type_, is_json in found}
    _check_columns(info, columns, types)
    transformer = Transformer(connection)
    texts = [[_text(transformer, record.values[name], types[name][1]) for record in records] for name in columns]
    places = [sql.Identifier(f"c{number}") for number in range(len(columns))]
    statement = query("rows_convert").format(
        casts=sql.SQL(", ").join(
            sql.SQL("{}::{}").format(place, sql.SQL(types[name][0].replace("%", "%%")))
            for place, name in zip(places, columns, strict=True)
        ),
        texts=sql.SQL(", ").join([sql.SQL("%s::text[]")] * len(columns)),
        names=sql.SQL(", ").join(places),
        order=sql.Identifier("number"),
    )
    result = connection.cursor(binary=True).execute(statement, texts).pgresult
    assert result is not None  # noqa: S101 - a SELECT that did not raise
    return [[result.get_value(row, column) for column in range(len(columns))] for row in range(result.ntuples)]


def _text(transformer: abc.Transformer, value: Any, is_json: bool) -> str | None:
    """The text the server casts from. For a json column text is JSON already."""
    if value is None:
        return None
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    try:
        if isinstance(value, str):
            text = value
        elif is_json:
            text = json.dumps(value, ensure_ascii=False)
        else:
            text = bytes(transformer.get_dumper(value, PyFormat.TEXT).dump(value) or b"").decode()
    except (psycopg.Error, TypeError, ValueError) as error:
        raise BadParameter(
            f"A value of the type {type(value).__name__} cannot be stored.", hint="Give text, a number, a date ..."
        ) from error
    if not tables.is_text(text):
        raise BadParameter(f"The value {text!r:.80} holds what no database text can.", hint="Take out NUL characters.")
    return text


def _check_values(info: CollectionInfo, row: Row) -> None:
    unknown = sorted(set(row.values) - set(info.columns))
    if unknown:
        raise _no_column(info, unknown[0], f" for {row.name!r}")


def _check_columns(info: CollectionInfo, columns: tuple[str, ...], types: Mapping[str, object]) -> None:
    gone = [name for name in columns if name not in types]
    if gone:
        raise _no_column(info, gone[0], "")


def _no_column(info: CollectionInfo, name: str, whose: str) -> BadParameter:
    return BadParameter(
        f"A value{whose} is given for {name!r}, which is no column of collection {info.name!r}.",
        hint=f"Its columns of yours: {', '.join(info.columns) or 'none'}.",
    )


def encoded(name: str) -> bytes:
    """A picture's name as it is written, or InvalidName."""
    if not isinstance(name, str) or not name or not tables.is_text(name) or len(name.encode()) > MAX_NAME:
        raise InvalidName(
            f"{name!r:.120} cannot be an image's name.", hint=f"Use text of 1 to {MAX_NAME} bytes without NUL."
        )
    return name.encode()


def _integer(number: int | None) -> bytes | None:
    return None if number is None else struct.pack(">i", number)


def _box(box: Box | None) -> bytes | None:
    """real[4] in PostgreSQL's binary form: one dimension, no NULLs, its type, four elements from 1."""
    if box is None:
        return None
    numbers = (struct.pack(">if", 4, number) for number in (box.x, box.y, box.width, box.height))
    return struct.pack(">iiIii", 1, 0, FLOAT4, 4, 1) + b"".join(numbers)
