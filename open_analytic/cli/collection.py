"""``open-analytic collection``: create, list, show, index, measure-index, drop."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from open_analytic.cli import cli_args, import_
from open_analytic.cli.context import Context, command
from open_analytic.cli.output import note, print_json, print_record, print_table, say
from open_analytic.cli.pipeline import Parameters
from open_analytic.cli.progress import bar
from open_analytic.errors import BadParameter, NotFound
from open_analytic.render.recall_curve import RANKS
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from open_analytic.collection import Collection
    from open_analytic.types import RecallCurve

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the collection: table, or schema.table.")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the recall curve of its index: .svg.")]


def add(app: typer.Typer) -> None:
    """Register the commands of the noun."""
    command(app, "create")(create)
    command(app, "adopt")(adopt)
    command(app, "list")(list_)
    command(app, "show")(show)
    command(app, "index")(index)
    command(app, "measure-index")(measure_index)
    command(app, "calibrate", hidden=True)(measure_index)  # its old name
    command(app, "evaluate")(evaluate)
    command(app, "drop")(drop)


def create(
    context: Context,
    name: Name,
    pipeline: Annotated[str, typer.Option(help="The registered pipeline whose vectors it holds.")],
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:TYPE", help="A column of your own, such as district:text. Repeatable."),
    ] = None,
    metric: Annotated[str, typer.Option(help="How near two vectors are: l2, cosine or ip (inner product).")] = "l2",
    param: Parameters = None,
    exist_ok: Annotated[
        bool, typer.Option("--exist-ok", help="Show the one that is there when it is alike; nothing is changed.")
    ] = False,
) -> None:
    """Create a table for pictures and their vectors.

    It is bound to the pipeline's present version, and to the parameters given.
    """
    from open_analytic.types import Metric

    if metric not in get_args(Metric):
        raise BadParameter(f"There is no metric {metric!r}.", hint=f"Choose of: {', '.join(get_args(Metric))}.")
    columns, parameters = cli_args.columns(column or []), cli_args.parameters(param or [])
    with context.open() as db:
        info = db.create_collection(
            name,
            pipeline=pipeline,
            columns=columns,
            metric=metric,  # type: ignore[arg-type]  # checked above
            parameters=parameters,
            exist_ok=exist_ok,
        )
        _print(context, info)


def adopt(
    context: Context,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Your table: its name, or schema.table.")],
    pipeline: Annotated[str, typer.Option(help="The registered pipeline whose vectors it holds.")],
    metric: Annotated[str, typer.Option(help="How near two vectors are: l2, cosine or ip (inner product).")] = "l2",
    param: Parameters = None,
    name_column: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column with the names.")] = None,
    data_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column with the bytes or texts.")
    ] = None,
    feature_column: Annotated[str, typer.Option(metavar="COLUMN", help="The column with the vectors.")] = "feature",
    feature_version: Annotated[
        int | None, typer.Option(min=1, help="The version of the pipeline that made the vectors of the table.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Compute the vectors of rows that have bytes and none.")] = False,
) -> None:
    """Make a collection of your own table; its rows, columns, indexes and owner stay.

    Columns that a collection needs are added. Nothing else is changed: where a column has another type, the
    error lists the statements for you to run.
    """
    with context.open() as db:
        adopted = db.adopt(
            table,
            pipeline=pipeline,
            metric=metric,  # type: ignore[arg-type]  # checked by the collection's shape
            parameters=cli_args.parameters(param or []),
            name_column=name_column,
            data_column=data_column,
            feature_column=feature_column,
            feature_version=feature_version,
        )
        if run:
            with bar(adopted.name) as progress:
                report = db.compute_features(adopted.name, progress=progress)
            import_.finish(context, adopted.name, adopted.kind, report)
        else:
            _print(context, adopted)


def list_(context: Context) -> None:
    """List the collections with how much is in them."""
    with context.open() as db:
        records = [_record(collection) for collection in db.collections()]
    if context.json:
        print_json(records)
    elif records:
        names = ["name", "pipeline", "version", "dim", "metric", "columns", "pictures", "rows", "index"]
        print_table(
            names, [[row[name] for name in names] for row in records], right=["version", "dim", "pictures", "rows"]
        )
    else:
        say("There is no collection yet: open-analytic collection create NAME --pipeline general_feature_extractor")


def show(context: Context, name: Name, plot: Plot = None) -> None:
    """Show a collection: pipeline, columns, counts, index."""
    _check(plot)
    with context.open() as db:
        collection = db.collection(name)
        if plot:
            _draw(plot, collection, collection.recall_curve())
        _print(context, collection)


def index(
    context: Context,
    name: Name,
    m: Annotated[int, typer.Option("--m", min=2, max=100, help="Neighbours a vector keeps in the graph.")] = 16,
    ef_construction: Annotated[
        int, typer.Option(min=4, max=1000, help="Candidates looked at while building; more is slower and better.")
    ] = 200,
    partition_by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Give each value that a thousand rows have an index of its own."),
    ] = None,
) -> None:
    """Build the HNSW index again, or with --partition-by those of a column's values.

    Searches go on meanwhile. An import builds the first one by itself.
    """
    with context.open() as db:
        collection = db.collection(name)
        with bar(name) as progress:
            collection.create_index(m=m, ef_construction=ef_construction, partition_by=partition_by, progress=progress)
        if context.json:
            print_json({"name": collection.name, "index": collection.index()})
        else:
            say(f"The index of {collection.name} is {collection.index()}.")


def measure_index(
    context: Context,
    name: Name,
    queries: Annotated[int, typer.Option(min=1, max=10_000, help="Rows that are searched for.")] = 200,
    seconds: Annotated[float, typer.Option(help="Time limit, approximately; with less time fewer queries run.")] = 60.0,
    plot: Plot = None,
) -> None:
    """Measure recall and time of the index, so that searches keep their recall.

    Imports do it after they build the first index, and after they change much.
    """
    _check(plot)
    with context.open() as db:
        collection = db.collection(name)
        with bar(f"measuring the index of {name}"):
            curve = collection.measure_index(queries=queries, seconds=seconds)
    print_json(curve) if context.json else _print_curve(curve)
    if plot:
        _draw(plot, collection, curve)


def _print_curve(curve: "RecallCurve") -> None:
    say(f"Measured with {curve.queries} rows of {curve.rows:,} as queries. Every row takes {curve.exact_ms:.1f} ms.")
    ranks = [rank for rank in curve.ranks if rank in RANKS]
    lines = [
        [effort, f"{ms:.1f}", *(f"{recalls[curve.ranks.index(rank)]:.3f}" for rank in ranks), _bar(recalls[0])]
        for effort, ms, recalls in zip(curve.efforts, curve.all_ms, curve.recalls, strict=True)
    ]
    headers = ["rows of the index", "ms", *(f"recall of {rank}" for rank in ranks)]
    print_table([*headers, "of the nearest"], lines, right=headers)


def evaluate(
    context: Context,
    name: Name,
    queries: Annotated[int, typer.Option(min=1, max=100_000, help="Rows that are searched for.")] = 100,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many hits each.")] = 10,
    filter_: cli_args.Filter = None,
    where: cli_args.Where = None,
    param: cli_args.Param = None,
    target_recall: cli_args.TargetRecall = 0.95,
) -> None:
    """Measure the recall that searches have, with rows of the collection as queries."""
    with context.open() as db, bar(f"searching {name}"):
        report = db.collection(name).evaluate(
            queries=queries,
            k=k,
            filter=cli_args.condition(filter_, where),
            target_recall=target_recall,
            params=cli_args.texts(param or [], "--param") or None,
        )
    if context.json:
        print_json(report)
        return
    plans = ", ".join(f"{count} {plan}" for plan, count in report.plans.items())
    verdict = "as asked" if report.recall >= report.target_recall else f"under the {report.target_recall:g} asked for"
    say(f"A recall of {report.recall:.3f}, {verdict}: {report.queries} searches ({plans}).")
    say(f"A search takes {report.ms:.1f} ms, measuring every row that matches {report.exact_ms:.1f} ms.")


def _check(plot: Path | None) -> None:
    """Before anything is measured."""
    if plot and plot.suffix.lower() != ".svg":
        raise BadParameter(f"A plot cannot be written as {plot.suffix or plot.name!r}.", hint="Use .svg.")


def _draw(path: Path, collection: "Collection", curve: "RecallCurve | None") -> None:
    from open_analytic.render import recall_curve
    from open_analytic.util import files

    if curve is None:
        raise NotFound(
            f"The index of {collection.name!r} was not measured yet.",
            hint="`open-analytic collection measure-index` does it.",
        )
    files.write(path, recall_curve.draw(curve, name=collection.name).encode(), what="plot")
    note(f"The plot is {path}.")


def _bar(recall: float) -> str:
    return "█" * round(20 * recall)


def drop(
    context: Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Drop a collection with its table, after asking. An adopted table stays, and is an ordinary one again."""
    with context.open() as db:
        collection = db.collection(name)
        adopted = collection.is_adopted()
        if not yes:
            _ask(collection, adopted=adopted)
        db.drop_collection(name)
    if context.json:
        print_json({"dropped": name})
    elif adopted:
        say(f"{name} is no collection any more. Your table stays, with its rows and columns.")
    else:
        say(f"{name} is dropped.")


def _ask(collection: "Collection", *, adopted: bool) -> None:
    count = f"{collection.count_rows():,} row{'' if collection.count_rows() == 1 else 's'}"
    if adopted:
        loss = f"{collection.name!r} is your own table with {count}: it stays, and would be no collection any more."
        question = f"Make {collection.name} an ordinary table again? Its {count} and all columns stay."
    else:
        loss = f"{collection.name!r} holds {count}, which would be gone."
        question = f"Drop {collection.name} with {count}?"
    if not sys.stdin.isatty():
        raise BadParameter(loss, hint="Say --yes where nobody can be asked.")
    typer.confirm(question, abort=True, err=True)


def _record(collection: "Collection") -> dict[str, Any]:
    record: dict[str, Any] = jsonable(collection.info)
    return record | {
        "pictures": collection.count(),
        "rows": collection.count_rows(),
        "index": collection.index(),
    }


def _print(context: Context, collection: "Collection") -> None:
    record = _record(collection)
    print_json(record) if context.json else print_record(record | {"created_at": collection.info.created_at})
