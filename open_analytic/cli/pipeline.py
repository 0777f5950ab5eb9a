"""``open-analytic pipeline``: create, list, show, run, drop."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import cli_args, verify
from open_analytic.cli.context import Context, command
from open_analytic.cli.failures import SOME_FAILED, report
from open_analytic.cli.output import format_value, print_json, print_record, print_table, say
from open_analytic.errors import BadParameter, OpenAnalyticError, UnreadableFile
from open_analytic.regions import Box
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from open_analytic.types import PipelineInfo

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the pipeline, such as general_feature_extractor.")]
Files = Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Pictures or texts; - is standard input.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the pipeline, such as face=all. Repeatable."),
]


def add(app: typer.Typer) -> None:
    """Register the commands of the noun."""
    command(app, "create")(create)
    command(app, "list")(list_)
    command(app, "show")(show)
    command(app, "run")(run)
    command(app, "calibrate")(verify.calibrate)
    command(app, "drop")(drop)


def create(
    context: Context,
    name: Name,
    definition: Annotated[
        Path | None,
        typer.Option(help="TOML or JSON file with your own steps, - for standard input. Default: the preset NAME."),
    ] = None,
) -> None:
    """Register a pipeline: a preset, or your own.

    The same definition again changes nothing; a changed one becomes a new version.
    """
    text = None if definition is None else _definition(definition)
    with context.open() as db:
        info = db.pipeline_create(name, text)
    if context.json:
        print_json(info)
    else:
        say(f"{info.name} version {info.version}: {_gives(info)}")


def list_(context: Context) -> None:
    """List the registered pipelines."""
    with context.open() as db:
        infos = db.pipelines()
    if context.json:
        print_json(infos)
    elif infos:
        rows = [[info.name, info.version, info.dim, info.output, info.created_at] for info in infos]
        print_table(["name", "version", "dim", "output", "created_at"], rows, right=["version", "dim"])
    else:
        say("No pipeline is registered yet: open-analytic pipeline create general_feature_extractor")


def show(
    context: Context,
    name: Name,
    definition: Annotated[
        bool, typer.Option("--definition", help="Print its definition as JSON, as pipeline create takes it.")
    ] = False,
) -> None:
    """Show a pipeline with its steps."""
    with context.open() as db:
        info = db.pipeline(name)
        tables = db.pipeline_rates(name)
    if definition:
        print_json(info.definition)
        return
    if context.json:
        print_json(jsonable(info) | {"rates": tables})
        return
    print_record(
        {
            "name": info.name,
            "version": info.version,
            "description": info.definition.get("description"),
            "input": info.input,
            "output": info.output,
            "dim": info.dim,
            "parameters": info.definition.get("parameters"),
            "hash": info.hash,
            "created_at": info.created_at,
        }
    )
    for number, step in enumerate(info.definition["steps"], 1):
        say(f"step {number}: {_step({'input': info.input} | step)}")
    say(f"output: {format_value(info.definition['output'])}")
    for table in tables:
        verify.print_rates(table)


def run(
    context: Context,
    name: Name,
    files: Files = None,
    text: Annotated[str | None, typer.Option(help="A text to run on, instead of FILE.")] = None,
    param: Parameters = None,
) -> None:
    """Run a pipeline on files or on a text and print what it gives.

    With --json, one FILE prints the outputs as Python and SQL give them, several a list of {"name", "output"} or
    {"name", "error"}. When some of several fail the exit code is 9.
    """
    if (text is None) == (not files):
        raise BadParameter("A pipeline runs on files, or on a text.", hint="Give FILE, or --text TEXT.")
    with context.open() as db:
        parameters = cli_args.parameters(param or [])
        if not files or len(files) == 1:
            data = cli_args.data(files[0], db.settings.max_bytes) if files else text or ""
            output = db.pipeline_run(name, data, **parameters)
            print_json(output) if context.json else _print_output(output)
            return
        plan = db.plan(name, parameters)
        items = (_read(file, db.settings.max_bytes) for file in files)
        failed = _print_many(context, files, db.engine.run_many(plan, items))
    if failed:
        raise typer.Exit(SOME_FAILED)


def drop(context: Context, name: Name) -> None:
    """Take a pipeline out of use.

    Refused while a collection holds its features.
    """
    with context.open() as db:
        db.pipeline_drop(name)
    if context.json:
        print_json({"dropped": name})
    else:
        say(f"{name} is dropped.")


def _definition(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"The definition {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}.",
            hint="Give a TOML or JSON file, or - for standard input.",
        ) from error


def _gives(info: "PipelineInfo") -> str:
    size = f", {info.dim:,} numbers a vector" if info.dim else ""
    return f"{info.input} -> {', '.join(info.output)}{size}"


def _step(step: Mapping[str, Any]) -> str:
    """``embed(image) -> vectors, model efficientnet_lite2, scale 2``."""
    inputs, output = step.get("input", ""), step.get("output", "")
    rest = {key: value for key, value in step.items() if key not in ("operator", "input", "output")}
    words = [f"{key} {format_value(value)}" for key, value in rest.items()]
    return ", ".join([f"{step['operator']}({format_value(inputs)}) -> {format_value(output)}", *words])


def _read(file: Path, max_bytes: int) -> bytes | OpenAnalyticError:
    try:
        return cli_args.data(file, max_bytes)
    except OpenAnalyticError as error:
        return error


def _print_many(context: Context, files: list[Path], results: Iterable[Any]) -> bool:
    """Each file's output in order; whether some failed."""
    answers = []
    for file, result in zip(files, results, strict=True):
        if isinstance(result, OpenAnalyticError):
            answers.append({"name": str(file), "error": result.as_dict()})
            if not context.json:
                report(context, result, before="" if str(file) in result.message else f"{file}: ")
        else:
            answers.append({"name": str(file), "output": result.output})
            if not context.json:
                say(f"{file}:")
                _print_output(result.output)
    if context.json:
        print_json(answers)
    return any("error" in answer for answer in answers)


def _print_output(output: Mapping[str, Any]) -> None:
    """For a person: long lists of numbers by their first few."""
    for key, value in output.items():
        records = value if isinstance(value, list) and value and isinstance(value[0], Mapping) else None
        if records is None:
            say(f"{key}: {_short(value) or 'none'}")
        else:
            say(f"{key}: {len(records)}")
            print_table(list(records[0]), [[_short(item) for item in record.values()] for record in records])


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        if set(value) == {"x", "y", "width", "height"}:
            return Box(**value).label
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    if isinstance(value, list):
        if value and isinstance(value[0], list):
            return f"{len(value)} x [{_short(value[0])}]" if len(value[0]) > 2 else _points(value)
        if len(value) > 6:
            return f"{len(value):,} numbers: {', '.join(map(format_value, value[:4]))}, ..."
    return format_value(value)


def _points(points: list[list[float]]) -> str:
    return " ".join(f"({x:.0f},{y:.0f})" for x, y in points)
