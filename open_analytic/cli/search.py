"""``open-analytic search``: the nearest pictures of a collection."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import given
from open_analytic.cli.context import Context
from open_analytic.cli.output import note, place, print_json, print_record, print_table, say
from open_analytic.errors import BadParameter, UnknownImage
from open_analytic.plain import plain

if TYPE_CHECKING:
    from open_analytic.collection import Collection
    from open_analytic.types import Hit

Explain = Annotated[bool, typer.Option("--explain", help="Say how the search is done and why, instead of its hits.")]
Sheet = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a contact sheet of the hits: .jpg, .png or .webp.")
]


def search(
    context: Context,
    collection: Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection to search in.")],
    query: Annotated[
        Path | None, typer.Argument(metavar="QUERY", help="The picture to search for; - is standard input.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="NAME", help="Search for a picture of the collection, by its name.")
    ] = None,
    k: Annotated[
        int, typer.Option("-k", "--k", min=0, help="How many hits at most; 0: all within --max-distance.")
    ] = 10,
    filter_: given.Filter = None,
    where: given.Where = None,
    param: given.Param = None,
    max_distance: Annotated[float | None, typer.Option(help="Leave out what is further away.")] = None,
    target_recall: given.TargetRecall = 0.95,
    explain: Explain = False,
    sheet: Sheet = None,
) -> None:
    """Find the nearest pictures, nearest first.

    Of a query with several faces the largest is searched for.
    """
    from open_analytic.search_options import SearchOptions

    if (query is None) == (like is None):
        raise BadParameter("There is no query.", hint="Give one of: a picture's path, or --like NAME.")
    options = SearchOptions(
        k=k or None,
        filter=given.condition(filter_, where),
        params=given.texts(param or [], "--param") or None,
        max_distance=max_distance,
        target_recall=target_recall,
    )
    with context.open() as db:
        found = db.collection(collection)
        data = found.image(like) if like is not None else given.data(query or Path("-"), db.settings.max_bytes)
        if explain:
            _explain(context, found.explain_search(data, options=options))
            return
        hits = found.search(data, options=options)
        if sheet:
            _write_sheet(sheet, found, data, f"{collection}: {like or (query.name if query else '')}", hits)
    _print(context, hits)
    if sheet:
        note(f"The contact sheet is {sheet}.")


def _explain(context: Context, told: dict[str, Any]) -> None:
    if context.json:
        print_json(told)
        return
    say(told.pop("reason"))
    alternatives = told.pop("alternatives")
    print_record(told)
    names = ["plan", "ms", "recall", "walked"]
    print_table(names, [[each.get(name) for name in names] for each in alternatives], right=names[1:])


def _print(context: Context, hits: "list[Hit]") -> None:
    if context.json:
        print_json(hits)
        return
    if not hits:
        say("Nothing was found.")
        return
    boxes = any(hit.box for hit in hits)
    names = ["distance", "name", *hits[0].row, *(["box"] if boxes else [])]
    rows = []
    for hit in hits:
        where = [place(**plain(hit.box)) if hit.box else None] if boxes else []
        rows.append([f"{hit.distance:.4f}", hit.name, *hit.row.values(), *where])
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
