"""``open-analytic import``: folders and files into a collection."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import given
from open_analytic.cli.context import Context
from open_analytic.cli.failures import SOME_FAILED, as_command
from open_analytic.cli.output import print_json, say
from open_analytic.cli.progress import bar
from open_analytic.errors import BadParameter, OpenAnalyticError

if TYPE_CHECKING:
    from open_analytic.types import ImportReport

MOST = 40  # failures named on a terminal


def import_(
    context: Context,
    source: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Folders and files; - reads paths from standard input.")
    ],
    collection: Annotated[str, typer.Option(help="The collection to import into.")],
    values: Annotated[
        Path | None,
        typer.Option(help="CSV (with a column image_name) or JSON file with values of your columns by picture."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A column's value for every picture. Repeatable."),
    ] = None,
) -> None:
    """Import folders and files of pictures.

    New ones are added, changed files replace what was there, the rest is left alone. A run that was stopped goes on
    where it was: give the same command again. A picture that cannot be used is listed with its reason and the others
    go on; the exit code is 9 then, 0 when every picture is in.
    """
    places = _places(source)
    chosen = _values(values, given.texts(set_ or [], "--set"))
    with context.open() as db:
        target = db.collection(collection)
        for model in target.models:
            with bar(f"model {model}") as progress:
                db.library.pull([model], progress)
        with bar(collection) as progress:
            report = target.import_files(places, values=chosen, progress=progress)
    if context.json:
        print_json(_record(report))
    else:
        _print(collection, report)
    if report.failed:
        raise typer.Exit(SOME_FAILED)


def _places(words: list[str]) -> list[Path]:
    """The paths given, those of standard input for ``-``: one a line, or separated by NUL (find -print0)."""
    if words != ["-"]:
        if "-" in words:
            raise BadParameter("- stands for all paths.", hint="Give either - or paths.")
        return [Path(word) for word in words]
    given_bytes = sys.stdin.buffer.read()
    parts = given_bytes.split(b"\0") if b"\0" in given_bytes else given_bytes.splitlines()
    return [Path(os.fsdecode(part)) for part in parts if part]


def _values(file: Path | None, fixed: dict[str, str]) -> Callable[[str], dict[str, Any]] | None:
    """What --values says of a picture, and what --set says of all."""
    if file is None and not fixed:
        return None
    by_name = given.values(file) if file else {}
    return lambda name: fixed | by_name.get(name, {})


def _record(report: "ImportReport") -> dict[str, Any]:
    return {
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rows": report.rows,
        "failed": [{"name": failure.name, "error": _known(failure.error).as_dict()} for failure in report.failed],
        "seconds": round(report.seconds, 3),
    }


def _print(collection: str, report: "ImportReport") -> None:
    counts = ("added", "updated", "unchanged")
    words = [f"{getattr(report, name):,} {name}" for name in counts]
    say(f"{collection}: {', '.join(words)}, {len(report.failed):,} failed, in {report.seconds:.1f} s")
    if report.failed:
        _print_failed(report)
    elif not report.added + report.updated + report.unchanged:
        say("There was no picture: of a folder the files with a picture's suffix are taken (.jpg, .png, .webp, ...).")


def _print_failed(report: "ImportReport") -> None:
    """Each reason once, the pictures it holds for below it."""
    reasons: dict[str, list[str]] = {}
    left = MOST if sys.stdout.isatty() else len(report.failed)
    for failure in report.failed:
        error = _known(failure.error)
        words = filter(None, (f"{type(error).__name__}: {error.message}", as_command(error.hint or "")))
        reasons.setdefault(" ".join(words), []).append(failure.name)
    for reason, names in reasons.items():
        say(f"{len(names):,} failed with {reason}")
        for name in names[:left]:
            say(f"  {name}")
        if len(names) > left:
            say(f"  ... and {len(names) - left:,} more; --json lists all")
        left = max(left - len(names), 0)


def _known(error: Exception) -> OpenAnalyticError:
    return error if isinstance(error, OpenAnalyticError) else OpenAnalyticError(str(error))
