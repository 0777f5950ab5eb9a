"""The pages of a collection of sounds: files are dropped, searched with and played."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect

from tests import tiny_sounds
from tests.browser.axe import violations
from tests.browser.conftest import Site, shot
from tests.browser.visitor import EVERY, Visitor

SECONDS = {"loud": 0.5, "quiet": 0.25, "silent": 0.1}
LEVELS = {"loud": 0.75, "quiet": 0.25, "silent": 0.0}
PICTURES = re.compile("picture|photo|图片|照片", re.IGNORECASE)
LOADED = """(audio) => new Promise((done, failed) => {
  audio.addEventListener("loadedmetadata", () => done(audio.duration));
  audio.addEventListener("error", () => failed(audio.error));
  audio.preload = "metadata";
})"""


def sound(name: str) -> bytes:
    length = round(SECONDS[name] * tiny_sounds.RATE)
    return tiny_sounds.wav(np.sin(np.arange(length) / 5) * 0.2 + LEVELS[name] * 0.8)


@pytest.fixture(scope="module")
def sounds(site: Site) -> Iterator[str]:
    """A pipeline of sounds."""
    site.db.pipeline_create("sounds", tiny_sounds.PIPELINE)
    yield "sounds"
    site.db.pipeline_drop("sounds")


@pytest.fixture
def pipeline(sounds: str) -> str:
    """Of the collection."""
    return sounds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three sounds in a folder, and what is none."""
    folder = tmp_path / "recordings"
    (folder / "day").mkdir(parents=True)
    for name in LEVELS:
        (folder / "day" / f"{name}.wav").write_bytes(sound(name))
    (folder / "cover.png").write_bytes(b"no sound")
    return folder


def fine(visitor: Visitor, name: str) -> None:
    """Everybody can use the page, nothing is too wide, and nothing is called a picture."""
    visitor.quiet()
    assert violations(visitor) == []
    visitor.fits()
    assert not PICTURES.search(visitor.page.locator("body").inner_text())
    shot(visitor, name)


def seconds(player: Locator) -> float:
    """How long a sound is, once the browser has read its beginning."""
    return round(float(player.evaluate(LOADED)), 2)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_folder_is_imported_and_searched_by_a_dropped_sound(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    page = visitor.page
    visitor.open(f"/search/{collection}")
    expect(page.get_by_role("heading", name=visitor.t("item.sound.empty"))).to_be_visible()
    fine(visitor, "sounds empty")
    page.set_input_files("#folder", folder)
    expect(page.locator("#browse .card")).to_have_count(3, timeout=60_000)
    expect(page.locator("#left-out")).to_contain_text("1 .png")
    assert site.names(collection) == [f"day/{name}.wav" for name in sorted(LEVELS)]
    expect(page.locator("#count-pictures")).to_have_text(visitor.t("item.sound.count", n=3))
    assert [seconds(each) for each in page.locator("#browse audio").all()] == [SECONDS[name] for name in sorted(LEVELS)]
    fine(visitor, "sounds start")
    with visitor.answered():
        visitor.drop(folder / "day" / "quiet.wav")
    assert visitor.hits()[0] == "day/quiet.wav"
    assert seconds(page.locator("#query audio")) == seconds(page.locator("#hits audio").first) == SECONDS["quiet"]
    fine(visitor, "sounds found")
    with visitor.answered():
        page.reload()
    expect(page.locator("#query audio")).to_be_visible()
    page.locator("#hits .hit").nth(1).click()
    name = visitor.hits()[1]
    expect(page.get_by_role("dialog").locator("audio")).to_have_attribute("aria-label", name)
    fine(visitor, "sounds large")
    with visitor.answered():
        page.get_by_role("dialog").get_by_role("link", name=visitor.t("viewer.more"), exact=True).click()
    assert visitor.parameters() == {"like": name}
    expect(page.locator("#query audio")).to_be_visible()
    visitor.button("item.sound.again").click()
    expect(page.locator("#choose")).to_be_focused()
    visitor.open(f"/collections/{collection}")
    expect(page.locator("#facts")).to_contain_text(visitor.t("item.sound.fact"))
    fine(visitor, "sounds collection")


def test_by_a_chosen_sound_with_the_keyboard(visitor: Visitor, site: Site, collection: str) -> None:
    site.db.collection(collection).import_items([(f"{name}.wav", sound(name)) for name in LEVELS])
    page = visitor.page
    page.on("filechooser", lambda _: None)
    visitor.open(f"/search/{collection}")
    visitor.tab_to("#choose")
    with page.expect_file_chooser() as chooser, visitor.answered():
        page.keyboard.press("Enter")
        chooser.value.set_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": sound("loud")})
    assert visitor.hits()[0] == "loud.wav"
    visitor.tab_to("#hits audio")


def test_a_part_of_a_sound_says_its_seconds_and_plays_them(visitor: Visitor, site: Site) -> None:
    steps = tiny_sounds.wav(np.repeat([0.1, 0.9, 0.5], tiny_sounds.RATE))
    name = f"seconds_{visitor.view.language}"
    site.db.pipeline_create("windows", tiny_sounds.WINDOWS)
    site.db.create_collection(name, pipeline="windows").import_items([("steps.wav", steps)])
    page = visitor.page
    try:
        visitor.open(f"/search/{name}")
        expect(page.locator("#browse .card")).to_contain_text(visitor.t("part.segment.count", n=3))
        page.locator("#file").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": steps})
        expect(page.locator("#query .hint")).to_have_text(visitor.t("part.segment.found", n=3))
        with visitor.answered():
            page.locator("#query .choices button").nth(1).click()
        second = visitor.t("hits.span", start=1, end=2)
        expect(page.locator("#query .choices [aria-pressed=true]")).to_have_text(second)
        expect(page.locator("#hits .name").first).to_have_text(f"steps.wav · {second}")
        for place in ("#query audio", "#hits audio"):
            assert str(page.locator(place).first.get_attribute("src")).endswith("#t=1,2")
        page.locator("#hits .hit").first.click()
        expect(page.get_by_role("dialog").locator(".frame .hint")).to_have_text(second)
        fine(visitor, "windows")
    finally:
        site.db.drop_collection(name)
        site.db.pipeline_drop("windows")
