"""Nearest rows to a vector: all k when k match, whatever the filter. The database decides how; see migration 0008."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from operator import index
from typing import Any

import numpy as np
import psycopg
from pgvector import Vector as PgVector
from psycopg import sql
from psycopg.types.json import Jsonb

from open_analytic.errors import BadParameter, DeadlineExceeded, InvalidFilter, UntranslatableStatement
from open_analytic.lexer import tokens
from open_analytic.store import conversion, tables, vectors
from open_analytic.store.connection import Connection
from open_analytic.store.faults import detail, translated
from open_analytic.store.queries import query, quoted
from open_analytic.types import Box, CollectionInfo, Hit, Vector

LARGEST_K = LARGEST_MS = 2**31 - 1
TARGET_RECALL = 0.95
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def search(
    connection: Connection,
    info: CollectionInfo,
    vector: Vector,
    *,
    k: int | None,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    max_distance: float | None = None,
    target_recall: float = TARGET_RECALL,
    after: Hit | None = None,
    timeout_s: float | None = None,
) -> list[Hit]:
    """The nearest k rows, nearest first, equal ones by name: all of them when k match, at the recall asked for.

    On a connection of ``Database.reading``, in which no filter can change anything.

    ``where`` is an SQL condition by a trusted caller, on the table's columns; values go into ``params``. How they are
    found is decided in the database, by ``open_analytic._plan_search``.
    """
    values = arguments(info, vector, k, max_distance, target_recall, after)
    values |= {"filter": condition(connection, info, where, params), "path": connection.filter_path}
    with opened(connection, info, timeout_s):
        statement = _statement(*tables.split(info.name), info.many, tuple(info.columns))
        return [_hit(info, row) for row in connection.execute(statement, values)]


@lru_cache(maxsize=256)
def _statement(schema: str, table: str, many: bool, own: tuple[str, ...]) -> bytes:
    """The search of a table; put together once, which takes as long as a quick search."""
    columns = ["image_name", *(["part", "box"] if many else []), *own]
    return (
        query("search")
        .format(
            table=quoted(schema, table),
            part=sql.SQL("AND t.part = n.part" if many else ""),
            columns=sql.SQL(", ").join(sql.SQL("t.") + quoted(column) for column in columns),
        )
        .as_bytes()
    )


def arguments(
    info: CollectionInfo,
    vector: Vector,
    k: int | None,
    max_distance: float | None,
    target_recall: float,
    after: Hit | None = None,
) -> dict[str, Any]:
    """What the functions in SQL take, checked."""
    return {
        "table": tables.identifier(info).as_string(),
        "vector": PgVector(vectors.half(vector, info, "The query").astype(np.float32)),
        "k": _number(k, max_distance),
        "near": _limit(max_distance),
        "recall": _part(target_recall),
        "after": _last(after),
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
    part, box = (values.pop(0), values.pop(0)) if info.many else (None, None)
    return Hit(
        name=name,
        distance=distance,
        row=dict(zip(info.columns, values, strict=True)),
        region=Box(x=box[0], y=box[1], width=box[2], height=box[3]) if box else None,
        part=part,
    )


def condition(
    connection: Connection, info: CollectionInfo, where: str | None, params: Mapping[str, Any] | None
) -> str | None:
    """The caller's condition with its values written into it, so that PostgreSQL estimates what it keeps.

    A value is written where a placeholder stands as a word of its own: within quotes or a comment it could close them.
    """
    if where is None:
        return None
    if not isinstance(where, str) or not tables.is_text(where):
        raise _invalid(info, f"it is {where!r:.80}, not text the database can read")
    if params is None:
        if PLACEHOLDER.search(where):
            raise _invalid(info, "it has placeholders, but params is missing")
        return where
    if "%" in PLACEHOLDER.sub("", where.replace("%%", "")):
        raise _invalid(info, "a percent sign in it is neither %(name)s nor doubled")
    try:
        signs = {token.start for token in tokens(where) if token.kind == "sign"}
    except UntranslatableStatement as error:
        raise _invalid(info, error.message.removesuffix(".")) from error
    for found in PLACEHOLDER.finditer(where.replace("%%", "__")):
        if found.start() not in signs:
            raise _invalid(info, f"{found[0]} stands within quotes or a comment")
    try:
        return psycopg.ClientCursor(connection).mogrify(where, conversion.parameters(connection, params))
    except (psycopg.ProgrammingError, psycopg.DataError) as error:
        raise _invalid(info, detail(error)) from error
    except (UnicodeEncodeError, TypeError, ValueError) as error:  # of the values
        raise _invalid(info, str(error)) from error


def _invalid(info: CollectionInfo, problem: str) -> InvalidFilter:
    known = ", ".join((*tables.own(info.many), *info.columns))
    return InvalidFilter(
        f"The filter is not a condition on collection {info.name!r}: {problem}.",
        hint=f"Its columns: {known}. Values go as %(name)s with params, a percent sign beside them as %%.",
    )


def _number(k: int | None, max_distance: float | None) -> int | None:
    if k is None and max_distance is not None:
        return None
    try:
        number = -1 if isinstance(k, bool) or k is None else index(k)
    except TypeError:
        number = -1
    if not 0 <= number <= LARGEST_K:
        raise BadParameter(
            f"k is {k!r}.", hint="Give how many hits you want, 0 or more; with max_distance None is all of them."
        )
    return number


def _last(after: Hit | None) -> Jsonb | None:
    """The place in the order of hits that the page begins after."""
    if after is None:
        return None
    if not (isinstance(after, Hit) and math.isfinite(after.distance) and tables.is_text(after.name)):
        raise BadParameter(f"after is {after!r:.80}.", hint="Give the last hit of the page before.")
    return Jsonb({"distance": after.distance, "name": after.name, "part": after.part or 0})


def _part(target_recall: float) -> float:
    try:
        part = float(target_recall)
    except (TypeError, ValueError, OverflowError):
        part = math.nan
    if not 0 < part <= 1:
        raise BadParameter(
            f"target_recall is {target_recall!r}.",
            hint="Give a part of the true neighbours above 0, such as 0.95; 1 measures every row.",
        )
    return part


def _limit(max_distance: float | None) -> float | None:
    if max_distance is None:
        return None
    try:
        limit = float(max_distance)
    except (TypeError, ValueError, OverflowError):
        limit = math.nan
    if math.isnan(limit):
        raise BadParameter(f"max_distance is {max_distance!r}.", hint="Give a number, or None.")
    return limit


def _milliseconds(timeout_s: float) -> int:
    """At least one: for PostgreSQL none are no limit."""
    return int(min(LARGEST_MS, max(1, 1000 * timeout_s)))
