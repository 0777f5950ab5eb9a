"""``open-analytic collection``: rows, get, update, delete, rename, export."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli import cli_args
from open_analytic.cli.context import Context, command
from open_analytic.cli.output import print_json, print_record, print_table, say
from open_analytic.errors import BadParameter, UnknownImage
from open_analytic.regions import hit_keys

if TYPE_CHECKING:
    from open_analytic.collection import Collection
    from open_analytic.types import StoredRow

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the collection: table, or schema.table.")]
Picture = Annotated[str, typer.Argument(metavar="PICTURE", help="Name of the picture in the collection.")]
Part = Annotated[int | None, typer.Option(min=0, help="Number of the face, of a picture with several.")]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, "rows")(rows)
    command(app, "get")(get)
    command(app, "update")(update)
    command(app, "delete")(delete)
    command(app, "rename")(rename)
    command(app, "export")(export)


def rows(
    context: Context,
    name: Name,
    after: Annotated[str, typer.Option(metavar="PICTURE", help="Begin after this name.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many rows at most.")] = 100,
) -> None:
    """List rows in the order of their names: your columns, the source, when they were imported."""
    with context.open() as db:
        collection = db.collection(name)
        page = collection.rows(after=after, limit=limit)
    if context.json:
        print_json([_record(row) for row in page])
        return
    print_table(["name", *_heads(collection)], [[row.name, *_cells(collection, row)] for row in page], right=["part"])
    if len(page) == limit:
        say(f"There can be more: --after {page[-1].name!r}")


def get(context: Context, name: Name, picture: Picture, part: Part = None) -> None:
    """Show a picture's row: your columns, its source, when it was imported."""
    with context.open() as db:
        row = db.collection(name).get(picture, part)
    record = _record(row)
    if context.json:
        print_json(record)
    else:
        print_record({key: getattr(value, "label", value) for key, value in record.items()})


def update(
    context: Context,
    name: Name,
    picture: Picture,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Your column and its new value. Repeatable."),
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option("--null", metavar="NAME", help="Your column to set to NULL. Repeatable.")
    ] = None,
    part: Part = None,
) -> None:
    """Change values of your columns in a picture's rows."""
    values: dict[str, Any] = {**cli_args.texts(set_ or [], "--set"), **dict.fromkeys(null or [])}
    if not values:
        raise BadParameter("Nothing is to be changed.", hint="Give --set NAME=VALUE or --null NAME.")
    with context.open() as db:
        count = db.collection(name).update(picture, values, part=part)
    print_json({"updated": count}) if context.json else say(f"{_count(count, 'row')} updated.")


def delete(
    context: Context,
    name: Name,
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Names of pictures.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete pictures with all their rows, after asking. Files they were imported from stay."""
    with context.open() as db:
        collection = db.collection(name)
        there = collection.known(pictures)
        if missing := [picture for picture in pictures if picture not in there]:
            raise UnknownImage(
                f"Collection {name!r} has no image {missing[0]!r:.200}; nothing was deleted.",
                hint=f"`open-analytic collection rows {name}` lists names.",
            )
        if not yes:
            _ask(collection, len(there))
        count = collection.delete(pictures)
    print_json({"deleted": count}) if context.json else say(f"{_count(count, 'picture')} deleted.")


def rename(
    context: Context,
    name: Name,
    picture: Picture,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name, which no other picture has.")],
) -> None:
    """Give a picture another name."""
    with context.open() as db:
        db.collection(name).rename(picture, new)
    print_json({"name": new}) if context.json else say(f"{picture} is called {new} now.")


def export(
    context: Context,
    name: Name,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the pictures into files of this folder.")
    ] = None,
    values: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the values of your columns: .csv or .jsonl.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Write the pictures and the values of a collection into files, which `import` can read again."""
    from open_analytic.collection import export as files

    if pictures is None and values is None:
        raise BadParameter("Nothing is to be exported.", hint="Give --pictures FOLDER, --values FILE or both.")
    with context.open() as db:
        done = files.export(db.collection(name), pictures=pictures, values=values, overwrite=overwrite)
    if context.json:
        print_json(done)
        return
    if pictures is not None:
        say(f"{_count(done.pictures, 'picture')} written to {pictures}.")
        if done.without_picture:
            say(f"{_count(done.without_picture, 'row')} without a picture: only the vector was imported.")
    if values is not None:
        say(f"{_count(done.rows, 'row')} written to {values}.")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _ask(collection: "Collection", count: int) -> None:
    what = _count(count, "picture")
    if not sys.stdin.isatty():
        raise BadParameter(f"{what} would be gone.", hint="Say --yes where nobody can be asked.")
    typer.confirm(f"Delete {what} of {collection.name}?", abort=True, err=True)


def _heads(collection: "Collection") -> list[str]:
    region = collection.info.region
    return [*(["part", region] if region else []), *collection.info.columns, "source", "imported_at"]


def _cells(collection: "Collection", row: "StoredRow") -> list[Any]:
    region = [row.part, row.region.label if row.region else None] if collection.info.region else []
    return [*region, *row.row.values(), row.source, row.imported_at]


def _record(row: "StoredRow") -> dict[str, Any]:
    return {
        "name": row.name, "part": row.part, "row": dict(row.row), "source": row.source, "bytes": row.bytes,
        "sha256": row.sha256.hex() if row.sha256 else None, **hit_keys(row.region), "has_vector": row.has_vector,
        "imported_at": row.imported_at,
    }  # fmt: skip
