"""Pictures made small and upright, for people to look at."""

import io
from typing import NamedTuple

from PIL import Image, ImageDraw

from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits
from open_analytic.types import Box

ACCENT, EDGE = "#00c275", "#101012"
QUALITY = 85
AROUND = 2.4  # times a face is what is shown of its picture
ENOUGH = 1200  # pixels the shorter side keeps, of which a small face is cut


class Small(NamedTuple):
    """A picture, by how much it was scaled, and how large (width, height) the upright original is."""

    picture: Image.Image
    factor: float
    original: tuple[int, int]


def shrink(data: bytes, side: int, limits: Limits, *, larger: float = 1.0) -> Small:
    """The picture upright, its longer side ``side`` pixels; a smaller one grows ``larger`` times at most.

    What cannot be read raises as ``decode_image`` does.
    """
    picture = decode_image(data, limits, shrink_to=side)
    height, width = picture.sides
    original = round(width * picture.scale[0]), round(height * picture.scale[1])
    factor = min(side / max(original), larger)
    size = max(1, round(original[0] * factor)), max(1, round(original[1] * factor))
    return Small(Image.fromarray(picture.pixels).resize(size, Image.Resampling.LANCZOS), factor, original)


def around(data: bytes, box: Box, side: int, limits: Limits) -> Image.Image:
    """A square of the upright picture with a region in its middle, framed: what a face can be known by."""
    picture = decode_image(data, limits, shrink_to=ENOUGH)
    height, width = picture.sides
    across, down = picture.scale
    wide, high = box.width / across, box.height / down
    edge = round(min(max(AROUND * max(wide, high), 8), width, height))
    left = round(min(max(box.x / across + wide / 2 - edge / 2, 0), width - edge))
    top = round(min(max(box.y / down + high / 2 - edge / 2, 0), height - edge))
    whole = Image.fromarray(picture.pixels)
    cut = whole.resize((side, side), Image.Resampling.LANCZOS, (left, top, left + edge, top + edge))
    enlarged = side / edge
    frame(cut, box, enlarged / across, (round(-left * enlarged), round(-top * enlarged)))
    return cut


def frame(picture: Image.Image, box: Box, factor: float, place: tuple[int, int] = (0, 0)) -> None:
    """Draw a region's rectangle, seen on any picture. ``place`` is where on the canvas the region's picture lies."""
    x, y = place[0] + box.x * factor, place[1] + box.y * factor
    edges = (x, y, x + max(box.width * factor, 2), y + max(box.height * factor, 2))
    pen = ImageDraw.Draw(picture)
    for colour, width, grow in ((EDGE, 4, 1), (ACCENT, 2, 0)):
        pen.rounded_rectangle(
            (edges[0] - grow, edges[1] - grow, edges[2] + grow, edges[3] + grow), 4, outline=colour, width=width
        )


def jpeg(picture: Image.Image) -> bytes:
    """Its bytes, without the metadata of the original's file."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
