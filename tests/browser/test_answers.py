"""What an answer says of itself, and that its address brings it back."""

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser import album
from tests.browser.conftest import Site
from tests.browser.visitor import EVERY, Visitor

IMAGES, FACES = f"/search/{album.IMAGES}", f"/search/{album.FACES}"


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_reason_and_time_are_there_on_demand(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("teal", 3))
    with visitor.page.expect_response(lambda answer: "explain=1" in answer.url):
        visitor.page.get_by_text(visitor.t("how.title")).click()
    reason = {"en": "Every row that matches is measured", "zh": "逐行计算每个符合条件的行"}[visitor.view.language]
    expect(visitor.page.locator("#explain .reason")).to_contain_text(reason)
    expect(visitor.page.locator("#explain .times dd")).to_have_count(3)
    visitor.fits()


def test_the_sql_shown_gives_the_same_rows_in_the_database(visitor: Visitor, site: Site) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("teal", 3))
    visitor.options()
    with visitor.answered():
        visitor.page.locator("#k").fill("7")
    visitor.page.get_by_text(visitor.t("how.sql"), exact=True).click()
    visitor.page.locator("#copy-sql").click()
    expect(visitor.page.locator("#copy-sql")).to_have_text(visitor.t("how.copied"))
    visitor.fits()
    statement = visitor.copied()
    with psycopg.connect(site.album.dsn) as connection:
        rows = connection.execute(statement.encode()).fetchall()
    assert [next(value for value in row if isinstance(value, str)) for row in rows] == visitor.hits()


def test_back_and_reload_show_what_was_there(visitor: Visitor) -> None:
    visitor.open(IMAGES)
    visitor.give(album.scene("green", 3))
    first, address = visitor.hits(), visitor.page.url
    visitor.options()
    with visitor.answered():
        visitor.page.locator("#k").fill("5")
    assert visitor.hits() == first[:5]
    with visitor.answered():
        visitor.page.go_back()
    assert (visitor.hits(), visitor.page.url) == (first, address)
    visitor.page.go_forward()
    expect(visitor.page.locator("#hits li")).to_have_count(5)
    visitor.page.reload()
    visitor.quiet()
    assert visitor.hits() == first[:5]
    assert visitor.page.locator("#k").input_value() == "5"
    visitor.page.go_back()
    visitor.page.go_back()
    expect(visitor.page.locator("#start")).to_be_visible()
    expect(visitor.page.locator("#choose")).to_be_visible()


def test_faces_are_there_again_after_a_reload(visitor: Visitor) -> None:
    visitor.open(FACES)
    visitor.give(album.group("Dea", "Ada", "Finn"))
    with visitor.answered():
        visitor.page.locator('#query .face[aria-pressed="false"]').first.click()
    chosen, hits = visitor.parameters()["face"], visitor.hits()
    visitor.page.reload()
    visitor.quiet()
    expect(visitor.page.locator("#query .face")).to_have_count(3)
    pressed = visitor.page.locator('#query .face[aria-pressed="true"]')
    assert (pressed.get_attribute("data-part"), visitor.hits()) == (chosen, hits)


def test_an_address_of_another_browser_works(visitor: Visitor) -> None:
    visitor.open(IMAGES + "?like=red%2Fred%204.png&k=3")
    assert len(visitor.hits()) == 3
    assert {name.partition("/")[0] for name in visitor.hits()} == {"red"}


def test_a_query_no_longer_kept_asks_for_the_picture_again(visitor: Visitor) -> None:
    visitor.expect(r"status of 404 .*/(hits|queries)")
    visitor.open(IMAGES + "?query=gone&k=5")
    expect(visitor.page.locator("#alert .notice")).to_contain_text(visitor.t("item.picture.gone"))
    visitor.give(album.scene("red", 1))
    assert (len(visitor.hits()), visitor.parameters()["k"]) == (5, "5")
