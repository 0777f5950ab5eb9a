"""The contact sheet shows what it is given, whatever that is."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from open_analytic.errors import BadParameter
from open_analytic.render import contact_sheet
from open_analytic.types import Box


def picture(color: object, size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, "PNG", **options)  # type: ignore[arg-type]
    return file.getvalue()


RED, BLUE = picture("red"), picture("blue")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_query_and_hits_are_on_the_sheet(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"found{suffix}"
    contact_sheet.write(path, query=RED, title="a search", tiles=[(BLUE, f"hit {n}\n0.{n}", None) for n in range(7)])
    with Image.open(path) as file:
        pixels = np.asarray(file.convert("RGB")).astype(int)
    red = (abs(pixels - [254, 0, 0]).max(axis=2) < 40).sum()
    blue = (abs(pixels - [0, 0, 254]).max(axis=2) < 40).sum()
    assert red == pytest.approx(contact_sheet.QUERY * contact_sheet.QUERY * 2 / 3, rel=0.05)
    assert blue == pytest.approx(7 * contact_sheet.TILE * contact_sheet.TILE * 2 / 3, rel=0.05)
    assert list(tmp_path.iterdir()) == [path]


def test_a_box_is_drawn_where_it_is_also_in_a_turned_picture() -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees: stored 300 x 200, seen 200 x 300
    Image.new("RGB", (300, 200), "white").save(file, "JPEG", exif=exif)
    box = Box(x=20, y=200, width=100, height=80)
    drawn = contact_sheet.draw(query=None, title="", tiles=[(file.getvalue(), "", box)])
    pixels = np.asarray(drawn).astype(int)
    rows, columns = np.nonzero(abs(pixels - [0x00, 0xC2, 0x75]).max(axis=2) < 30)
    scale = contact_sheet.TILE / 300
    left = contact_sheet.MARGIN + (contact_sheet.TILE - 200 * scale) / 2
    top = contact_sheet.MARGIN + contact_sheet.TITLE + contact_sheet.GAP + contact_sheet.GAP // 2
    assert columns.min() == pytest.approx(left + 20 * scale, abs=2)
    assert columns.max() == pytest.approx(left + 120 * scale, abs=2)
    assert rows.min() == pytest.approx(top + 200 * scale, abs=2)
    assert rows.max() == pytest.approx(top + 280 * scale, abs=2)


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"no picture",
        RED[:60],
        picture((255, 0, 0, 90), mode="RGBA"),
        picture(40000, mode="I;16"),
        picture(1, mode="1"),
        picture(3, mode="P", transparency=3),
        picture("red", (1, 1)),
        picture("red", (5000, 1)),
    ],
    ids=["none", "text", "truncated", "alpha", "16 bits", "1 bit", "palette", "a pixel", "a line"],
)
def test_any_picture_gets_its_card(data: bytes | None) -> None:
    drawn = contact_sheet.draw(query=data or b"", title="t", tiles=[(data, "name", Box(x=0, y=0, width=9, height=9))])
    assert drawn.size == contact_sheet.draw(query=RED, title="t", tiles=[(RED, "name", None)]).size


def test_nothing_found_is_a_sheet_too() -> None:
    assert contact_sheet.draw(query=RED, title="nothing", tiles=[]).width > contact_sheet.QUERY


def test_hostile_captions_stay_on_their_line() -> None:
    caption = "a\x1b[31m\u202e" + "猫" * 300 + "\n0.1\nthird line"
    drawn = contact_sheet.draw(query=None, title=caption, tiles=[(RED, caption, None)])
    assert drawn.width < 400


@pytest.mark.parametrize("name", ["found.txt", "found", "missing/found.jpg"])
def test_a_sheet_that_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadParameter, match="cannot be written"):
        contact_sheet.write(tmp_path / name, query=RED, title="", tiles=[])
    assert list(tmp_path.iterdir()) == []
