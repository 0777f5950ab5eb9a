"""``open-analytic search``: the nearest pictures of a collection."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import cli_args
from open_analytic.cli.context import Context
from open_analytic.cli.output import note, print_json, print_record, print_table, say
from open_analytic.errors import BadParameter, UnknownImage
from open_analytic.regions import TextSpan

if TYPE_CHECKING:
    from open_analytic.collection import Collection
    from open_analytic.search_options import SearchOptions
    from open_analytic.types import Hit, Text

EXCERPT = 60  # characters of a text in a table
Name = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection to search in.")]
QueryFile = Annotated[Path | None, typer.Argument(metavar="QUERY", help="The file to search for; - is standard input.")]
QueryText = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Search for a text, where the pipeline's input is text.")
]
Like = Annotated[str | None, typer.Option(metavar="NAME", help="Search for what the collection has under this name.")]
K = Annotated[int, typer.Option("-k", "--k", min=0, help="How many hits at most; 0: all within --max-distance.")]
MaxDistance = Annotated[float | None, typer.Option(help="Leave out what is further away.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say how the search is done and why, instead of its hits.")]
Sheet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a contact sheet of the hits: .jpg, .png or .webp.")
]


def search(
    context: Context,
    collection: Name,
    query: QueryFile = None,
    text: QueryText = None,
    like: Like = None,
    k: K = 10,
    filter_: cli_args.Filter = None,
    where: cli_args.Where = None,
    param: cli_args.Param = None,
    max_distance: MaxDistance = None,
    target_recall: cli_args.TargetRecall = 0.95,
    explain: Explain = False,
    sheet: Sheet = None,
) -> None:
    """Find the nearest pictures or texts, nearest first.

    Of a query with several faces the largest is searched for.
    """
    if sum(each is not None for each in (query, text, like)) != 1:
        raise BadParameter("There is no query.", hint="Give one of: a file's path, --text TEXT, or --like NAME.")
    condition = cli_args.condition(filter_, where)
    options = _options(k, condition, param or [], max_distance, target_recall)
    with context.open() as db:
        target = db.collection(collection)
        data = _query(target, query, text, like, db.settings.max_bytes)
        if sheet and not target.kind.drawable:
            raise BadParameter("A contact sheet shows pictures.", hint="Leave out --sheet.")
        if explain:
            _explain(context, target.explain_search(data, options=options))
            return
        hits = target.search(data, options=options)
        if sheet and isinstance(data, bytes):
            _write_sheet(sheet, target, data, f"{collection}: {like or (query.name if query else '')}", hits)
        excerpts = [_excerpt(target, hit) for hit in hits] if target.kind.encode and not context.json else []
    _print(context, hits, excerpts)
    if sheet:
        note(f"The contact sheet is {sheet}.")


def _options(
    k: int, condition: str | None, params: list[str], max_distance: float | None, target_recall: float
) -> "SearchOptions":
    from open_analytic.search_options import SearchOptions

    return SearchOptions(
        k=k or None,
        filter=condition,
        params=cli_args.texts(params, "--param") or None,
        max_distance=max_distance,
        target_recall=target_recall,
    )


def _explain(context: Context, explanation: dict[str, Any]) -> None:
    if context.json:
        print_json(explanation)
        return
    say(explanation.pop("reason"))
    alternatives = explanation.pop("alternatives")
    print_record(explanation)
    names = ["plan", "ms", "recall", "walked"]
    print_table(names, [[each.get(name) for name in names] for each in alternatives], right=names[1:])


def _query(
    collection: "Collection", query: Path | None, text: str | None, like: str | None, max_bytes: int
) -> "bytes | Text":
    from open_analytic.types import Text

    if text is not None:
        return Text(text)
    return collection.image(like) if like is not None else cli_args.data(query or Path("-"), max_bytes)


def _excerpt(collection: "Collection", hit: "Hit") -> str | None:
    """The beginning of a hit's span of its text, or of the text, on one line."""
    data = _image(collection, hit.name)
    if data is None:
        return None
    text = data.decode("utf-8-sig", "replace")
    if isinstance(hit.region, TextSpan):
        text = text[hit.region.start : hit.region.end]
    line = " ".join(text[: 4 * EXCERPT].split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 3]}..."


def _print(context: Context, hits: "list[Hit]", excerpts: list[str | None]) -> None:
    if context.json:
        print_json(hits)
        return
    if not hits:
        say("Nothing was found.")
        return
    column = next((hit.region.column for hit in hits if hit.region), None)
    names = ["distance", "name", *hits[0].row, *([column] if column else []), *(["text"] if excerpts else [])]
    rows = []
    for number, hit in enumerate(hits):
        where = [hit.region.label if hit.region else None] if column else []
        rows.append([f"{hit.distance:.4f}", hit.name, *hit.row.values(), *where, *excerpts[number : number + 1]])
    print_table(names, rows, right=["distance"])


def _write_sheet(path: Path, collection: "Collection", query: bytes, title: str, hits: "list[Hit]") -> None:
    from open_analytic.render import contact_sheet

    tiles = [(_image(collection, hit.name), f"{Path(hit.name).name}\n{hit.distance:.3f}", hit.box) for hit in hits]
    contact_sheet.write(path, query=query, title=title, tiles=tiles)


def _image(collection: "Collection", name: str) -> bytes | None:
    """None when only its vector was imported."""
    try:
        return collection.image(name)
    except UnknownImage:
        return None
