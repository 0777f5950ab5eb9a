"""Runs a translated script on one connection, each statement for itself, as psql does with ON_ERROR_STOP."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg import errors as pg
from psycopg.pq import DiagnosticField, TransactionStatus

from open_analytic.analyticdb.source import named
from open_analytic.analyticdb.statement import Statement
from open_analytic.app import OpenAnalytic
from open_analytic.errors import DatabaseError, OpenAnalyticError, UnknownPipeline
from open_analytic.pipeline import plan, spec
from open_analytic.store.connection import Connection, connect
from open_analytic.store.error_map import detail, translate, translated

logger = logging.getLogger(__name__)

# Our functions and operators are found without their schema; a search with a filter goes on until its LIMIT is full.
OURS = "SELECT set_config('search_path', %s, false), set_config('hnsw.iterative_scan', 'strict_order', false)"
COLUMN = """
SELECT pg_catalog.format_type(atttypid, atttypmod)
FROM pg_catalog.pg_attribute
WHERE attrelid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(%s)::pg_catalog.oid
  AND attname OPERATOR(pg_catalog.=) %s::pg_catalog.name
  AND attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What running a statement gave: the server's word for it, and rows with the names of their columns."""

    statement: Statement
    tag: str
    columns: tuple[str, ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()


@contextmanager
def session(dsn: str) -> Iterator[Connection]:
    """A connection to run scripts on. A transaction that is left open is undone."""
    with translated(), closing(connect(dsn, autocommit=True, vectors=False)) as connection:
        connection.execute(OURS, [f"{connection.script_path}, open_analytic"])
        connection.add_notice_handler(_notice)
        yield connection


def run(connection: Connection, statements: Sequence[Statement]) -> Iterator[Outcome]:
    """Run the statements in order. The first that fails ends it; what is committed then stays."""
    for number, statement in enumerate(statements):
        for text in statement.becomes:
            try:
                outcome = _run(connection, statement, text)
            except psycopg.Error as error:
                raise _failed(connection, statement, text, error, first=number == 0) from error
            yield outcome
    if connection.info.transaction_status != TransactionStatus.IDLE:
        logger.warning("The script ends inside a transaction, which is undone: COMMIT is missing.")


def checked(connection: Connection, statements: Sequence[Statement]) -> list[Statement]:
    """The statements, where those that PostgreSQL's parser refuses say why. Nothing is run."""
    return [_checked(connection, statement) for statement in statements]


def _checked(connection: Connection, statement: Statement) -> Statement:
    if not statement.unchanged:
        return statement
    with translated():
        result = connection.pgconn.prepare(b"", statement.source.encode())
    if result.error_field(DiagnosticField.SQLSTATE) != b"42601":
        return statement  # it is SQL: whether its tables are there is seen when it runs
    message = (result.error_field(DiagnosticField.MESSAGE_PRIMARY) or b"").decode("utf-8", "replace")
    place = result.error_field(DiagnosticField.STATEMENT_POSITION)
    where = _line(statement, statement.source, int(place)) if place else ""
    return replace(statement, why=f"PostgreSQL cannot read it{where}: {message}.")


def table_type(connection: Connection, table: str, column: str) -> str | None:
    """The type of a column in the database; None when it is not there."""
    with translated():
        row = connection.execute(COLUMN, [table, column]).fetchone()
    return str(row[0]) if row else None


def pipeline_dim(db: OpenAnalytic, name: str) -> int | None:
    """The numbers of a pipeline's feature: of the registered one, else of the preset; None when there is neither."""
    try:
        return db.pipeline(name).dim
    except UnknownPipeline:
        preset = spec.all_presets().get(name)
    return plan.plan(preset, db.library.cards).dim if preset else None


def _run(connection: Connection, statement: Statement, text: str) -> Outcome:
    cursor = connection.execute(text.encode())  # bytes: it is SQL as it stands, without places for values
    tag = cursor.statusmessage or ""
    if cursor.description is None:
        return Outcome(statement=statement, tag=tag)
    names = tuple(column.name for column in cursor.description)
    return Outcome(statement=statement, tag=tag, columns=names, rows=tuple(cursor.fetchall()))


def _failed(
    connection: Connection, statement: Statement, text: str, error: psycopg.Error, *, first: bool
) -> OpenAnalyticError:
    """Our error for the server's, which says where in the script, and what is left of what was done."""
    known: OpenAnalyticError = DatabaseError(f"{detail(error).rstrip('.')}.", hint=error.diag.message_hint)
    if not _of_the_script(error):
        known = translate(error)
    name = named(statement.number, statement.line, statement.source)
    outcome = "" if first else "What the statements before it committed stays."
    if connection.info.transaction_status == TransactionStatus.INERROR:
        outcome = "The transaction it was in is undone; what was committed before stays."
    return type(known)(
        f"{name} failed{_where(statement, text, error)}: {known.message}",
        hint=" ".join(filter(None, (known.hint, outcome))) or None,
    )


def _of_the_script(error: psycopg.Error) -> bool:
    """Whether the SQL itself is wrong: what the server says of it is clearer than what we say of our own tables."""
    return isinstance(error, psycopg.ProgrammingError | pg.DataError) and not isinstance(
        error, pg.InsufficientPrivilege
    )


def _where(statement: Statement, text: str, error: psycopg.Error) -> str:
    """The line the server points at, when the statement has several and is the one that was written."""
    place = error.diag.statement_position
    return _line(statement, text, int(place)) if place and text == statement.source else ""


def _line(statement: Statement, text: str, place: int) -> str:
    return f" in line {statement.line + text.count(chr(10), 0, place - 1)}" if "\n" in text else ""


def _notice(diagnostic: psycopg.errors.Diagnostic) -> None:
    level = logging.WARNING if diagnostic.severity_nonlocalized == "WARNING" else logging.INFO
    logger.log(level, "%s", diagnostic.message_primary)
