"""Adding pictures in the browser, and changing what is there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from open_analytic.store.sources import UPLOAD
from tests.browser import album
from tests.browser.conftest import Site
from tests.browser.visitor import EVERY, Visitor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 30 pictures: more than one request brings."""
    return filled(tmp_path / "holiday", 30)


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """The same with 6."""
    return filled(tmp_path / "holiday", 6)


def filled(folder: Path, count: int) -> Path:
    """Pictures in two folders, a file that only claims to be one, and a text."""
    for number in range(count):
        picture = folder / ("sea" if number % 2 else "山") / f"{number:02}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(album.scene(list(album.HUES)[number % 6], number // 6))
    (folder / "sea" / "99 broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    (folder / "notes.txt").write_text("no picture")
    return folder


def pictures(folder: Path) -> list[str]:
    """The names they get: the paths below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("[0-9][0-9].png"))


def uploaded(site: Site, collection: str, folder: Path) -> None:
    """The folder's pictures are in the collection, as an import of the pages stores them."""
    items = [(name, (folder / name).read_bytes()) for name in pictures(folder)]
    site.db.collection(collection).import_items(items, source=UPLOAD)


def counts(visitor: Visitor) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "failed", "waiting")
    return {name: int(visitor.page.locator(f"#import-{name}").inner_text()) for name in names}


def done(visitor: Visitor) -> dict[str, int]:
    """The counts of an import at its end."""
    expect(visitor.page.locator(".import-state")).to_have_text(visitor.pattern("import.done"), timeout=60_000)
    return counts(visitor)


def of(**counts: int) -> dict[str, int]:
    return dict.fromkeys(("added", "updated", "unchanged", "failed", "waiting"), 0) | counts


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_folder_with_a_bad_file_among_many(visitor: Visitor, site: Site, collection: str, folder: Path) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", folder)
    assert done(visitor) == of(added=30, failed=1)
    failures = visitor.page.locator("#failures")
    expect(failures.locator("li li")).to_have_text("sea/99 broken.png")
    assert len(failures.locator("li strong").inner_text()) > 15
    assert site.names(collection) == pictures(folder)
    expect(visitor.page.locator("#facts")).to_contain_text("30")
    expect(visitor.page.locator("#browse .card")).to_have_count(30)
    visitor.fits()


def test_the_same_again_adds_nothing_and_a_changed_file_is_updated(
    visitor: Visitor, site: Site, collection: str, few: Path
) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", few)
    done(visitor)
    (few / "sea" / "01.png").write_bytes(album.scene("violet", 7))
    (few / "new.png").write_bytes(album.scene("violet", 6))
    visitor.page.set_input_files("#folder", few)
    expect(visitor.page.locator("#import-unchanged")).to_have_text("5", timeout=60_000)
    dialog = visitor.page.locator("dialog.asking")
    expect(dialog).to_contain_text("sea/01.png", timeout=60_000)
    dialog.locator("input[value=replace]").check()
    dialog.locator("button.primary").click()
    assert done(visitor) == of(added=1, updated=1, unchanged=5, failed=1)
    assert site.names(collection) == sorted([*pictures(few), "new.png"])


def test_a_dropped_folder_is_imported_with_live_counts(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    visitor.open(f"/search/{collection}")
    expect(visitor.page.locator("#empty")).to_be_visible()
    visitor.open(f"/collections/{collection}")
    visitor.page.evaluate(
        """() => { window.seen = []; new MutationObserver(() => {
             const added = document.getElementById("import-added");
             if (added) seen.push(Number(added.textContent));
           }).observe(document.getElementById("import"), {subtree: true, childList: true, characterData: true}); }"""
    )
    visitor.drop(folder)
    assert done(visitor) == of(added=30, failed=1)
    seen = visitor.page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert seen[-1] == 30
    assert site.names(collection) == pictures(folder)


def test_two_dropped_folders_with_the_same_names_are_both_imported(
    visitor: Visitor, site: Site, collection: str, tmp_path: Path
) -> None:
    for hue, name in enumerate(("camera", "phone")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(album.scene("violet", hue))
    visitor.open(f"/collections/{collection}")
    visitor.drop(tmp_path / "camera", tmp_path / "phone")
    assert done(visitor) == of(added=2)
    assert site.names(collection) == ["camera/1.png", "phone/1.png"]


def some_added(visitor: Visitor) -> int:
    """How many came with the one request that was let through: small pictures travel together."""
    added = visitor.page.locator("#import-added")
    expect(added).to_have_text(re.compile("^1[0-9]$"), timeout=60_000)
    return int(added.inner_text())


def test_an_interrupted_import_goes_on_where_it_was(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    (folder / "sea" / "99 broken.png").unlink()
    sent: list[str] = []

    def some(route: Route) -> None:
        sent.append(route.request.url)
        if len(sent) == 1:
            route.continue_()  # those after it hang, as on a line that died

    visitor.page.on("dialog", lambda dialog: dialog.accept())  # leave, though an import is under way
    visitor.open(f"/collections/{collection}")
    visitor.page.route("**/imports/*/file*", some)
    visitor.page.set_input_files("#folder", folder)
    first = some_added(visitor)
    visitor.page.reload()
    visitor.page.unroute("**/imports/*/file*")  # those that hung were given up with their page
    visitor.quiet()
    expect(visitor.page.locator("#unfinished")).to_contain_text(visitor.t("import.unfinished", n=30))
    visitor.page.set_input_files("#folder", folder)
    assert done(visitor) == of(added=30 - first, unchanged=first)
    assert site.names(collection) == pictures(folder)


def test_an_import_can_be_stopped_and_what_is_in_stays(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    sent: list[str] = []

    def some(route: Route) -> None:
        sent.append(route.request.url)
        if len(sent) == 1:
            route.continue_()

    visitor.open(f"/collections/{collection}")
    visitor.page.route("**/imports/*/file*", some)
    visitor.page.set_input_files("#folder", folder)
    first = some_added(visitor)
    visitor.button("import.stop").click()
    expect(visitor.page.locator(".import-state")).to_have_text(visitor.pattern("import.stopped"))
    assert len(site.names(collection)) == first


def test_files_into_an_empty_collection_from_its_search_page(visitor: Visitor, collection: str, few: Path) -> None:
    visitor.open(f"/search/{collection}")
    visitor.page.set_input_files("#files", [few / "sea" / "01.png", few / "sea" / "03.png"])
    expect(visitor.page.locator("#browse .card")).to_have_count(2, timeout=60_000)
    visitor.give(album.scene("orange", 0))
    assert len(visitor.hits()) == 2


def test_no_pictures_in_what_was_chosen(visitor: Visitor, collection: str, few: Path) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#files", few / "notes.txt")
    expect(visitor.page.locator("#import .notice")).to_have_text(visitor.pattern("import.no_pictures"))


def test_a_picture_is_deleted_once_that_is_confirmed(visitor: Visitor, site: Site, collection: str, few: Path) -> None:
    uploaded(site, collection, few)
    visitor.open(f"/collections/{collection}")
    for answer, left in (("dialog.cancel", 6), ("edit.delete", 5)):
        visitor.page.locator("#browse .card").nth(2).click()
        visitor.page.locator("#delete").click()
        asking = visitor.page.locator("dialog.asking")
        expect(asking).to_contain_text(visitor.t("edit.delete_text", name="sea/05.png"))
        asking.get_by_role("button", name=visitor.t(answer), exact=True).click()
        expect(asking).to_have_count(0)
        if left == 6:
            visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#alert .notice")).to_contain_text(visitor.t("edit.deleted", name="sea/05.png"))
    expect(visitor.page.locator("#browse .card")).to_have_count(5)
    assert "sea/05.png" not in site.names(collection)
    assert len(site.names(collection)) == 5


def test_a_picture_is_renamed_and_a_name_that_is_taken_is_refused(
    visitor: Visitor, site: Site, collection: str, few: Path
) -> None:
    visitor.expect(r"status of 409 .*/picture")
    uploaded(site, collection, few)
    visitor.open(f"/collections/{collection}")
    asking = visitor.page.locator("dialog.asking")
    visitor.page.locator("#browse .card").first.click()
    visitor.page.locator("#rename").click()
    visitor.page.locator("#new-name").fill("sea/05.png")
    asking.get_by_role("button", name=visitor.t("edit.rename"), exact=True).click()
    message = {"en": "There is already a picture named 'sea/05.png'. Choose another name.",
             "zh": "已有名为 'sea/05.png' 的图片。请换一个名称。"}  # fmt: skip
    expect(asking.get_by_role("alert")).to_have_text(message[visitor.view.language])
    expect(visitor.page.locator("#new-name")).to_have_value("sea/05.png")
    visitor.page.locator("#new-name").fill('海 <b> & "x".png')
    asking.get_by_role("button", name=visitor.t("edit.rename"), exact=True).click()
    expect(visitor.page.locator("#alert .notice")).to_contain_text('海 <b> & "x".png')
    expect(visitor.page.locator("dialog")).to_have_count(0)
    expect(visitor.page.get_by_text('海 <b> & "x".png', exact=True).first).to_be_visible()
    names = site.names(collection)
    assert (len(names), "sea/01.png" in names, '海 <b> & "x".png' in names) == (6, False, True)


@pytest.mark.parametrize("choice", ["keep_both", "skip", None])
def test_names_of_other_pictures_are_asked_about_once(
    visitor: Visitor, site: Site, collection: str, few: Path, choice: str | None
) -> None:
    uploaded(site, collection, few)
    visitor.open(f"/collections/{collection}")
    for name in ("01", "03"):
        (few / "sea" / f"{name}.png").write_bytes(album.scene("violet", 7))
    visitor.page.set_input_files("#folder", few)
    dialog = visitor.page.locator("dialog.asking")
    expect(dialog).to_contain_text("sea/01.png", timeout=60_000)
    expect(dialog.locator("h2")).to_contain_text("2")
    for label in dialog.locator("label.choice").all():  # each choice is a small circle with its words beside it
        box, words = label.locator("input").bounding_box(), label.bounding_box()
        assert box
        assert words
        assert (box["width"] <= 24, box["height"] <= 24, box["x"] - words["x"] < 2) == (True, True, True)
    expect(dialog.get_by_role("button")).to_have_text(visitor.t("import.go_on"))
    if choice:
        dialog.locator(f"input[value={choice}]").check()
        dialog.locator("button.primary").click()
    else:
        visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("dialog.asking")).to_have_count(0)
    added = 2 if choice == "keep_both" else 0
    assert done(visitor) == of(added=added, unchanged=4, failed=1)
    state = visitor.page.locator(".import-state")
    if not added:
        expect(visitor.page.locator("#import-skipped")).to_have_text("2")
        expect(state).to_contain_text(visitor.t("import.n_skipped", n=2))
    expect(state).to_contain_text(visitor.t("import.n_unchanged", n=4))
    both = [f"sea/{name} (2).png" for name in ("01", "03")] if added else []
    assert site.names(collection) == sorted([*pictures(few), *both])


def test_files_that_are_left_out_are_counted_with_what_helps(visitor: Visitor, collection: str, few: Path) -> None:
    for name in ("clip.MOV", "clip.mp4", "raw/a.CR2", "raw/b.nef", "raw/c.nef"):
        (few / name).parent.mkdir(exist_ok=True)
        (few / name).write_bytes(b"no picture")
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", few)
    done(visitor)
    left_out, comma = visitor.page.locator("#left-out"), visitor.t("list.and")
    expect(left_out.locator("p")).to_contain_text("2 .nef")
    for count in ("1 .mov", "1 .mp4", "1 .cr2", "1 .txt"):
        expect(left_out.locator("p")).to_contain_text(count)
    helps = sorted(left_out.locator("li").all_inner_texts())
    assert len(helps) == 2
    raw, video = (next(line for line in helps if suffix in line) for suffix in (".nef", ".mov"))
    assert raw == visitor.t("import.help_raw", types=comma.join((".nef", ".cr2")))
    assert video in {
        visitor.t("import.help_video", types=comma.join(pair)) for pair in ((".mov", ".mp4"), (".mp4", ".mov"))
    }
    visitor.fits()


def test_reasons_are_told_once_and_in_the_pages_words(visitor: Visitor, collection: str, tmp_path: Path) -> None:
    for at in range(3):
        (tmp_path / f"{at}.png").write_bytes(b"text %d" % at)
    (tmp_path / "empty.png").write_bytes(b"")
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", tmp_path)
    assert done(visitor) == of(failed=4)
    reasons = visitor.page.locator("#failures .failures > li")
    expect(reasons).to_have_count(2)
    text = {"en": "This is not a picture that can be read.", "zh": "这不是可读取的图片。"}[visitor.view.language]
    (three,) = [each for each in reasons.all() if text in each.inner_text()]
    assert three.locator("li").all_inner_texts() == ["0.png", "1.png", "2.png"]
    assert "3" in three.locator("strong").inner_text()


def test_a_picture_without_a_face_is_a_result(visitor: Visitor, site: Site, tmp_path: Path) -> None:
    visitor.expect(r"status of 404 .*/hits")
    (tmp_path / "person.png").write_bytes(album.portrait("Ada", 5))
    (tmp_path / "scene.png").write_bytes(album.scene("blue", 2))
    name = f"faceless_{visitor.view.language}"
    site.db.create_collection(name, pipeline="tiny_faces", parameters={"face": "all"})
    try:
        visitor.open(f"/collections/{name}")
        expect(visitor.page.locator("#browse form")).to_be_hidden()
        expect(visitor.page.locator("#browse")).to_contain_text(visitor.t("item.picture.none"))
        visitor.page.set_input_files("#folder", tmp_path)
        assert done(visitor) == of(added=1)
        expect(visitor.page.locator("#import-without_face")).to_have_text("1")
        expect(visitor.page.locator(".import-state")).to_contain_text(visitor.t("part.face.n_without", n=1))
        expect(visitor.page.locator("#failures")).to_be_hidden()
        scene = visitor.page.locator("#browse .card", has_text="scene.png")
        expect(scene).to_contain_text(visitor.t("part.face.none"))
        visitor.open(f"/search/{name}")
        counted = visitor.t("item.picture.count", n=2) + visitor.t("list.and") + visitor.t("part.face.count", n=1)
        expect(visitor.page.locator("#count-pictures")).to_have_text(counted)
        visitor.page.locator("#browse .card", has_text="scene.png").click()
        expect(visitor.page.locator("#alert")).to_contain_text(
            {"en": "cannot be searched with", "zh": "无法用"}[visitor.view.language]
        )
    finally:
        site.db.drop_collection(name)
