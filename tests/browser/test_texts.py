"""The pages of a collection of texts: a box to write in, excerpts for hits, the whole text in a dialog."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests import tiny_texts
from tests.browser import album
from tests.browser.axe import violations
from tests.browser.conftest import Site, shot
from tests.browser.visitor import EVERY, View, Visitor

NOTES, EMPTY, MANY = "notes", "no notes", 62
SEARCH, COLLECTION = f"/search/{NOTES}", f"/collections/{NOTES}"
STORIES, STORY = "stories", "A red house. A blue one.\n\nThe end comes soon, with a tree."
MARKUP = 'a <b>red</b> house & <img src="x" onerror="alert(1)">'
LINES = "".join(f"note {number:02},a blue {'house ' * (1 + number % 9)},de\n" for number in range(MANY))
ROWS = f"""name,text,lang
house,red house,en
"<i>markup</i>","{MARKUP.replace('"', '""')}",en
long,{"a red house " * 2_000},en
猫,"红色的房子, red red",zh
{LINES}"""
MARKED = """async () => {
  const { pieces } = await import("/static/excerpt.js");
  const place = document.createElement("p");
  const told = { before: "<b>a</b> ", marked: "<i>red</i>", after: " house", start: 7, end: 33, characters: 99 };
  place.append(...pieces(told));
  return [place.textContent, place.children.length, place.querySelector("mark").textContent];
}"""


@pytest.fixture(scope="module", autouse=True)
def notes(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A collection of texts from a CSV file, and one without a text."""
    file = tmp_path_factory.mktemp("texts") / "notes.csv"
    file.write_text(ROWS, encoding="utf-8")
    site.db.pipeline_create("texts", tiny_texts.PIPELINE)
    collection = site.db.create_collection(NOTES, pipeline="texts", columns={"lang": "text"})
    assert collection.import_files(file).added == MANY + 4
    site.db.create_collection(EMPTY, pipeline="texts")
    site.db.pipeline_create("passages", tiny_texts.PASSAGES)
    stories = site.db.create_collection(STORIES, pipeline="passages")
    assert stories.import_items([("story", STORY), ("blue", "blue")]).rows == 4
    yield
    for name in (NOTES, EMPTY, STORIES):
        site.db.drop_collection(name)
    for name in ("texts", "passages"):
        site.db.pipeline_drop(name)


def write(visitor: Visitor, text: str) -> None:
    """Search with a text, as with the keyboard."""
    visitor.page.locator("#text").fill(text)
    with visitor.answered():
        visitor.page.locator("#text").press("Enter")


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_by_a_text(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    expect(visitor.page.locator(".lead")).to_have_text(visitor.t("item.text.lead"))
    expect(visitor.page.get_by_label(visitor.t("text.label"))).to_have_attribute(
        "placeholder", visitor.t("text.placeholder")
    )
    expect(visitor.page.locator(".drop-zone, #file, #camera, #url, .stage")).to_have_count(0)
    expect(visitor.page.locator("#browse .excerpt").first).to_contain_text(re.compile(r"\w"))
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "texts start")
    write(visitor, "red house")
    assert (visitor.hits()[0], len(visitor.hits()), visitor.parameters()) == ("house", 10, {"text": "red house"})
    expect(visitor.page.locator("#hits .excerpt").first).to_have_text("red house")
    expect(visitor.page.locator("#found-count")).to_have_text(visitor.pattern("hits.count"))
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "texts found")
    visitor.page.locator("#hits .hit").first.click()
    expect(visitor.page.locator("dialog .text")).to_have_text("red house")
    assert violations(visitor) == []
    visitor.fits()


def test_a_search_is_there_again_after_a_reload_and_after_back(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    visitor.page.locator("#text").fill("red house")
    with visitor.answered():
        visitor.button("text.search").click()
    first = visitor.hits()
    with visitor.answered():
        visitor.page.reload()
    assert (visitor.hits(), visitor.page.locator("#text").input_value()) == (first, "red house")
    write(visitor, "blue house")
    assert visitor.hits() != first
    with visitor.answered():
        visitor.page.go_back()
    assert (visitor.hits(), visitor.page.locator("#text").input_value()) == (first, "red house")
    visitor.page.go_back()
    expect(visitor.page.locator("#start")).to_be_visible()
    expect(visitor.page.locator("#text")).to_have_value("")


def test_a_text_has_lines_and_a_limit_and_is_not_empty(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    field = visitor.page.locator("#text")
    field.fill(" ")
    field.press("Enter")
    expect(field).to_be_focused()
    assert visitor.parameters() == {}
    field.fill("red")
    field.press("Shift+Enter")
    field.press_sequentially("house")
    with visitor.answered():
        field.press("Enter")
    assert (visitor.hits()[0], visitor.parameters()) == ("house", {"text": "red\nhouse"})
    write(visitor, "猫" * 4000)
    assert len(visitor.parameters()["text"]) == 4000
    visitor.expect("status of 422 .*/hits")
    with visitor.answered():
        visitor.page.goto(f"{visitor.base}{SEARCH}?text={'a' * 4001}")
    expect(visitor.page.locator("#alert .notice")).to_contain_text("4,001")
    expect(visitor.page.locator("#hits li")).to_have_count(0)


def test_texts_with_markup_are_texts(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    write(visitor, MARKUP)
    assert visitor.hits()[0] == "<i>markup</i>"
    expect(visitor.page.locator("#hits .excerpt").first).to_have_text(MARKUP)
    visitor.page.locator("#hits .hit").first.click()
    expect(visitor.page.locator("dialog .text")).to_have_text(MARKUP)
    expect(visitor.page.locator("main b, main i, dialog b, dialog i, dialog img")).to_have_count(0)


@pytest.mark.parametrize("view", [View()], ids=str)
def test_the_span_of_a_hit_is_marked(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    assert visitor.page.evaluate(MARKED) == ["… <b>a</b> <i>red</i> house …", 1, "<i>red</i>"]


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_passage_is_marked_in_its_text_and_has_its_characters(visitor: Visitor) -> None:
    visitor.open(f"/search/{STORIES}")
    write(visitor, "a tree.")
    assert visitor.hits()[0] == "story"
    first = visitor.page.locator("#hits .hit").first
    expect(first.locator(".name")).to_have_text(f"story · {visitor.t('hits.text_span', start=51, end=58)}")
    expect(first.locator("mark")).to_have_text("a tree.")
    assert violations(visitor) == []
    visitor.fits()
    first.click()
    expect(visitor.page.locator("dialog mark")).to_have_text("a tree.")
    facts = visitor.page.locator("dialog dl div").filter(has_text=visitor.t("viewer.where"))
    expect(facts.locator("dd")).to_have_text(visitor.t("hits.text_span", start=51, end=58))
    assert violations(visitor) == []


def test_a_long_text_is_cut(visitor: Visitor) -> None:
    visitor.open(f"{SEARCH}?like=long")
    expect(visitor.page.locator("#query .excerpt")).to_have_text(re.compile(r"^(a red house )+\s*…$"))
    visitor.open(SEARCH)
    write(visitor, "a red house a red house a red house")
    at = visitor.hits().index("long")
    visitor.page.locator("#hits .hit").nth(at).click()
    hint = visitor.page.locator("dialog .words .hint")
    expect(hint).to_have_text(re.compile("20,000.*24,000|24,000.*20,000"))
    assert len(visitor.page.locator("dialog .text").inner_text()) == 20_002
    visitor.fits()


def test_more_like_a_text(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    write(visitor, "red house")
    visitor.page.locator("#hits .hit").first.click()
    dialog = visitor.page.get_by_role("dialog")
    with visitor.answered():
        dialog.get_by_role("link", name=visitor.t("viewer.more"), exact=True).click()
    assert visitor.parameters() == {"like": "house"}
    assert "house" not in visitor.hits()
    expect(visitor.page.locator("#text")).to_have_value("")
    expect(visitor.page.locator("#query .excerpt")).to_have_text("red house")
    visitor.fits()
    shot(visitor, "texts like")
    visitor.button("item.text.again").click()
    expect(visitor.page.locator("#text")).to_be_focused()
    assert visitor.parameters() == {}


def test_options_hold_for_texts(visitor: Visitor) -> None:
    visitor.open(SEARCH)
    write(visitor, "blue house")
    visitor.options()
    visitor.page.locator("#text").fill("not yet")
    with visitor.answered():
        visitor.page.locator("#k").fill("70")
    expect(visitor.page.locator("#text")).to_have_value("not yet")
    assert (len(visitor.hits()), visitor.parameters()) == (MANY + 4, {"text": "blue house", "k": "70"})
    visitor.page.locator("#add-condition").click()
    condition = visitor.page.locator(".conditions li").first
    condition.get_by_label(visitor.t("filter.column")).select_option("lang")
    with visitor.answered():
        condition.get_by_label(visitor.t("filter.value")).select_option("zh")
    assert visitor.hits() == ["猫"]
    visitor.page.locator("#columns").click()
    expect(visitor.page.locator("#hits dl").first).to_contain_text("lang")
    with visitor.answered():
        visitor.page.locator("#max_distance").fill("0.0001")
    assert visitor.hits() == []
    visitor.page.locator("#max_distance").fill("")
    expect(visitor.page.locator("#hits li")).to_have_count(1)
    visitor.page.get_by_text(visitor.t("how.title"), exact=True).click()
    expect(visitor.page.locator("#explain .reason")).to_contain_text("66")
    expect(visitor.page.locator("#explain")).to_contain_text(visitor.t("item.text.model"))
    visitor.fits()


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_the_page_of_a_collection_of_texts(visitor: Visitor) -> None:
    visitor.open(COLLECTION)
    expect(visitor.page.locator("#facts")).to_contain_text(visitor.t("item.text.fact"))
    expect(visitor.page.get_by_text(f"open-analytic import notes.csv --collection {NOTES}")).to_be_visible()
    expect(visitor.page.locator(".drop-zone, #file, #folder")).to_have_count(0)
    visitor.page.locator("#browse .card").first.scroll_into_view_if_needed()  # what is far below is not asked for yet
    expect(visitor.page.locator("#browse .excerpt").first).to_contain_text(re.compile(r"\w"))
    pictures = re.compile("picture|图片", re.IGNORECASE)
    assert not pictures.search(visitor.page.locator("main").inner_text())
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "texts collection")
    expect(visitor.page.locator("#browse li")).to_have_count(60)
    visitor.page.locator("#browse-more").click()
    expect(visitor.page.locator("#browse li")).to_have_count(MANY + 4)
    visitor.page.locator("#browse .card").first.click()
    expect(visitor.page.locator("dialog .text")).to_have_text(MARKUP)
    visitor.page.keyboard.press("ArrowRight")
    expect(visitor.page.locator("dialog .text")).to_have_text("red house")
    expect(visitor.button("item.text.next")).to_be_visible()


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_collection_without_texts_names_the_command(visitor: Visitor) -> None:
    visitor.open(f"/search/{EMPTY}")
    expect(visitor.page.get_by_role("heading", name=visitor.t("item.text.empty"))).to_be_visible()
    expect(visitor.page.get_by_text(f"open-analytic import notes.csv --collection '{EMPTY}'")).to_be_visible()
    expect(visitor.page.locator(".drop-zone, #text:visible")).to_have_count(0)
    assert violations(visitor) == []
    visitor.fits()


def test_the_table_of_collections_counts_texts(visitor: Visitor) -> None:
    visitor.open("/collections")
    counts = {NOTES: visitor.t("item.text.count", n=MANY + 4), album.FACES: visitor.t("item.picture.count", n=19)}
    for name, count in counts.items():
        row = visitor.page.locator(f'[data-collection="{name}"]')
        expect(row.locator('[data-field="pictures"]')).to_have_text(count)
    visitor.fits()


@pytest.mark.parametrize("view", [View(), View(language="zh")], ids=str)
def test_a_search_for_a_text_with_the_keyboard_alone(visitor: Visitor) -> None:
    page, press = visitor.page, visitor.page.keyboard.press
    visitor.open(SEARCH)
    visitor.tab_to("#text")
    page.keyboard.type("red house")
    with visitor.answered():
        press("Enter")
    visitor.tab_to("#hits .hit")
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(page.locator("#hits .hit").first).to_be_focused()
