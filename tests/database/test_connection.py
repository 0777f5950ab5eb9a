"""Connections: errors by name and without secrets, dead connections replaced, every foreign error in one table."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as pg
from psycopg.conninfo import make_conninfo

from open_analytic import embedded, errors
from open_analytic.config import Settings
from open_analytic.errors import (
    BadParameter,
    CannotConnect,
    ConnectionLost,
    DatabaseError,
    NotMigrated,
    OpenAnalyticError,
    PermissionDenied,
)
from open_analytic.store import error_map, error_table, schema
from open_analytic.store.connection import Database, connect, options

SECRET = "s3cr3t-w0rd"  # noqa: S105 - of nobody


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://someone:{SECRET}@localhost:1/nothing",
        f"host=/nonexistent password={SECRET} user=someone",
        f"postgres//someone:{SECRET}@host/malformed",
        f"postgresql://someone:{SECRET}%zz@host/malformed",
        f"password={SECRET} nonsense=1",
        f"host=localhost port=abc password={SECRET}",
    ],
)
def test_a_wrong_dsn_is_one_error_without_the_password(dsn: str, settings: Settings) -> None:
    with pytest.raises(CannotConnect) as caught:
        schema.check(dsn)
    assert SECRET not in f"{caught.value!s}{caught.value.as_dict()}"
    assert caught.value.hint
    with pytest.raises(CannotConnect) as caught, Database(dsn, settings).transaction():
        pass
    assert SECRET not in str(caught.value)


def test_an_unknown_user_and_an_unknown_database_are_named(dsn: str) -> None:
    with pytest.raises(CannotConnect, match="no_such_user"):
        schema.check(make_conninfo(dsn, user="no_such_user"))
    with pytest.raises(CannotConnect, match="no_such_database"):
        schema.check(make_conninfo(dsn, dbname="no_such_database"))


def test_a_connection_is_set_up_for_searches(database: Database) -> None:
    with database.transaction() as connection:
        settings = ("client_encoding", "application_name")
        rows = [connection.execute("SELECT current_setting(%s)", [name]).fetchone() for name in settings]
        assert rows == [("UTF8",), ("open_analytic",)]
        assert connection.prepare_threshold is None


def test_a_transaction_is_committed_or_leaves_nothing(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("CREATE TABLE public.kept (n int)")

    def interrupted() -> None:
        with database.transaction() as connection:
            connection.execute("INSERT INTO public.kept VALUES (1)")
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM public.kept").fetchone() == (0,)


def test_a_dead_connection_in_the_pool_is_replaced(database: Database, dsn: str) -> None:
    with database.transaction() as connection:
        backend = connection.info.backend_pid
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    with database.transaction() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_killed_at_work_is_lost_and_the_next_one_works(database: Database, dsn: str) -> None:
    def killed() -> None:
        with database.transaction() as connection:
            with psycopg.connect(dsn, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            connection.execute("SELECT 1")

    with pytest.raises(ConnectionLost) as caught:
        killed()
    assert caught.value.hint
    with database.transaction() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.timeout(50)  # a pool that goes on trying takes a minute
def test_a_server_that_went_away_is_named_soon(settings: Settings, tmp_path: Path) -> None:
    with embedded.start(tmp_path) as server:
        schema.upgrade(server.dsn)
        database = Database(server.dsn, settings)
        with database.transaction() as connection:
            connection.execute("SELECT 1")
        embedded.stop(tmp_path)
        with pytest.raises(CannotConnect) as caught, database.transaction():
            pass
        assert caught.value.hint
        database.close()


def test_more_threads_than_connections_wait_their_turn(dsn: str) -> None:
    database = Database(dsn, Settings.read({}, connections=2))
    together = threading.Semaphore(2)

    def work(number: int) -> int:
        with database.transaction() as connection:
            assert together.acquire(blocking=False)
            connection.execute("SELECT pg_sleep(0.02)")
            together.release()
        return number

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(24))) == list(range(24))
    database.close()


def test_a_closed_database_says_so(dsn: str, settings: Settings) -> None:
    database = Database(dsn, settings)
    database.close()
    database.close()
    with pytest.raises(DatabaseError, match="closed"), database.transaction():
        pass


def test_a_database_without_pgvector_is_not_migrated(empty_dsn: str) -> None:
    with pytest.raises(NotMigrated, match="vector"):
        connect(empty_dsn)


def test_pgvector_may_live_in_a_schema_of_its_own(empty_dsn: str, settings: Settings) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    schema.upgrade(empty_dsn)
    database = Database(empty_dsn, settings)
    with database.transaction() as connection:
        assert connection.execute(
            "SELECT '[1,2]'::extensions.halfvec OPERATOR(extensions.<->) '[1,3]'::extensions.halfvec"
        ).fetchone() == (1.0,)
    database.close()


FOREIGN = {
    pg.CheckViolation: BadParameter,
    psycopg.errors.ForeignKeyViolation: BadParameter,
    psycopg.IntegrityError: BadParameter,
    pg.UntranslatableCharacter: BadParameter,
    pg.CharacterNotInRepertoire: BadParameter,
    psycopg.DataError: BadParameter,
    pg.ProgramLimitExceeded: BadParameter,
    pg.InsufficientPrivilege: PermissionDenied,
    pg.ReadOnlySqlTransaction: PermissionDenied,
    pg.IdleInTransactionSessionTimeout: ConnectionLost,
    pg.TransactionTimeout: ConnectionLost,
    pg.DiskFull: errors.StorageFull,
    pg.OutOfMemory: DatabaseError,
    pg.TooManyConnections: CannotConnect,
    pg.QueryCanceled: DatabaseError,
    pg.LockNotAvailable: DatabaseError,
    pg.UndefinedTable: errors.UnknownCollection,
    pg.UndefinedColumn: BadParameter,
    pg.UndefinedObject: NotMigrated,
    pg.UndefinedFunction: NotMigrated,
    pg.DataCorrupted: DatabaseError,
    pg.IndexCorrupted: DatabaseError,
    pg.InvalidSchemaName: errors.InvalidName,
    pg.DuplicateTable: errors.CollectionExists,
    pg.DuplicateObject: errors.CollectionExists,
    pg.DependentObjectsStillExist: errors.Conflict,
    pg.AdminShutdown: ConnectionLost,
    pg.CrashShutdown: ConnectionLost,
    pg.CannotConnectNow: CannotConnect,
    psycopg.OperationalError: ConnectionLost,
    psycopg.Error: DatabaseError,
}


def test_every_foreign_error_we_map_is_listed_here() -> None:
    assert {kind: fault.error for kind, fault in error_table.FAULTS.items()} == FOREIGN


@pytest.mark.parametrize(("foreign", "ours"), FOREIGN.items(), ids=lambda kind: kind.__name__)
def test_a_foreign_error_becomes_ours_with_a_hint(foreign: type[psycopg.Error], ours: type[OpenAnalyticError]) -> None:
    with pytest.raises(ours) as caught, error_map.translated():
        raise foreign("what the server said")
    assert type(caught.value) is ours
    assert "what the server said" in caught.value.message
    assert caught.value.hint
    assert isinstance(caught.value.__cause__, foreign)


def test_an_error_with_a_state_of_its_own_is_not_a_broken_connection() -> None:
    with pytest.raises(DatabaseError) as caught, error_map.translated():
        raise pg.ObjectInUse("busy")
    assert not isinstance(caught.value, ConnectionLost)


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, OpenAnalyticError)]
)
def test_our_own_states_raised_in_sql_come_back_as_our_errors(dsn: str, kind: type[OpenAnalyticError]) -> None:
    statement = f"DO $$ BEGIN RAISE 'said' USING ERRCODE = '{kind.sqlstate}', HINT = 'do this'; END $$"
    with connect(dsn) as connection, pytest.raises(kind) as caught, error_map.translated():
        connection.execute(statement)
    ours = errors.ImageTooLarge if kind is errors.InputTooLarge else kind  # the narrower of two with one state
    assert (type(caught.value), caught.value.message, caught.value.hint) == (ours, "said", "do this")


def test_a_full_disk_of_the_server_is_storage_full(dsn: str) -> None:
    statement = "DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$"
    with connect(dsn) as connection, pytest.raises(errors.StorageFull), error_map.translated():
        connection.execute(statement)


KINDS = {kind for kind in vars(pg).values() if isinstance(kind, type) and issubclass(kind, psycopg.Error)}
NAMED = sorted(
    {kind for kind in KINDS if kind.sqlstate},
    key=lambda kind: str(kind.sqlstate),
)


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: f"{kind.sqlstate} {kind.__name__}")
def test_what_a_server_can_raise_has_a_next_step(kind: type[psycopg.Error]) -> None:
    error = error_map.translate(kind("what the server said"))
    assert "what the server said" in error.message
    assert error.hint
    if "please report it" in error.hint:  # our own SQL is wrong, or PostgreSQL itself
        assert str(kind.sqlstate)[:2] in ("42", "XX")


@pytest.mark.parametrize(
    ("kind", "ours", "words"),
    [
        (pg.DeadlockDetected, DatabaseError, "met another one"),
        (pg.SerializationFailure, DatabaseError, "met another one"),
        (pg.IdleInTransactionSessionTimeout, ConnectionLost, "ended the transaction"),
        (pg.TransactionTimeout, ConnectionLost, "ended the transaction"),
        (pg.ActiveSqlTransaction, DatabaseError, "state"),
        (pg.InFailedSqlTransaction, DatabaseError, "state"),
        (pg.IdleSessionTimeout, ConnectionLost, "ended the session"),
        (pg.ConfigurationLimitExceeded, DatabaseError, "at a limit"),
        (pg.DataCorrupted, DatabaseError, "damaged"),
        (pg.IndexCorrupted, DatabaseError, "damaged"),
        (pg.IoError, DatabaseError, "read or write its files"),
        (pg.StatementTooComplex, BadParameter, "too large"),
        (pg.InvalidPassword, CannotConnect, "lets nobody in"),
        (pg.RaiseException, DatabaseError, "trigger"),
        (pg.UndefinedFunction, NotMigrated, "not there"),
    ],
)
def test_states_of_a_server_are_told_apart(
    kind: type[psycopg.Error], ours: type[OpenAnalyticError], words: str
) -> None:
    error = error_map.translate(kind("what the server said"))
    assert (type(error), words in error.message) == (ours, True)


@pytest.mark.parametrize("kind", [pg.IoError, pg.OutOfMemory, psycopg.OperationalError, pg.InternalError_])
def test_no_space_is_storage_full_whatever_the_state(kind: type[psycopg.Error]) -> None:
    error = error_map.translate(kind('could not write to file "pg_wal/xlogtemp.1": No space left on device'))
    assert type(error) is errors.StorageFull


@pytest.mark.parametrize(
    ("reason", "ours", "words"),
    [
        ("FATAL:  sorry, too many clients already", CannotConnect, "no more connections"),
        ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER", CannotConnect, "no more"),
        ('FATAL:  too many connections for role "app"', CannotConnect, "no more connections"),
        ("FATAL:  the database system is in recovery mode", CannotConnect, "starting or stopping"),
        ('FATAL:  could not write init file: No space left on device', errors.StorageFull, "no space"),
        ('FATAL:  invalid value for parameter "TimeZone": "Nowhere"', CannotConnect, "setting"),
        ("FATAL:  unsupported startup parameter: options", CannotConnect, "setting"),
        ('FATAL:  password authentication failed for user "a"', CannotConnect, "cannot be reached"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong(reason: str, ours: type[OpenAnalyticError], words: str) -> None:
    error = error_map.refused(psycopg.OperationalError(f'connection to server at "h" failed: {reason}'))
    assert (type(error), words in error.message, bool(error.hint)) == (ours, True, True)


@pytest.mark.parametrize("dsn", ["postgresql+psycopg://{}", "postgres+psycopg2://{}", "  postgresql://{}\n", "{}  "])
def test_other_forms_of_a_dsn_are_read(dsn: str) -> None:
    rest = "host=h user=u dbname=d" if dsn.startswith("{") else "u:p@h:1/d"
    parameters = psycopg.conninfo.conninfo_to_dict(options(dsn.format(rest)))
    assert (parameters["host"], parameters["user"], parameters["dbname"]) == ("h", "u", "d")
    assert Settings.read({"OPEN_ANALYTIC_DSN": dsn.format(rest)}).dsn == Settings(dsn=dsn.format(rest)).dsn
