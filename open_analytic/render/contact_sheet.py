"""A contact sheet: the query picture, large, and the hits beside it, with captions and boxes."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

from open_analytic.errors import BadParameter, OpenAnalyticError
from open_analytic.operators.limits import Limits
from open_analytic.render import thumbnail
from open_analytic.types import Box
from open_analytic.util import files

Tile: TypeAlias = tuple[bytes | None, str, Box | None]  # the picture, its caption (at most two lines), where in it
_Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
COLUMNS = 5
MOST = 200  # tiles on one sheet
LARGER = 3  # times at most
TILE, QUERY, GAP, MARGIN = 220, 400, 18, 32  # pixels
TITLE, CAPTION = 24, 15  # heights of the letters
LINE = 21
PAPER, CARD, INK, GREY = "#fbfbfa", "#ececea", "#1d1d1f", "#77777c"
# Pillow's own font has no Chinese; these are looked for where the system keeps its fonts.
WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "wqy-microhei.ttc", "PingFang.ttc", "msyh.ttc",
    "DejaVuSans.ttf",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where things stand: the query in a column of its own, the tiles in a grid beside it."""

    columns: int
    rows: int
    left: int  # of the grid
    top: int

    @property
    def size(self) -> tuple[int, int]:
        grid = self.columns * (TILE + GAP) - GAP if self.columns else 0
        height = max(self.rows * (TILE + 2 * LINE + GAP), QUERY if self.left > MARGIN else 0)
        return self.left + grid + MARGIN, self.top + height + MARGIN

    def corner(self, number: int) -> tuple[int, int]:
        row, column = divmod(number, self.columns)
        return self.left + column * (TILE + GAP), self.top + row * (TILE + 2 * LINE + GAP)


def write(path: Path, *, query: bytes | None, title: str, tiles: Sequence[Tile]) -> None:
    """Write the sheet in the format of the suffix, whole or not at all."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise BadParameter(
            f"A sheet cannot be written as {path.suffix or path.name!r}.", hint=f"Use one of {', '.join(FORMATS)}."
        )
    file = io.BytesIO()
    draw(query=query, title=title, tiles=tiles).save(file, FORMATS[path.suffix.lower()], quality=90)
    files.write(path, file.getvalue(), what="sheet")


def draw(*, query: bytes | None, title: str, tiles: Sequence[Tile]) -> Image.Image:
    """The sheet as a picture. A picture that cannot be shown leaves an empty card with its caption."""
    tiles = tiles[:MOST]
    columns = min(COLUMNS if len(tiles) <= 4 * COLUMNS else 2 * COLUMNS, max(len(tiles), 1))
    layout = _Layout(
        columns=columns,
        rows=-(-len(tiles) // columns),
        left=MARGIN + (QUERY + 2 * GAP if query is not None else 0),
        top=MARGIN + TITLE + GAP + GAP // 2,
    )
    sheet = Image.new("RGB", layout.size, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), _fit(title, TITLE, layout.size[0] - 2 * MARGIN), fill=INK, font=_font(TITLE, title))
    if query is not None:
        _place(sheet, query, None, (MARGIN, layout.top), QUERY)
    for number, (data, caption, box) in enumerate(tiles):
        corner = layout.corner(number)
        _place(sheet, data, box, corner, TILE)
        for line, text in enumerate(caption.splitlines()[:2]):
            place = (corner[0] + 2, corner[1] + TILE + 6 + line * LINE)
            pen.text(place, _fit(text, CAPTION, TILE - 4), fill=GREY if line else INK, font=_font(CAPTION, text))
    if not tiles:
        pen.text((layout.left, layout.top), "nothing found", fill=GREY, font=_font(CAPTION, ""))
    return sheet


def _place(sheet: Image.Image, data: bytes | None, box: Box | None, corner: tuple[int, int], side: int) -> None:
    """The picture, whole, in the middle of a square card with rounded corners."""
    card = Image.new("RGB", (side, side), CARD)
    small = _small(data, side) if data else None
    if small is None:
        ImageDraw.Draw(card).text((side / 2, side / 2), "no picture", fill=GREY, font=_font(CAPTION, ""), anchor="mm")
    else:
        picture, factor, _ = small
        x, y = (side - picture.width) // 2, (side - picture.height) // 2
        card.paste(picture, (x, y))
        if box:
            thumbnail.frame(card, box, factor, (x, y))
    mask = Image.new("L", (2 * side, 2 * side), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 2 * side - 1, 2 * side - 1), side // 12, fill=255)
    sheet.paste(card, corner, mask.resize((side, side), Image.Resampling.LANCZOS))


def _small(data: bytes, side: int) -> thumbnail.Small | None:
    """None when it cannot be read. Tiny pictures grow, but not to mush."""
    try:
        return thumbnail.shrink(data, side, Limits(), larger=LARGER)
    except OpenAnalyticError:
        return None


def _fit(text: str, size: int, width: int) -> str:
    """The text on one line of at most ``width`` pixels, its middle left out where it is too long."""
    text = "".join(letter if letter.isprintable() else "·" for letter in text)
    font = _font(size, text)
    if font.getlength(text) <= width:
        return text
    for keep in range(len(text) - 1, 1, -1):
        shorter = f"{text[: keep // 2]}…{text[-(keep - keep // 2) :]}"
        if font.getlength(shorter) <= width:
            return shorter
    return "…"


def _font(size: int, text: str) -> _Font:
    """Pillow's own letters, or the system's where those have none for the text."""
    return _load(size, wide=any(ord(letter) > 0x24F and letter not in "…·" for letter in text))


@cache
def _load(size: int, *, wide: bool) -> _Font:
    for name in WIDE_FONTS if wide else ():
        with contextlib.suppress(OSError):
            return ImageFont.truetype(name, size)
    return ImageFont.load_default(size)
