"""Nearest rows to a vector: all k when k match, whatever the filter. The database decides how; see migration 0008."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import psycopg
from pgvector import Vector as PgVector
from psycopg import sql
from psycopg.types.json import Jsonb

from open_analytic import regions
from open_analytic.errors import DeadlineExceeded, InvalidFilter, UntranslatableStatement
from open_analytic.search_options import TARGET_RECALL, SearchOptions
from open_analytic.store import conversion, tables
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import detail, translated
from open_analytic.store.queries import query, quoted
from open_analytic.types import CollectionInfo, Hit, Vector
from open_analytic.util.lexer import tokens

LARGEST_MS = 2**31 - 1
DEFAULT = SearchOptions()
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def search(connection: Connection, info: CollectionInfo, vector: Vector, options: SearchOptions = DEFAULT) -> list[Hit]:
    """The nearest k rows, nearest first, equal ones by name: all of them when k match, at the recall asked for.

    On a connection of ``Database.reading``, in which no filter can change anything: the filter is an SQL condition by
    a trusted caller. How the rows are found is decided in the database, by ``open_analytic._plan_search``.
    """
    values = arguments(connection, info, vector, options)
    with opened(connection, info, options.timeout_s):
        statement = _statement(*tables.split(info.name), info.inputs.name, info.region, tuple(info.columns))
        return [_hit(info, row) for row in connection.execute(statement, values)]


def as_sql(connection: Connection, info: CollectionInfo, vector: Vector, options: SearchOptions = DEFAULT) -> str:
    """The search as the SQL statement that gives the same answer, its values written out: the vector stands in it."""
    values = arguments(connection, info, vector, options)
    recall = None if options.target_recall == TARGET_RECALL else options.target_recall
    optional = {"filter": "filter", "max_distance": "near", "after": "after"}
    named = {"k": options.k, "target_recall": recall} | {name: values[key] for name, key in optional.items()}
    written = [
        sql.SQL("{} => {}").format(sql.SQL(name), sql.Literal(value))
        for name, value in named.items()
        if value is not None or name == "k"
    ]
    numbers = ",".join(f"{number:.9g}" for number in vector.tolist())
    statement = query("statement").format(
        table=sql.Literal(tables.identifier(info).as_string(connection)),
        vector=sql.Literal(f"[{numbers}]"),
        options=sql.SQL(", ").join(written),
    )
    return statement.as_string(connection).partition("\n")[2]  # its first line is a comment for us


@lru_cache(maxsize=256)
def _statement(schema: str, table: str, name: str, region: str | None, own: tuple[str, ...]) -> bytes:
    """The search of a table; put together once, which takes as long as a quick search."""
    columns = [name, *([tables.PART, region] if region else []), *own]
    return (
        query("search")
        .format(
            table=quoted(schema, table),
            name=quoted(name),
            part=sql.SQL("AND t.part = n.part" if region else ""),
            columns=sql.SQL(", ").join(sql.SQL("t.") + quoted(column) for column in columns),
        )
        .as_bytes()
    )


def arguments(connection: Connection, info: CollectionInfo, vector: Vector, options: SearchOptions) -> dict[str, Any]:
    """What the functions in SQL take."""
    return {
        "table": tables.identifier(info).as_string(),
        "vector": PgVector(tables.half(vector, info, "The query").astype(np.float32)),
        "k": options.k,
        "near": options.max_distance,
        "recall": options.target_recall,
        "after": _after(options.after),
        "filter": condition(connection, info, options.filter, options.params),
        "path": connection.filter_path,
    }


@contextmanager
def opened(connection: Connection, info: CollectionInfo, timeout_s: float | None) -> Iterator[None]:
    """The collection's table is one and stays there, until the transaction ends; what is done with it ends in time."""
    with translated(), _in_time(timeout_s):
        if timeout_s is not None:
            connection.execute(query("search_timeout"), {"timeout_ms": _milliseconds(timeout_s)})
        tables.check(connection, info)  # which waits for who holds the table
        yield


@contextmanager
def _in_time(timeout_s: float | None) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        if timeout_s is None:
            raise
        raise DeadlineExceeded(hint="Allow more time, or give a condition that matches fewer rows.") from error


def _hit(info: CollectionInfo, row: tuple[Any, ...]) -> Hit:
    name, *values, distance = row
    part, region = (values.pop(0), values.pop(0)) if info.region else (None, None)
    return Hit(
        name=name,
        distance=distance,
        row=dict(zip(info.columns, values, strict=True)),
        region=regions.from_row(info.region, region),
        part=part,
    )


def condition(
    connection: Connection, info: CollectionInfo, filter_: str | None, params: Mapping[str, Any] | None
) -> str | None:
    """The caller's condition with its values written into it, so that PostgreSQL estimates what it keeps.

    A value is written where a placeholder stands as a word of its own: within quotes or a comment it could close them.
    """
    if filter_ is None:
        return None
    if not isinstance(filter_, str) or not tables.is_text(filter_):
        raise _invalid(info, f"it is {filter_!r:.80}, not text the database can read")
    if params is None:
        if PLACEHOLDER.search(filter_):
            raise _invalid(info, "it has placeholders, but params is missing")
        return filter_
    if "%" in PLACEHOLDER.sub("", filter_.replace("%%", "")):
        raise _invalid(info, "a percent sign in it is neither %(name)s nor doubled")
    try:
        signs = {token.start for token in tokens(filter_) if token.kind == "sign"}
    except UntranslatableStatement as error:
        raise _invalid(info, error.message.removesuffix(".")) from error
    for match in PLACEHOLDER.finditer(filter_.replace("%%", "__")):
        if match.start() not in signs:
            raise _invalid(info, f"{match[0]} stands within quotes or a comment")
    try:
        return psycopg.ClientCursor(connection).mogrify(filter_, conversion.parameters(connection, params))
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        raise _invalid(info, detail(error)) from error
    except (UnicodeEncodeError, TypeError, ValueError) as error:  # of the values
        raise _invalid(info, str(error)) from error


def _invalid(info: CollectionInfo, problem: str) -> InvalidFilter:
    known = ", ".join((*tables.own(info.inputs, info.region), *info.columns))
    return InvalidFilter(
        f"The filter is not a condition on collection {info.name!r}: {problem}.",
        hint=f"Its columns: {known}. Values go as %(name)s with params, a percent sign beside them as %%.",
    )


def _after(hit: Hit | None) -> Jsonb | None:
    """The place in the order of hits that the page begins after."""
    return None if hit is None else Jsonb({"distance": hit.distance, "name": hit.name, "part": hit.part or 0})


def _milliseconds(timeout_s: float) -> int:
    """At least one: for PostgreSQL none are no limit."""
    return int(min(LARGEST_MS, max(1, 1000 * timeout_s)))
