"""TIFF samples of the kinds that Pillow does not read, or reads wrongly, brought to 8-bit RGB.

The file's bytes are unpacked as grey pixels of 8 bits, which every compression can do; what they mean is done here.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import TiffImageFile

from open_analytic.errors import BadImage
from open_analytic.operators.formats import ifd
from open_analytic.operators.formats import layout as tags
from open_analytic.operators.formats.header import unsupported
from open_analytic.operators.formats.layout import CMYK, GREY, RGB, WHITE_IS_ZERO, Layout
from open_analytic.types import Image

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
ROWS = 256  # at once, where numbers are brought to another type
Numbers: TypeAlias = NDArray[np.floating]
_BITWISE = (1, 5, 8, 32773, 32946, 34925, 50000)  # compressions that know nothing of pixels
_IN_PYTHON = (1, 8, 32946)  # of them those that need no Pillow
MAX_UNPACKED = 80_000_000  # bytes that Pillow unpacks at once


def is_special(layout: Layout) -> bool:
    """Whether the samples are read here and not by Pillow."""
    return reads(layout) and not _right_in_pillow(layout)


def reads(layout: Layout) -> bool:
    """Whether they can be read here: the compression knows nothing of pixels, and the colours need no table."""
    return layout.photometric in (WHITE_IS_ZERO, GREY, RGB, CMYK) and layout.compression in _BITWISE


def _right_in_pillow(layout: Layout) -> bool:
    """Whether Pillow has a mode for these bits, colours and further samples, and reads it rightly."""
    depth, kind, more = layout.bits, layout.photometric, layout.extra
    alpha_declared = layout.samples - layout.colours == len(more) or (kind == RGB and layout.samples == 4)
    if layout.fill_order == 2 and depth > 1:
        return False
    if (
        layout.form != UNSIGNED
        or not alpha_declared
        or (layout.planes and (depth, kind, layout.samples) != (8, RGB, 3))
    ):
        return False
    if depth == 16:
        return (kind == RGB and layout.samples <= 4) or (kind == CMYK and not more) or (kind == GREY and not more)
    if depth == 8:
        return layout.samples == layout.colours or kind in (RGB, CMYK) or (kind == GREY and more in ((0,), (2,)))
    return layout.samples == 1 and depth in (1, 2, 4)


def decode(data: bytes, layout: Layout) -> Image:
    """The page as (h, w, 3) RGB, transparency on white."""
    if layout.form not in (UNSIGNED, SIGNED, FLOAT) or (layout.form == FLOAT and layout.bits not in (16, 32, 64)):
        raise unsupported(f"a TIFF of {layout.bits}-bit samples in format {layout.form}")
    if layout.predictor != 1 and layout.bits not in (8, 16, 32, 64):
        raise unsupported(f"a TIFF of {layout.bits}-bit samples with a predictor")
    planes = _planes(data, layout)
    extra = layout.extra or ((2,) if layout.photometric == RGB and layout.samples == 4 else ())  # as Pillow takes it
    alpha = next((number for number, kind in enumerate(extra, layout.colours) if kind in (1, 2)), None)
    premultiplied = alpha is not None and extra[alpha - layout.colours] == 1
    colours = planes[:, :, : layout.colours]
    white = _white(layout, colours)
    pixels = np.empty((layout.height, layout.width, 3), np.uint8)
    for top in range(0, layout.height, ROWS):
        rows = slice(top, top + ROWS)
        strip = _scaled(colours[rows], white)
        cover = None if alpha is None else _scaled(planes[rows, :, alpha : alpha + 1], _full(layout))
        pixels[rows] = _rgb(layout, strip, cover, premultiplied=premultiplied)
    return pixels


def _rgb(layout: Layout, colours: Numbers, cover: Numbers | None, *, premultiplied: bool) -> Image:
    if layout.photometric == WHITE_IS_ZERO:
        colours = 255 - colours
    if layout.photometric == CMYK:
        colours = (255 - colours[:, :, :3]) * (255 - colours[:, :, 3:]) / 255
    if cover is not None:
        colours = colours * (1 if premultiplied else cover / 255) + (255 - cover)
    grey = np.clip(np.rint(colours), 0, 255).astype(np.uint8)
    return np.broadcast_to(grey, (*grey.shape[:2], 3))


def _full(layout: Layout) -> float:
    """The number that means 255, by the type."""
    if layout.form == FLOAT:
        return 1.0
    return float(2 ** (layout.bits - (layout.form == SIGNED)) - 1)


def _white(layout: Layout, values: NDArray[np.generic]) -> float:
    """The number that is white: by the type, and in wide types the narrower range that holds every value."""
    if layout.form != FLOAT and layout.bits <= 16 and layout.form == UNSIGNED:
        return _full(layout)
    with np.errstate(invalid="ignore"):
        most = float(np.nanmax(np.where(np.isfinite(values), values, 0) if layout.form == FLOAT else values, initial=0))
    ranges = [255.0, 65535.0] if layout.form == FLOAT or layout.bits > 16 else [255.0]
    if layout.form == FLOAT:
        ranges.insert(0, 1.0)
    else:
        ranges.append(_full(layout))
    for white in ranges:
        if most <= white:
            return white
    raise unsupported(f"a TIFF of floating-point numbers up to {most:.6g}, whose white is unknown,")


def _scaled(values: NDArray[np.generic], white: float) -> Numbers:
    """Numbers brought to 0..255."""
    deep = np.nan_to_num(values.astype(np.float64 if values.dtype.itemsize > 2 else np.float32), posinf=0, neginf=0)
    scaled: Numbers = np.clip(deep * (255 / white), 0, 255).astype(np.float32)
    return scaled


def _planes(data: bytes, layout: Layout) -> NDArray[np.generic]:
    """(height, width, samples), of the type the file has."""
    each = layout.across * layout.down
    samples: NDArray[np.generic] | None = None
    for plane in range(layout.samples if layout.planes else 1):
        chosen = slice(plane * each, (plane + 1) * each)
        numbers = _numbers(_unpacked(data, layout, chosen), layout)
        whole = _joined(numbers, layout)
        if not layout.planes:
            return whole
        if samples is None:
            samples = np.empty((*whole.shape[:2], layout.samples), whole.dtype)
        samples[:, :, plane] = whole[:, :, 0]
    assert samples is not None  # noqa: S101 - there are samples
    return samples


def _unpacked(data: bytes, layout: Layout, chosen: slice) -> NDArray[np.uint8]:
    """(rows of all strips or tiles, bytes of a row)."""
    rows, width = layout.sides[0], layout.row_bytes
    total = rows * len(layout.offsets[chosen]) if layout.tiled else layout.height
    samples = np.empty((total, width), np.uint8)
    segments = list(zip(layout.offsets[chosen], layout.counts[chosen], strict=True))
    at_once = max(1, MAX_UNPACKED // (rows * width))
    for number in range(0, len(segments), at_once):
        group = segments[number : number + at_once]
        target = samples[number * rows : min((number + len(group)) * rows, total)]
        if layout.compression in _IN_PYTHON:
            for place, (offset, count) in enumerate(group):
                lines = target[place * rows : (place + 1) * rows]
                lines[:] = _segment(data[offset : offset + count], layout, lines.size).reshape(lines.shape)
        else:
            target[:] = _by_pillow(data, layout, group, target.shape)
    return samples


def _segment(body: bytes, layout: Layout, size: int) -> NDArray[np.uint8]:
    """The bytes of a strip or tile that is not compressed, or deflated."""
    if layout.fill_order == 2:
        body = np.packbits(np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")).tobytes()
    if layout.compression != tags.NONE:
        body = zlib.decompressobj().decompress(body, size)
    if len(body) < size:
        raise BadImage("The TIFF ends before its pixels do.", hint="The file was cut short.")
    return np.frombuffer(body, np.uint8, size)


def _by_pillow(
    data: bytes, layout: Layout, group: Sequence[tuple[int, int]], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """The bytes of strips or tiles in another compression, as a grey picture of 8 bits."""
    order, (height, width) = layout.order, shape
    if height * width > MAX_UNPACKED:  # Pillow has a limit of its own
        raise unsupported(f"a TIFF with a strip of {height * width:,} bytes, more than {MAX_UNPACKED:,},")
    entries = {
        tags.WIDTH: ifd.longs(order, width),
        tags.HEIGHT: ifd.longs(order, height),
        tags.BITS: ifd.shorts(order, 8),
        tags.COMPRESSION: ifd.shorts(order, layout.compression),
        tags.PHOTOMETRIC: ifd.shorts(order, GREY),
        tags.FILL_ORDER: ifd.shorts(order, layout.fill_order),
        tags.SAMPLES: ifd.shorts(order, 1),
        tags.STRIP_OFFSETS: ifd.longs(order, *[offset for offset, _ in group]),
        tags.STRIP_COUNTS: ifd.longs(order, *[count for _, count in group]),
        tags.ROWS: ifd.longs(order, layout.sides[0]),
    }
    with TiffImageFile(io.BytesIO(ifd.written(data, order, entries))) as picture:
        return np.asarray(picture)


def _numbers(rows: NDArray[np.uint8], layout: Layout) -> NDArray[np.generic]:
    """(rows, columns, samples beside each other) as numbers, what a predictor did undone."""
    columns, beside = layout.sides[1], layout.in_segment
    if layout.bits not in (8, 16, 32, 64):
        return np.concatenate(list(_unbitted(rows, layout.bits, columns * beside))).reshape(-1, columns, beside)
    width, order = layout.bits // 8, layout.order
    letter = {UNSIGNED: "u", SIGNED: "i", FLOAT: "f"}[layout.form]
    if layout.predictor == 3 and layout.form == FLOAT:
        bytewise = np.cumsum(rows.reshape(len(rows), -1, beside), axis=1, dtype=np.uint8).reshape(len(rows), width, -1)
        rows, order = np.ascontiguousarray(bytewise.transpose(0, 2, 1)).reshape(len(rows), -1), ">"
    kind = np.dtype(f"{order}{letter}{width}")
    values = np.ascontiguousarray(rows).view(kind).reshape(len(rows), columns, beside)
    if layout.predictor == 2:
        whole = values.view(f"{order}u{width}")
        return np.cumsum(whole, axis=1, dtype=f"=u{width}").view(f"={letter}{width}")
    return values


def _unbitted(rows: NDArray[np.uint8], bits: int, count: int) -> Iterator[NDArray[np.uint32]]:
    """Numbers of any width, the highest bit first."""
    if bits > 32:
        raise unsupported(f"a TIFF of {bits}-bit samples")
    weights = (1 << np.arange(bits, dtype=np.uint64)[::-1]).astype(np.uint64)
    for top in range(0, len(rows), 16):
        single = np.unpackbits(rows[top : top + 16], axis=1)[:, : count * bits]
        yield (single.reshape(len(single), count, bits) @ weights).astype(np.uint32)


def _joined(values: NDArray[np.generic], layout: Layout) -> NDArray[np.generic]:
    """Strips as they are, tiles beside each other."""
    if not layout.tiled:
        if len(values) < layout.height:
            raise BadImage("The TIFF has too few rows.", hint="The file is damaged.")
        return values
    rows, columns = layout.sides
    grid = values.reshape(layout.down, layout.across, rows, columns, -1).transpose(0, 2, 1, 3, 4)
    return grid.reshape(layout.down * rows, layout.across * columns, -1)[: layout.height, : layout.width]
