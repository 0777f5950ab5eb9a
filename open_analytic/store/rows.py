"""Rows of a collection: which are known, written, deleted. New rows are one binary COPY, known ones one UPDATE."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql
from psycopg.adapt import Transformer

from open_analytic import regions
from open_analytic.errors import BadParameter, Conflict, InvalidName
from open_analytic.store import conversion, tables
from open_analytic.store.collections import first
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query, quoted
from open_analytic.store.sources import Known, same, where
from open_analytic.types import CollectionInfo, Feature, Region, Row

MAX_NAME = 2000  # bytes; an entry of the primary key's index holds 2,700
ATTEMPTS = 3  # to write names that are new to everybody
CHECKED = 1_000  # rows of values, converted in one statement


class Record(NamedTuple):
    """One table row: our columns, the user's as they were given."""

    name: str
    part: int
    data: bytes | None
    vector: NDArray[np.float16] | None
    sha256: bytes | None
    source: str | None
    region: Region | None
    picture: bool  # False: only a vector is written, and what the row holds of a picture stays
    values: Mapping[str, Any]


def known(connection: Connection, info: CollectionInfo, names: Sequence[str]) -> dict[str, Known]:
    """What is there under these names: nothing under one with a character that the database's encoding lacks."""
    try:
        return _known(connection, info, names)
    except BadParameter as error:
        if not isinstance(error.__cause__, psycopg.errors.UntranslatableCharacter):
            raise
    if len(names) == 1:
        return {}
    middle = len(names) // 2
    return known(connection, info, names[:middle]) | known(connection, info, names[middle:])


def _known(connection: Connection, info: CollectionInfo, names: Sequence[str]) -> dict[str, Known]:
    statement = query("rows_known").format(
        table=tables.bound(info),
        first=first(info),
        source=sql.SQL("source" if info.has_source else "NULL"),
        **tables.input_columns(info),
    )
    with translated(), connection.transaction():
        tables.check(connection, info)
        values = {"names": [name for name in names if tables.is_text(name)]}
        return {name: Known(*fields) for name, *fields in connection.execute(statement, values)}


def adopt(connection: Connection, info: CollectionInfo, sources: Mapping[str, str]) -> None:
    """Say where pictures that are there come from."""
    if not info.has_source:
        return
    statement = query("rows_adopt").format(table=tables.bound(info), name=quoted(info.inputs.name))
    names = sorted(name for name in sources if tables.is_text(sources[name]))
    with translated(), connection.transaction():
        tables.check(connection, info)
        connection.execute(statement, {"names": names, "sources": [sources[name] for name in names]})


def write(connection: Connection, info: CollectionInfo, rows: Iterable[Row]) -> int:
    """Write pictures, new or known by name; how many table rows. All or nothing, in the transaction.

    A row that is there is updated in our columns and in those that ``values`` name; everything else of it stays.
    Of a name given twice the last one counts. In new rows columns that no row names get their default.
    """
    pictures = {row.name: row for row in rows}
    records = [record for _, row in sorted(pictures.items()) for record in _records(info, row)]
    with translated():
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with connection.transaction():
                    _merge(connection, info, pictures, records)
                break
            except psycopg.errors.UniqueViolation:  # another wrote the same new names meanwhile: now they are seen
                if attempt == ATTEMPTS:
                    raise
    return len(records)


def _merge(connection: Connection, info: CollectionInfo, pictures: Mapping[str, Row], records: list[Record]) -> None:
    """Update the rows that are there, insert the others, delete the regions a picture no longer has."""
    tables.check(connection, info)
    # By name, so that two who write the same pictures at once wait for each other and never in a circle.
    lock = query("rows_lock").format(table=tables.bound(info), part=part_of(info), name=quoted(info.inputs.name))
    there: set[tuple[str, int]] = set(connection.execute(lock, {"names": list(pictures)}))
    if info.has_source:
        _guard(connection, info, [pictures[name] for name in {name for name, _ in there}])
    for columns, group in groupby(sorted(records, key=_columns), key=_columns):
        chunk = list(group)
        if fresh := [record for record in chunk if (record.name, record.part) not in there]:
            _copy(connection, info, columns, fresh)
        if changed := [record for record in chunk if (record.name, record.part) in there]:
            _update(connection, info, columns, changed)
    if info.many and there:
        _trim(connection, info, records)


def _guard(connection: Connection, info: CollectionInfo, rows: list[Row]) -> None:
    """Conflict when another picture came under the name of one since it was looked at."""
    guarded = {row.name: row for row in rows if row.replaces is not True}
    for name, there in known(connection, info, list(guarded)).items() if guarded else ():
        row = guarded[name]
        if there.digest in (None, row.replaces, row.sha256) or same(there.source, row.source):
            continue
        raise Conflict(
            f"The name {name!r:.200} was taken meanwhile by another picture, from {where(there)}.",
            hint="Run the import again, with on_conflict='replace' or 'keep_both'.",
        )


def _update(connection: Connection, info: CollectionInfo, columns: tuple[str, ...], records: list[Record]) -> None:
    types = column_types(connection, info, columns)
    placeholders = [sql.Identifier(f"c{number}") for number in range(len(columns))]
    own: sql.Composable = sql.SQL(
        ", source = CASE WHEN v.picture THEN v.source ELSE t.source END" if info.has_source else ""
    )
    if info.region:
        type_ = sql.SQL(regions.TYPES[info.region].sql_type)
        own = sql.SQL(", {} = v.region::{}").format(quoted(info.region), type_) + own
    statement = query("rows_update").format(
        halfvec=quoted(connection.extension, "halfvec"),
        table=tables.bound(info),
        own=own,
        values=sql.SQL("").join(
            sql.SQL(", {} = v.{}::{}").format(quoted(name), place, type_sql(types[name][0]))
            for name, place in zip(columns, placeholders, strict=True)
        ),
        texts=sql.SQL("").join([sql.SQL(", {}::text[]").format(sql.Placeholder(f"c{n}")) for n in range(len(columns))]),
        names=sql.SQL("").join(sql.SQL(", {}").format(place) for place in placeholders),
        part=sql.SQL("AND t.part = v.part" if info.many else ""),
        written=sql.SQL("v.data" if info.inputs.data_type == "bytea" else "convert_from(v.data, 'UTF8')"),
        **tables.input_columns(info),
    )
    texts = column_texts(connection, columns, [record.values for record in records], types)
    connection.execute(statement, _arrays(info, records) | {f"c{n}": column for n, column in enumerate(texts)})


def _arrays(info: CollectionInfo, records: list[Record]) -> dict[str, Any]:
    """What rows_update takes of our columns, an array each; one without any element is NULL, which has every type."""
    vectors = [None if each.vector is None else str(each.vector.astype(float).tolist()) for each in records]
    arrays: dict[str, list[Any]] = {
        "names": [each.name for each in records],
        "parts": [each.part for each in records],
        "data": [each.data for each in records],
        "features": vectors,
        "sha256": [each.sha256 for each in records],
        "sources": [each.source for each in records],
        "regions": [_array(regions.to_row(each.region)) for each in records],
        "pictures": [each.picture for each in records],
    }
    filled = {key: column if any(each is not None for each in column) else None for key, column in arrays.items()}
    return filled | {"version": info.version}


def _array(elements: list[float] | None) -> str | None:
    return None if elements is None else "{" + ",".join(map(repr, elements)) + "}"


def _trim(connection: Connection, info: CollectionInfo, records: list[Record]) -> None:
    """Delete the regions beyond those a picture has now. A vector alone does not say how many that are."""
    counts = {record.name: record.part + 1 for record in records if record.picture}
    statement = query("rows_trim").format(table=tables.bound(info), name=quoted(info.inputs.name))
    connection.execute(statement, {"names": list(counts), "counts": list(counts.values())})


def delete(connection: Connection, info: CollectionInfo, names: Sequence[str]) -> int:
    """Delete pictures with all their rows; how many there were."""
    statement = query("rows_delete").format(table=tables.bound(info), name=quoted(info.inputs.name))
    with translated(), connection.transaction():
        tables.check(connection, info)
        row = connection.execute(statement, {"names": [name for name in names if tables.is_text(name)]}).fetchone()
    return int(row[0]) if row else 0


def _columns(record: Record) -> tuple[str, ...]:
    return tuple(sorted(record.values))


def _records(info: CollectionInfo, row: Row) -> Iterator[Record]:
    """The table rows of one picture; one without a feature when nothing was found, so that it is known."""
    encoded(row.name)
    _check_values(info, row)
    if info.inputs.data_type == "text" and row.data is not None:
        conversion.check_text(row.name, row.data)
    if len(row.features) > 1 and not info.many:
        raise BadParameter(
            f"{row.name!r:.200} has {len(row.features)} features; collection {info.name!r} takes one a picture.",
            hint="Use a collection whose pipeline yields many, or choose one of them.",
        )
    source = row.source if row.source is None or tables.is_text(row.source) else None
    picture = row.data is not None or row.sha256 is not None
    for part, feature in enumerate(row.features or (None,)):
        vector = region = None
        values = dict(row.values)
        if feature is not None:
            what = f"The vector of {row.name!r:.200}" + (f" (region {part})" if info.many else "")
            vector, region = tables.half(feature.vector, info, what), _stored_region(info, row, feature)
            values = {key: value for key, value in feature.attributes.items() if key in info.columns} | values
        data = row.data if part == 0 else None
        yield Record(row.name, part, data, vector, row.sha256, source, region, picture, values)


def _stored_region(info: CollectionInfo, row: Row, feature: Feature) -> Region | None:
    region = feature.region if info.region else None
    if region and region.column != info.region:
        raise BadParameter(
            f"A vector of {row.name!r:.200} has a region of type {region.column}; those of collection {info.name!r} "
            f"have the type {info.region}.",
            hint="Use a collection of a pipeline with such regions.",
        )
    if region and not regions.fits(region):
        raise BadParameter(
            f"A vector of {row.name!r:.200} has the region {region.label}, which column {info.region!r} cannot hold.",
            hint=f"Its type is {region.sql_type}.",
        )
    return region


# Our columns and the types that psycopg writes them as. ``bytea`` leaves bytes as they are: those of a vector are
# what halfvec reads.
OWN = {"feature": "bytea", "pipeline_version": "int4"}
SOURCE = {"source": "text"}


def _own(info: CollectionInfo, record: Record) -> tuple[Any, ...]:
    """Values of our columns, as ``_copy`` names them."""
    vector = None if record.vector is None else HalfVector(record.vector).to_binary()
    source = (record.source,) if info.has_source else ()
    region = (record.part, regions.to_row(record.region)) if info.region else ()
    return (record.name, record.data, record.sha256, vector, info.version, *source, *region)


def _copy(connection: Connection, info: CollectionInfo, columns: tuple[str, ...], records: list[Record]) -> None:
    # In its binary form a text is its bytes in UTF-8.
    inputs = {info.inputs.name: "text", info.inputs.data: "bytea", info.inputs.sha256: "bytea"}
    region = {tables.PART: "int4", info.region: regions.TYPES[info.region].sql_type} if info.region else {}
    own = inputs | OWN | (SOURCE if info.has_source else {}) | region
    values = _converted(connection, info, columns, [record.values for record in records])
    statement = query("rows_copy").format(
        table=tables.identifier(info), columns=sql.SQL(", ").join(map(sql.Identifier, (*own, *columns)))
    )
    with connection.cursor().copy(statement) as copy:
        copy.set_types([*own.values(), *("bytea" for _ in columns)])  # the user's values have their binary form already
        for record, converted in zip(records, values, strict=True):
            copy.write_row((*_own(info, record), *converted))


def _converted(
    connection: Connection, info: CollectionInfo, columns: tuple[str, ...], records: Sequence[Mapping[str, Any]]
) -> Iterable[Sequence[bytes | None]]:
    """The user's values in the binary form of their columns' types, read and checked by the server."""
    if not columns:
        return [()] * len(records)
    types = column_types(connection, info, columns)
    places = [sql.Identifier(f"c{number}") for number in range(len(columns))]
    statement = query("rows_convert").format(
        casts=sql.SQL(", ").join(
            sql.SQL("{}::{}").format(place, type_sql(types[name][0]))
            for place, name in zip(places, columns, strict=True)
        ),
        texts=sql.SQL(", ").join([sql.SQL("%s::text[]")] * len(columns)),
        names=sql.SQL(", ").join(places),
        order=sql.Identifier("number"),
    )
    texts = column_texts(connection, columns, records, types)
    result = connection.cursor(binary=True).execute(statement, texts).pgresult
    assert result is not None  # noqa: S101 - a SELECT that did not raise
    return [[result.get_value(row, column) for column in range(len(columns))] for row in range(result.ntuples)]


def column_types(connection: Connection, info: CollectionInfo, columns: tuple[str, ...]) -> dict[str, tuple[str, bool]]:
    """Of each column its type's name, and whether it is JSON."""
    place = tables.identifier(info).as_string(connection)
    rows = connection.execute(query("rows_columns"), {"table": place, "names": list(columns)})
    types = {name: (type_, is_json) for name, type_, is_json in rows}
    _check_columns(info, columns, types)
    return types


def type_sql(name: str) -> sql.SQL:
    """A type's name in a statement with bound values."""
    return sql.SQL(name.replace("%", "%%"))


def column_texts(
    connection: Connection,
    columns: tuple[str, ...],
    rows: Sequence[Mapping[str, Any]],
    types: Mapping[str, tuple[str, bool]],
) -> list[list[str | None]]:
    """Of each column the texts that the server casts to its type."""
    transformer = Transformer(connection)

    def text(name: str, value: Any) -> str | None:
        type_, is_json = types[name]
        return conversion.column_text(transformer, name, value, type_, is_json=is_json)

    return [[text(name, values[name]) for values in rows] for name in columns]


def check_values(connection: Connection, info: CollectionInfo, by_subject: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse values that their columns do not take; ``by_subject`` holds them by what they are of (a picture)."""
    for what, values in by_subject.items():
        unknown = [name for name in values if name not in info.columns]
        if unknown:
            raise _no_column(info, unknown[0], f" of {what}")
    with translated(), connection.transaction():
        tables.check(connection, info)
    for columns, group in groupby(
        sorted(by_subject.items(), key=lambda item: sorted(item[1])), key=lambda i: sorted(i[1])
    ):
        rows = list(group)
        for start in range(0, len(rows), CHECKED):
            _check_types(connection, info, tuple(columns), rows[start : start + CHECKED])


def _check_types(
    connection: Connection, info: CollectionInfo, columns: tuple[str, ...], rows: list[tuple[str, Mapping[str, Any]]]
) -> None:
    """Convert them all; where that fails look for the one that is at fault."""
    for column in columns:
        batches = [rows]
        while batches:
            batch = batches.pop()
            try:
                with translated(), connection.transaction():
                    _converted(connection, info, (column,), [values for _, values in batch])
            except BadParameter as error:
                if len(batch) > 1:
                    middle = len(batch) // 2
                    batches += [batch[middle:], batch[:middle]]
                    continue
                what, values = batch[0]
                raise BadParameter(
                    f"The value {values[column]!r:.80} of {what} does not fit column {column!r} "
                    f"({info.columns.get(column)}): {error.message.removesuffix('.')}.",
                    hint="Correct the value.",
                ) from error


def _check_values(info: CollectionInfo, row: Row) -> None:
    unknown = sorted(set(row.values) - set(info.columns))
    if unknown:
        raise _no_column(info, unknown[0], f" for {row.name!r:.200}")


def _check_columns(info: CollectionInfo, columns: tuple[str, ...], types: Mapping[str, object]) -> None:
    gone = [name for name in columns if name not in types]
    if gone:
        raise _no_column(info, gone[0], "")


def _no_column(info: CollectionInfo, name: str, whose: str) -> BadParameter:
    return BadParameter(
        f"A value{whose} is given for {name!r:.200}, which is no column of collection {info.name!r}.",
        hint=f"Your columns: {', '.join(info.columns) or 'none'}.",
    )


def encoded(name: str) -> bytes:
    """A picture's name as it is written, or InvalidName."""
    if not isinstance(name, str) or not name or not tables.is_text(name) or len(name.encode()) > MAX_NAME:
        raise InvalidName(
            f"{name!r:.120} cannot be an image's name.", hint=f"Use text of 1 to {MAX_NAME} bytes without NUL."
        )
    return name.encode()


def part_of(info: CollectionInfo) -> sql.SQL:
    """What numbers the rows of one picture."""
    return sql.SQL("part" if info.many else "0")
