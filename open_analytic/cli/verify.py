"""``open-analytic verify``, and ``open-analytic pipeline calibrate``, which measures what it decides by."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import cli_args
from open_analytic.cli.context import Context
from open_analytic.cli.failures import SOME_FAILED, report
from open_analytic.cli.output import print_json, print_table, say
from open_analytic.cli.progress import bar
from open_analytic.errors import BadParameter, OpenAnalyticError, UnreadableFile
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from open_analytic.types import Calibration, Rate, RateTable, Verification
    from open_analytic.verification import Pair

COLUMNS = ("a", "b", "same")
WORDS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "same"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "different"), False),
}
MetricName = Annotated[str, typer.Option(help="The distance: l2, cosine or ip.")]


def verify(
    context: Context,
    a: Annotated[Path, typer.Argument(metavar="A", help="A picture; - is standard input.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The picture to compare it with.")],
    pipeline: Annotated[str, typer.Option(help="The pipeline whose distances decide.")] = "face_feature_extractor",
    false_accept_rate: Annotated[
        float, typer.Option(help="Share of different pairs that can be taken for the same.")
    ] = 0.01,
    metric: MetricName = "l2",
) -> None:
    """Say whether two pictures show the same person.

    It is decided by distances that were measured on labelled pairs. Of a picture with several faces the largest counts.
    """
    with context.open() as db:
        both = [cli_args.data(file, db.settings.max_bytes) for file in (a, b)]
        rules: Any = {"false_accept_rate": false_accept_rate, "metric": metric}  # checked where they are used
        result = db.verify(both[0], both[1], pipeline, **rules)
    print_json(result) if context.json else _print(result)


def calibrate(
    context: Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the pipeline, such as face_feature_extractor.")],
    pairs: Annotated[
        Path, typer.Option(help="CSV with the columns a, b and same (1 or 0); paths are relative to the file.")
    ],
    source: Annotated[
        str | None, typer.Option(help="Whose pairs they are, kept beside the table. Default: the name of the file.")
    ] = None,
    metric: MetricName = "l2",
) -> None:
    """Measure on labelled pairs what distances of a pipeline are worth.

    verify decides by it from then on. A picture that cannot be used is listed with its reason, its pairs are left out
    and the others go on; the exit code is 9 then.
    """
    labelled = read_pairs(pairs)
    with context.open() as db:
        for model in db.plan(name).models:
            with bar(f"model {model}") as progress:
                db.library.pull([model], progress)
        with bar(name) as progress:
            rules: Any = {"source": source or pairs.name, "metric": metric}  # checked where they are used
            done = db.pipeline_calibrate(name, labelled, progress=progress, **rules)
    _print_calibration(context, done)
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def read_pairs(file: Path) -> "list[Pair]":
    """The labelled pairs of a CSV; its first line names the columns, in any order, others are left alone."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"The pairs in {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}.",
            hint="Give a .csv file in UTF-8.",
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return list(_pairs(file, reader))
    except csv.Error as error:
        raise BadParameter(f"{file} is not CSV: line {reader.line_num}: {error}.", hint="Quote the cell.") from error


def print_rates(table: "RateTable") -> None:
    """A table of rates, with what it was measured on."""
    say(
        f"rates of {table.metric}, measured on {table.same_pairs:,} same and {table.different_pairs:,} different pairs "
        f"on {table.measured_at:%Y-%m-%d}: {table.source}"
    )
    names = ["false_accept_rate", "distance", "true_accept_rate", "false_accepts", "upper_bound"]
    print_table(names, [_cells(line) for line in table.rates], right=names)


def _pairs(file: Path, reader: "csv.DictReader[str]") -> "Iterator[Pair]":
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise BadParameter(
            f"{file} has no column {missing[0]!r}.", hint=f"The first line names the columns: {','.join(COLUMNS)}."
        )
    for row in reader:
        a, b, same = (row[column] for column in COLUMNS)
        where = f"Line {reader.line_num} of {file}"
        if None in row or None in row.values():
            raise BadParameter(f"{where} has not as many cells as its first line.", hint="Correct it.")
        if not a or not b:
            raise BadParameter(f"{where} names no picture in column {'b' if a else 'a'!r}.", hint="Correct it.")
        if same.strip().lower() not in WORDS:
            raise BadParameter(f"{where}: same is {same!r}.", hint="Write 1 (the same) or 0 (different).")
        yield file.parent / a, file.parent / b, WORDS[same.strip().lower()]


def _cells(line: "Rate") -> list[str]:
    """Rates with the digits they have, what was measured with four."""
    measured = (f"{line.true_accept_rate:.4f}", f"{line.false_accepts:,}", f"{line.upper_bound:.2g}")
    return [f"{line.false_accept_rate:g}", f"{line.distance:.4f}", *measured]


def _print(result: "Verification") -> None:
    verdict, is_below = ("same", "is below") if result.same else ("different", "is not below")
    say(
        f"{verdict}: distance {result.distance:.4f} {is_below} {result.threshold:.4f}, where at most "
        f"{100 * result.false_accept_rate:g} % of different and {100 * result.true_accept_rate:.3g} % of same pairs are"
    )


def _print_calibration(context: Context, done: "Calibration") -> None:
    if context.json:
        failed = [{"name": failure.name, "error": _typed(failure.error).as_dict()} for failure in done.failed]
        print_json(jsonable(done.table) | {"skipped": done.skipped, "failed": failed})
        return
    say(f"{done.table.pipeline} version {done.table.version} is calibrated.")
    print_rates(done.table)
    if done.failed:
        say(f"{len(done.failed):,} pictures failed, {done.skipped:,} pairs were left out.")
    for failure in done.failed:
        report(context, _typed(failure.error), before=f"{failure.name}: ")


def _typed(error: Exception) -> OpenAnalyticError:
    return error if isinstance(error, OpenAnalyticError) else OpenAnalyticError(str(error))
