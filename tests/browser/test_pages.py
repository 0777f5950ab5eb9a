"""The other pages, both languages, dark mode, and that everybody can use them."""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from open_analytic.web.language import words
from tests.browser import album
from tests.browser.axe import violations
from tests.browser.conftest import Site, load_pictures, shot
from tests.browser.visitor import EVERY, View, Visitor

IMAGES, FACES = f"/search/{album.IMAGES}", f"/search/{album.FACES}"
HOSTILE = quote(album.HOSTILE, safe="")
PAGES = {
    "search": IMAGES,
    "search faces": FACES,
    "search empty": f"/search/{HOSTILE}",
    "collections": "/collections",
    "collection": f"/collections/{album.IMAGES}",
    "collection empty": f"/collections/{HOSTILE}",
    "pipelines": "/pipelines",
    "pipeline": "/pipelines/tiny_face_analyzer",
    "pipeline preset": "/pipelines/face_analyzer",
    "api": "/api",
    "missing": "/collections/nothing",
}
Visits = Callable[[View], AbstractContextManager[Visitor]]


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
@pytest.mark.parametrize("view", EVERY, ids=str)
def test_axe_finds_nothing_serious(visitor: Visitor, path: str) -> None:
    visitor.expect("status of 404 .*nothing")
    visitor.open(path)
    assert violations(visitor) == []
    visitor.fits()
    load_pictures(visitor)
    name = "page " + next(name for name, each in PAGES.items() if each == path)
    shot(visitor, name)
    with visitor.scheme("dark"):
        shot(visitor, name)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_axe_finds_nothing_serious_in_results_and_dialogs(visitor: Visitor) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Dea", "Ada", "Finn"))
    for title in ("how.title", "how.sql"):
        visitor.page.get_by_text(visitor.t(title), exact=True).click()
    visitor.quiet()
    assert violations(visitor) == []
    visitor.page.locator("#hits .hit").first.click()
    assert violations(visitor) == []
    visitor.fits()


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_collections_tell_how_much_is_in_them(visitor: Visitor) -> None:
    visitor.open("/collections")
    row = visitor.page.locator(f'[data-collection="{album.FACES}"]')
    expect(row.locator('[data-field="pictures"]')).to_have_text(visitor.t("item.picture.count", n=19))
    expect(row.locator('[data-field="rows"]')).to_have_text("21")
    expect(row.locator('[data-field="index"]')).to_have_text(visitor.pattern("index.ready"))
    visitor.page.get_by_role("link", name=album.HOSTILE).first.click()
    visitor.quiet()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(album.HOSTILE)
    assert visitor.page.locator("i").count() == 0


@pytest.mark.parametrize("view", [View(width=1110), View(), View(language="zh", width=375)], ids=str)
def test_long_names_leave_the_pages_own_names_whole(visitor: Visitor, site: Site) -> None:
    long = [f"a_collection_of_scanned_slides_from_the_year_19{year}" for year in (70, 80, 90)]
    for name in long:
        site.db.create_collection(name, pipeline="mean_colour")
    try:
        visitor.open("/collections")
        visitor.fits()
        cut = """() => [...document.querySelectorAll(".menu a, .menu summary, .stacked a")].filter(
          (each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent)"""
        names = {visitor.t(key) for key in ("title.image_search", "title.face_search", "nav.more", "nav.collections",
                                             "nav.pipelines", "nav.api")}  # fmt: skip
        assert names.isdisjoint(visitor.page.evaluate(cut))
        right = "(link) => link.getBoundingClientRect().right - link.closest('.card').getBoundingClientRect().right"
        for link in visitor.page.locator(".stacked th a").all():
            assert link.evaluate(right) < 0
    finally:
        for name in long:
            site.db.drop_collection(name)


def test_a_collection_tells_what_it_is(visitor: Visitor) -> None:
    visitor.open(f"/collections/{album.FACES}")
    facts = visitor.page.locator("#facts")
    expect(facts).to_contain_text(visitor.t("facts.version", pipeline="tiny_faces", version=1))
    expect(visitor.page.locator("#quality li")).to_have_count(3)
    visitor.page.locator("#browse .card").first.click()
    expect(visitor.page.locator("#viewer-name")).to_have_text("Ada/0.png")
    visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.locator("#viewer-name")).to_have_text("Ada/1.png")
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_pipeline_is_drawn_and_run(visitor: Visitor) -> None:
    visitor.open("/pipelines")
    visitor.page.get_by_role("link", name="tiny_face_analyzer").click()
    visitor.quiet()
    drawn = visitor.page.locator(".graph img")
    assert drawn.evaluate("(image) => image.complete && image.naturalWidth") > 100
    visitor.page.set_input_files(
        "#file", {"name": "a.png", "mimeType": "image/png", "buffer": album.group("Ada", "Eve")}
    )
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("part.face.seen"))
    expect(visitor.page.locator("#seen .overlay rect:not(.under)")).to_have_count(2)
    expect(visitor.page.locator("#seen .overlay circle")).to_have_count(10)
    visitor.page.locator("#output button").click()
    output = json.loads(visitor.copied())
    assert [round(face["box"]["x"]) for face in output["faces"]] == [50, 194]
    expect(visitor.page.locator("#output pre")).to_contain_text('"landmarks"')
    visitor.fits()


def test_the_interface_is_described(visitor: Visitor) -> None:
    visitor.open("/api")
    operation = visitor.page.locator("details.operation", has_text="/hits").first
    operation.locator("summary").click()
    expect(operation.locator(".inside")).to_contain_text("max_distance")
    visitor.fits()


@pytest.mark.parametrize("view", [View(language="zh"), View(language="en", width=375)], ids=str)
def test_the_language_is_the_browsers_until_another_is_chosen(visitor: Visitor) -> None:
    page, here = visitor.page, visitor.view.language
    other = "en" if here == "zh" else "zh"
    visitor.open(IMAGES + "?like=red%2Fred%204.png&k=3")
    expect(page.locator("#found-title")).to_have_text(words(here)("hits.title"))
    page.locator(f'a[data-language="{other}"]').click()
    visitor.quiet()
    expect(page.locator("#found-title")).to_have_text(words(other)("hits.title"))
    assert visitor.parameters() == {"like": "red/red 4.png", "k": "3"}
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[other]
    visitor.open("/pipelines")
    expect(page.get_by_role("heading", level=1)).to_have_text(words(other)("nav.pipelines"))


def test_no_words_of_the_other_language_are_left(visitor: Visitor) -> None:
    visitor.open("/collections")
    text = visitor.page.locator("main").inner_text() + visitor.page.locator("footer").inner_text()
    text = text.replace(album.HOSTILE, "")
    if visitor.view.language == "en":
        assert not re.search("[\u4e00-\u9fff]", text)
    else:
        assert not re.search("[A-Za-z]+ [a-z]+ [a-z]+", text)


def test_dark_mode_follows_the_system(visits: Visits) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        with visits(View(scheme=scheme)) as visitor:
            visitor.open(IMAGES)
            visitor.give(album.scene("red", 3))
            shot(visitor, "dark mode")
            paint = "getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)"
            shades[scheme] = sum(visitor.page.evaluate(paint))
            assert visitor.unannounced() == []
    assert shades["light"] > 600 > 150 > shades["dark"]


@pytest.mark.parametrize("view", [View(), View(language="zh")], ids=str)
def test_a_search_with_the_keyboard_alone(visitor: Visitor) -> None:
    page, press = visitor.page, visitor.page.keyboard.press
    # A listener before the page opens: Chromium then intercepts the chooser long before the key is pressed.
    page.on("filechooser", lambda _: None)
    visitor.open(IMAGES)
    press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    press("Enter")
    visitor.tab_to("#choose")
    with page.expect_file_chooser() as chooser, visitor.answered():
        press("Enter")
        chooser.value.set_files({"name": "a.png", "mimeType": "image/png", "buffer": album.scene("teal", 2)})
    assert visitor.hits()[0] == "teal/teal 2.png"
    visitor.tab_to("#k")
    with visitor.answered():
        page.keyboard.type("25")
    visitor.tab_to("#hits .hit")
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#hits .hit").first).to_be_focused()
    press("Enter")
    with visitor.answered():
        press("Enter")  # "more like this" has the focus
    assert visitor.parameters()["like"] == "teal/teal 2.png"


@pytest.mark.parametrize("view", [View()], ids=str)
def test_a_face_is_chosen_with_the_keyboard(visitor: Visitor) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Dea", "Ada", "Finn"))
    visitor.tab_to("#query .face")
    visitor.page.keyboard.press("ArrowRight")
    with visitor.answered():
        visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.dataset.part") == visitor.parameters()["face"]


@pytest.mark.parametrize("view", [View(width=375), View(language="zh", width=375)], ids=str)
def test_the_menu_of_a_phone(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    link = visitor.page.locator("#menu").get_by_role("link", name=visitor.t("nav.pipelines"))
    expect(link).to_be_hidden()
    visitor.page.locator("#menu-button").click()
    expect(link).to_be_visible()
    shot(visitor, "menu")
    link.click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(visitor.t("nav.pipelines"))


@pytest.mark.parametrize("view", [View()], ids=str)
def test_scripts_that_are_not_the_sites_own_are_refused(visitor: Visitor, site: Site) -> None:
    visitor.expect("CSP", "Content Security Policy")
    visitor.open(IMAGES)
    ran: Any = visitor.page.evaluate(
        """async () => { const made = document.createElement("script"); made.textContent = "window.ran = 1";
           document.head.append(made); await new Promise((done) => setTimeout(done, 50)); return window.ran ?? 0; }"""
    )
    assert ran == 0
    assert "default-src 'none'" in visitor.page.request.get(site.url + IMAGES).headers["content-security-policy"]


@pytest.mark.parametrize("view", [View(), View(scheme="dark")], ids=str)
def test_a_drawing_opened_on_its_own_has_its_colours(visitor: Visitor) -> None:
    visitor.expect("favicon.ico")  # a drawing names none, so the browser guesses
    visitor.page.goto(visitor.base + "/api/v1/pipelines/face_analyzer/graph.svg")  # no script can wait in it
    fill = visitor.page.evaluate("getComputedStyle(document.querySelector('.paper')).fill")
    assert fill == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}[visitor.view.scheme]
