"""A collection of objects: a row each, with its box, and its label in a column of that name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import open_analytic
from open_analytic import OpenAnalytic
from open_analytic.config import Settings
from open_analytic.errors import NoFace
from open_analytic.store import schema
from open_analytic.types import Box
from open_analytic.util.jsonable import jsonable
from tests import tiny, tiny_objects
from tests.tiny_objects import paint

RED, GREEN, BLUE = (255, 0, 0), (0, 204, 0), (0, 0, 255)
LEFT, RIGHT = Box(x=0, y=0, width=64, height=64), Box(x=64, y=0, width=64, height=64)


@pytest.fixture
def db(dsn: str, tmp_path: Path) -> Iterator[OpenAnalytic]:
    cards = tiny_objects.write(tiny.write(tmp_path / "cards"))
    settings = Settings.read({}, cards=(cards,), models_dir=tmp_path / "models")
    with open_analytic.connect(dsn, settings=settings) as db:
        db.pipeline_create("things", tiny_objects.EMBEDDER)
        yield db


def test_rows_have_boxes_and_labels_and_hits_show_them(db: OpenAnalytic) -> None:
    things = db.create_collection("things", pipeline="things", columns={"label": "text"})
    report = things.import_pictures([("salad", paint([RED, GREEN])), ("bowl", paint([BLUE])), ("table", paint([]))])
    assert (report.added, report.without_regions, report.rows, report.failed) == (2, 1, 4, ())
    rows = {(row.name, row.part): (row.row["label"], row.box) for row in things if row.has_vector}
    assert rows == {("bowl", 0): ("berry", LEFT), ("salad", 0): ("tomato", LEFT), ("salad", 1): ("leaf", RIGHT)}
    hit = things.search(paint([GREEN]), k=1)[0]
    assert (hit.name, hit.part, hit.region, hit.box, dict(hit.row)) == ("salad", 1, RIGHT, RIGHT, {"label": "leaf"})
    assert jsonable(hit) == {
        "name": "salad", "distance": 0.0, "row": {"label": "leaf"},
        "box": {"x": 64.0, "y": 0.0, "width": 64.0, "height": 64.0}, "part": 1,
    }  # fmt: skip
    assert [hit.name for hit in things.search([0, 0, 1], filter="label <> 'berry'", k=9)] == ["salad", "salad"]


def test_a_collection_of_earlier_versions_keeps_its_boxes(db: OpenAnalytic) -> None:
    things = db.create_collection("things", pipeline="things", columns={"label": "text"})
    things.import_pictures([("salad", paint([RED, GREEN]))])
    before = [(row.part, row.region, dict(row.row)) for row in things]
    schema.downgrade(db.dsn, "0015")
    schema.upgrade(db.dsn)
    again = db.collection("things")
    assert (again.info, [(row.part, row.region, dict(row.row)) for row in again]) == (things.info, before)
    assert [(hit.part, hit.box) for hit in again.search(paint([GREEN]), k=1)] == [(1, RIGHT)]
    assert db.create_collection("more", pipeline="things").info.region == "box"


def test_a_run_gives_json(db: OpenAnalytic) -> None:
    box = {"x": 0.0, "y": 0.0, "width": 64.0, "height": 64.0}
    assert db.pipeline_run("things", paint([BLUE])) == {
        "objects": [{"label": "berry", "box": box, "colour": [0.0, 0.0, 1.0]}]
    }


def test_a_query_without_objects_says_so(db: OpenAnalytic) -> None:
    things = db.create_collection("things", pipeline="things")
    with pytest.raises(NoFace, match=r"No object was found in the picture\. Search with a picture that shows an"):
        things.search(paint([]))
