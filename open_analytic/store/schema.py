"""The schema's version: what the database has, what this package needs, and the way between them (Alembic).

A version is two things: a revision of the tables, and the hash of the functions, which are code.
"""

import io
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from open_analytic import __version__
from open_analytic.errors import (
    BadParameter,
    Conflict,
    DatabaseTooNew,
    NotFound,
    NotMigrated,
    OpenAnalyticError,
    PermissionDenied,
)
from open_analytic.store import functions
from open_analytic.store.connection import connect
from open_analytic.store.error_map import translate, translated
from open_analytic.store.queries import query
from open_analytic.util import resources

if TYPE_CHECKING:  # Alembic and SQLAlchemy take 0.3 s to import: only those who migrate wait for them
    from alembic.config import Config
    from sqlalchemy import Connection

logger = logging.getLogger(__name__)

_alembic = threading.Lock()  # its environment is one a process; processes wait for each other in env.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One step of the schema."""

    revision: str
    message: str


def history() -> list[Revision]:
    """Every revision this package has, oldest first."""
    files = sorted((resources.folder("migrations") / "versions").glob("[0-9]*.py"))
    return [Revision(revision=file.stem[:4], message=_sentence(file)) for file in files]


def head() -> str:
    """The newest revision of this package."""
    return history()[-1].revision


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a database has: the revision of its tables, the hash of its functions, the package that applied them."""

    revision: str | None
    functions: str | None
    version: str | None


def state(dsn: str) -> State:
    """What the database has; all None when open_analytic was never there."""
    with translated(), connect(dsn, vectors=False) as connection:
        there = connection.execute(query("schema_is_there")).fetchone()
        if there is None:
            return State(revision=None, functions=None, version=None)
        row = connection.execute("SELECT version_num FROM open_analytic.alembic_version").fetchone()
        code = connection.execute("SELECT hash, version FROM open_analytic.code").fetchone() if there[0] else None
    hash_, version = code or (None, None)
    return State(revision=row[0] if row else None, functions=hash_, version=version)


def current(dsn: str) -> str | None:
    """The revision the database is at; None when open_analytic was never there."""
    return state(dsn).revision


def check(dsn: str) -> None:
    """Raise NotMigrated or DatabaseTooNew unless the database has this package's tables and functions."""
    there = state(dsn)
    _refuse_foreign(dsn, there)
    _refuse_newer(there)
    if there.revision is None:
        raise NotMigrated(
            "The database does not have open_analytic's schema yet.", hint="Run `open-analytic db upgrade`."
        )
    if there.revision != head():
        raise NotMigrated(
            f"The database is at revision {there.revision} of open_analytic's schema, this package needs {head()}.",
            hint="Run `open-analytic db upgrade`.",
        )
    if there.functions != functions.digest():
        raise NotMigrated(
            "The SQL functions in the database are not those of this package.", hint="Run `open-analytic db upgrade`."
        )


def upgrade(dsn: str, revision: str = "head") -> None:
    """Bring the database to a revision, and to this package's functions. Several at once wait for one another.

    Errors: ``DatabaseTooNew``; ``Conflict`` when objects of a user depend on a function that has to go; then nothing
    is changed.
    """
    from alembic import command

    _check_changeable(dsn)
    with _alembic, _config(dsn) as config:
        config.attributes["is_upgrade"] = True
        command.upgrade(config, _checked_revision(revision))


def downgrade(dsn: str, revision: str) -> None:
    """Take the schema back to a revision; ``base`` removes it. Collections stay, as ordinary tables."""
    from alembic import command

    _check_changeable(dsn)
    with _alembic, _config(dsn) as config:
        config.attributes["is_upgrade"] = False
        command.downgrade(config, _checked_revision(revision))


def script(start: str | None = None, end: str = "head", *, vector_schema: str = "public") -> str:
    """The SQL between two revisions (None or ``base``: from nothing), for a DBA to read and run with psql.

    One that ends at the newest revision also creates the functions, for a database whose extension vector is in
    ``vector_schema``.
    """
    from alembic import command

    order = ["base", *(step.revision for step in history())]
    first, last = _checked_revision(start or "base"), _checked_revision(end)
    first, last = (head() if name == "head" else name for name in (first, last))
    config = _offline(printed := io.StringIO())
    if last == head():
        config.attributes["functions_script"] = functions.script(vector_schema)
    is_upgrade = config.attributes["is_upgrade"] = order.index(first) <= order.index(last)
    go = command.upgrade if is_upgrade else command.downgrade
    with _alembic:
        go(config, f"{first}:{last}", sql=True)
    return printed.getvalue()


def revision(message: str) -> Path:
    """Start a new revision (for developers of open_analytic): its Python file, with the two .sql files beside it."""
    from alembic import command

    if resources.checkout() is None:
        raise BadParameter(
            "Revisions of open_analytic are written in a checkout of its source, not in an installed package.",
            hint="For your own tables use Alembic in your own project, with open_analytic.alembic.",
        )
    topic = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_") or "change"
    name = f"{int(head()) + 1:04d}"
    command.revision(_offline(io.StringIO()), message=message, rev_id=name)
    folder = resources.folder("migrations")
    (path,) = (folder / "versions").glob(f"{name}_*.py")
    file = path.rename(path.with_name(f"{name}_{topic}.py"))
    for direction in ("up", "down"):
        (folder / "sql" / f"{file.stem}.{direction}.sql").write_text(f"-- {message}\n", encoding="utf-8")
    return file


def _check_changeable(dsn: str) -> None:
    try:
        there = state(dsn)
    except PermissionDenied as error:
        error.hint = "Only the owner of the schema open_analytic, or a superuser, changes it."
        raise
    _refuse_foreign(dsn, there)
    _refuse_newer(there)
    owner, trusted, _ = _owner(dsn)
    if not trusted:
        raise PermissionDenied(
            f"The schema open_analytic belongs to {owner}, who could change what runs with your rights.",
            hint=f"Run this as {owner}.",
        )


def _owner(dsn: str) -> tuple[str | None, bool, str | None]:
    """Of the schema of our name: its owner, whether that is this role or a superuser, a relation when none is ours."""
    with translated(), connect(dsn, vectors=False) as connection:
        row = connection.execute(query("schema_owner")).fetchone()
    return row or (None, True, None)


def _refuse_foreign(dsn: str, there: State) -> None:
    """Refuse a schema of our name that somebody else has made for something else."""
    if _is_known(there):
        return
    owner, trusted, relation = _owner(dsn)
    rename = "ALTER SCHEMA open_analytic RENAME TO another_name"
    if not trusted and (there.revision is None or relation):
        raise PermissionDenied(
            f"The database has a schema open_analytic that belongs to {owner} and has no tables of open_analytic.",
            hint=f"When it is meant for open_analytic, run `open-analytic db upgrade` as {owner}. "
            f"When it is not, {owner} or a superuser can rename it: {rename}.",
        )
    if relation:
        raise Conflict(
            f"The database has a schema open_analytic of {owner} with other relations than those of open_analytic, "
            f"such as {relation!r}.",
            hint=f"Rename it, then run `open-analytic db upgrade`: {rename}.",
        )


def _is_known(there: State) -> bool:
    return there.revision in {step.revision for step in history()}


def _refuse_newer(there: State) -> None:
    if there.revision is not None and not _is_known(there):
        raise DatabaseTooNew(
            f"The database is at revision {there.revision} of open_analytic's schema; "
            f"this package knows up to {head()}.",
            hint="Install a newer open_analytic: pip install --upgrade open-analytic.",
        )
    if there.version is not None and _numbers(there.version) > _numbers(__version__):
        raise DatabaseTooNew(
            f"The database has the functions of open_analytic {there.version}; this package is {__version__}.",
            hint="Install a newer open_analytic: pip install --upgrade open-analytic.",
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _apply_functions(connection: "Connection") -> None:
    """Create this package's functions unless the database has them; in the transaction of the upgrade."""
    stored = connection.exec_driver_sql("SELECT hash FROM open_analytic.code").scalar()
    if stored != functions.digest():
        schema = connection.exec_driver_sql(query("vector_schema").as_string()).scalar_one()
        connection.exec_driver_sql(functions.script(schema), execution_options={"no_parameters": True})


def _checked_revision(revision: str) -> str:
    names = [step.revision for step in history()]
    if revision not in (*names, "head", "base"):
        raise NotFound(f"There is no revision {revision!r}.", hint=f"Known: base, {', '.join(names)}, head.")
    return revision


def _sentence(file: Path) -> str:
    """The first line of a revision's docstring, read without running it."""
    match = re.match(r'"""(.*?)(?:"""|\n)', file.read_text(encoding="utf-8"))
    return match.group(1).strip().removesuffix(".") if match else file.stem


def _offline(output: io.StringIO) -> "Config":
    from alembic.config import Config

    config = Config(stdout=output, output_buffer=output)
    config.set_main_option("script_location", str(resources.folder("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _config(dsn: str) -> Iterator["Config"]:
    """Alembic's configuration with one connection to work on; warnings of the server go to the log."""
    import sqlalchemy

    config = _offline(io.StringIO())

    def open_connection() -> psycopg.Connection[tuple[object, ...]]:
        connection = connect(dsn, vectors=False)
        connection.add_notice_handler(log_warning)
        config.attributes["path"] = connection.path
        return connection

    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=open_connection, poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = _checked(connection)
            config.attributes["apply_functions"] = _apply_functions
            yield config
    except sqlalchemy.exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise _with_next_step(translate(error.orig), error.orig) from error


def _with_next_step(error: OpenAnalyticError, cause: psycopg.Error) -> OpenAnalyticError:
    if isinstance(error, PermissionDenied) and isinstance(cause, psycopg.errors.InsufficientPrivilege):
        error.hint = (
            "Creating the extension and the roles takes a superuser: let one run `open-analytic db upgrade`, "
            "or the script that `open-analytic db sql` prints."
        )
    return error


def _checked(connection: "Connection") -> "Connection":
    connection.rollback()  # SQLAlchemy has asked for the server's version; env.py begins its own transaction
    return connection


def log_warning(notice: psycopg.errors.Diagnostic) -> None:
    if notice.severity_nonlocalized == "WARNING":
        logger.warning("%s", " ".join(filter(None, (notice.message_primary, notice.message_hint))))
