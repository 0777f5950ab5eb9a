"""Nearest rows to a vector. All k when k match, whatever the filter: exact where the index could lose some."""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import index
from typing import Any

import psycopg
from pgvector import HalfVector
from psycopg import sql

from open_analytic.errors import BadParameter, DeadlineExceeded, InvalidFilter
from open_analytic.store import tables, vectors
from open_analytic.store.connection import Connection
from open_analytic.store.faults import detail, translated
from open_analytic.store.queries import query, quoted
from open_analytic.types import Box, CollectionInfo, Hit, Metric, Vector

OPERATORS: dict[Metric, tuple[str, str]] = {  # operator, operator class of the index
    "l2": ("<->", "halfvec_l2_ops"),  # Euclidean distance
    "cosine": ("<=>", "halfvec_cosine_ops"),  # 1 - cosine, 0 to 2
    "ip": ("<#>", "halfvec_ip_ops"),  # minus the inner product: smaller is nearer here too
}

EXACT_NUMBERS = 20_000_000  # rows times dim measured one by one rather than through the index: about 20 ms
EXACT_K = 400  # beyond, the index would have to walk so far that measuring all is as fast
ROW_BYTES = 150  # a row beside its feature, at least
LARGEST_K = LARGEST_MS = 2**31 - 1

PLACEHOLDER = re.compile(r"%\(\w+\)s")
VECTOR = "open_analytic_vector"  # a name no parameter of a caller has by accident

# What a filter of the caller's may fail with: his condition, not our database, is at fault.
FILTER_FAULTS = (
    psycopg.ProgrammingError,
    psycopg.DataError,
    psycopg.NotSupportedError,
    psycopg.errors.ReadOnlySqlTransaction,
)


def search(
    connection: Connection,
    info: CollectionInfo,
    vector: Vector,
    *,
    k: int,
    where: str | None = None,
    params: Mapping[str, Any] | None = None,
    max_distance: float | None = None,
    timeout_s: float | None = None,
) -> list[Hit]:
    """The nearest k rows, nearest first, equal ones by name. Rows without a feature are left out.

    ``where`` is an SQL condition by a trusted caller, on the table's columns; values go into ``params``.
    """
    k, near, timeout_ms = _number(k), _limit(max_distance), _milliseconds(timeout_s)
    values = {**(params or {}), VECTOR: _query(vector, info)}
    with translated(), _in_time(timeout_s), connection.transaction(force_rollback=True):
        table = tables.identifier(info).as_string(connection)
        settings = {"table": table, "ef": str(min(1000, max(200, 2 * k))), "timeout_ms": timeout_ms}
        connection.execute(query("search_settings"), settings)
        condition = None if where is None else _condition(connection, info, where, params, values)
        if condition is None and _use_index(connection, info, k):
            found = _run(connection, info, "search_index", values, k=k)
            if len(found) == k:
                return [hit for hit in found if near is None or hit.distance <= near]
        try:
            return _run(connection, info, "search_exact", values, k=k, condition=condition, near=near)
        except FILTER_FAULTS as error:
            if condition is None:
                raise
            raise _blame(info, error) from error


@contextmanager
def _in_time(timeout_s: float | None) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        if timeout_s is None:
            raise
        raise DeadlineExceeded(hint="Allow more time, or give a condition that matches fewer rows.") from error


def _run(
    connection: Connection,
    info: CollectionInfo,
    name: str,
    values: Mapping[str, Any],
    *,
    k: int,
    condition: sql.SQL | None = None,
    near: float | None = None,
) -> list[Hit]:
    key = ["image_name", "part"] if info.many else ["image_name"]
    columns = ["image_name", *(["box"] if info.many else []), *info.columns]
    statement = query(name).format(
        table=tables.bound(info),
        key=sql.SQL(", ").join(map(sql.Identifier, key)),
        columns=sql.SQL(", ").join(map(quoted, columns)),
        operator=sql.SQL(OPERATORS[info.metric][0]),
        where=condition or sql.SQL("true"),
        near=sql.SQL("true") if near is None else sql.SQL("open_analytic_distance <= {}").format(sql.Literal(near)),
        k=sql.Literal(k),
    )
    return [_hit(info, row) for row in connection.execute(statement, values)]


def _hit(info: CollectionInfo, row: tuple[Any, ...]) -> Hit:
    name, *values, distance = row
    box = values.pop(0) if info.many else None
    return Hit(
        name=name,
        distance=distance,
        row=dict(zip(info.columns, values, strict=True)),
        box=Box(x=box[0], y=box[1], width=box[2], height=box[3]) if box else None,
    )


def _use_index(connection: Connection, info: CollectionInfo, k: int) -> bool:
    """Whether the index is there, and there are so many rows that it is worth its small losses."""
    if not 0 < k <= EXACT_K:
        return False
    values = {"table": tables.identifier(info).as_string(connection), "opclass": OPERATORS[info.metric][1]}
    row = connection.execute(query("search_size"), values).fetchone()
    if row is None or not row[2]:
        return False
    size, counted, _ = row
    inline = 2 * info.dim if info.dim <= tables.PLAIN_DIM else 0
    return bool(max(size / (ROW_BYTES + inline), counted) * info.dim > EXACT_NUMBERS)


def _condition(
    connection: Connection,
    info: CollectionInfo,
    where: str,
    params: Mapping[str, Any] | None,
    values: Mapping[str, Any],
) -> sql.SQL:
    """The caller's condition, once the server has read it as one condition, standing alone.

    What is complete alone closes every parenthesis, quote and comment it opens and no other. So it cannot leave the
    parentheses it is then put into.
    """
    if not isinstance(where, str) or not tables.is_text(where):
        raise _invalid(info, f"it is {where!r:.80}, not text the database can read")
    if params is None:
        if PLACEHOLDER.search(where):
            raise _invalid(info, "it has placeholders, but params is missing")
        where = where.replace("%", "%%")
    elif "%" in PLACEHOLDER.sub("", where.replace("%%", "")):
        raise _invalid(info, "a percent sign in it is neither %(name)s nor doubled")
    condition = sql.SQL(where)
    check = query("search_check").format(table=tables.bound(info), where=condition)
    try:
        # binary: the extended protocol, which takes one statement and refuses a second after a semicolon
        connection.execute(check, values, binary=True)
    except FILTER_FAULTS as error:
        raise _blame(info, error) from error
    return condition


def _blame(info: CollectionInfo, error: psycopg.Error) -> psycopg.Error | InvalidFilter:
    """The filter's fault, unless the collection's own table is gone."""
    schema, table = tables.split(info.name)
    if isinstance(error, psycopg.errors.UndefinedTable) and f'"{schema}.{table}"' in str(error):
        return error
    return _invalid(info, detail(error))


def _invalid(info: CollectionInfo, problem: str) -> InvalidFilter:
    known = ", ".join((*tables.own(info.many), *info.columns))
    return InvalidFilter(
        f"The filter is not a condition on collection {info.name!r}: {problem}.",
        hint=f"Its columns: {known}. Values go as %(name)s with params, a percent sign beside them as %%.",
    )


def _query(vector: Vector, info: CollectionInfo) -> HalfVector:
    return HalfVector(vectors.half(vector, info, "The query"))


def _number(k: int) -> int:
    try:
        number = -1 if isinstance(k, bool) else index(k)
    except TypeError:
        number = -1
    if not 0 <= number <= LARGEST_K:
        raise BadParameter(f"k is {k!r}.", hint="Give how many hits you want, 0 or more.")
    return number


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


def _milliseconds(timeout_s: float | None) -> int | None:
    """At least one: for PostgreSQL none are no limit."""
    return None if timeout_s is None else int(min(LARGEST_MS, max(1, 1000 * timeout_s)))
