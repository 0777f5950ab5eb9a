"""TIFF: one page of the file, described again with only the tags that its pixels need."""

import io
import re
from bisect import bisect_right
from dataclasses import replace
from functools import partial

from PIL.TiffImagePlugin import TiffImageFile

from open_analytic.errors import BadImage, ImageTooLarge
from open_analytic.operators.formats import ifd, samples
from open_analytic.operators.formats.header import MAX_PARTS, SCAN_PIXELS, Header, too_many, unsupported
from open_analytic.operators.formats.layout import (
    BITS,
    COLOURS,
    COMPRESSION,
    EXTRA,
    FILL_ORDER,
    FORMAT,
    HEIGHT,
    OLD_REDUCED,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    PREDICTOR,
    REDUCED,
    ROWS,
    SAMPLES,
    STRIP_COUNTS,
    STRIP_OFFSETS,
    TILE_COUNTS,
    TILE_HEIGHT,
    TILE_OFFSETS,
    TILE_WIDTH,
    WIDTH,
    YCBCR,
    Layout,
)  # fmt: skip

BEGINNING = re.compile(rb"II[*+]\0|MM\0[*+]")
# Options of T4 and T6, the palette, the ink set, JPEG's tables and old tags, and how YCbCr is sampled.
_TAGS = (FILL_ORDER, 292, 293, PREDICTOR, 320, 332, 347, *range(512, 522), *range(529, 533))
_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000}
_NAMES = {50001: "WebP", 50002: "JPEG XL", 34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC"}
_JPEG, _OLD_JPEG = 7, 6


def read_header(data: bytes) -> Header:
    """The first page that is no thumbnail; where all are, or the others are of no readable kind, the largest."""
    page = _page(data)
    layout = _layout(page, len(data))
    _check_scans(data, layout)
    tile_bytes = layout.row_bytes * layout.sides[0] if layout.tiled else 0
    header = Header(
        width=layout.width,
        height=layout.height,
        scaled=0,
        extra=2 * len(data) + 2 * tile_bytes,
        orientation=page.number(ORIENTATION, 1),
        turn_first=True,
    )
    if samples.is_special(layout):
        bytes_a_pixel = -(-layout.samples * layout.bits // 8)
        return replace(header, scaled=3 * bytes_a_pixel + 3, array=partial(samples.decode, data, layout))
    if layout.form == samples.FLOAT or (layout.bits > 8 and not samples.reads(layout)):
        raise unsupported(f"a TIFF of {layout.bits}-bit samples with colours of kind {layout.photometric}")
    cleaned = ifd.written(data, layout.order, _entries(page, layout))
    wide = 1 if layout.samples == 1 and layout.bits <= 8 else 2 if layout.samples == 1 else 4
    return replace(header, scaled=wide + 3, reader=partial(_open, cleaned))


def _open(data: bytes) -> TiffImageFile:
    return TiffImageFile(io.BytesIO(data))


def _page(data: bytes) -> ifd.Page:
    pages = list(ifd.File(data).pages())
    if not pages:
        raise BadImage("The TIFF has no page.", hint="The file was cut short or is damaged.")
    readable = [page for page in pages if _pixels(page) and page.number(PHOTOMETRIC, 0) in COLOURS]
    if not readable:
        raise unsupported(f"a TIFF with colours of kind {pages[0].number(PHOTOMETRIC, 0)}, as of a camera's sensor")
    whole = [page for page in readable if not _is_reduced(page)]
    return whole[0] if whole else max(readable, key=_pixels)


def _pixels(page: ifd.Page) -> int:
    return page.number(WIDTH, 0) * page.number(HEIGHT, 0)


def _is_reduced(page: ifd.Page) -> bool:
    """Whether it is a thumbnail or a mask of another page."""
    return bool(page.number(REDUCED, 0) & 0b101) or page.number(OLD_REDUCED, 1) == 2


def _layout(page: ifd.Page, size: int) -> Layout:
    compression = page.number(COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        raise unsupported(f"a TIFF compressed with {_NAMES.get(compression, f'method {compression}')}")
    photometric = page.number(PHOTOMETRIC, 0) if compression != _OLD_JPEG else YCBCR
    count = page.number(SAMPLES, 3 if compression == _OLD_JPEG else 1)
    bits, forms = page.numbers(BITS, (1,)), page.numbers(FORMAT, (1,))
    if len(set(bits[:count])) > 1 or len(set(forms[:count])) > 1:
        raise unsupported(f"a TIFF whose samples have different sizes ({', '.join(map(str, bits[:8]))} bits)")
    colours = COLOURS[photometric] if photometric != YCBCR or count >= 3 else count
    if not colours <= count <= 64 or not 1 <= bits[0] <= 64:
        raise unsupported(f"a TIFF of {count} samples of {bits[0]} bits a pixel")
    width, height = page.number(WIDTH, 0), page.number(HEIGHT, 0)
    tiled = bool(page.numbers(TILE_OFFSETS))
    rows = max(1, min(page.number(ROWS, height), height))
    layout = Layout(
        order=page.order,
        width=width,
        height=height,
        bits=bits[0],
        samples=count,
        form=forms[0],
        photometric=photometric,
        extra=page.numbers(EXTRA)[: count - colours],
        planes=page.number(PLANAR, 1) == 2 and count > 1,
        compression=compression,
        predictor=page.number(PREDICTOR, 1),
        fill_order=page.number(FILL_ORDER, 1),
        sides=(page.number(TILE_HEIGHT, 0), page.number(TILE_WIDTH, 0)) if tiled else (rows, width),
        tiled=tiled,
        offsets=page.numbers(TILE_OFFSETS if tiled else STRIP_OFFSETS),
        counts=page.numbers(TILE_COUNTS) or page.numbers(STRIP_COUNTS),
    )
    return _checked(layout, size)


def _checked(layout: Layout, size: int) -> Layout:
    """The layout with as many strips or tiles as it needs, each of them in the file."""
    if min(layout.sides) < 1:
        raise BadImage("The TIFF announces tiles without pixels.", hint="The file is damaged.")
    count = layout.across * layout.down * (layout.samples if layout.planes else 1)
    if count > MAX_PARTS:
        raise too_many("strips or tiles")
    if layout.compression == _OLD_JPEG and not layout.offsets:
        return layout
    lengths = _lengths(layout, count, size)
    if len(layout.offsets) < count or len(lengths) < count:
        raise BadImage("The TIFF has too few strips or tiles.", hint="The file is damaged.")
    offsets, lengths = layout.offsets[:count], lengths[:count]
    if any(offset + length > size for offset, length in zip(offsets, lengths, strict=True)):
        raise BadImage("The TIFF ends before its pixels do.", hint="The file was cut short.")
    return replace(layout, offsets=offsets, counts=lengths)


def _lengths(layout: Layout, count: int, size: int) -> tuple[int, ...]:
    """Bytes of each strip or tile: what is written, or where nothing is compressed what there has to be.

    Some writers leave the numbers out, or write zeros: then a strip ends where another begins, or with the file.
    """
    if layout.compression != 1 or layout.photometric == YCBCR:
        if len(layout.counts) >= len(layout.offsets) and all(layout.counts):
            return layout.counts
        begins = [*sorted({offset for offset in layout.offsets if offset <= size}), size]
        ends = (begins[min(bisect_right(begins, offset), len(begins) - 1)] for offset in layout.offsets)
        return tuple(max(0, end - offset) for end, offset in zip(ends, layout.offsets, strict=True))
    rows, whole = layout.sides[0], layout.row_bytes * layout.sides[0]
    if layout.tiled:
        return (whole,) * count
    last = layout.row_bytes * (layout.height - rows * (layout.down - 1))
    return tuple(last if (number + 1) % layout.down == 0 else whole for number in range(count))


def _check_scans(data: bytes, layout: Layout) -> None:
    if layout.compression not in (_JPEG, _OLD_JPEG):
        return
    pixels = layout.sides[0] * layout.sides[1]
    scans = data.count(b"\xff\xda")
    if scans > len(layout.offsets) and scans * pixels > SCAN_PIXELS:
        raise ImageTooLarge(
            f"The TIFF has {scans:,} JPEG scans of {pixels:,} pixels; at most {SCAN_PIXELS:,} are decoded in all.",
            hint="Save it again with another compression.",
        )


def _entries(page: ifd.Page, layout: Layout) -> dict[int, ifd.Entry]:
    """The page's tags for Pillow: those it needs, well formed."""
    order = layout.order
    entries = {tag: entry for tag in _TAGS if (entry := page.entry(tag))}
    offsets, counts = (TILE_OFFSETS, TILE_COUNTS) if layout.tiled else (STRIP_OFFSETS, STRIP_COUNTS)
    entries |= {
        WIDTH: ifd.longs(order, layout.width),
        HEIGHT: ifd.longs(order, layout.height),
        BITS: ifd.shorts(order, *[layout.bits] * layout.samples),
        COMPRESSION: ifd.shorts(order, layout.compression),
        PHOTOMETRIC: ifd.shorts(order, layout.photometric),
        SAMPLES: ifd.shorts(order, layout.samples),
        PLANAR: ifd.shorts(order, 2 if layout.planes else 1),
    }
    if layout.offsets:
        entries |= {offsets: ifd.longs(order, *layout.offsets), counts: ifd.longs(order, *layout.counts)}
    if layout.extra:
        entries[EXTRA] = ifd.shorts(order, *layout.extra)
    if page.entry(FORMAT):
        entries[FORMAT] = ifd.shorts(order, *[layout.form] * layout.samples)
    if layout.tiled:
        return entries | {TILE_HEIGHT: ifd.longs(order, layout.sides[0]), TILE_WIDTH: ifd.longs(order, layout.sides[1])}
    return entries | {ROWS: ifd.longs(order, layout.sides[0])}
