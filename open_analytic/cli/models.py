"""``open-analytic models``: pull, list, verify, show."""

from typing import Annotated

import typer

from open_analytic.cli.context import Context, command
from open_analytic.cli.output import print_json, print_record, print_table, say
from open_analytic.cli.progress import bar
from open_analytic.errors import ModelCorrupt, ModelUnavailable
from open_analytic.util.jsonable import jsonable

Names = Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Names of models. Default: all.")]


def add(app: typer.Typer) -> None:
    """Register the commands of the noun."""
    command(app, "pull")(pull)
    command(app, "list")(list_)
    command(app, "verify")(verify)
    command(app, "show")(show)


def pull(context: Context, names: Names = None) -> None:
    """Fetch and build models that are not here yet.

    Each is checked by its hash. A pipeline pulls what it needs by itself, on first use.
    """
    from open_analytic.models.library import Library

    library = Library(context.settings)
    with bar("models") as progress:
        pulled = library.pull(names or None, progress)
    if context.json:
        print_json({"pulled": pulled, "models": library.verify(names or None)})
    else:
        say(f"pulled: {', '.join(pulled)}" if pulled else "Everything is here already.")


def list_(context: Context) -> None:
    """List the models with task, licence and state."""
    from open_analytic.models.library import Library

    statuses = Library(context.settings).status()
    if context.json:
        print_json(statuses)
        return
    rows = [[status.name, status.task, status.licence, status.state, _size(status.bytes)] for status in statuses]
    print_table(["name", "task", "licence", "state", "size"], rows, right=["size"])


def verify(context: Context, names: Names = None) -> None:
    """Hash the files of models once more.

    What was truncated or tampered with is named, and the exit code is 6.
    """
    from open_analytic.models.library import Library

    statuses = Library(context.settings).verify(names or None)
    if context.json:
        print_json(statuses)
    else:
        print_table(["name", "state", "path"], [[status.name, status.state, status.path] for status in statuses])
    bad = [status.name for status in statuses if status.state not in ("ready", "missing")]
    if bad:
        raise ModelCorrupt(
            f"Not as they should be: {', '.join(bad)}.",
            hint=f"`open-analytic models pull {' '.join(bad)}` fetches them again.",
        )
    absent = [status.name for status in statuses if status.state == "missing"]
    if names and absent:
        raise ModelUnavailable(
            f"Not here: {', '.join(absent)}.", hint=f"`open-analytic models pull {' '.join(absent)}` fetches them."
        )


def show(context: Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")]) -> None:
    """Show a model's card.

    Where it comes from, its licence, what goes in and what comes out.
    """
    from open_analytic.models.library import Library

    library = Library(context.settings)
    card = library.card(name)
    (status,) = library.verify([name])
    record = jsonable(card) | {"state": status.state, "path": str(status.path), "identity": card.identity()}
    if context.json:
        print_json(record)
    else:
        print_record(record)


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.1f} MB"
