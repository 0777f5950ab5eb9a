"""Files of each format: metadata in any state, files that lack their end, masks, and work that never ends."""

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFile

from open_analytic.errors import BadImage, ImageTooLarge, OpenAnalyticError, UnsupportedImage
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits
from open_analytic.types import Image

ROW = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
COLOURS: NDArray[np.uint8] = np.stack([ROW, ROW[:, ::-1], np.full_like(ROW, 77)], axis=2)
PICTURE = Pillow.fromarray(COLOURS)


def encoded(picture: Pillow.Image = PICTURE, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - Pillow's word
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def pixels(data: bytes, **options: Any) -> Image:
    return decode_image(data, Limits(), **options).pixels


def chunk(name: bytes, body: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(name + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


PNG, JPEG = encoded(), encoded(format="JPEG", quality=95)
EXIF_6 = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
ANCILLARY = [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"eXIf", b"tIME", b"bKGD"]
OTHERS = [b"acTL", b"fcTL", b"abCd"]


@pytest.mark.parametrize("name", [*ANCILLARY, *OTHERS], ids=bytes.decode)
@pytest.mark.parametrize("body", [b"", b"hello", b"Raw profile type exif\0\0\nexif\n8\nzz", b"\xff" * 300])
@pytest.mark.parametrize("checksum", [None, 5], ids=["sound", "damaged"])
@pytest.mark.parametrize("place", [33, len(PNG) - 12], ids=["before", "behind"])
def test_a_png_is_read_whatever_its_metadata(name: bytes, body: bytes, checksum: int | None, place: int) -> None:
    assert np.array_equal(pixels(PNG[:place] + chunk(name, body, checksum) + PNG[place:]), COLOURS)


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt", "iCCP"])
def test_metadata_that_unpacks_to_much_is_skipped(kind: str) -> None:
    packed = zlib.compress(b"x" * 20_000_000)
    bodies = {
        "tEXt": b"workflow\0" + b"x" * 2_000_000,
        "zTXt": b"Raw profile type exif\0\0" + packed,
        "iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + packed,
        "iCCP": b"profile\0\0" + packed,
    }
    assert np.array_equal(pixels(PNG[:33] + chunk(kind.encode(), bodies[kind]) + PNG[33:]), COLOURS)


def test_many_texts_are_skipped() -> None:
    packed = zlib.compress(b"x" * 900_000)
    texts = b"".join(chunk(b"zTXt", f"text {number}\0\0".encode() + packed) for number in range(80))
    assert np.array_equal(pixels(PNG[:33] + texts + PNG[33:]), COLOURS)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE"], ids=bytes.decode)
def test_a_damaged_chunk_that_pixels_need_is_an_error(name: bytes) -> None:
    data = bytearray(encoded(PICTURE.quantize(16)))
    data[data.index(name) + 5] ^= 1
    with pytest.raises(BadImage, match="wrong checksum"):
        pixels(bytes(data))


SEGMENTS: dict[str, bytes] = {
    "EXIF that points outside": segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "EXIF of rubbish": segment(0xE1, b"Exif\0\0rubbish"),
    "EXIF cut": segment(0xE1, EXIF_6[:14]),
    "EXIF of 65,535 tags": segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60)),
    "ICC of rubbish": segment(0xE2, b"ICC_PROFILE\0\x05\x01abc"),
    "MPF of rubbish": segment(0xE2, b"MPF\0xx"),
    "Photoshop cut": segment(0xED, b"Photoshop 3.0\x008BIM\x04"),
    "JFIF cut": segment(0xE0, b"JFIF\0"),
    "Adobe cut": segment(0xEE, b"Adobe"),
    "XMP of rubbish": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe"),
    "an empty comment": segment(0xFE, b""),
}


@pytest.mark.parametrize("noise", SEGMENTS.values(), ids=SEGMENTS)
def test_a_jpeg_is_read_whatever_its_metadata(noise: bytes) -> None:
    assert np.array_equal(pixels(JPEG[:2] + noise + JPEG[2:]), pixels(JPEG))


def test_rubbish_as_metadata_of_a_webp_is_skipped() -> None:
    data = encoded(format="WEBP", lossless=True, exif=b"Exif\0\0rubbish", icc_profile=b"rubbish", xmp=b"\xff")
    assert np.array_equal(pixels(data), COLOURS)


def test_a_webp_is_read_whatever_lies_behind_its_pixels() -> None:
    data = encoded(format="WEBP", lossless=True)
    for damaged in (data + b"EXIF\xff\xff\xff\x7fabc", data[:4] + b"\xff\xff\xff\x7f" + data[8:], data + b"tail"):
        assert np.array_equal(pixels(damaged), COLOURS)


HEXADECIMAL = f"\nexif\n{len(EXIF_6)}\n{EXIF_6.hex()}".encode()
ORIENTED = [
    PNG[:33] + chunk(b"eXIf", EXIF_6[6:]) + PNG[33:],
    PNG[:33] + chunk(b"eXIf", EXIF_6[6:], 5) + PNG[33:],
    PNG[:-12] + chunk(b"eXIf", EXIF_6[6:]) + PNG[-12:],
    PNG[:33] + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(HEXADECIMAL)) + PNG[33:],
    PNG[:33] + chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<rdf tiff:Orientation="6"/>') + PNG[33:],
    encoded(format="WEBP", lossless=True, exif=EXIF_6),
]  # fmt: skip


@pytest.mark.parametrize("data", ORIENTED, ids=["eXIf", "eXIf damaged", "eXIf behind", "profile", "XMP", "WebP"])
def test_the_orientation_is_read_from_any_place(data: bytes) -> None:
    assert np.array_equal(pixels(data), np.rot90(COLOURS, -1))


@pytest.mark.parametrize("noise", [b"", SEGMENTS["EXIF of rubbish"], SEGMENTS["ICC of rubbish"]])
def test_the_orientation_of_a_jpeg_is_read_beside_rubbish(noise: bytes) -> None:
    data = JPEG[:2] + noise + segment(0xE1, EXIF_6) + JPEG[2:]
    expected = pixels(JPEG) if noise.startswith(b"\xff\xe1") else np.rot90(pixels(JPEG), -1)
    assert np.array_equal(pixels(data), expected)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_that_lacks_only_its_end_is_read(options: dict[str, Any], mode: str) -> None:
    whole = encoded(PICTURE.convert(mode), "JPEG", quality=95, **options)
    assert np.array_equal(pixels(whole[:-2]), pixels(whole))
    assert np.array_equal(pixels(whole[:-1]), pixels(whole))
    for lost in (4, 10, 60, len(whole) // 2):
        with pytest.raises(BadImage, match=r"ends before its pixels|truncated"):
            pixels(whole[:-lost])


def changed(data: bytes, marker: int, place: int, value: int) -> bytes:
    """A byte of the frame's segment changed, or its marker (place -1)."""
    at = data.index(bytes((0xFF, marker))) + 4 + place if place >= 0 else data.index(bytes((0xFF, marker))) + 1
    return data[:at] + bytes([value]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (changed(JPEG, 0xC0, 0, 12), "a JPEG of 12 bits"),
        (changed(JPEG, 0xC0, -1, 0xC3), "a lossless JPEG"),
        (changed(JPEG, 0xC0, -1, 0xC5), "a hierarchical or lossless JPEG"),
        (changed(JPEG, 0xC0, 5, 2), "a JPEG of 2 components"),
    ],
)
def test_a_jpeg_of_another_kind_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedImage, match=reason):
        pixels(data)


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded() -> None:
    small = encoded(Pillow.new("L", (64, 64)), "JPEG", quality=1, progressive=True)
    frame = small.index(b"\xff\xc2") + 5
    data = small[:frame] + struct.pack(">HH", 8944, 8944) + small[frame + 4 :]
    last = data.rindex(b"\xff\xda")
    bomb = data[:-2] + data[last:-2] * 200 + b"\xff\xd9"
    with pytest.raises(ImageTooLarge, match="scans or more of 79,995,136 pixels"):
        pixels(bomb)
    hidden = data[:last] + segment(0xFE, b"\xff\xd9") + data[last:-2] * 200  # an end that is none
    with pytest.raises(ImageTooLarge, match="scans or more"):
        pixels(hidden)


def test_a_small_jpeg_can_have_many_scans() -> None:
    data = encoded(Pillow.new("L", (64, 64)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    assert pixels(data[:-2] + data[last:-2] * 200 + b"\xff\xd9").shape == (64, 64, 3)


def test_what_lies_behind_a_jpegs_end_is_no_scan() -> None:
    """Phones append films and further pictures."""
    data = encoded(Pillow.new("L", (4000, 4000)), "JPEG", progressive=True)
    assert pixels(data + b"\xff\xda\0\x08" * 10_000).shape == (4000, 4000, 3)


def test_a_gif_is_read_whatever_its_comments() -> None:
    data = encoded(PICTURE.quantize(16), "GIF")
    start = 13 + 3 * 16
    comment = b"!\xfe" + (b"\xff" + b"x" * 255) * 1000 + b"\0"
    assert np.array_equal(pixels(data[:start] + comment * 5 + data[start:]), pixels(data))


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (PNG[:33] + chunk(b"tEXt", b"") * 100_001 + PNG[33:], "chunks"),
        (encoded(format="WEBP")[:12] + b"abcd\0\0\0\0" * 100_001 + encoded(format="WEBP")[12:], "chunks"),
        (JPEG[:2] + segment(0xFE, b"") * 100_002 + JPEG[2:], "segments"),
        (encoded(PICTURE.quantize(16), "GIF")[:61] + b"!\xfe" + b"\1x" * 2_000_001 + b"\0", "blocks"),
    ],
    ids=["PNG", "WebP", "JPEG", "GIF"],
)
def test_a_file_of_countless_parts_is_refused(data: bytes, parts: str) -> None:
    with pytest.raises(ImageTooLarge, match=parts):
        pixels(data)


def bmp(
    values: NDArray[Any], masks: tuple[int, ...], *, size: int = 124, compression: int = 3, reserved: int = 0
) -> bytes:
    """Rows from below, of 16 or 32 bits."""
    height, width = values.shape
    head = struct.pack("<IiiHHIIiiII", size, width, height, 1, 8 * values.dtype.itemsize, compression, 0, 0, 0, 0, 0)
    head += struct.pack(f"<{len(masks)}I", *masks).ljust(size - 40, b"\0")
    body = values[::-1].tobytes()
    return b"BM" + struct.pack("<III", 14 + len(head) + len(body), reserved, 14 + len(head)) + head + body


BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
PACKED = (COLOURS.astype(np.uint32) << np.array([16, 8, 0], np.uint32)).sum(axis=2, dtype=np.uint32)


def test_an_empty_alpha_channel_is_none() -> None:
    assert np.array_equal(pixels(bmp(PACKED, BGRA)), COLOURS)
    assert np.array_equal(pixels(bmp(PACKED | 0xFF000000, BGRA)), COLOURS)
    half = pixels(bmp(PACKED | 0x80000000, BGRA)).astype(int)
    assert np.abs(half - (COLOURS * (128 / 255) + 127)).max() <= 1


@pytest.mark.parametrize("reserved", [0, 7, 0xFFFFFFFF])
def test_a_bmps_reserved_bytes_mean_nothing(reserved: int) -> None:
    assert np.array_equal(pixels(bmp(PACKED, BGRA[:3], size=40, reserved=reserved)), COLOURS)


MASKS: dict[str, tuple[type[Any], tuple[int, ...]]] = {
    "10 bits": (np.uint32, (0x3FF00000, 0xFFC00, 0x3FF, 0)),
    "RGBA": (np.uint32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "4 bits": (np.uint16, (0xF00, 0xF0, 0xF, 0xF000)),
    "4 bits turned": (np.uint16, (0xF, 0xF0, 0xF00, 0)),
    "565": (np.uint16, (0xF800, 0x7E0, 0x1F, 0)),
    "565 turned": (np.uint16, (0x1F, 0x7E0, 0xF800, 0)),
}


@pytest.mark.parametrize("compression", [3, 6])
@pytest.mark.parametrize(("kind", "masks"), MASKS.values(), ids=MASKS)
def test_colours_are_where_the_masks_say(kind: type[Any], masks: tuple[int, ...], compression: int) -> None:
    packed = np.zeros(ROW.shape, np.uint64)
    for colour, mask in enumerate(masks[:3]):
        lowest = (mask & -mask).bit_length() - 1
        packed |= np.rint(COLOURS[:, :, colour] / 255 * (mask >> lowest)).astype(np.uint64) << np.uint64(lowest)
    decoded = pixels(bmp((packed | np.uint64(masks[3])).astype(kind), masks, compression=compression))
    step = 255 / min((mask & -mask) and mask // (mask & -mask) for mask in masks[:3])
    assert np.abs(decoded.astype(int) - COLOURS).max() <= step / 2 + 1


def test_run_lengths_are_limited() -> None:
    head = struct.pack("<IiiHHIIiiII", 40, 8000, 8000, 1, 8, 1, 0, 0, 0, 256, 0) + bytes(1024)
    data = b"BM" + struct.pack("<III", 0, 0, 14 + len(head)) + head + b"\xff\1" * 1000
    with pytest.raises(ImageTooLarge, match="run-length encoded"):
        pixels(data)


def test_a_transparent_colour_is_white_in_every_depth() -> None:
    """PNG's tRNS names a colour in the samples' own scale."""
    assert pixels(encoded(PICTURE, transparency=(3, 252, 77)))[0, 3].tolist() == [255, 255, 255]
    assert pixels(encoded(PICTURE, transparency=(3, 252, 77)))[0, 4].tolist() == [4, 251, 77]
    deep = Pillow.fromarray(np.array([[0, 300, 65535]], np.uint16))
    assert pixels(encoded(deep, transparency=300))[0, :, 0].tolist() == [0, 255, 255]
    rows = zlib.compress(b"\0\x1b")  # four grey pixels of two bits: 0 1 2 3
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0))
    data = PNG[:8] + head + chunk(b"tRNS", b"\0\1") + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    assert pixels(data)[0, :, 0].tolist() == [0, 255, 170, 255]


def test_decoding_changes_nothing_of_the_process() -> None:
    before = list(warnings.filters), Pillow.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    for data in (*ORIENTED, JPEG, *(JPEG[:2] + noise + JPEG[2:] for noise in SEGMENTS.values()), PNG[:60]):
        try:
            pixels(data)
        except OpenAnalyticError:
            continue
    assert (list(warnings.filters), Pillow.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES) == before


@pytest.mark.parametrize(
    "data",
    [
        JPEG[:2] + b"\xff" * 4_000_000,
        JPEG[:-2] + b"\xff" * 4_000_000,
        encoded(format="JPEG", progressive=True)[:-2] + b"\xff" * 4_000_000 + b"\0" + b"\xff" * 9,
        encoded(PICTURE.quantize(16), "GIF")[:61] + b"x" * 4_000_000,
        PNG[:33] + chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(1_000_000))) * 3000 + PNG[33:],
    ],
    ids=["JPEG's beginning", "JPEG's end", "between scans", "GIF's beginning", "PNG's texts"],
)
def test_headers_are_read_in_one_pass(data: bytes) -> None:
    """In a time that grows with the file's length, not with its square: the square would be hours."""
    try:
        pixels(data)
    except BadImage:
        return
