"""Any bytes become one upright RGB picture, or one typed error that says what is wrong."""

import contextlib
import io
import random
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from open_analytic.errors import BadImage, ImageTooLarge, OpenAnalyticError, UnsupportedImage
from open_analytic.operators.image import FORMATS, decode_image, halving
from open_analytic.operators.limits import Limits
from open_analytic.types import Image

LIMITS = Limits()
RED, GREEN = (200, 30, 40), (20, 180, 60)


def two_colours(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Pillow.Image:
    """Red, and green in the upper left quarter."""
    picture = Pillow.new("RGB", size, RED)
    picture.paste(GREEN, (0, 0, size[0] // 2, size[1] // 2))
    return picture.convert(mode)


def encoded(picture: Pillow.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - Pillow's word
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def pixels(data: bytes, **options: Any) -> Image:
    return decode_image(data, LIMITS, **options).pixels


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header promises more than there is; it is small because nothing has to be there."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated() -> bytes:
    return encoded(
        two_colours(), "GIF", save_all=True, append_images=[Pillow.new("RGB", (64, 48), (0, 0, 255))], duration=50
    )


GOOD: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: encoded(two_colours(), "JPEG", quality=95),
    "jpeg progressive": lambda: encoded(two_colours(), "JPEG", quality=95, progressive=True),
    "jpeg CMYK": lambda: encoded(two_colours("CMYK"), "JPEG", quality=95),
    "png": lambda: encoded(two_colours()),
    "png palette": lambda: encoded(two_colours().quantize(8)),
    "png opaque alpha": lambda: encoded(two_colours("RGBA")),
    "png interlaced": lambda: encoded(two_colours(), "PNG", interlace=1),
    "webp": lambda: encoded(two_colours(), "WEBP", quality=95),
    "gif": lambda: encoded(two_colours(), "GIF"),
    "gif animated": animated,
    "bmp": lambda: encoded(two_colours(), "BMP"),
    "tiff": lambda: encoded(two_colours(), "TIFF"),
    "tiff CMYK": lambda: encoded(two_colours("CMYK"), "TIFF"),
    "tiff pages": lambda: encoded(two_colours(), "TIFF", save_all=True, append_images=[Pillow.new("RGB", (9, 9))]),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_every_kind_of_picture_gives_its_colours(make: Callable[[], bytes]) -> None:
    decoded = pixels(make())
    assert decoded.shape == (48, 64, 3)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded[8:16, 8:24].astype(int) - GREEN).max() < 25
    assert np.abs(decoded[30:44, 40:60].astype(int) - RED).max() < 25


@pytest.mark.skipif("AVIF" not in FORMATS, reason="AVIF CODEC MISSING: this Pillow was built without it.")
def test_avif_is_read_where_the_codec_is_there() -> None:
    assert np.abs(pixels(encoded(two_colours(), "AVIF"))[30:44, 40:60].astype(int) - RED).max() < 25


def test_transparency_is_white() -> None:
    assert pixels(encoded(Pillow.new("RGBA", (4, 4), (255, 0, 0, 0)))).min() == 255
    palette = two_colours().quantize(8)
    assert pixels(encoded(palette, transparency=palette.getpixel((60, 40))))[40, 60].tolist() == [255, 255, 255]


def test_sixteen_bits_and_grey_keep_their_brightness() -> None:
    deep = Pillow.fromarray(np.full((4, 4), 128 * 257, np.uint16))
    assert np.unique(pixels(encoded(deep, "PNG"))).tolist() == [128]
    assert np.unique(pixels(encoded(deep, "TIFF"))).tolist() == [128]
    assert np.unique(pixels(encoded(Pillow.new("L", (4, 4), 77)))).tolist() == [77]
    assert np.unique(pixels(encoded(Pillow.new("1", (4, 4), 1)))).tolist() == [255]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright(orientation: int) -> None:
    picture = two_colours()
    picture.getexif()[0x0112] = orientation
    data = encoded(picture, exif=picture.getexif())
    with Pillow.open(io.BytesIO(data)) as again:
        expected = np.asarray(ImageOps.exif_transpose(again))
    assert np.array_equal(pixels(data), expected)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_shrunk_picture_knows_its_place_in_the_upright_original(orientation: int) -> None:
    picture = Pillow.new("RGB", (2401, 1201), RED)
    exif = picture.getexif()
    exif[0x0112] = orientation
    decoded = decode_image(encoded(picture, "JPEG", exif=exif), LIMITS, shrink_to=300)
    height, width = decoded.sides
    assert min(height, width) == 301  # 1201 / 4, rounded up by libjpeg
    size = (2401, 1201) if orientation == 1 else (1201, 2401)
    assert (width * decoded.scale[0], height * decoded.scale[1]) == pytest.approx(size)


@pytest.mark.parametrize(
    ("side", "shrink_to", "factor"),
    [(1040, 520, 2), (1039, 520, 1), (4160, 520, 8), (9999, 520, 8), (300, 520, 1), (5000, 0, 1)],
)
def test_halving_keeps_the_shorter_side(side: int, shrink_to: int, factor: int) -> None:
    assert halving(side, shrink_to) == factor


BAD: dict[str, tuple[Callable[[], bytes], type[OpenAnalyticError]]] = {
    "no bytes": (lambda: b"", BadImage),
    "text named .jpg": (lambda: b"these are words, not a picture\n" * 9, UnsupportedImage),
    "a PDF": (lambda: b"%PDF-1.7\n", UnsupportedImage),
    "an SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedImage),
    "an EPS, which would start a program": (lambda: encoded(two_colours(), "EPS"), UnsupportedImage),
    "only a beginning": (lambda: b"\xff\xd8\xff", BadImage),
    "a JPEG cut in half": (lambda: (data := encoded(two_colours(), "JPEG"))[: len(data) // 2], BadImage),
    "a PNG cut in half": (
        lambda: (data := encoded(two_colours(), "PNG", compress_level=0))[: len(data) // 2],
        BadImage,
    ),
    "a WebP cut in half": (lambda: (data := encoded(two_colours(), "WEBP"))[: len(data) // 2], BadImage),
    "a GIF cut": (lambda: encoded(two_colours(), "GIF")[:40], BadImage),
    "a TIFF cut": (lambda: encoded(two_colours(), "TIFF")[:200], BadImage),
    "a PNG of 65,000 pixels a side": (lambda: bomb(65_000, 65_000), ImageTooLarge),
    "a PNG one row above the limit": (lambda: bomb(10_000, 8_001), ImageTooLarge),
    "a PNG without its promised rows": (lambda: bomb(4_000, 4_000), BadImage),
    "a file above the limit": (lambda: bytes(LIMITS.max_bytes + 1), ImageTooLarge),
}


@pytest.mark.parametrize(("make", "error"), BAD.values(), ids=BAD)
def test_what_is_no_picture_is_one_typed_error(make: Callable[[], bytes], error: type[OpenAnalyticError]) -> None:
    with pytest.raises(OpenAnalyticError) as caught:
        decode_image(make(), LIMITS, shrink_to=260)
    assert type(caught.value) is error
    assert caught.value.hint


def test_a_bomb_is_refused_before_memory_is_taken() -> None:
    data = bomb(65_000, 65_000)
    tracemalloc.start()
    try:
        with pytest.raises(ImageTooLarge, match="65000 x 65000"):
            decode_image(data, LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_the_limit_on_pixels_is_the_settings_one_and_not_pillows() -> None:
    large = Pillow.new("L", (10_000, 9_000))  # Pillow itself warns from 89.5 megapixels
    data = encoded(large, "JPEG", quality=1)  # libjpeg decodes an eighth of each side
    for each in (data, encoded(Pillow.new("1", large.size), "PNG")):
        with pytest.raises(ImageTooLarge):
            decode_image(each, LIMITS)
        assert decode_image(each, Limits(max_pixels=90_000_000), shrink_to=1000).pixels.shape == (1125, 1250, 3)


def test_damaged_metadata_is_neither_an_error_nor_a_warning() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(40)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert pixels(encoded(two_colours(), "JPEG", exif=exif)).shape == (48, 64, 3)
    assert heard == []


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.integers(0, 10_000), st.integers(1, 40))
def test_damaged_bytes_are_a_picture_or_a_typed_error(name: str, seed: int, count: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - damage, not secrets
    data = bytearray(GOOD[name]())
    for _ in range(count):
        data[dice.randrange(len(data))] = dice.randrange(256)
    with contextlib.suppress(BadImage):
        assert decode_image(bytes(data), Limits(max_pixels=4_000_000), shrink_to=100).pixels.dtype == np.uint8
