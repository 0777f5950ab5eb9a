"""Adding pictures in the browser, and changing what is there."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser import album
from tests.browser.conftest import Site
from tests.browser.visitor import EVERY, Visitor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 30 pictures in two folders, a file that only claims to be one, and a text."""
    folder = tmp_path / "holiday"
    for number in range(30):
        picture = folder / ("sea" if number % 2 else "山") / f"{number:02}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(album.scene(list(album.HUES)[number % 6], number // 6))
    (folder / "sea" / "99 broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    (folder / "notes.txt").write_text("no picture")
    return folder


def pictures(folder: Path) -> list[str]:
    """The names they get: the paths below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("[0-9][0-9].png"))


def counts(visitor: Visitor) -> dict[str, int]:
    names = ("added", "updated", "unchanged", "failed", "waiting")
    return {name: int(visitor.page.locator(f"#import-{name}").inner_text()) for name in names}


def done(visitor: Visitor) -> dict[str, int]:
    """The counts of an import at its end."""
    expect(visitor.page.locator(".import-state")).to_have_text(visitor.said("import.done"), timeout=60_000)
    return counts(visitor)


def of(**given: int) -> dict[str, int]:
    return dict.fromkeys(("added", "updated", "unchanged", "failed", "waiting"), 0) | given


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_folder_with_a_bad_file_among_many(visitor: Visitor, site: Site, collection: str, folder: Path) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", folder)
    assert done(visitor) == of(added=30, failed=1)
    failures = visitor.page.locator("#failures")
    expect(failures.locator("li strong")).to_have_text("sea/99 broken.png")
    assert len(failures.locator("li span").inner_text()) > 20
    assert site.names(collection) == pictures(folder)
    expect(visitor.page.locator("#facts")).to_contain_text("30")
    expect(visitor.page.locator("#browse .card")).to_have_count(30)
    visitor.fits()


def test_the_same_again_adds_nothing_and_a_changed_file_is_updated(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", folder)
    done(visitor)
    (folder / "sea" / "01.png").write_bytes(album.scene("violet", 7))
    (folder / "new.png").write_bytes(album.scene("violet", 6))
    visitor.page.set_input_files("#folder", folder)
    expect(visitor.page.locator("#import-unchanged")).to_have_text("29", timeout=60_000)
    dialog = visitor.page.locator("dialog.asking")
    expect(dialog).to_contain_text("sea/01.png", timeout=60_000)
    dialog.locator("input[value=replace]").check()
    dialog.locator("button.primary").click()
    assert done(visitor) == of(added=1, updated=1, unchanged=29, failed=1)
    assert site.names(collection) == sorted([*pictures(folder), "new.png"])


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
    expect(visitor.page.locator(".import-state")).to_have_text(visitor.said("import.stopped"))
    assert len(site.names(collection)) == first


def test_files_into_an_empty_collection_from_its_search_page(visitor: Visitor, collection: str, folder: Path) -> None:
    visitor.open(f"/search/{collection}")
    visitor.page.set_input_files("#files", [folder / "sea" / "01.png", folder / "sea" / "03.png"])
    expect(visitor.page.locator("#browse .card")).to_have_count(2, timeout=60_000)
    visitor.give(album.scene("orange", 0))
    assert len(visitor.hits()) == 2


def test_no_pictures_in_what_was_chosen(visitor: Visitor, collection: str, folder: Path) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#files", folder / "notes.txt")
    expect(visitor.page.locator("#import .notice")).to_have_text(visitor.said("import.no_pictures"))


def test_a_picture_is_deleted_once_that_is_confirmed(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    with site.database() as db:
        db.collection(collection).import_files(folder)
    visitor.open(f"/collections/{collection}")
    for answer, left in (("dialog.cancel", 30), ("edit.delete", 29)):
        visitor.page.locator("#browse .card").nth(2).click()
        visitor.page.locator("#delete").click()
        asking = visitor.page.locator("dialog.asking")
        expect(asking).to_contain_text(visitor.t("edit.delete_text", name="sea/05.png"))
        asking.get_by_role("button", name=visitor.t(answer), exact=True).click()
        expect(asking).to_have_count(0)
        if left == 30:
            visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("#alert .notice")).to_contain_text(visitor.t("edit.deleted", name="sea/05.png"))
    expect(visitor.page.locator("#browse .card")).to_have_count(29)
    assert "sea/05.png" not in site.names(collection)
    assert len(site.names(collection)) == 29


def test_a_picture_is_renamed_and_a_name_that_is_taken_is_refused(
    visitor: Visitor, site: Site, collection: str, folder: Path
) -> None:
    visitor.expect(r"status of 409 .*/picture")
    with site.database() as db:
        db.collection(collection).import_files(folder)
    visitor.open(f"/collections/{collection}")
    for wanted in ("sea/07.png", '海 <b> & "x".png'):
        visitor.page.locator("#browse .card").first.click()
        visitor.page.locator("#rename").click()
        visitor.page.locator("#new-name").fill(wanted)
        visitor.page.locator("dialog.asking").get_by_role("button", name=visitor.t("edit.rename"), exact=True).click()
        expect(visitor.page.locator("#alert .notice")).to_contain_text(wanted)
        expect(visitor.page.locator("dialog")).to_have_count(0)
    expect(visitor.page.get_by_text('海 <b> & "x".png', exact=True).first).to_be_visible()
    names = site.names(collection)
    assert (len(names), "sea/01.png" in names, '海 <b> & "x".png' in names) == (30, False, True)


@pytest.mark.parametrize("choice", ["keep_both", "skip", None])
def test_names_of_other_pictures_are_asked_about_once(
    visitor: Visitor, site: Site, collection: str, folder: Path, choice: str | None
) -> None:
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", folder)
    done(visitor)
    for name in ("01", "03"):
        (folder / "sea" / f"{name}.png").write_bytes(album.scene("violet", 7))
    visitor.page.set_input_files("#folder", folder)
    dialog = visitor.page.locator("dialog.asking")
    expect(dialog).to_contain_text("sea/01.png", timeout=60_000)
    expect(dialog.locator("h2")).to_contain_text("2")
    if choice:
        dialog.locator(f"input[value={choice}]").check()
        dialog.locator("button.primary").click()
    else:
        visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("dialog.asking")).to_have_count(0)
    added = 2 if choice == "keep_both" else 0
    assert done(visitor) == of(added=added, unchanged=28, failed=1)
    if not added:
        expect(visitor.page.locator("#import-skipped")).to_have_text("2")
    both = [f"sea/{name} (2).png" for name in ("01", "03")] if added else []
    assert site.names(collection) == sorted([*pictures(folder), *both])


def test_files_that_are_left_out_are_counted(visitor: Visitor, collection: str, folder: Path) -> None:
    (folder / "clip.MOV").write_bytes(b"film")
    visitor.open(f"/collections/{collection}")
    visitor.page.set_input_files("#folder", folder)
    done(visitor)
    expect(visitor.page.locator("#left-out")).to_contain_text("1 .mov")
    expect(visitor.page.locator("#left-out")).to_contain_text("1 .txt")
