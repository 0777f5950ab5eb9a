"""What the demo does, step by step, and says while it does it."""

import dataclasses
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

from rich import box
from rich.console import Console
from rich.table import Table

from open_analytic.app import OpenAnalytic, connect
from open_analytic.collection import Collection
from open_analytic.config import Settings
from open_analytic.demo import gather, in_sql
from open_analytic.errors import CollectionExists, UnknownCollection
from open_analytic.render import contact_sheet
from open_analytic.types import Hit, ProgressCallback

Bar: TypeAlias = Callable[[str], AbstractContextManager[ProgressCallback]]

IMAGES, FACES = "image_search_table", "face_search_table"
IMAGE_QUERIES = ("chelsea", "gravel", "rocket")  # a cat, a texture, a launch
PERSON, PERSON_QUERY = "Barack Obama", "obama2"
ORIGINALS = "edit = 'original'"
SAME_PERSON = 0.6  # L2, the limit dlib's authors give for this network


def run(settings: Settings, console: Console, bar: Bar) -> None:
    """The whole demo on the embedded server in ``settings.home``; what is already there is used again."""
    started = time.monotonic()
    settings = dataclasses.replace(settings, dsn=None)
    console.print("\n[bold]open_analytic[/]: reverse image search and face retrieval in your PostgreSQL\n")
    with bar("photos") as progress:
        album = gather.gather(settings.home / "demo", progress)
    _tell_photos(console, album)
    with bar("server"):
        db = connect(settings=settings)
    with db:
        images, faces = _prepare(db, console, bar, album)
        image_hits = _find_originals(console, images, album)
        face_hits = _find_person(console, faces, album)
        in_sql.show(console, db, images, album.query(IMAGE_QUERIES[0]), ORIGINALS, image_hits)
        in_sql.show(console, db, faces, album.query(PERSON_QUERY), None, face_hits)
        sheets = _write_sheets(settings.home / "demo", images, image_hits, faces, face_hits, album)
    _tell_next(console, settings, album, sheets, time.monotonic() - started)


def titled(console: Console, title: str, *columns: str) -> Table:
    """Prints the title; the table to fill and print after it."""
    console.print(f"\n{title}", style="bold", highlight=False)
    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)


def _tell_photos(console: Console, album: gather.Album) -> None:
    table = titled(console, "Photos", "from", "licences", "photos")
    for package in gather.packages():
        licences = sorted({entry["licence"] for entry in package["files"].values()})
        table.add_row(package["source"], ", ".join(licences), str(len(package["files"])))
    copies = sum(1 for _ in (album.pictures / "copies").iterdir())
    table.add_row("edited copies made here: crop, JPEG, blur, flip, ...", "as their originals", str(copies))
    console.print(table)


def _prepare(db: OpenAnalytic, console: Console, bar: Bar, album: gather.Album) -> tuple[Collection, Collection]:
    """Pipelines, collections and rows, whatever of them is missing."""
    db.pipeline_create("general_feature_extractor")
    db.pipeline_create("face_feature_extractor")
    images = _collection(db, IMAGES, "general_feature_extractor", {"edit": "text"}, {})
    faces = _collection(db, FACES, "face_feature_extractor", {}, {"face": "all"})
    columns = ("collection", "pipeline", "dim", "pictures", "added", "failed", "seconds", "index")
    table = titled(console, "Imported into PostgreSQL", *columns)
    places = {
        IMAGES: (images, [album.pictures]),
        FACES: (faces, [album.faces, album.photos / "astronaut.png"]),
    }
    for name, (collection, paths) in places.items():
        for model in collection.models:
            with bar(f"model {model}") as progress:
                db.library.pull([model], progress)
        with bar(name) as progress:
            values = (lambda picture: {"edit": gather.edit_of(picture)}) if collection is images else None
            report = collection.import_files(paths, values=values, progress=progress)
        table.add_row(
            name,
            f"{collection.info.pipeline} version {collection.info.version}",
            str(collection.info.dim),
            str(collection.count()),
            str(report.added + report.updated),
            str(len(report.failed)),
            f"{report.seconds:.1f}",
            collection.index(),
        )
    console.print(table)
    return images, faces


def _collection(
    db: OpenAnalytic, name: str, pipeline: str, columns: dict[str, str], parameters: dict[str, str]
) -> Collection:
    try:
        collection = db.collection(name)
    except UnknownCollection:
        return db.create_collection(name, pipeline=pipeline, columns=columns, parameters=parameters)
    if set(collection.info.columns) != set(columns):
        raise CollectionExists(
            f"The collection {name!r} in {db.settings.home} is not the demo's.",
            hint="Run the demo in a folder of its own: open-analytic demo --home demo.",
        )
    return collection


def _find_originals(console: Console, images: Collection, album: gather.Album) -> list[Hit]:
    """Screenshots of photos, none of them imported, find the photo they show; then the nearest kinds."""
    title = "1. An edited copy finds its original, among originals only (Python: search(picture, k=4, filter=...))"
    table = titled(console, title, "picture searched for", "found", "distance", "then the nearest kinds")
    answers = {photo: images.search(album.query(photo), k=4, filter=ORIGINALS) for photo in IMAGE_QUERIES}
    for photo, (first, *others) in answers.items():
        kinds = ", ".join(f"{_stem(hit)} {hit.distance:.2f}" for hit in others)
        table.add_row(album.query(photo).name, _stem(first), f"{first.distance:.3f}", kinds)
    console.print(table)
    return images.search(album.query(IMAGE_QUERIES[0]), k=8)


def _find_person(console: Console, faces: Collection, album: gather.Album) -> list[Hit]:
    """A copy of one photo of a person finds the person's other photos first, the next person plainly further."""
    hits = faces.search(album.query(PERSON_QUERY), k=10)
    title = f"2. A person is found: {PERSON}, by a face in {album.query(PERSON_QUERY).name}"
    table = titled(console, title, "photo", "distance", f"same person (below {SAME_PERSON})")
    for hit in hits:
        table.add_row(hit.name, f"{hit.distance:.3f}", "yes" if hit.distance < SAME_PERSON else "no")
    console.print(table)
    same = [hit.distance for hit in hits if hit.distance < SAME_PERSON]
    other = [hit.distance for hit in hits if hit.distance >= SAME_PERSON]
    console.print(f"the same person at {max(same):.3f} or nearer, the next person at {min(other):.3f}")
    return hits


def _write_sheets(
    folder: Path,
    images: Collection,
    image_hits: list[Hit],
    faces: Collection,
    face_hits: list[Hit],
    album: gather.Album,
) -> list[Path]:
    work = {
        folder / "image_search.jpg": (images, image_hits, album.query(IMAGE_QUERIES[0])),
        folder / "face_search.jpg": (faces, face_hits, album.query(PERSON_QUERY)),
    }
    for path, (collection, hits, query) in work.items():
        tiles = [(collection.image(hit.name), f"{_stem(hit)}\n{hit.distance:.3f}", hit.box) for hit in hits]
        contact_sheet.write(path, query=query.read_bytes(), title=f"{collection.name}: {query.name}", tiles=tiles)
    return list(work)


def _tell_next(console: Console, settings: Settings, album: gather.Album, sheets: list[Path], seconds: float) -> None:
    console.print("\nContact sheets, the query picture and its hits:")
    for path in sheets:
        console.print(f"   {path}", highlight=False, soft_wrap=True)
    command = _command(settings)
    query = shlex.quote(str(album.query("coffee")))
    console.print(f"\nDone in {seconds:.1f} s. Try next:")
    for line in (
        f"{command} search {IMAGES} {query} --sheet found.jpg",
        f"{command} import ~/Pictures --collection {IMAGES}",
        f"{command} db psql",
        f"{command} serve --web",
    ):
        console.print(f"   [bold]{line}[/]", highlight=False, soft_wrap=True)


def _command(settings: Settings) -> str:
    """How the reader types our command here: by its name when that is on the PATH, else by its place."""
    path = shutil.which("open-analytic")
    beside = Path(sys.executable).parent / "open-analytic"
    if path and Path(path).samefile(beside):
        words = ["open-analytic"]
    else:
        words = [str(beside.relative_to(Path.cwd()) if beside.is_relative_to(Path.cwd()) else beside)]
    if settings.home != Settings().home:
        words += ["--home", str(settings.home)]
    return shlex.join(words)


def _stem(hit: Hit) -> str:
    return Path(hit.name).stem
