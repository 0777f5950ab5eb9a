"""What the driver and the server raise, and what that is to a user: by class, by SQLSTATE, by its words."""

from dataclasses import dataclass

import psycopg
from psycopg import errors as pg

from open_analytic import errors
from open_analytic.errors import OpenAnalyticError


@dataclass(frozen=True, slots=True)
class Fault:
    """What a foreign error becomes. ``{detail}`` is the server's own sentence."""

    error: type[OpenAnalyticError]
    message: str
    hint: str


MISSING = Fault(
    errors.NotMigrated, "Something of open_analytic is not there: {detail}.", "Run `open-analytic db upgrade`."
)
EXPIRED = Fault(
    errors.ConnectionLost,
    "The database ended the transaction: {detail}.",
    "Check idle_in_transaction_session_timeout and transaction_timeout of the role, then run it again.",
)
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
    pg.UntranslatableCharacter: Fault(
        errors.BadParameter,
        "The encoding of the database lacks a character: {detail}.",
        "Write it in other characters, or keep the collection in a database whose encoding is UTF8.",
    ),
    pg.CharacterNotInRepertoire: Fault(
        errors.BadParameter,
        "A text is not in its encoding: {detail}.",
        "Where the encoding of the database is SQL_ASCII, another program can have stored other bytes: correct them.",
    ),
    pg.DataError: Fault(errors.BadParameter, "The database does not accept a value: {detail}", "Correct the value."),
    pg.ProgramLimitExceeded: Fault(
        errors.BadParameter, "A value is too large for the database: {detail}", "Use a shorter one."
    ),
    pg.InsufficientPrivilege: Fault(
        errors.PermissionDenied,
        "The database role is not allowed to do this: {detail}.",
        "Ask for GRANT open_analytic_user (run, search, import) or open_analytic_admin (create, drop) to your role.",
    ),
    pg.ReadOnlySqlTransaction: Fault(
        errors.PermissionDenied,
        "The database takes no changes: {detail}.",
        "Connect to the primary server, as a role without default_transaction_read_only.",
    ),
    pg.IdleInTransactionSessionTimeout: EXPIRED,
    pg.TransactionTimeout: EXPIRED,
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
    pg.UndefinedTable: Fault(
        errors.UnknownCollection, "A table is not there: {detail}.", "`open-analytic collection list` shows what is."
    ),
    pg.UndefinedColumn: Fault(
        errors.BadParameter, "A column is not there: {detail}.", "Open the collection again to see its columns."
    ),
    pg.UndefinedObject: MISSING,
    pg.UndefinedFunction: MISSING,
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

# By the first two letters of the SQLSTATE, for what has no line above.
AGAIN = "Committed work is kept. Check the server, then run it again."
CLASSES: dict[str, Fault] = {
    "08": Fault(errors.ConnectionLost, "The connection to the database broke: {detail}.", AGAIN),
    "0A": Fault(
        errors.DatabaseError,
        "The database server cannot do this: {detail}.",
        "A standby takes no changes, and a pooler or an old server lacks functions: connect to the primary itself.",
    ),
    "21": Fault(errors.BadParameter, "The database does not accept a value: {detail}", "Correct the value."),
    "25": Fault(
        errors.DatabaseError,
        "The transaction is not in a state for this: {detail}.",
        "A pooler, or your statement, can have changed the transaction: run it again in a new one.",
    ),
    "26": Fault(
        errors.DatabaseError,
        "The session has changed under the connection: {detail}.",
        "A pooler stands between: connect to the server itself, or pool by session.",
    ),
    "27": Fault(errors.Conflict, "A trigger of the table changed the same row: {detail}.", "Look at its triggers."),
    "28": Fault(errors.CannotConnect, "The database lets nobody in: {detail}.", "Check user and password of the DSN."),
    "2B": Fault(errors.Conflict, "Other privileges depend on it: {detail}.", "Revoke them first."),
    "38": Fault(errors.DatabaseError, "A function in the database failed: {detail}.", "The server's log says more."),
    "39": Fault(errors.DatabaseError, "A function in the database failed: {detail}.", "The server's log says more."),
    "3D": Fault(errors.CannotConnect, "There is no such database: {detail}.", "Check the database of the DSN."),
    "40": Fault(
        errors.DatabaseError, "The transaction met another one: {detail}.", "Nothing was written: run it again."
    ),
    "44": Fault(errors.BadParameter, "A row does not meet a policy of its table: {detail}.", "Correct the value."),
    "53": Fault(
        errors.DatabaseError,
        "The database server is at a limit: {detail}.",
        "Raise the setting that the message names, or lower the load, and run it again.",
    ),
    "54": Fault(errors.BadParameter, "A value is too large for the database: {detail}", "Use a shorter one."),
    "55": Fault(
        errors.DatabaseError, "Another session uses it, or it is not ready: {detail}.", "Run it again in a moment."
    ),
    "57": Fault(errors.ConnectionLost, "The database server ended the session: {detail}.", AGAIN),
    "58": Fault(
        errors.DatabaseError,
        "The database server cannot read or write its files: {detail}.",
        "Check the server's disk and log.",
    ),
    "72": Fault(errors.DatabaseError, "The rows to read are gone: {detail}.", "Run it again."),
    "F0": Fault(errors.DatabaseError, "The server's configuration cannot be read: {detail}.", "Check its log."),
    "HV": Fault(errors.DatabaseError, "A foreign table cannot be read: {detail}.", "Check its server."),
    "P0": Fault(
        errors.DatabaseError,
        "A function or trigger in the database refused: {detail}.",
        "It is not open_analytic's: look at the triggers of the table.",
    ),
    "XX": Fault(
        errors.DatabaseError,
        "The database met an error of its own: {detail}.",
        "The server's log says more; if it names open_analytic, please report it.",
    ),
}
DAMAGED = Fault(
    errors.DatabaseError,
    "The database's files are damaged: {detail}.",
    "Check the server's disk. REINDEX repairs an index; a table comes back from a backup.",
)
FAULTS |= {pg.DataCorrupted: DAMAGED, pg.IndexCorrupted: DAMAGED}
OTHER = Fault(errors.DatabaseError, "The database refused: {detail}.", "The server's log says more.")
FULL = Fault(errors.StorageFull, "The database has no space left: {detail}.", "Free some space on the server.")
NO_SPACE = r"No space left on device|[Dd]isk quota exceeded"

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
        rf"{NO_SPACE}|could not (?:write|extend)",
        FULL,
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


EMBEDDED = "The embedded server has ended, or restarts. Run it again; `open-analytic db status` shows its log."
