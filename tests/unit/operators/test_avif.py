"""AVIF and HEIC: read, turned, or refused for what is true of them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image as Pillow

from open_analytic.errors import BadImage, UnsupportedImage
from open_analytic.importer import folder
from open_analytic.operators.formats import av1, avif, hevc
from open_analytic.operators.formats.boxes import configurations, first_samples, items
from open_analytic.operators.image import FORMATS, decode_image
from open_analytic.operators.limits import Limits

PICTURE = Pillow.linear_gradient("L").resize((120, 90)).convert("RGB")
needs_avif = pytest.mark.skipif("AVIF" not in FORMATS, reason="AVIF CODEC MISSING: this Pillow was built without it.")


def encoded(picture: Pillow.Image = PICTURE, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, "AVIF", **options)
    return file.getvalue()


def heic(**options: Any) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(PICTURE).save(file, quality=90, **options)
    return file.getvalue()


def pixels(data: bytes) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return decode_image(data, Limits()).pixels


def lying(data: bytes) -> bytes:
    """The file with every announced size made 4 x 4."""
    return data.replace(
        b"ispe\0\0\0\0" + (120).to_bytes(4, "big") + (90).to_bytes(4, "big"), b"ispe\0\0\0\0\0\0\0\x04\0\0\0\x04"
    )


@needs_avif
@pytest.mark.parametrize("options", [{}, {"quality": 90}, {"speed": 10, "range": "limited"}], ids=str)
def test_the_coded_size_is_found(options: dict[str, Any]) -> None:
    data = encoded(**options)
    coded = [picture for picture in items(data) if picture.kind == b"av01"]
    assert [picture.size for picture in coded] == [(120, 90)]
    ((start, end),) = coded[0].pieces
    assert list(av1.sizes(data[start:end])) == [(120, 90, 120 * 90)]


@needs_avif
def test_the_coded_sizes_of_a_sequence_are_found() -> None:
    data = encoded(save_all=True, append_images=[PICTURE.rotate(180)], duration=100)
    coded = [*items(data), *first_samples(data)]
    assert {picture.size for picture in coded if picture.kind == b"av01"} == {(120, 90)}
    for picture in coded:
        for start, end in picture.pieces:
            assert set(av1.sizes(data[start:end])) == {(120, 90, 120 * 90)}
    assert pixels(data).shape == (90, 120, 3)


@needs_avif
def test_an_avif_larger_than_it_announces_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadImage, match="announces 4 x 4 pixels and contains 120 x 90"):
        pixels(lying(encoded()))


def sequence_header(wide: int, *, reduced: bool) -> bytes:
    """An OBU with the size 4 x 4, written in so many bits a side."""
    bits = "000" + "1" + ("1" + "0" * 5 if reduced else "0" + "0" * 2 + "0" * 5 + "0" * 12 + "0" * 5)
    bits += f"{wide - 1:04b}" * 2 + f"{3:0{wide}b}" * 2
    body = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    return bytes((0b00001010, len(body))) + body


@pytest.mark.parametrize(
    ("wide", "reduced", "possible"), [(2, False, 16), (16, True, 16), (16, False, 16384**2), (10, False, 1024**2)]
)
def test_a_frame_that_can_have_a_size_of_its_own_is_charged_with_the_largest(
    wide: int, reduced: bool, possible: int
) -> None:
    assert list(av1.sizes(sequence_header(wide, reduced=reduced))) == [(4, 4, possible)]


@needs_avif
@pytest.mark.parametrize("alpha", [False, True])
def test_an_avif_is_read_whatever_its_exif(alpha: bool) -> None:
    picture = PICTURE.convert("RGBA") if alpha else PICTURE
    exif = Pillow.Exif()
    exif[0x010E] = "a description"
    data = encoded(picture, exif=exif)
    damaged = data.replace(exif.tobytes()[6:], b"\xff" * (len(exif.tobytes()) - 6))
    assert damaged != data
    assert np.array_equal(pixels(damaged), pixels(encoded(picture)))


@needs_avif
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_as_its_transforms_say(orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    turned = pixels(encoded(exif=exif))
    assert turned.shape == ((90, 120, 3) if orientation < 5 else (120, 90, 3))


def test_heic_is_read() -> None:
    assert np.abs(pixels(heic()).astype(int) - np.asarray(PICTURE)).mean() < 3
    assert np.abs(pixels(heic(exif=b"Exif\0\0rubbish")).astype(int) - np.asarray(PICTURE)).mean() < 3


def test_the_size_that_hevc_says_is_found() -> None:
    """In blocks of 8: 120 x 96 holds the picture of 120 x 90."""
    data = heic()
    assert [list(hevc.configured(each)) for each in configurations(data)] == [[(120, 96)]]


def test_a_heic_larger_than_it_announces_is_refused_before_it_is_decoded() -> None:
    data = heic()
    (size,) = [picture.size for picture in items(data) if picture.kind == b"hvc1"]
    assert size == (120, 90)
    with pytest.raises(BadImage, match="announces 4 x 4 pixels and contains 120 x 96"):
        pixels(lying(data))


def test_heic_is_found_in_folders(tmp_path: Path) -> None:
    for name in ("a.HEIC", "b.heif", "c.hif", "d.jxl"):
        (tmp_path / name).write_bytes(b"x")
    assert [file.name for file in folder.find([tmp_path])] == ["a.HEIC", "b.heif", "c.hif"]


def test_heic_is_named_where_it_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avif, "HEIF_INSTALLED", False)
    whole = heic()
    for data in (whole, whole[:8] + b"mif1" + whole[12:]):
        with pytest.raises(UnsupportedImage, match="is HEIC") as caught:
            pixels(data)
        assert caught.value.hint == "pip install 'open-analytic[heif]', or save it as JPEG."
