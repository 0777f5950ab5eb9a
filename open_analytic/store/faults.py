"""What the database driver raises, as errors of ours: one table, applied at the room's edge by ``translated()``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import errors as pg

from open_analytic import errors
from open_analytic.errors import OpenAnalyticError

VERSION_CHECK = "open_analytic_version"  # the constraint of every collection that keeps versions apart


@dataclass(frozen=True, slots=True)
class Fault:
    """What a foreign error becomes. ``{detail}`` is the server's own sentence."""

    error: type[OpenAnalyticError]
    message: str
    hint: str


FAULTS: dict[type[BaseException], Fault] = {
    pg.CheckViolation: Fault(
        errors.BadParameter, "A row does not meet a constraint of its table: {detail}", "Correct the value."
    ),
    pg.ForeignKeyViolation: Fault(
        errors.BadParameter,
        "A row is tied to another table: {detail}",
        "Change the rows that refer to it, or the value.",
    ),
    pg.IntegrityError: Fault(
        errors.BadParameter, "A row does not meet a constraint of its table: {detail}", "Correct the value."
    ),
    pg.DataError: Fault(errors.BadParameter, "The database does not accept a value: {detail}", "Correct the value."),
    pg.ProgramLimitExceeded: Fault(
        errors.BadParameter, "A value is too large for the database: {detail}", "Use a shorter one."
    ),
    pg.InsufficientPrivilege: Fault(
        errors.PermissionDenied,
        "The database role may not do this: {detail}.",
        "Ask for GRANT open_analytic_user (run, search, import) or open_analytic_admin (create, drop) to your role.",
    ),
    pg.ReadOnlySqlTransaction: Fault(
        errors.PermissionDenied, "The database takes no changes: {detail}.", "Connect to the primary server."
    ),
    pg.DiskFull: Fault(
        errors.StorageFull, "The database has no space left: {detail}.", "Free space on the server and run it again."
    ),
    pg.OutOfMemory: Fault(
        errors.DatabaseError, "The database server has no memory left: {detail}.", "Lower its load and run it again."
    ),
    pg.TooManyConnections: Fault(
        errors.CannotConnect,
        "The database takes no more connections: {detail}.",
        "Close some, or raise max_connections.",
    ),
    pg.QueryCanceled: Fault(
        errors.DatabaseError, "The database stopped the statement: {detail}.", "Check statement_timeout of your role."
    ),
    pg.LockNotAvailable: Fault(
        errors.DatabaseError, "The table is locked: {detail}.", "Run it again when the other work has finished."
    ),
    pg.TransactionRollback: Fault(
        errors.DatabaseError, "The transaction met another one: {detail}.", "Run it again; nothing was written."
    ),
    pg.UndefinedTable: Fault(
        errors.UnknownCollection, "A table is not there: {detail}.", "`open-analytic collection list` shows what is."
    ),
    pg.UndefinedColumn: Fault(
        errors.BadParameter, "A column is not there: {detail}.", "Open the collection again to see its columns."
    ),
    pg.UndefinedObject: Fault(
        errors.NotMigrated, "Something of open_analytic is not there: {detail}.", "Run `open-analytic db upgrade`."
    ),
    pg.InvalidSchemaName: Fault(
        errors.InvalidName, "There is no such schema: {detail}.", "Create it first: CREATE SCHEMA name."
    ),
    pg.DuplicateTable: Fault(errors.CollectionExists, "The table is there already: {detail}.", "Choose another name."),
    pg.DuplicateObject: Fault(errors.CollectionExists, "The name is taken: {detail}.", "Choose another name."),
    pg.DependentObjectsStillExist: Fault(
        errors.Conflict,
        "Other objects of the database need it: {detail}.",
        "Nothing was changed. Look at what needs it before you decide.",
    ),
    pg.AdminShutdown: Fault(
        errors.ConnectionLost,
        "The database server closed the connection: {detail}.",
        "Committed work is kept. Check the server, then run it again.",
    ),
    pg.CrashShutdown: Fault(
        errors.ConnectionLost,
        "The database server crashed: {detail}.",
        "Committed work is kept. Check the server's log, then run it again.",
    ),
    pg.CannotConnectNow: Fault(
        errors.CannotConnect, "The database server is starting or stopping: {detail}.", "Try again in a moment."
    ),
    psycopg.OperationalError: Fault(  # without an SQLSTATE: the socket broke
        errors.ConnectionLost,
        "The connection to the database broke: {detail}.",
        "Committed work is kept. Check that the server runs, then run it again.",
    ),
    psycopg.Error: Fault(
        errors.DatabaseError, "The database refused: {detail}.", "If this should work, please report it."
    ),
}


# Raised by the driver: nothing was sent, or what came has no place in a Python type.
CLIENT_SIDE = Fault(
    errors.BadParameter,
    "Python and PostgreSQL cannot exchange a value: {detail}.",
    "What PostgreSQL holds can be read as text; what Python holds has to fit the column's type.",
)


@contextmanager
def translated() -> Iterator[None]:
    """Errors of psycopg raised inside come out as ours; everything else passes."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


def translate(error: psycopg.Error) -> OpenAnalyticError:
    """Our error for one of psycopg's."""
    if error.sqlstate and error.sqlstate.startswith("OA"):
        return _own(error)
    if error.diag.constraint_name == VERSION_CHECK:
        return errors.VersionMismatch(
            "These features come from another version of the pipeline than the collection holds.",
            hint="Import into a collection created with that version.",
        )
    if isinstance(error, pg.UndefinedTable) and '"open_analytic.' in str(error):
        return errors.NotMigrated(hint="Run `open-analytic db upgrade`.")
    fault = CLIENT_SIDE if isinstance(error, psycopg.DataError) and not error.sqlstate else FAULTS[_nearest(error)]
    return fault.error(fault.message.format(detail=detail(error)).replace("..", "."), hint=fault.hint)


# What a server says when it lets nobody in; libpq gives no SQLSTATE then.
REFUSALS: tuple[tuple[str, Fault], ...] = (
    (
        r"too many clients|connection slots|too many connections",
        Fault(
            errors.CannotConnect,
            "The database takes no more connections: {detail}.",
            "Close some, lower OPEN_ANALYTIC_CONNECTIONS, or raise max_connections of the server.",
        ),
    ),
    (
        r"No space left on device|[Dd]isk quota exceeded|could not (?:write|extend)",
        Fault(errors.StorageFull, "The database has no space left: {detail}.", "Free some space on the server."),
    ),
    (
        r"starting up|shutting down|recovery mode|not yet accepting|not accepting connections",
        Fault(errors.CannotConnect, "The database server is starting or stopping: {detail}.", "Try again in a moment."),
    ),
    (
        r"invalid value for parameter|unrecognized configuration parameter|unsupported startup parameter",
        Fault(
            errors.CannotConnect,
            "The database server refuses a setting of the connection: {detail}.",
            "Check options=... of the DSN, and the variables PGOPTIONS, PGTZ and PGDATESTYLE.",
        ),
    ),
    (
        "",
        Fault(
            errors.CannotConnect,
            "The database cannot be reached: {detail}.",
            "Check that the server runs, and host, port, user, password and database of the DSN.",
        ),
    ),
)


EMBEDDED = "The embedded server has ended, or starts anew. Run it again; `open-analytic db status` shows its log."


def refused(error: psycopg.Error, *, embedded: bool = False) -> OpenAnalyticError:
    """Our error where no connection could be made."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0].removesuffix(".") if lines else type(error).__name__
    pattern, fault = next(refusal for refusal in REFUSALS if re.search(refusal[0], str(error)))
    return fault.error(fault.message.format(detail=said), hint=EMBEDDED if embedded and not pattern else fault.hint)


def detail(error: psycopg.Error) -> str:
    """The server's sentence, without the statement and the cursor it points with."""
    said = error.diag.message_primary or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{said} ({error.diag.message_detail})" if error.diag.message_detail else said


def _nearest(error: psycopg.Error) -> type[BaseException]:
    for kind in type(error).__mro__:
        if kind in FAULTS and not (kind is psycopg.OperationalError and error.sqlstate):
            return kind
    return psycopg.Error


def _own(error: psycopg.Error) -> OpenAnalyticError:
    kind = errors.of_sqlstate(error.sqlstate or "")
    return kind(error.diag.message_primary, hint=error.diag.message_hint)
