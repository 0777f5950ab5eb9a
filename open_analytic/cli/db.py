"""``open-analytic db``: the schema's migrations, the embedded server, psql."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from open_analytic.cli.context import Context, command
from open_analytic.cli.output import print_json, print_record, print_table, say
from open_analytic.errors import BadParameter, NotFound
from open_analytic.util import libpq
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from open_analytic.embedded import Server

AsSql = Annotated[bool, typer.Option("--sql", help="Print the SQL for a DBA instead of running it.")]
VectorSchema = Annotated[str, typer.Option(metavar="SCHEMA", help="For a script: the schema of the extension vector.")]


def add(app: typer.Typer) -> None:
    """Register the commands of the noun."""
    command(app, "upgrade")(upgrade)
    command(app, "downgrade")(downgrade)
    command(app, "current")(current)
    command(app, "history")(history)
    command(app, "check")(check)
    command(app, "sql")(sql)
    command(app, "revision")(revision)
    command(app, "psql")(psql)
    command(app, "status")(status)
    command(app, "stop")(stop)


@contextmanager
def connection(context: Context) -> "Iterator[tuple[str, Server | None]]":
    """The database as it is, not brought up to date; the embedded server runs meanwhile."""
    from open_analytic import embedded

    settings = context.settings
    if settings.dsn:
        yield settings.dsn, None
        return
    with embedded.start(settings.home, pg_bin=settings.pg_bin) as server:
        yield server.dsn, server


def upgrade(
    context: Context,
    revision: Annotated[str, typer.Argument(help="Up to this revision.")] = "head",
    as_sql: AsSql = False,
    vector_schema: VectorSchema = "public",
) -> None:
    """Bring the schema up to date: its tables, and its functions.

    It makes the extension, the schema open_analytic, its catalogue, functions, roles and grants.
    """
    from open_analytic.store import schema

    if as_sql:
        sys.stdout.write(schema.script(None, revision, vector_schema=vector_schema))
        return
    with connection(context) as (dsn, _):
        schema.upgrade(dsn, revision)
        _tell(context, schema.current(dsn))


def downgrade(
    context: Context,
    revision: Annotated[str, typer.Argument(help="Down to this revision; base removes the schema.")],
    as_sql: AsSql = False,
) -> None:
    """Take the schema back to a revision.

    Collections stay, as ordinary tables.
    """
    from open_analytic.store import schema

    if as_sql:
        sys.stdout.write(schema.script(schema.head(), revision))
        return
    with connection(context) as (dsn, _):
        schema.downgrade(dsn, revision)
        _tell(context, schema.current(dsn))


def current(context: Context) -> None:
    """Show the revision the database is at."""
    from open_analytic.store import schema

    with connection(context) as (dsn, _):
        _tell(context, schema.current(dsn))


def history(context: Context) -> None:
    """List every revision of the schema, oldest first."""
    from open_analytic.store import schema

    revisions = schema.history()
    if context.json:
        print_json(revisions)
    else:
        print_table(["revision", "message"], [[step.revision, step.message] for step in revisions])


def check(context: Context) -> None:
    """Check that the database is up to date.

    The exit code is 7 when it is not.
    """
    from open_analytic.store import schema

    with connection(context) as (dsn, _):
        schema.check(dsn)
        _tell(context, schema.current(dsn))


def sql(
    context: Context,
    start: Annotated[
        str, typer.Option("--from", help="The revision the database is at; base is an empty one.")
    ] = "base",
    end: Annotated[str, typer.Option("--to", help="The revision wanted; an earlier one goes down.")] = "head",
    vector_schema: VectorSchema = "public",
) -> None:
    """Print the SQL between two revisions.

    For a DBA to read, and to run with psql.
    """
    from open_analytic.store import schema

    text = schema.script(start, end, vector_schema=vector_schema)
    if context.json:
        print_json({"from": start, "to": end, "sql": text})
    else:
        sys.stdout.write(text)


def revision(context: Context, message: Annotated[str, typer.Argument(help="What it does, in a few words.")]) -> None:
    """Start a new revision of the schema.

    For developers of open_analytic, in a checkout.
    """
    from open_analytic.store import schema

    with contextlib.redirect_stdout(sys.stderr):  # Alembic says there what it does
        path = schema.revision(message)
    if context.json:
        print_json({"revision": path.name[:4], "path": path})
    else:
        say(str(path))


def psql(
    context: Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="-- WORD", help="Options and arguments for psql.")
    ] = None,
) -> None:
    """Open psql on the database.

    The embedded server is brought up to date and runs as long as psql does.
    """
    from open_analytic.embedded import bootstrap

    with connection(context) as (dsn, server):
        if server:
            bootstrap.prepare(server, context.settings)
        program = server.bin / "psql" if server else _psql()
        conninfo, environment = (dsn, libpq.environment()) if server else without_password(dsn)
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for psql, which cancels its statement
        done = subprocess.run([program, conninfo, *(words or [])], env=environment, check=False)
    raise typer.Exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


def status(context: Context) -> None:
    """Show how the embedded server is; nothing is started."""
    from open_analytic import embedded

    _refuse_dsn(context)
    status = embedded.status(context.settings.home)
    if context.json:
        print_json(status)
    else:
        print_record(jsonable(status))


def stop(context: Context) -> None:
    """Stop the embedded server now, also while others use it.

    The next command starts it again.
    """
    from open_analytic import embedded

    _refuse_dsn(context)
    stopped = embedded.stop(context.settings.home)
    if context.json:
        print_json({"stopped": stopped})
    else:
        say("The server is stopped." if stopped else "No server ran.")


def _tell(context: Context, revision: str | None) -> None:
    from open_analytic.store import schema

    if context.json:
        print_json({"current": revision, "head": schema.head()})
    else:
        say(f"{revision or 'none'}{' (head)' if revision == schema.head() else f', the head is {schema.head()}'}")


def _refuse_dsn(context: Context) -> None:
    if context.settings.dsn:
        raise BadParameter(
            "This is about the embedded server, and a DSN is set.",
            hint="Add --home FOLDER to name the embedded server.",
        )


def _psql() -> Path:
    path = shutil.which("psql")
    if path is None:
        raise NotFound("psql is not on the PATH.", hint="Install PostgreSQL's client programs.")
    return Path(path)


def without_password(dsn: str) -> tuple[str, dict[str, str]]:
    """The DSN for the command line, where everybody can read it, and the environment with its password."""
    from psycopg import conninfo

    from open_analytic.store.connection import options

    parameters = conninfo.conninfo_to_dict(options(dsn))
    password = parameters.pop("password", None)
    environment = dict(os.environ) | ({"PGPASSWORD": str(password)} if password is not None else {})
    return conninfo.make_conninfo(**parameters), environment  # type: ignore[arg-type]
