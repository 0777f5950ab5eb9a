"""A site with a token shows nothing without it; addresses of pictures are fetched only from public places."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import album
from tests.browser.conftest import TOKEN, Site, shot
from tests.browser.visitor import View, Visitor, visit

IMAGES = f"/search/{album.IMAGES}"


@pytest.fixture
def stranger(browser: Browser, guarded: Site, view: View, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Someone who has not shown the token yet."""
    with visit(browser, guarded.url, view) as visitor:
        yield visitor
        shot(visitor, request.node.originalname)
        assert visitor.unannounced() == []


def test_nothing_is_shown_before_the_token(stranger: Visitor, guarded: Site) -> None:
    stranger.expect("status of 401 .*/login")
    stranger.open(IMAGES + "?like=red%2Fred%204.png")
    assert album.FACES not in stranger.page.content()
    field = stranger.page.get_by_label(stranger.t("login.token"))
    expect(field).to_be_focused()
    field.fill("open barley")
    stranger.button("login.go").click()
    expect(stranger.page.get_by_role("alert")).to_have_text(stranger.t("login.refused"))
    for path in (f"/api/v1/collections/{album.IMAGES}/hits?like=red%2Fred%204.png", "/api/v1/collections"):
        assert stranger.page.request.get(guarded.url + path).status == 401
    stranger.fits()


def test_the_token_opens_the_page_that_was_asked_for_until_logging_out(stranger: Visitor, guarded: Site) -> None:
    stranger.open(IMAGES + "?like=red%2Fred%204.png&k=3")
    stranger.page.get_by_label(stranger.t("login.token")).fill(TOKEN)
    stranger.button("login.go").click()
    expect(stranger.page.locator("#hits li")).to_have_count(3)
    (cookie,) = [each for each in stranger.page.context.cookies() if each.get("httpOnly")]
    assert cookie.get("sameSite") == "Strict"
    if stranger.view.width < 700:
        stranger.page.locator("#menu-button").click()
    stranger.button("nav.logout").click()
    expect(stranger.page.get_by_label(stranger.t("login.token"))).to_be_visible()
    stranger.open(IMAGES)
    expect(stranger.page.locator("#hits")).to_have_count(0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "[::1]"])
@pytest.mark.parametrize("view", [View()], ids=str)
def test_an_address_that_is_not_public_is_refused(stranger: Visitor, host: str) -> None:
    stranger.expect(r"status of 403 .*/queries")
    stranger.open(IMAGES)
    stranger.page.get_by_label(stranger.t("login.token")).fill(TOKEN)
    stranger.button("login.go").click()
    stranger.page.locator("#url").fill(f"http://{host}/a.png")
    stranger.button("pick.fetch").click()
    expect(stranger.page.locator("#alert .notice")).to_contain_text("public")
    expect(stranger.page.locator("#hits li")).to_have_count(0)
