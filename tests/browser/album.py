"""A home with what pages show: the demo's two collections, one with a hostile name, and measured rates."""

import colorsys
import io
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

import open_analytic
from open_analytic.config import Settings
from open_analytic.embedded import bootstrap
from tests import homes, tiny, tiny_faces, tiny_objects, tiny_sounds, tiny_texts
from tests.tiny_faces import Colour

IMAGES, FACES, HOSTILE = "image_search_table", "face_search_table", '相册 "a"/b&c <i>'
HUES = {"red": 0.0, "orange": 0.08, "green": 0.33, "teal": 0.48, "blue": 0.62, "violet": 0.78}
CITIES = ("Oslo", "Lima", "北京")
PEOPLE = ("Ada", "Bo", "Cem", "Dea", "Eve", "Finn")
SHOTS = 9  # portraits of each
COLUMNS = {"city": "text", "taken": "date", "stars": "int", "indoor": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """The home's database, and the folder with the pictures that were imported."""

    home: Path
    cards: Path
    pictures: Path
    dsn: str


@contextmanager
def make(folder: Path) -> Iterator[Album]:
    """An embedded server with everything in it."""
    cards = tiny_texts.write(tiny_objects.write(tiny_faces.write(tiny.write(folder / "cards"))))
    tiny_sounds.write(cards)
    settings = Settings.read({}, home=folder / "home", cards=(cards,), models_dir=folder / "models", service_start=0)
    homes.copy(homes.migrated(folder.parent), settings.home)
    with bootstrap.start(settings, serve=False) as server:
        with open_analytic.connect(server.dsn, settings=settings) as db:
            _fill(db, folder / "pictures")
        yield Album(home=settings.home, cards=cards, pictures=folder / "pictures", dsn=server.dsn)


def _fill(db: open_analytic.OpenAnalytic, folder: Path) -> None:
    db.pipeline_create("mean_colour", tiny.PIPELINE)
    db.pipeline_create("tiny_faces", tiny_faces.EXTRACTOR)
    db.pipeline_create("tiny_face_analyzer", tiny_faces.ANALYZER)
    db.pipeline_create("face_analyzer")
    write_scenes(folder / "scenes")
    write_people(folder / "people")
    values = {name: {"city": city, "taken": f"2024-0{stars}-11", "stars": stars, "indoor": stars > 3}
              for name, city, stars in scene_facts()}  # fmt: skip
    images = db.create_collection(IMAGES, pipeline="mean_colour", columns=COLUMNS)
    assert not images.import_files(folder / "scenes", values=values).failed
    faces = db.create_collection(FACES, pipeline="tiny_faces", parameters={"face": "all"})
    assert not faces.import_files(folder / "people").failed
    db.create_collection(HOSTILE, pipeline="mean_colour")
    portraits = {(person, shot): portrait(person, shot) for person in PEOPLE for shot in range(SHOTS)}
    pairs = [(portraits[a], portraits[b], a[0] == b[0]) for a, b in itertools.combinations(portraits, 2)]
    db.pipeline_calibrate("tiny_faces", pairs, source="painted people")


def scene_facts() -> Iterator[tuple[str, str, int]]:
    """Name, city and stars of each scene."""
    for number, (hue, shot) in enumerate(itertools.product(HUES, range(8))):
        yield f"{hue}/{hue} {shot}.png", CITIES[number % len(CITIES)], 1 + number % 5


def write_scenes(folder: Path) -> None:
    for name, _, _ in scene_facts():
        hue, shot = name.partition("/")[0], int(name[-5])
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(scene(hue, shot))


@cache
def scene(hue: str, shot: int) -> bytes:
    """Hills below a sky, all of one hue; from shot to shot a little paler."""
    picture = Image.new("RGB", (480, 360) if shot % 3 else (360, 480), _colour(HUES[hue], 0.55 - shot * 0.03, 0.95))
    width, height = picture.size
    pen = ImageDraw.Draw(picture)
    pen.ellipse((width * 0.62, height * 0.1, width * 0.62 + 70, height * 0.1 + 70), fill=_colour(HUES[hue], 0.2, 1))
    for layer, value in enumerate((0.75, 0.55, 0.35)):
        top = height * (0.45 + 0.18 * layer)
        left = -width * 0.3 + (shot * 37 + layer * 90) % 200
        pen.ellipse((left, top, left + width * 1.2, top + height), fill=_colour(HUES[hue], 0.8 - shot * 0.03, value))
    return _png(picture)


def write_people(folder: Path) -> None:
    """Portraits of each, and a photo of three with a name that is not easy."""
    for person, shot in itertools.product(PEOPLE, range(3)):
        (folder / person).mkdir(parents=True, exist_ok=True)
        (folder / person / f"{shot}.png").write_bytes(portrait(person, shot))
    (folder / "together").mkdir()
    (folder / "together" / 'O\'Hara & "猫" <b>.png').write_bytes(group("Ada", "Bo", "Cem"))


@cache
def portrait(person: str, shot: int) -> bytes:
    return tiny_faces.paint([complexion(person, shot)])


def group(*people: str, shot: int = 1) -> bytes:
    return tiny_faces.paint([complexion(person, shot) for person in people])


def complexion(person: str, shot: int) -> Colour:
    """A person's colour, never quite the same."""
    return _colour(PEOPLE.index(person) / len(PEOPLE) + shot * 0.004, 0.6, 0.82)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, max(saturation, 0.1), value))
    return red, green, blue


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def environment(album: Album) -> dict[str, Any]:
    """What a command needs to find it all."""
    return {"OPEN_ANALYTIC_HOME": str(album.home), "OPEN_ANALYTIC_CARDS": os.fspath(album.cards)}
