"""The pages of a collection of videos: files are dropped, searched with and played; a hit shows its frame."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests import tiny_videos
from tests.browser.axe import violations
from tests.browser.conftest import Site, shot
from tests.browser.visitor import EVERY, Visitor
from tests.tiny_videos import BLUE, GREEN, RED

LOADED = """(video) => new Promise((done, failed) => {
  const answer = () => done([video.videoWidth, video.videoHeight, Math.round(video.currentTime)]);
  video.addEventListener("error", () => failed(video.error));
  video.readyState ? answer() : video.addEventListener("loadedmetadata", answer);
})"""


@pytest.fixture(scope="module")
def videos(site: Site) -> Iterator[str]:
    """A collection of two videos, with a row for each frame; its pipeline has the same name."""
    site.db.pipeline_create("videos", tiny_videos.PIPELINE)
    films = site.db.create_collection("videos", pipeline="videos")
    films.import_items([("two.webm", film((RED, 2), (BLUE, 2))), ("one.webm", film((GREEN, 2)))])
    yield "videos"
    site.db.drop_collection("videos")
    site.db.pipeline_drop("videos")


def film(*parts: tuple[tiny_videos.Colour, float]) -> bytes:
    return tiny_videos.scenes(*parts, container="webm")


def fine(visitor: Visitor, name: str) -> None:
    """Everybody can use the page, and nothing is too wide."""
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, name)


def frame(video: Locator) -> list[int]:
    """Width and height in pixels, and the second that is shown."""
    return list(video.evaluate(LOADED))


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_video_finds_the_frame_and_its_second(visitor: Visitor, videos: str, tmp_path: Path) -> None:
    page = visitor.page
    visitor.open(f"/search/{videos}")
    expect(page.locator("#count-pictures")).to_contain_text(visitor.t("item.video.count", n=2))
    assert frame(page.locator("#browse video").first) == [64, 48, 0]
    fine(visitor, "videos start")
    query = tmp_path / "blue.webm"
    query.write_bytes(film((BLUE, 1)))
    with visitor.answered():
        visitor.drop(query)
    second = visitor.t("hits.frame", number=20, seconds=2)
    expect(page.locator("#hits .name").first).to_have_text(f"two.webm · {second}")
    assert frame(page.locator("#hits video").first) == [64, 48, 2]
    assert frame(page.locator("#query video")) == [64, 48, 0]
    fine(visitor, "videos found")
    page.locator("#hits .hit").first.click()
    expect(page.get_by_role("dialog").locator(".frame .hint")).to_have_text(second)
    assert frame(page.get_by_role("dialog").locator("video")) == [64, 48, 2]
    fine(visitor, "videos large")
