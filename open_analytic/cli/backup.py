"""``open-analytic db backup`` and ``restore``: one file with everything, by PostgreSQL's own programs."""

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from open_analytic.cli import db
from open_analytic.cli.context import Context, command
from open_analytic.cli.output import say
from open_analytic.errors import Conflict, DatabaseError, NotFound, UnreadableFile
from open_analytic.util import libpq

if TYPE_CHECKING:
    from open_analytic.embedded import Server

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file in pg_dump's custom format.")]


def add(app: typer.Typer) -> None:
    """Register the commands of the noun."""
    command(app, "backup")(backup)
    command(app, "restore")(restore)


def backup(context: Context, file: File) -> None:
    """Write the whole database to a file.

    Other commands can use the database meanwhile. A file that is there already stays, and the command ends with
    exit code 5.
    """
    if file.exists():
        raise Conflict(f"{str(file)!r} is there already.", hint="Give another name, or move that file away first.")
    temporary = file.with_name(f"{file.name}.part")
    try:
        with db.connection(context) as (dsn, server):
            _run("pg_dump", dsn, server, "--format=custom", f"--file={temporary.absolute()}")
        temporary.rename(file)
    finally:
        temporary.unlink(missing_ok=True)
    say(f"{file}: {file.stat().st_size:,} bytes")


def restore(context: Context, file: File) -> None:
    """Fill a database that has no collections from a file that backup wrote.

    The database becomes what it was, and is then brought up to date. One that has collections is left as it is, and
    the command ends with exit code 5.
    """
    from open_analytic.store import collections, schema
    from open_analytic.store.connection import connect

    if not file.is_file():
        raise UnreadableFile(f"There is no file {str(file)!r}.", hint="Give a file that `db backup` wrote.")
    with db.connection(context) as (dsn, server):
        schema.upgrade(dsn)  # makes the roles that the file's grants name
        with connect(dsn) as connection:
            there = [info.name for info in collections.all(connection)]
        if there:
            raise Conflict(
                f"The database has collections: {', '.join(there[:5])}.",
                hint="Restore into a new one: `open-analytic --home NEW_FOLDER db restore FILE`.",
            )
        options = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
        _run("pg_restore", dsn, server, *options, str(file.absolute()))
        schema.upgrade(dsn)
    say("Restored.")


def _run(program: str, dsn: str, server: "Server | None", *words: str) -> None:
    """One of PostgreSQL's client programs; what it says becomes the error."""
    conninfo, environment = (dsn, libpq.environment()) if server else db.without_password(dsn)
    path = server.bin / program if server else _on_path(program)
    done = subprocess.run(
        [path, f"--dbname={conninfo}", *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or [f"exit code {done.returncode}"]
        raise DatabaseError(
            f"{program} failed: {lines[0]}", hint="The database is as it was. Use the programs of the server's version."
        )


def _on_path(program: str) -> Path:
    path = shutil.which(program)
    if path is None:
        raise NotFound(f"{program} is not on the PATH.", hint="Install PostgreSQL's client programs.")
    return Path(path)
