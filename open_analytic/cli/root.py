"""The command ``open-analytic``: its nouns, each in a file of its own, and what comes before them."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from open_analytic.cli import (
    backup,
    clustering,
    collection,
    db,
    demo,
    doctor,
    failures,
    import_,
    models,
    pipeline,
    rows,
    search,
    serve,
    sql,
    streams,
    verify,
)
from open_analytic.cli.context import Context, command, group, signed
from open_analytic.errors import OpenAnalyticError

ORDER = ("pipeline", "collection", "import", "search", "verify", "serve", "sql", "models", "db", "doctor", "demo")


class _InOrder(TyperGroup):
    """Commands in the order one meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name="open-analytic",
    cls=_InOrder,
    help="Deep-learning pipelines and vector search in your PostgreSQL.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Boxes and colours are for people; in a pipe help is plain text.
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
)


def _version(requested: bool) -> None:
    if requested:
        from open_analytic import __version__

        sys.stdout.write(f"open-analytic {__version__}\n")
        raise typer.Exit


def _root(
    context: Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Deep-learning pipelines and vector search in your PostgreSQL."""


app.callback()(signed(_root))
pipeline.add(group(app, "pipeline", "Create, show and run pipelines."))
collections = group(app, "collection", "Tables of pictures with their vectors.")
collection.add(collections)
clustering.add(collections)
rows.add(collections)
command(app, "import")(import_.import_)
command(app, "search")(search.search)
command(app, "verify")(verify.verify)
command(app, "serve")(serve.serve)
command(app, "sql")(sql.sql)
models.add(group(app, "models", "The neural networks on this machine."))
database = group(app, "db", "The database: its schema, its embedded server, backups, psql.")
db.add(database)
backup.add(database)
command(app, "doctor")(doctor.doctor)
command(app, "demo")(demo.demo)


def run() -> None:
    """What ``open-analytic`` and ``python -m open_analytic`` do."""
    streams.interrupt_in_order()
    try:
        try:
            app(prog_name="open-analytic")
        finally:
            streams.interrupt_at_once()  # nothing is under way any more
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(streams.INTERRUPTED)
    except OSError as error:  # of --version and --help; commands report their own
        sys.exit(failures.unwritten(error))
    except OpenAnalyticError as error:
        failures.report(Context(), error)
        sys.exit(error.exit_code)
