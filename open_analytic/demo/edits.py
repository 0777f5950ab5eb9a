"""What people do to a picture before they post it again, each edit a function of a picture."""

import io
from collections.abc import Callable
from types import MappingProxyType

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Edit = Callable[[Image.Image], Image.Image]


def crop_half(picture: Image.Image) -> Image.Image:
    """The middle, half of the area."""
    width, height = picture.size
    dx, dy = round(width * 0.146), round(height * 0.146)
    return picture.crop((dx, dy, width - dx, height - dy))


def jpeg_30(picture: Image.Image) -> Image.Image:
    """Saved once as JPEG of quality 30."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=30)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def blur(picture: Image.Image) -> Image.Image:
    """Out of focus by one part in 150 of the longer side."""
    return picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 150))


def flip(picture: Image.Image) -> Image.Image:
    """Left and right exchanged."""
    return ImageOps.mirror(picture)


def rotate(picture: Image.Image) -> Image.Image:
    """Turned by 12 degrees, the corners filled with grey."""
    return picture.rotate(12, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))


def colour(picture: Image.Image) -> Image.Image:
    """Darker, and its colours stronger."""
    return ImageEnhance.Color(ImageEnhance.Brightness(picture).enhance(0.7)).enhance(1.7)


def screenshot(picture: Image.Image) -> Image.Image:
    """On a phone's screen: bars above and below, a border at the sides."""
    width, height = picture.size
    bar, border = height // 6, width // 20
    screen = Image.new("RGB", (width + 2 * border, height + 2 * bar), (24, 26, 32))
    screen.paste(picture, (border, bar))
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, screen.width, bar // 3), fill=(240, 240, 240))
    draw.ellipse((border, bar // 2, border + bar // 3, bar // 2 + bar // 3), fill=(90, 140, 250))
    return screen


def text(picture: Image.Image) -> Image.Image:
    """A caption written across it."""
    copy = picture.copy()
    draw = ImageDraw.Draw(copy)
    font = ImageFont.load_default(max(picture.size) / 9)
    place = (picture.width / 2, picture.height * 0.8)
    draw.text(place, "LOOK AT THIS", fill="white", stroke_fill="black", stroke_width=3, font=font, anchor="mm")
    return copy


EDITS: MappingProxyType[str, Edit] = MappingProxyType(
    {
        "crop": crop_half,
        "jpeg": jpeg_30,
        "blur": blur,
        "flip": flip,
        "rotate": rotate,
        "colour": colour,
        "screenshot": screenshot,
        "text": text,
    }
)


def encoded(picture: Image.Image) -> bytes:
    """The picture as JPEG bytes of good quality."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "JPEG", quality=92)
    return file.getvalue()
