"""Searching: by every kind of query, how many, how near, which rows."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests import tiny_objects
from tests.browser import album
from tests.browser.axe import violations
from tests.browser.conftest import Site, load_pictures
from tests.browser.visitor import EVERY, Visitor

IMAGES, FACES = f"/search/{album.IMAGES}", f"/search/{album.FACES}"
COPY_PICTURE = """async (numbers) => {
  const picture = new Blob([Uint8Array.from(numbers)], {type: "image/png"});
  await navigator.clipboard.write([new ClipboardItem({"image/png": picture})]);
}"""


def hues(names: list[str]) -> set[str]:
    return {name.partition("/")[0] for name in names}


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_by_a_file(visitor: Visitor) -> None:
    visitor.open("/")
    assert visitor.page.url.endswith(IMAGES)
    visitor.give(album.scene("teal", 3))
    hits = visitor.hits()
    assert hits[0] == "teal/teal 3.png"
    assert (len(hits), hues(hits[:8])) == (10, {"teal"})
    expect(visitor.page.locator("#found-count")).to_have_text(visitor.pattern("hits.count"))
    visitor.fits()


def test_by_paste(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.page.bring_to_front()
    visitor.page.evaluate(COPY_PICTURE, list(album.scene("blue", 1)))
    with visitor.answered():
        visitor.page.keyboard.press("Control+V")
    assert visitor.hits()[0] == "blue/blue 1.png"


def test_by_drop(visitor: Visitor, site: Site) -> None:
    visitor.open(IMAGES)
    with visitor.answered():
        visitor.drop(site.album.pictures / "scenes" / "green" / "green 2.png")
    assert visitor.hits()[0] == "green/green 2.png"


def test_another_picture_takes_the_place_of_the_first(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("green", 2))
    visitor.page.locator("#again").click()
    expect(visitor.page.locator("#choose")).to_be_focused()
    visitor.give(album.scene("violet", 4))
    assert visitor.hits()[0] == "violet/violet 4.png"


def test_what_is_no_picture_is_refused_with_a_reason(visitor: Visitor) -> None:
    visitor.expect(r"status of 4\d\d .*/queries")
    visitor.open(IMAGES)
    visitor.page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": b"<html>"})
    expect(visitor.page.locator("#alert .notice")).to_contain_text(re.compile(r"\w{3}"))
    expect(visitor.page.locator("#hits li")).to_have_count(0)
    visitor.button("alert.close").click()
    expect(visitor.page.locator("#alert .notice")).to_have_count(0)


def test_more_like_a_hit(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("orange", 0))
    name = visitor.hits()[3]
    visitor.page.locator("#hits .hit").nth(3).click()
    dialog = visitor.page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(name)
    with visitor.answered():
        dialog.get_by_role("link", name=visitor.t("viewer.more"), exact=True).click()
    expect(dialog).to_have_count(0)
    assert visitor.parameters() == {"like": name}
    assert name not in visitor.hits()
    assert hues(visitor.hits()[:5]) == {"orange"}


def test_from_a_picture_of_the_collection(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    with visitor.answered():
        visitor.page.locator("#browse a.card").first.click()
    assert visitor.parameters() == {"like": "blue/blue 0.png"}
    assert hues(visitor.hits()[:5]) == {"blue"}


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_by_a_face_chosen_among_several(visitor: Visitor) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Dea", "Ada", "Finn"))
    faces = visitor.page.locator("#query .face")
    expect(faces).to_have_count(3)
    expect(visitor.page.locator("#query")).to_contain_text(visitor.t("part.face.found", n=3))
    chosen = [each.get_attribute("data-part") for each in faces.all() if each.get_attribute("aria-pressed") == "true"]
    assert chosen == [visitor.parameters()["face"]]
    for person, at in (("Finn", 2), ("Ada", 1)):
        with visitor.answered():
            by_place = sorted(faces.all(), key=lambda each: (each.bounding_box() or {"x": 0})["x"])
            by_place[at].click()
        assert {name.partition("/")[0] for name in visitor.hits()[:3]} <= {person, "together"}
    visitor.fits()


def test_a_photo_without_a_face_says_so(visitor: Visitor) -> None:
    visitor.expect(r"status of 422 .*/hits")
    visitor.open(FACES)
    visitor.page.set_input_files("#file", {"name": "a.png", "mimeType": "image/png", "buffer": album.scene("red", 2)})
    expect(visitor.page.locator("#query")).to_contain_text(visitor.t("part.face.undetected"))
    expect(visitor.page.locator("#found-count")).to_have_text(visitor.t("part.face.undetected"))
    expect(visitor.page.locator("#alert")).to_be_empty()


def test_by_a_rectangle_drawn(visitor: Visitor) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Dea", "Ada", "Finn"))
    stage = visitor.page.locator("#query .stage")
    visitor.page.locator("#draw").click()
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box
    mouse = visitor.page.mouse
    mouse.move(box["x"] + box["width"] * 0.66, box["y"] + 4)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.5, steps=4)
    mouse.move(box["x"] + box["width"] * 0.985, box["y"] + box["height"] - 4, steps=4)
    with visitor.answered():
        mouse.up()
    left, _, width, _ = map(float, visitor.parameters()["region"].split(","))
    assert [left, left + width] == pytest.approx([0.66 * 480, 0.985 * 480], abs=8)
    assert visitor.hits()[0].startswith("Finn/")


def test_by_a_rectangle_typed(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("red", 2))
    visitor.page.get_by_text(visitor.t("draw.numbers")).click()
    for side, value in (("x", 10), ("y", 20), ("width", 300), ("height", 200)):
        visitor.page.locator(f"#draw-{side}").fill(str(value))
    with visitor.answered():
        visitor.button("draw.use").click()
    assert visitor.parameters()["region"] == "10,20,300,200"
    assert hues(visitor.hits()[:3]) == {"red"}


def test_how_many(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("red", 2))
    visitor.options()
    with visitor.answered():
        visitor.page.locator("#k").fill("31")
    assert (len(visitor.hits()), visitor.parameters()["k"]) == (31, "31")
    with visitor.answered():
        visitor.page.locator("#k-slide").fill("200")
    assert len(visitor.hits()) == 48


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_how_near_by_what_was_measured(visitor: Visitor, site: Site) -> None:
    (table,) = site.db.pipeline_rates("tiny_faces")
    visitor.open(FACES)
    visitor.give(album.portrait("Eve", 6))
    assert len(visitor.hits()) == 10
    visitor.options()
    options = visitor.page.locator("#limit option").all_inner_texts()
    assert [text for text in options if re.search("1,000|1000", text)]
    with visitor.answered():
        visitor.page.locator("#limit").select_option(str(table.rates[1].false_accept_rate))
    assert visitor.parameters()["rate"] == "0.01"
    assert {name.partition("/")[0] for name in visitor.hits()} == {"Eve"}
    visitor.page.locator("#limit").select_option("own")
    with visitor.answered():
        visitor.page.locator("#max_distance").fill("0.001")
    assert (visitor.parameters()["max_distance"], visitor.hits()) == ("0.001", [])
    expect(visitor.page.locator("#found-count")).to_have_text(visitor.t("hits.none"))
    visitor.fits()


def test_only_rows_that_meet_conditions(visitor: Visitor) -> None:
    facts = {name: (city, stars) for name, city, stars in album.scene_facts()}
    visitor.open(IMAGES)
    visitor.give(album.scene("red", 2))
    visitor.options()
    visitor.page.locator("#add-condition").click()
    first = visitor.page.locator(".conditions li").first
    first.get_by_label(visitor.t("filter.column")).select_option("city")
    with visitor.answered():
        first.get_by_label(visitor.t("filter.value")).select_option("北京")
    assert {facts[name][0] for name in visitor.hits()} == {"北京"}
    visitor.page.locator("#add-condition").click()
    second = visitor.page.locator(".conditions li").nth(1)
    second.get_by_label(visitor.t("filter.column")).select_option("stars")
    second.get_by_label(visitor.t("filter.operator")).select_option(">=")
    with visitor.answered():
        second.get_by_label(visitor.t("filter.value")).fill("4")
        second.get_by_label(visitor.t("filter.value")).press("Tab")
    assert {facts[name] for name in visitor.hits()} == {("北京", 4), ("北京", 5)}
    assert json.loads(visitor.parameters()["filter"]) == [
        {"column": "city", "operator": "=", "value": "北京"},
        {"column": "stars", "operator": ">=", "value": 4},
    ]
    visitor.fits()
    with visitor.answered():
        first.get_by_label(visitor.t("filter.remove")).click()
    assert {city for city, _ in map(facts.__getitem__, visitor.hits())} == set(album.CITIES)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_columns_of_hits_are_shown_on_demand(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("red", 2))
    visitor.page.locator("#columns").click()
    expect(visitor.page.locator("#hits dl").first).to_contain_text("city")
    visitor.fits()


def test_a_name_that_looks_like_markup_is_text(visitor: Visitor, site: Site) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Ada", "Bo", "Cem"))
    name = 'together/O\'Hara & "猫" <b>.png'
    at = visitor.hits().index(name)
    visitor.page.locator("#hits .hit").nth(at).click()
    expect(visitor.page.locator("#viewer-name")).to_have_text(name)
    expect(visitor.page.locator("dialog b")).to_have_count(0)
    assert (site.album.pictures / "people" / name).is_file()


def test_pictures_are_served_anew_as_jpeg_and_not_guessed_at(visitor: Visitor, site: Site) -> None:
    visitor.open(IMAGES)
    source = str(visitor.page.locator("#browse img").first.get_attribute("src"))
    answer = visitor.page.request.get(site.url + source)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_objects_are_called_objects_and_have_their_labels(visitor: Visitor, site: Site) -> None:
    name = f"things_{visitor.view.language}"
    site.db.pipeline_create("things", tiny_objects.EMBEDDER)
    things = site.db.create_collection(name, pipeline="things", columns={"label": "text"})
    things.import_pictures([("salad.png", tiny_objects.paint([(255, 0, 0), (0, 204, 0)]))])
    try:
        visitor.open(f"/search/{name}")
        expect(visitor.page.locator(".lead")).to_have_text(visitor.t("item.picture.lead"))
        expect(visitor.page.locator("#count-pictures")).to_contain_text(visitor.t("part.object.count", n=2))
        expect(visitor.page.locator("#browse .card")).to_contain_text(visitor.t("part.object.count", n=2))
        visitor.give(tiny_objects.paint([(0, 204, 0), (255, 0, 0)]))
        expect(visitor.page.locator("#query .hint").first).to_have_text(visitor.t("part.object.found", n=2))
        expect(visitor.button("part.object.largest")).to_be_visible()
        expect(visitor.page.locator("#query .face .tag")).to_have_text(["tomato", "leaf"])
        expect(visitor.page.locator("#hits .name").first).to_have_text("salad.png · tomato")
        assert violations(visitor) == []
        face = re.compile("face|人脸", re.IGNORECASE)
        assert not face.search(visitor.page.locator("main").inner_text())
        visitor.open(f"/collections/{name}")
        expect(visitor.page.locator("#facts")).to_contain_text(visitor.t("part.object.fact"))
        visitor.page.locator("#browse .card").click()
        expect(visitor.page.locator("dialog .overlay text")).to_have_text(["tomato", "leaf"])
        load_pictures(visitor)
    finally:
        site.db.drop_collection(name)
        site.db.pipeline_drop("things")
