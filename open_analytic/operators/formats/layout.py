"""How the samples of a TIFF page lie in its file, and the tags that say so."""

from dataclasses import dataclass

from open_analytic.operators.formats.ifd import Order

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
FILL_ORDER, STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS = 266, 273, 274, 277, 278
STRIP_COUNTS, PLANAR, PREDICTOR = 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
EXTRA, FORMAT, REDUCED, OLD_REDUCED = 338, 339, 254, 255
NONE = 1  # a compression
WHITE_IS_ZERO, GREY, RGB, PALETTE, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
COLOURS = {WHITE_IS_ZERO: 1, GREY: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, LAB: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a page's samples lie in its file."""

    order: Order
    width: int
    height: int
    bits: int  # of a sample
    samples: int  # of a pixel
    form: int  # 1: unsigned, 2: signed, 3: floating point
    photometric: int
    extra: tuple[int, ...]  # what the samples beyond the colours mean: 0 nothing, 1 premultiplied alpha, 2 alpha
    planes: bool  # whether each sample has a plane of its own
    compression: int
    predictor: int
    fill_order: int  # 2: the lowest bit of a byte is its first
    sides: tuple[int, int]  # (rows, columns) of a strip or tile
    tiled: bool
    offsets: tuple[int, ...]
    counts: tuple[int, ...]  # bytes of each

    @property
    def colours(self) -> int:
        return COLOURS[self.photometric]

    @property
    def in_segment(self) -> int:
        """Samples of a pixel that lie beside each other."""
        return 1 if self.planes else self.samples

    @property
    def row_bytes(self) -> int:
        """Of a strip or tile."""
        return -(-self.sides[1] * self.in_segment * self.bits // 8)

    @property
    def across(self) -> int:
        return -(-self.width // self.sides[1])

    @property
    def down(self) -> int:
        return -(-self.height // self.sides[0])
