"""TIFF samples of every kind: right, or refused with a true reason."""

import io
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from open_analytic.errors import BadImage, OpenAnalyticError, UnsupportedImage
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits
from open_analytic.types import Image
from tests import tiff_file
from tests.tiff_file import DEFLATE, tag

HEIGHT, WIDTH = 37, 50
GREY: NDArray[np.uint8] = np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH, 1).astype(np.uint8)
COLOURS: NDArray[np.uint8] = np.concatenate([GREY, GREY[::-1], np.full_like(GREY, 90)], axis=2)
RANGES: dict[str, tuple[Any, float]] = {
    "uint8": (np.uint8, 1),
    "uint16": (np.uint16, 257),
    "uint32 up to 2^32": (np.uint32, (2**32 - 1) / 255),
    "uint32 up to 65535": (np.uint32, 257),
    "uint32 up to 255": (np.uint32, 1),
    "int16": (np.int16, 32767 / 255),
    "int32": (np.int32, (2**31 - 1) / 255),
    "float32 up to 1": (np.float32, 1 / 255),
    "float32 up to 255": (np.float32, 1),
    "float32 up to 65535": (np.float32, 257),
    "float16 up to 1": (np.float16, 1 / 255),
    "float64 up to 1": (np.float64, 1 / 255),
}


def pixels(data: bytes) -> Image:
    return decode_image(data, Limits()).pixels


def numbers(picture: NDArray[np.uint8], kind: str) -> NDArray[Any]:
    """The picture in the range of a type."""
    type_, white = RANGES[kind]
    scaled = picture.astype(np.float64) * white
    return scaled.astype(type_) if type_ in (np.float16, np.float32, np.float64) else np.rint(scaled).astype(type_)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("planes", [False, True], ids=["chunky", "planes"])
@pytest.mark.parametrize(
    "packed", [{}, DEFLATE, {"rows": 5}, {"rows": 5, **DEFLATE}], ids=["raw", "deflate", "5", "5d"]
)
def test_numbers_of_every_kind_keep_their_brightness(
    order: str, kind: str, photometric: int, planes: bool, packed: dict[str, Any]
) -> None:
    picture = COLOURS if photometric == 2 else GREY
    whole = numbers(picture, kind)
    data = tiff_file.file(whole, order=order, photometric=photometric, planes=planes, **packed)
    expected = 255 - picture if photometric == 0 else picture
    decoded = pixels(data)
    assert decoded.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(decoded.astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32 up to 1"])
@pytest.mark.parametrize("planes", [False, True], ids=["chunky", "planes"])
@pytest.mark.parametrize("extra", [0, 1, 2], ids=["of no meaning", "premultiplied", "alpha"])
@pytest.mark.parametrize("photometric", [1, 2])
def test_a_further_sample_is_what_the_file_says(
    order: str, kind: str, planes: bool, extra: int, photometric: int
) -> None:
    picture = COLOURS if photometric == 2 else GREY
    cover = np.roll(GREY, 9, axis=0)
    inked = picture * (cover / 255) if extra == 1 else picture
    data = np.concatenate([inked, cover], axis=2)
    whole = numbers(data, kind)
    decoded = pixels(tiff_file.file(whole, order=order, photometric=photometric, planes=planes, extra=[extra]))
    expected = picture * (cover / 255) + 255 - cover.astype(float) if extra else picture
    assert np.abs(decoded - expected.astype(float)).max() <= 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["classic", "BigTIFF"])
def test_bigtiff_is_read_in_both_byte_orders(order: str, big: bool) -> None:
    assert np.array_equal(pixels(tiff_file.file(COLOURS, order=order, big=big, rows=7)), COLOURS)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32 up to 2^32"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planes", [False, True], ids=["chunky", "planes"])
def test_differences_between_neighbours_are_added_up(kind: str, order: str, planes: bool) -> None:
    whole = numbers(COLOURS, kind)
    steps = np.diff(whole, axis=1, prepend=np.zeros_like(whole[:, :1]))
    data = tiff_file.file(steps, order=order, planes=planes, more=[tag(317, 3, 2)], **DEFLATE)
    assert np.abs(pixels(data).astype(int) - COLOURS).max() <= 1


def test_floating_point_differences_are_added_up() -> None:
    """Adobe's predictor 3: the bytes of a row by their significance, and the differences between them."""
    whole = numbers(COLOURS, "float32 up to 1").astype(">f4")
    rows = whole.view(np.uint8).reshape(HEIGHT, WIDTH * 3, 4).transpose(0, 2, 1).reshape(HEIGHT, -1, 3)
    steps = np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1])).reshape(HEIGHT, -1)
    tags, _ = tiff_file.page(whole.astype(np.float32), compression=8, more=[tag(317, 3, 3)])
    data = tiff_file.write([(tags, [tiff_file.DEFLATE["compress"](steps.tobytes())])])
    assert np.abs(pixels(data).astype(int) - COLOURS).max() <= 1


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32 up to 1"])
@pytest.mark.parametrize("planes", [False, True], ids=["chunky", "planes"])
def test_tiles_are_put_beside_each_other(kind: str, planes: bool) -> None:
    whole = np.pad(numbers(COLOURS, kind), ((0, 48 - HEIGHT), (0, 64 - WIDTH), (0, 0)))
    parts = [whole[:, :, each : each + 1] for each in range(3)] if planes else [whole]
    tiles = [part[y : y + 16, x : x + 32].tobytes() for part in parts for y in (0, 16, 32) for x in (0, 32)]
    tags, _ = tiff_file.page(numbers(COLOURS, kind), planes=planes)
    tags = [entry for entry in tags if entry[0] != 278] + [tag(322, 3, 32), tag(323, 3, 16)]
    assert np.abs(pixels(tiff_file.write([(tags, tiles)])).astype(int) - COLOURS).max() <= 1


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
@pytest.mark.parametrize("photometric", [0, 1, 2])
def test_samples_of_odd_sizes_are_read(bits: int, photometric: int) -> None:
    picture = COLOURS if photometric == 2 else GREY
    whole = np.rint(picture / 255 * (2**bits - 1)).astype(np.uint32)
    single = (whole[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8).reshape(HEIGHT, -1)
    tags, _ = tiff_file.page(picture, photometric=photometric)
    tags = [entry for entry in tags if entry[0] != 258] + [tag(258, 3, *[bits] * picture.shape[2])]
    decoded = pixels(tiff_file.write([(tags, [np.packbits(single, axis=1).tobytes()])]))
    expected = np.rint(whole / (2**bits - 1) * 255)
    assert np.abs(decoded - (255 - expected if photometric == 0 else expected)).max() <= 1


def test_the_first_whole_page_is_taken_and_not_its_thumbnail() -> None:
    thumbnail = tiff_file.page(COLOURS[::4, ::4], more=[tag(254, 4, 1)])
    other = tiff_file.page(255 - COLOURS)
    assert np.array_equal(pixels(tiff_file.write([thumbnail, tiff_file.page(COLOURS), other])), COLOURS)
    old = tiff_file.page(COLOURS[::4, ::4], more=[tag(255, 3, 2)])
    assert np.array_equal(pixels(tiff_file.write([old, tiff_file.page(COLOURS)])), COLOURS)
    assert np.array_equal(pixels(tiff_file.write([thumbnail])), COLOURS[::4, ::4])


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma"])
def test_numbers_are_read_in_every_compression(compression: str) -> None:
    """Pillow writes floating-point numbers, two strips or more."""
    wide = np.tile(GREY[:, :, 0], (20, 20)).astype(np.float32)
    file = io.BytesIO()
    Pillow.fromarray(wide).save(file, "TIFF", compression=compression, tiffinfo={278: 100})
    assert np.array_equal(pixels(file.getvalue())[:, :, 0], wide)


@pytest.mark.parametrize("rows", [100, 0], ids=["strips", "one strip"])
def test_large_numbers_are_not_taken_for_a_bomb(rows: int) -> None:
    """Pillow's limit of 89 million counts bytes here; four megapixels of 24 bytes are more."""
    whole = np.ones((2000, 2000, 3), np.float64)
    packed = tiff_file.file(whole, rows=rows, compress=lambda data: zlib.compress(data, 1), compression=8)
    assert pixels(packed).min() == 255


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32 up to 2^32"])
@pytest.mark.parametrize("lengths", ["left out", "zeros"])
def test_strips_without_a_length_are_read(kind: str, lengths: str) -> None:
    data = tiff_file.file(numbers(COLOURS, kind), rows=7, **DEFLATE)
    entry = struct.pack("<HHI", 279, 4, 6)
    place = data.index(entry)
    if lengths == "left out":
        changed = data[:place] + struct.pack("<HHI", 65000, 4, 6) + data[place + 8 :]
    else:
        (body,) = struct.unpack_from("<I", data, place + 8)
        changed = data[:body] + bytes(24) + data[body + 24 :]
    assert np.abs(pixels(changed).astype(int) - COLOURS).max() <= 1


def turned(data: bytes) -> bytes:
    """Each byte with its lowest bit first."""
    return np.packbits(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")).tobytes()


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32 up to 1"])
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("compression", [1, 8])
def test_bits_can_lie_the_other_way_round(kind: str, photometric: int, compression: int) -> None:
    picture = COLOURS if photometric == 2 else GREY

    def packed(data: bytes) -> bytes:
        return turned(zlib.compress(data) if compression == 8 else data)

    data = tiff_file.file(
        numbers(picture, kind), photometric=photometric, compress=packed, compression=compression, more=[tag(266, 3, 2)]
    )
    expected = 255 - picture if photometric == 0 else picture
    assert np.abs(pixels(data).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_page_of_any_kind_is_turned_upright(orientation: int) -> None:
    more = [tag(274, 3, orientation)]
    assert np.array_equal(
        pixels(tiff_file.file(COLOURS.astype(np.uint32), more=more)), pixels(tiff_file.file(COLOURS, more=more))
    )


REFUSED: dict[str, tuple[bytes, type[OpenAnalyticError], str]] = {
    "WebP within": (tiff_file.file(COLOURS, compression=50001), UnsupportedImage, "compressed with WebP"),
    "an unknown compression": (tiff_file.file(COLOURS, compression=61234), UnsupportedImage, "method 61234"),
    "a camera's sensor": (tiff_file.file(GREY, photometric=32803), UnsupportedImage, "colours of kind 32803"),
    "floats without a white": (
        tiff_file.file(COLOURS.astype(np.float32) * 1e9, photometric=2),
        UnsupportedImage,
        "whose white is unknown",
    ),
    "16-bit palette": (tiff_file.file(GREY.astype(np.uint16), photometric=3), UnsupportedImage, "16-bit samples"),
    "cut": (tiff_file.write([tiff_file.page(COLOURS)])[:900], BadImage, "ends within its tags|has no page"),
    "strips beyond the file": (
        tiff_file.write([(tiff_file.page(COLOURS)[0], [b"abc"])]),
        BadImage,
        "ends before its pixels",
    ),
    "too few strips": (
        tiff_file.write([(tiff_file.page(COLOURS, rows=5)[0], [bytes(750)])]),
        BadImage,
        "too few strips",
    ),
}


@pytest.mark.parametrize(("data", "error", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_says_why(data: bytes, error: type[OpenAnalyticError], reason: str) -> None:
    with pytest.raises(OpenAnalyticError) as caught:
        pixels(data)
    assert type(caught.value) is error
    assert re.search(reason, caught.value.message)
