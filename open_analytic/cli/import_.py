"""``open-analytic import``: folders, files and tables of texts into a collection."""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from open_analytic.cli import cli_args
from open_analytic.cli.context import Context
from open_analytic.cli.failures import SOME_FAILED, as_command
from open_analytic.cli.output import print_json, say
from open_analytic.cli.progress import bar
from open_analytic.errors import BadParameter, OpenAnalyticError

if TYPE_CHECKING:
    from open_analytic.importer import Defaults
    from open_analytic.kinds.kind import Kind
    from open_analytic.types import CollectionInfo, Failure, ImportReport

MOST = 40  # failures named on a terminal
Source = Annotated[
    list[str], typer.Argument(metavar="SOURCE", help="Folders and files; - reads paths from standard input.")
]
Name = Annotated[str, typer.Option(help="The collection to import into.")]
ValuesFile = Annotated[
    Path | None,
    typer.Option(help="CSV (with a column image_name or text_name) or JSON file with values of your columns."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A column's value for every picture. Repeatable."),
]
Conflict = Annotated[
    str,
    typer.Option(
        metavar="CHOICE", help="When a picture of another source has the name: error, skip, replace or keep_both."
    ),
]
TextColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column of CSV or JSONL files that holds the text: text.")
]
NameColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column of CSV or JSONL files that names a text: name.")
]


def import_(
    context: Context,
    source: Source,
    collection: Name,
    values: ValuesFile = None,
    set_: Set = None,
    on_conflict: Conflict = "error",
    text_column: TextColumn = None,
    name_column: NameColumn = None,
) -> None:
    """Import folders and files of pictures, or texts.

    New ones are added, those of changed files and values updated, the rest is left alone. A run that was stopped
    goes on where it was: give the same command again. What cannot be used is listed with its reason and the others go
    on; the exit code is 9 then, 0 when everything is in. A picture of another folder never takes the place of one that
    has its name: the command ends with exit code 5 before anything is written, or --on-conflict decides. A collection
    of texts takes CSV and JSONL files with a text a row, and .txt and .md files with one each.
    """
    places = _places(source)
    _check_choice(on_conflict)
    every = cli_args.texts(set_ or [], "--set")
    text = cli_args.read(values) if values else ""
    with context.open() as db:
        target = db.collection(collection)
        chosen = _values(values, text, every, target.info)
        for model in target.models:
            with bar(f"model {model}") as progress:
                db.library.pull([model], progress)
        with bar(collection) as progress:
            report = target.import_files(
                places,
                values=chosen,
                on_conflict=on_conflict,  # type: ignore[arg-type]  # checked above
                progress=progress,
                name_column=name_column,
                text_column=text_column,
            )
        kind = target.kind
    finish(context, collection, kind, report)


def finish(context: Context, collection: str, kind: "Kind", report: "ImportReport") -> None:
    """Print what an import did; exit code 9 when some of it failed."""
    if context.json:
        print_json(_record(report))
    else:
        _print(collection, kind, report)
    if report.failed:
        raise typer.Exit(SOME_FAILED)


def _places(words: list[str]) -> list[Path]:
    """The paths given, those of standard input for ``-``: one a line, or separated by NUL (find -print0)."""
    if words != ["-"]:
        if "-" in words:
            raise BadParameter("- stands for all paths.", hint="Give either - or paths.")
        return [Path(word) for word in words]
    given_bytes = sys.stdin.buffer.read()
    names = given_bytes.split(b"\0") if b"\0" in given_bytes else given_bytes.splitlines()
    return [Path(os.fsdecode(name)) for name in names if name]


def _check_choice(on_conflict: str) -> None:
    from open_analytic.types import OnConflict

    choices = get_args(OnConflict)
    if on_conflict not in choices:
        raise BadParameter(f"--on-conflict is {on_conflict!r:.80}.", hint=f"Choose of: {', '.join(choices)}.")


def _values(file: Path | None, text: str, every: dict[str, str], info: "CollectionInfo") -> "Defaults | None":
    """What --values says of a picture, and what --set says of all."""
    from open_analytic.importer import Defaults

    if file is None and not every:
        return None
    ours = {"file", *(("part", info.region) if info.region else ())} - info.columns.keys()  # what exports write, too
    return Defaults(every=every, by_name=cli_args.parse(file, text, info.inputs.name, ours) if file else {})


COUNTS = ("added", "updated", "unchanged", "skipped", "without_regions")


def _record(report: "ImportReport") -> dict[str, Any]:
    failed = [{"name": failure.name, "error": _typed(failure.error).as_dict()} for failure in report.failed]
    return {
        **{name: getattr(report, name) for name in COUNTS},
        "without_face": report.without_regions,  # its older name
        "rows": report.rows,
        "failed": failed,
        "left_out": list(report.left_out),
        "unmatched": list(report.unmatched),
        "ignored_columns": list(report.ignored_columns),
        "seconds": round(report.seconds, 3),
    }


def _print(collection: str, kind: "Kind", report: "ImportReport") -> None:
    always = COUNTS[:3]
    counts = {name: getattr(report, name) for name in COUNTS}
    words = [f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items() if n or name in always]
    say(f"{collection}: {', '.join(words)}, {len(report.failed):,} failed, in {report.seconds:.1f} s")
    if report.left_out:
        _print_left_out(report)
    if report.ignored_columns:
        say(f"Columns that the collection does not have were ignored: {', '.join(report.ignored_columns)}")
    if report.unmatched:
        _print_unmatched(report.unmatched)
    if report.failed:
        _print_failed(report)
    elif not sum(counts.values()):
        suffixes = ", ".join(sorted(kind.suffixes))
        say(f"There was no {kind.noun}: of a folder the files with these suffixes are taken: {suffixes}.")


def _print_left_out(report: "ImportReport") -> None:
    """How many files of which types were not taken; what would help once for all types that it helps."""
    types = ", ".join(f"{each.count:,} {each.type}" for each in report.left_out)
    total = sum(each.count for each in report.left_out)
    say(f"{total:,} {'file' if total == 1 else 'files'} left out: {types}")
    helped: dict[str, list[str]] = {}
    for each in report.left_out:
        if each.hint:
            helped.setdefault(each.hint, []).append(each.type)
    for hint, names in helped.items():
        say(f"  {', '.join(names)}: {hint}")


def _print_unmatched(names: Sequence[str]) -> None:
    say(f"{len(names):,} {'row' if len(names) == 1 else 'rows'} of --values named no picture:")
    most = MOST if sys.stdout.isatty() else len(names)
    for name in names[:most]:
        say(f"  {name}")
    if len(names) > most:
        say(f"  ... and {len(names) - most:,} more; --json lists all")


def _print_failed(report: "ImportReport") -> None:
    """Each reason once, the pictures it holds for below it."""
    reasons: dict[str, list[str]] = {}
    left = MOST if sys.stdout.isatty() else len(report.failed)
    for failure in report.failed:
        error = _typed(failure.error)
        message = _without(failure.name, error.message.removeprefix(f"{failure.place}: "))
        words = filter(None, (f"{type(error).__name__}: {message}", as_command(error.hint or "")))
        reasons.setdefault(" ".join(words), []).append(_where(failure))
    for reason, names in reasons.items():
        say(f"{len(names):,} failed with {reason}")
        for name in names[:left]:
            say(f"  {name}")
        if len(names) > left:
            say(f"  ... and {len(names) - left:,} more; --json lists all")
        left = max(left - len(names), 0)


def _where(failure: "Failure") -> str:
    """The name, and the line of a table."""
    return f"{failure.name} ({failure.place})" if failure.place else failure.name


def _without(name: str, message: str) -> str:
    """A reason that names its picture, as it reads for all pictures it holds for."""
    return re.sub(rf"(?<!\S)['\"]?[^\s'\"]*{re.escape(name)}['\"]?(?=[\s,.:]|$)", "the picture", message)


def _typed(error: Exception) -> OpenAnalyticError:
    return error if isinstance(error, OpenAnalyticError) else OpenAnalyticError(str(error))
