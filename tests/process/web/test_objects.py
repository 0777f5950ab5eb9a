"""The pages show objects as they show faces: boxes in the query and in hits, a thumbnail around each."""

from collections.abc import Iterator

import pytest

from tests import tiny_objects
from tests.process import site
from tests.process.site import Album, problem, thumbnail

RED, GREEN = (255, 0, 0), (0, 204, 0)


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Album]:
    with site.home(tmp_path_factory.mktemp("objects")) as home:
        with home.database() as db:
            db.pipeline_create("things", tiny_objects.EMBEDDER)
            collection = db.create_collection("things", pipeline="things", columns={"label": "text"})
            collection.import_pictures([("salad.png", tiny_objects.paint([RED, GREEN]))])
        with site.site(home) as (_, client):
            yield Album(client=client, name="things")


def box(x: float) -> dict[str, float]:
    return {"x": x, "y": 0.0, "width": 64.0, "height": 64.0}


def test_a_search_shows_the_boxes_of_the_query_and_of_its_hits(things: Album) -> None:
    query = things.query(tiny_objects.paint([GREEN, RED]))
    assert query["faces"] == [{"part": 0, "box": box(64)}, {"part": 1, "box": box(0)}]
    assert query["regions"] == [
        {"part": 0, "region": box(64), "attributes": {"label": "tomato"}},
        {"part": 1, "region": box(0), "attributes": {"label": "leaf"}},
    ]
    (hit,) = things.hits(query=query["id"], face=1, k=1)["hits"]
    assert hit == {"name": "salad.png", "distance": 0.0, "row": {"label": "leaf"}, "box": box(64), "part": 1}


def test_what_was_detected_in_a_picture_is_there_with_its_label_and_the_size_of_the_picture(things: Album) -> None:
    details = things.get().json()
    assert (details["noun"], details["region_noun"], details["caption"]) == ("picture", "object", "label")
    assert things.get("/regions", params={"name": "salad.png"}).json() == {
        "width": 128, "height": 128,
        "regions": [
            {"part": 0, "region": box(0), "row": {"label": "tomato"}},
            {"part": 1, "region": box(64), "row": {"label": "leaf"}},
        ],
    }  # fmt: skip
    assert problem(things.get("/regions", params={"name": "none"})) == (404, "UnknownImage")


def test_a_thumbnail_is_cut_around_an_object(things: Album) -> None:
    left, right = (thumbnail(things.get("/thumbnail", params={"name": "salad.png", "part": part})) for part in (0, 1))
    assert left.getpixel((left.width // 4, left.height // 4)) == pytest.approx(RED, abs=12)
    assert right.getpixel((3 * right.width // 4, right.height // 4)) == pytest.approx(GREEN, abs=12)
    assert left.tobytes() != right.tobytes()
