"""A search as a page asks for it: what its address says, and what comes back."""

from __future__ import annotations

import io
import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from PIL import Image

from open_analytic.errors import BadParameter, DeadlineExceeded, NoFace, UnknownImage, UnknownQuery
from open_analytic.operators.limits import Limits
from open_analytic.render import thumbnail
from open_analytic.types import Box, CollectionInfo
from open_analytic.web import search_page
from open_analytic.web.pictures import THUMBNAIL, WHOLE, Album, Rendition
from open_analytic.web.query_cache import MOST_FOUND, QueryCache
from open_analytic.web.requests import Search
from tests import tiny_faces

if TYPE_CHECKING:
    from open_analytic import OpenAnalytic
    from open_analytic.collection import Collection

LIMITS = Limits()
RED, GREEN, BLUE = (220, 30, 30), (30, 200, 60), (40, 60, 220)
HEADS = [RED, GREEN, BLUE, (200, 200, 20), (20, 200, 200)]


def halves(left: Any, right: Any, *, size: tuple[int, int] = (400, 200), kind: str = "PNG", **options: Any) -> bytes:
    """A picture of two colours side by side."""
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def colours(tiny_db: OpenAnalytic) -> Collection:
    collection = tiny_db.create_collection("colours", pipeline="mean_colour", columns={"city": "text"})
    pictures = {"red": RED, "green": GREEN, "blue": BLUE}
    collection.import_pictures(
        [(name, halves(colour, colour)) for name, colour in pictures.items()], values=lambda name: {"city": name[0]}
    )
    return collection


@pytest.fixture(scope="module")
def people(tiny_db: OpenAnalytic) -> Collection:
    collection = tiny_db.create_collection("people", pipeline="tiny_faces", parameters={"face": "all"})
    collection.import_pictures([("both", tiny_faces.paint([RED, GREEN])), ("blue", tiny_faces.paint([BLUE]))])
    return collection


@pytest.fixture
def cache() -> QueryCache:
    return QueryCache(LIMITS)


def find(db: OpenAnalytic, collection: Collection, cache: QueryCache, **parameters: str) -> dict[str, Any]:
    return search_page.find(db, collection, search_page.read(parameters), cache, LIMITS)


def names(answer: dict[str, Any]) -> list[str]:
    return [hit["name"] for hit in answer["hits"]]


# What the address says

NOTHING: dict[str, Any] = dict.fromkeys(("query", "face", "region", "like", "part", "max_distance", "rate"))
PLAIN = NOTHING | {"query": "q", "k": 10, "filter": [], "explain": False}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {}),
        ({"k": "1"}, {"k": 1}),
        ({"k": "200", "face": "0"}, {"k": 200, "face": 0}),
        ({"region": "1,2.5,3e2,4"}, {"region": Box(x=1, y=2.5, width=300, height=4)}),
        ({"region": "-5,-5,10,10"}, {"region": Box(x=-5, y=-5, width=10, height=10)}),
        ({"max_distance": "0.25"}, {"max_distance": 0.25}),
        ({"max_distance": "-1"}, {"max_distance": -1.0}),
        ({"rate": "1e-3"}, {"rate": 0.001}),
        ({"explain": "1"}, {"explain": True}),
        ({"explain": "0"}, {}),
        ({"filter": '[{"column": "c"}]'}, {"filter": [{"column": "c"}]}),
    ],
)
def test_an_address_is_read(parameters: dict[str, str], expected: dict[str, Any]) -> None:
    assert search_page.read({"query": "q"} | parameters) == Search(**PLAIN | expected)


def test_a_row_that_is_liked() -> None:
    like = {"query": None, "like": "a/猫.png", "part": 2}
    assert search_page.read({"like": "a/猫.png", "part": "2"}) == Search(**PLAIN | like)


NUMBERS = ["", " ", "x", "-1", "+1", "1.0", "1e1", "0x1", "١", "²", "1_0", " 1", "1" * 10, "1" * 5000, "1,2", "null"]
WRONG: list[dict[str, str]] = [
    *({"query": "q", name: text} for name in ("k", "face", "part") for text in NUMBERS),
    *({"query": "q", "k": text} for text in ("0", "201", "999999999")),
    *({"query": "q", name: text} for name in ("max_distance", "rate") for text in (
        "", "x", "nan", "inf", "-inf", "1e999", "0,5", "0x1", "None", "1 2")),
    *({"query": "q", "region": text} for text in (
        "", "1", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "0,0,0,5", "0,0,5,0", "0,0,-5,5", "nan,0,5,5", "0,0,inf,5",
        "1e308,0,1e308,5", "0,0,1e300,1e300", "1e999,0,5,5", "-1e9,0,5,5", ",,,", "0,0,5,5,")),
    *({"query": "q", "filter": text} for text in (
        "", "[", "{", "'a'", "[}", "[" * 100_000, "1" * 5000, "\0", "undefined")),
    {}, {"query": "q", "like": "a"}, {"face": "0"}, {"k": "3"}, {"query": "q", "face": "0", "region": "0,0,5,5"},
    {"query": "q", "max_distance": "1", "rate": "0.1"}, {"query": "q", "where": "true"}, {"query": "q", "K": "1"},
    {"query": "q", "limit": "5"}, {"query": "q", "": ""}, {"query": "q", "sql": "SELECT 1"},
    {"query": "q", "params": "{}"}, {"query": "q", "target_recall": "1"}, {"query": "q", "k ": "1"},
]  # fmt: skip


@pytest.mark.parametrize("parameters", WRONG, ids=lambda parameters: json.dumps(parameters)[:60])
def test_what_cannot_be_read_is_a_typed_error(parameters: dict[str, str]) -> None:
    with pytest.raises(BadParameter) as caught:
        search_page.read(parameters)
    assert caught.value.hint
    assert len(caught.value.message) < 300


# What is searched for


def test_a_picture_and_a_rectangle_of_it(tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache) -> None:
    id_ = cache.keep(halves(RED, BLUE)).id
    for region, expected in (("0,0,200,200", "red"), ("200,0,200,200", "blue"), ("-50,-9,100,999", "red")):
        answer = find(tiny_db, colours, cache, query=id_, region=region, k="1")
        assert names(answer) == [expected]
        assert answer["hits"][0]["distance"] < 0.02
        assert answer["milliseconds"].keys() == {"decode_and_model", "search", "total"}
    with pytest.raises(BadParameter, match="nothing of the picture"):
        find(tiny_db, colours, cache, query=id_, region="400,0,5,5")
    with pytest.raises(BadParameter, match="nothing of the picture"):
        find(tiny_db, colours, cache, query=id_, region="-9,-9,5,5")


def test_a_rectangle_is_of_the_upright_picture(tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees: what is left in the file is above
    picture = cache.keep(halves(RED, BLUE, size=(3000, 1500), kind="JPEG", quality=95, exif=exif))
    assert picture.size == (1500, 3000)
    assert names(find(tiny_db, colours, cache, query=picture.id, region="0,0,1500,1400", k="1")) == ["red"]
    assert names(find(tiny_db, colours, cache, query=picture.id, region="0,1600,1500,1400", k="1")) == ["blue"]
    with Image.open(io.BytesIO(picture.preview.data)) as image:
        assert (image.size, dict(image.getexif())) == ((512, 1024), {})


def test_what_is_like_a_row_is_not_the_row(tiny_db: OpenAnalytic, colours: Collection, people: Collection) -> None:
    cache = QueryCache(LIMITS)
    answer = find(tiny_db, colours, cache, like="red", filter='[{"column":"city","operator":"<>","value":"b"}]')
    assert names(answer) == ["green"]
    assert answer["milliseconds"]["decode_and_model"] is None
    both = find(tiny_db, people, cache, like="both", part="1")
    assert sorted((hit["name"], hit["part"]) for hit in both["hits"]) == [("blue", 0), ("both", 0)]
    first = find(tiny_db, people, cache, like="both")
    assert sorted((hit["name"], hit["part"]) for hit in first["hits"]) == [("blue", 0), ("both", 1)]
    for parameters in ({"like": "nothing"}, {"like": "both", "part": "7"}, {"like": "a\0b"}):
        with pytest.raises(UnknownImage):
            find(tiny_db, people, cache, **parameters)


def test_a_face_is_chosen_by_its_number(tiny_db: OpenAnalytic, people: Collection, cache: QueryCache) -> None:
    picture = cache.keep(tiny_faces.paint([BLUE, GREEN]))
    seen = search_page.seen(people, picture, LIMITS)
    assert [face["part"] for face in seen["faces"]] == [0, 1]
    nearest = []
    for face in seen["faces"]:
        (hit,) = find(tiny_db, people, cache, query=picture.id, face=str(face["part"]), k="1")["hits"]
        nearest.append((face["box"]["x"] > 100, hit["name"]))
    assert sorted(nearest) == [(False, "blue"), (True, "both")]
    with pytest.raises(BadParameter, match="no face 2"):
        find(tiny_db, people, cache, query=picture.id, face="2")
    nobody = cache.keep(halves(RED, BLUE))
    assert search_page.seen(people, nobody, LIMITS)["faces"] == []
    with pytest.raises(NoFace):
        find(tiny_db, people, cache, query=nobody.id)


def test_a_rate_is_a_distance(tiny_db: OpenAnalytic, people: Collection, cache: QueryCache) -> None:
    heads = {head: [tiny_faces.paint([head]), tiny_faces.paint([head], paper=(60, 60, 60))] for head in HEADS}
    pairs = [(heads[a][0], heads[b][1], a == b) for a in heads for b in heads]
    tiny_db.pipeline_calibrate("tiny_faces", pairs, source="painted")
    table = search_page.rates(tiny_db, people)
    assert table is not None
    rate = table.rates[0]
    answer = find(tiny_db, people, cache, like="both", rate=str(rate.false_accept_rate))
    assert answer["limit"]["false_accept_rate"] == rate.false_accept_rate
    assert answer["limit"]["max_distance"] < rate.distance  # "below it" is the same
    assert all(hit["distance"] < rate.distance for hit in answer["hits"])
    for wrong in ("0", "-1"):
        with pytest.raises(BadParameter, match="no distance for a false accept rate"):
            find(tiny_db, people, cache, like="both", rate=wrong)


def test_where_nothing_was_measured_there_are_no_rates(
    tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache
) -> None:
    assert search_page.rates(tiny_db, colours) is None
    with pytest.raises(BadParameter, match="no distance for a false accept rate"):
        find(tiny_db, colours, cache, like="red", rate="0.1")


def test_a_distance_may_be_too_small_for_any(tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache) -> None:
    id_ = cache.keep(halves(RED, RED)).id
    assert names(find(tiny_db, colours, cache, query=id_, max_distance="0.01")) == ["red"]
    assert names(find(tiny_db, colours, cache, query=id_, max_distance="-1")) == []


def test_the_plan_is_told_when_asked_for(tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache) -> None:
    explanation = find(tiny_db, colours, cache, like="red", explain="1")["explained"]
    assert (explanation["plan"], bool(explanation["reason"])) == ("exact", True)


def test_a_search_of_a_locked_table_ends(tiny_db: OpenAnalytic, colours: Collection, cache: QueryCache) -> None:
    picture = cache.keep(halves(RED, RED))
    request = search_page.read({"query": picture.id})
    with psycopg.connect(tiny_db.dsn) as other:
        other.execute("LOCK TABLE colours IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DeadlineExceeded):
            search_page.find(tiny_db, colours, request, cache, LIMITS, timeout_s=0.2)


# Pictures that are kept


def test_a_picture_is_kept_until_there_are_too_many() -> None:
    cache = QueryCache(LIMITS, most_bytes=40_000)
    first = cache.keep(halves(RED, BLUE, kind="BMP", size=(50, 40)))
    assert cache.keep(first.data) is first
    ids = [cache.keep(halves((shade, 0, 0), BLUE, kind="BMP", size=(50, 40))).id for shade in range(4)]
    assert cache.get(first.id) is first  # looked at: the others go before it
    ids.append(cache.keep(halves((9, 0, 0), BLUE, kind="BMP", size=(50, 40))).id)
    assert cache.get(first.id) is first
    with pytest.raises(UnknownQuery):
        cache.get(ids[0])
    assert cache.get(ids[-1]).id == ids[-1]


def test_a_picture_that_is_sent_again_counts_as_used() -> None:
    cache = QueryCache(LIMITS, most_bytes=40_000)
    first = cache.keep(halves(RED, BLUE, kind="BMP", size=(50, 40)))
    others = [cache.keep(halves((shade, 0, 0), BLUE, kind="BMP", size=(50, 40))).id for shade in range(4)]
    assert cache.keep(first.data) is first
    last = cache.keep(halves((9, 0, 0), BLUE, kind="BMP", size=(50, 40)))
    with pytest.raises(UnknownQuery):
        cache.get(others[0])
    assert [cache.get(id_).id for id_ in (first.id, *others[1:], last.id)] == [first.id, *others[1:], last.id]


def test_one_that_is_larger_than_all_may_be_is_kept_alone() -> None:
    cache = QueryCache(LIMITS, most_bytes=10)
    one = cache.keep(halves(RED, BLUE))
    assert cache.get(one.id) is one
    another = cache.keep(halves(BLUE, RED))
    assert cache.get(another.id) is another
    with pytest.raises(UnknownQuery):
        cache.get(one.id)


@pytest.mark.parametrize("id_", ["", "x", "0" * 32, "../..", "é"])
def test_an_unknown_id(cache: QueryCache, id_: str) -> None:
    with pytest.raises(UnknownQuery):
        cache.get(id_)


def test_answers_about_a_picture_are_few(colours: Collection, cache: QueryCache) -> None:
    """Who draws rectangles for ever does not fill the memory."""
    picture = cache.keep(halves(RED, BLUE))
    threads = [
        threading.Thread(target=lambda start=start: [
            picture.look(colours, Box(x=start + at, y=0, width=20, height=20), LIMITS) for at in range(60)])
        for start in (0, 100, 200)
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(picture.results) == MOST_FOUND
    box = Box(x=259, y=0, width=20, height=20)
    assert picture.look(colours, box, LIMITS) is picture.look(colours, box, LIMITS)


# Pictures that are shown


def drawn(album: Album, collection: Collection, name: str, side: int = THUMBNAIL, **options: Any) -> Rendition:
    answer = album.show(collection, name, options.get("part"), side, known=options.get("known"))
    assert isinstance(answer, Rendition)
    return answer


def test_a_picture_is_drawn_once(colours: Collection) -> None:
    album = Album(LIMITS)
    first = drawn(album, colours, "red")
    assert drawn(album, colours, "red").data is first.data
    assert album.show(colours, "red", None, THUMBNAIL, known=f'"{first.tag}"') == first.tag
    assert album.show(colours, "red", None, THUMBNAIL, known=f'"x", W/"{first.tag}"') == first.tag
    assert drawn(album, colours, "red", known='"x"').data is first.data
    assert drawn(album, colours, "red", known=first.tag).data is first.data
    assert drawn(album, colours, "red", WHOLE).tag != first.tag
    with pytest.raises(UnknownImage):
        album.show(colours, "nothing", None, THUMBNAIL, known=f'"{first.tag}"')


def test_a_collection_that_was_made_anew_has_its_pictures_drawn_anew(tiny_db: OpenAnalytic) -> None:
    """Its regions can be others: a browser must not show the drawing of the old collection."""
    album, picture = Album(LIMITS), halves(RED, RED)
    tags: list[str] = []
    for _ in range(2):
        collection = tiny_db.create_collection("anew", pipeline="mean_colour")
        collection.add("a", picture)
        old = f'"{tags[0]}"' if tags else None
        tags.append(drawn(album, collection, "a", known=old).tag)
        tiny_db.drop_collection("anew")
    assert tags[0] != tags[1]


def test_the_album_throws_out_what_was_looked_at_longest_ago(colours: Collection) -> None:
    size = len(drawn(Album(LIMITS), colours, "red").data)
    album = Album(LIMITS, most_bytes=size * 5 // 2)  # two pictures of about the same size
    red, green = drawn(album, colours, "red").data, drawn(album, colours, "green").data
    assert drawn(album, colours, "red").data is red
    assert len(drawn(album, colours, "blue").data) < size * 5 // 4
    assert drawn(album, colours, "red").data is red
    assert drawn(album, colours, "green").data is not green


def test_the_album_has_an_end(colours: Collection) -> None:
    album = Album(LIMITS, most_bytes=2_000)
    sizes = [len(drawn(album, colours, name, side).data) for side in (50, 60, 70) for name in ("red", "green", "blue")]
    assert album._bytes == sum(map(len, album._renditions.values())) <= 2_000 < sum(sizes)


class Replaced:
    """A collection in which a picture is replaced after its digest was asked for."""

    def __init__(self, real: Collection, name: str, new: bytes) -> None:
        self._real, self._name, self._new = real, name, new

    @property
    def info(self) -> CollectionInfo:
        return self._real.info

    def digests(self, names: list[str]) -> dict[str, bytes | None]:
        digests = self._real.digests(names)
        self._real.add(self._name, self._new, on_conflict="replace")
        return digests

    def image(self, name: str) -> bytes:
        return self._real.image(name)


def test_a_picture_replaced_meanwhile_is_not_kept_as_the_one_before(tiny_db: OpenAnalytic) -> None:
    old, new = halves(RED, RED), halves(BLUE, BLUE)
    collection = tiny_db.create_collection("replaced", pipeline="mean_colour")
    collection.import_pictures([("a", old), ("b", old)])
    album, race = Album(LIMITS), Replaced(collection, "a", new)
    first = album.show(race, "a", None, THUMBNAIL, known=None)  # type: ignore[arg-type]
    assert first == Rendition(thumbnail.jpeg(thumbnail.shrink(new, THUMBNAIL, LIMITS).picture), "")
    with Image.open(io.BytesIO(drawn(album, collection, "b").data)) as picture:
        assert picture.getpixel((5, 5))[0] > 200  # type: ignore[index]
