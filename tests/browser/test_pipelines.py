"""The page of a pipeline whose input is no picture: a text is written, a sound or a video is chosen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests import tiny_objects, tiny_sounds, tiny_texts, tiny_videos
from tests.browser.axe import violations
from tests.browser.conftest import Site, shot
from tests.browser.visitor import EVERY, Visitor

SOUND = tiny_sounds.wav(np.full(800, 0.5))
FILM = tiny_videos.scenes((tiny_videos.RED, 3), (tiny_videos.BLUE, 1))


@pytest.fixture(scope="module", autouse=True)
def pipelines(site: Site) -> Iterator[None]:
    """A pipeline of texts, one of sounds, one of videos and one of objects."""
    site.db.pipeline_create("texts", tiny_texts.PIPELINE)
    site.db.pipeline_create("sounds", tiny_sounds.PIPELINE)
    site.db.pipeline_create("videos", tiny_videos.PIPELINE)
    site.db.pipeline_create("objects", tiny_objects.DETECTOR)
    yield
    for name in ("texts", "sounds", "videos", "objects"):
        site.db.pipeline_drop(name)


def copied_output(visitor: Visitor) -> Any:
    visitor.page.locator("#output button").click()
    return json.loads(visitor.copied())


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_text_is_written(site: Site, visitor: Visitor) -> None:
    visitor.open("/pipelines/texts")
    expect(visitor.page.locator(".drop-zone, #file, #camera")).to_have_count(0)
    field = visitor.page.get_by_label(visitor.t("run.text"))
    field.fill("red house")
    field.press("Enter")
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("run.done"))
    expect(visitor.page.locator("#seen img")).to_have_count(0)
    assert copied_output(visitor) == site.db.pipeline_run("texts", "red house")
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "pipeline of texts")


def test_a_file_with_a_text_is_dropped(site: Site, visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("/pipelines/texts")
    (tmp_path / "a.txt").write_text("blue house")
    visitor.drop(tmp_path / "a.txt")
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("run.done"))
    assert copied_output(visitor) == site.db.pipeline_run("texts", "blue house")


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_objects_have_their_labels(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("/pipelines/objects")
    (tmp_path / "a.png").write_bytes(tiny_objects.paint([(255, 0, 0), (0, 204, 0)]))
    visitor.drop(tmp_path / "a.png")
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("part.object.seen"))
    expect(visitor.page.locator("#seen .overlay text")).to_have_text(["tomato", "leaf"])


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_sound_is_dropped_or_chosen(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open("/pipelines/sounds")
    expect(visitor.page.locator("#choose")).to_have_text(visitor.t("item.sound.choose"))
    (tmp_path / "a.wav").write_bytes(SOUND)
    visitor.drop(tmp_path / "a.wav")
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("run.done"))
    expect(visitor.page.locator("#seen audio")).to_have_count(1)
    expect(visitor.page.locator("#seen img")).to_have_count(0)
    assert copied_output(visitor) == {"vector": [0.25, 0.5]}  # the mean square, the mean
    visitor.expect("status of 422")
    visitor.page.set_input_files("#file", {"name": "a.wav", "mimeType": "audio/wav", "buffer": SOUND[:-2]})
    expect(visitor.page.locator("#alert .notice")).to_be_visible()
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "pipeline of sounds")


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_video_is_chosen(site: Site, visitor: Visitor) -> None:
    visitor.open("/pipelines/videos")
    expect(visitor.page.locator("#choose")).to_have_text(visitor.t("item.video.choose"))
    visitor.page.set_input_files("#file", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": FILM})
    expect(visitor.page.locator("#seen .hint")).to_have_text(visitor.pattern("run.done"))
    expect(visitor.page.locator("#seen img")).to_have_count(0)
    output = copied_output(visitor)
    assert [frame["seconds"] for frame in output["frames"]] == [0, 2, 3]
    assert output == site.db.pipeline_run("videos", FILM)
    visitor.expect("status of 422")
    visitor.page.set_input_files("#file", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": FILM[:-20]})
    expect(visitor.page.locator("#alert .notice")).to_be_visible()
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    shot(visitor, "pipeline of videos")
