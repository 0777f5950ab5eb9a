"""The rows of a collection one by one: read in the order of their names, their values changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from psycopg import sql

from open_analytic import regions
from open_analytic.errors import BadParameter, UnknownImage
from open_analytic.store import rows, tables
from open_analytic.store.connection import Connection, Database
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query, quoted
from open_analytic.types import CollectionInfo, StoredRow

PAGE = 500  # rows read at once
LAST_PART = 2**31 - 1  # after all rows of a picture
START = ("", -1)  # before every name and part


def get(connection: Connection, info: CollectionInfo, name: str, part: int | None) -> StoredRow:
    """A picture's row, or that of one of its regions."""
    rows = _select(
        connection,
        info,
        sql.SQL("WHERE {} = %(name)s {}").format(quoted(info.inputs.name), _this(info)),
        {"name": name if tables.is_text(name) else "", "part": part or 0},
    )
    if not rows:
        which = f" region {part} of" if part else ""
        raise UnknownImage(f"Collection {info.name!r} has no{which} image {name!r:.200}.", hint="Check the name.")
    return rows[0]


def of(connection: Connection, info: CollectionInfo, name: str) -> list[StoredRow]:
    """All rows of a picture, one a region."""
    if not info.many:
        return [get(connection, info, name, None)]
    which = sql.SQL("WHERE {} = %(name)s ORDER BY part").format(quoted(info.inputs.name))
    parts = _select(connection, info, which, {"name": name if tables.is_text(name) else ""})
    return parts or [get(connection, info, name, None)]  # raises


def page(connection: Connection, info: CollectionInfo, *, after: tuple[str, int], limit: int) -> list[StoredRow]:
    """The rows that come after one, in the order of names and parts."""
    return _select(connection, info, _next(info), {"name": after[0], "part": after[1], "limit": limit})


def each(database: Database, info: CollectionInfo) -> Iterator[StoredRow]:
    """All rows, read a page at a time: what is written meanwhile comes along or not."""
    after = START
    while True:
        with database.reading() as connection:
            batch = page(connection, info, after=after, limit=PAGE)
        yield from batch
        if len(batch) < PAGE:
            return
        after = (batch[-1].name, batch[-1].part or 0)


def texts(
    database: Database, info: CollectionInfo, *, regions: bool = False
) -> Iterator[tuple[str, int | None, list[str | None]]]:
    """All rows as PostgreSQL writes them: name, part, and the user's values, the region before them."""
    first = [info.region] if regions and info.region else []
    statement = query("records_texts").format(
        part=rows.part_of(info),
        columns=_columns([*first, *info.columns]),
        table=tables.bound(info),
        which=_next(info),
        **tables.input_columns(info),
    )
    after = START
    while True:
        with database.reading() as connection, translated():
            tables.check(connection, info)
            values = {"name": after[0], "part": after[1], "limit": PAGE}
            result = connection.cursor(binary=False).execute(statement, values).pgresult
        assert result is not None  # noqa: S101 - a SELECT that did not raise
        for number in range(result.ntuples):
            name, part, *cells = (result.get_value(number, column) for column in range(result.nfields))
            after = ((name or b"").decode(), int(part or b"0"))
            yield after[0], after[1] if info.many else None, [None if cell is None else cell.decode() for cell in cells]
        if result.ntuples < PAGE:
            return


def update(
    connection: Connection, info: CollectionInfo, picture: str, values: Mapping[str, Any], part: int | None
) -> int:
    """Change values of the user's columns, in all rows of a picture or in that of one region; how many rows."""
    if not values:
        raise BadParameter("There are no values to update.", hint="Map your columns to their new values.")
    own = [column for column in values if column in tables.own(info.inputs, info.region, info.has_source)]
    if own:
        raise BadParameter(
            f"Column {own[0]!r} is not one of your own: open_analytic writes it.",
            hint=f"Your columns: {', '.join(info.columns) or 'none'}. Another picture or name: import it, or rename.",
        )
    rows.check_values(connection, info, {f"picture {picture!r:.200}": values})
    columns = tuple(values)
    types = rows.column_types(connection, info, columns)
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}::text::{}").format(
            quoted(column), sql.Placeholder(f"c{number}"), rows.type_sql(types[column][0])
        )
        for number, column in enumerate(columns)
    )
    statement = query("records_update").format(
        table=tables.bound(info),
        changes=changes,
        part=sql.SQL("") if part is None else _this(info),
        **tables.input_columns(info),
    )
    texts = rows.column_texts(connection, columns, [values], types)
    parameters = {f"c{number}": text for number, (text,) in enumerate(texts)}
    with translated(), connection.transaction():
        name = picture if tables.is_text(picture) else ""
        count = connection.execute(statement, parameters | {"name": name, "part": part}).rowcount
    if not count:
        get(connection, info, picture, part)  # raises
    return count


def update_many(connection: Connection, info: CollectionInfo, values: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Write values of the user's columns into all rows of pictures that are there; the names of those that changed."""
    changed: set[str] = set()
    with translated(), connection.transaction():
        tables.check(connection, info)
        for columns, group in groupby(sorted(values.items(), key=_named), key=_named):
            changed |= _update_many(connection, info, columns, dict(group))
    return changed


def _named(item: tuple[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(item[1]))


def _update_many(
    connection: Connection, info: CollectionInfo, columns: tuple[str, ...], values: Mapping[str, Mapping[str, Any]]
) -> set[str]:
    types = rows.column_types(connection, info, columns)
    places = [sql.Identifier("v", f"c{number}") for number in range(len(columns))]
    named = list(zip(columns, places, strict=True))
    statement = query("rows_values").format(
        **tables.input_columns(info),
        table=tables.bound(info),
        changes=sql.SQL(", ").join(
            sql.SQL("{} = {}::{}").format(quoted(name), place, rows.type_sql(types[name][0])) for name, place in named
        ),
        differ=sql.SQL(" OR ").join(
            sql.SQL("t.{}::text IS DISTINCT FROM {}::{}::text").format(
                quoted(name), place, rows.type_sql(_compared(info, name, types[name][0]))
            )
            for name, place in named
        ),
        texts=sql.SQL("").join([sql.SQL(", {}::text[]").format(sql.Placeholder(f"c{n}")) for n in range(len(columns))]),
        columns=sql.SQL("").join([sql.SQL(", {}").format(sql.Identifier(f"c{n}")) for n in range(len(columns))]),
    )
    texts = rows.column_texts(connection, columns, list(values.values()), types)
    updated = connection.execute(
        statement, {"names": list(values)} | {f"c{n}": column for n, column in enumerate(texts)}
    )
    return {name for (name,) in updated}


def _compared(info: CollectionInfo, column: str, type_: str) -> str:
    """The type in which a value is compared: 1.5 of numeric(8,2) is 1.50. A text that is too long is not cut off."""
    rounded = type_.startswith(("numeric", "time", "interval"))
    return info.columns.get(column, type_) if rounded else type_


def _select(
    connection: Connection, info: CollectionInfo, which: sql.Composable, values: Mapping[str, Any]
) -> list[StoredRow]:
    statement = query("records").format(
        part=rows.part_of(info),
        region=tables.region_of(info),
        source=sql.SQL("source" if info.has_source else "NULL"),
        columns=_columns(info.columns),
        table=tables.bound(info),
        which=which,
        **tables.input_columns(info),
    )
    with translated():
        tables.check(connection, info)
        return [_row(info, row) for row in connection.execute(statement, values)]


def _row(info: CollectionInfo, row: Sequence[Any]) -> StoredRow:
    name, part, region, has_vector, size, sha256, source, imported_at, *values = row
    return StoredRow(
        name=name,
        part=part if info.many else None,
        row=dict(zip(info.columns, values, strict=True)),
        source=source,
        sha256=None if sha256 is None else bytes(sha256),
        bytes=size,
        region=regions.from_row(info.region, region),
        has_vector=has_vector,
        imported_at=imported_at,
    )


def _columns(names: Iterable[str]) -> sql.Composed:
    return sql.SQL("").join(sql.SQL(", {}").format(quoted(name)) for name in names)


def _this(info: CollectionInfo) -> sql.SQL:
    return sql.SQL("AND part = %(part)s" if info.many else "AND %(part)s::integer IN (0)")


def _next(info: CollectionInfo) -> sql.Composed:
    name = quoted(info.inputs.name)
    if info.many:
        return sql.SQL("WHERE ({0}, part) > (%(name)s, %(part)s::integer) ORDER BY {0}, part LIMIT %(limit)s").format(
            name
        )
    return sql.SQL("WHERE {0} > %(name)s ORDER BY {0} LIMIT %(limit)s").format(name)
