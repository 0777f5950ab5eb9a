"""The colors of a picture by their basic names: each pixel has the name of the nearest reference in CIELAB.

CIELAB is CIE 15 (2004) with the white point D65, of sRGB as IEC 61966-2-1 defines it.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from open_analytic.kinds.color import Color
from open_analytic.kinds.image import Picture
from open_analytic.operators.batch import shrunk
from open_analytic.operators.operator import Between
from open_analytic.types import Image

SIDE = 64  # pixels of the longer side, at most
BLACK, WHITE = 20, 90  # lightness below and above which a gray is black and white
DARK = 5  # lightness below which every color looks black
GRAY = 11  # chroma below which a color is a gray
LIGHTNESS = 0.5  # weight of a difference in lightness: light and shadow change it more than the hue
_WEIGHTS = np.array([[LIGHTNESS], [1], [1]])

CHINESE = {
    "black": "黑色",
    "gray": "灰色",
    "white": "白色",
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "turquoise": "青色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "beige": "米色",
}
# Pure, dark and light ones of each name; grays have none: lightness names them.
REFERENCES = {
    "red": "ff0000 d02020 a01018 700c10 480000 e04848",
    "orange": "ff8c00 ffa53c e8701a ff6a20 cc5a10",
    "yellow": "ffff00 ffd800 fff08c e0c020 b49614",
    "green": "00ff00 00a000 006400 90ee90 9acd32 556b2f 2e8b57 244024 808000 8fbc8f",
    "turquoise": "00ffff 40e0d0 008b8b 20b2aa a8ecec 0a5a5a",
    "blue": "0000ff 4040ff 7070ff a0a0ff 0339f8 0000c0 000080 191970 1e50d0 203060 1e90ff 4682b4 6495ed 87ceeb add8e6 "
    "a0b4dc",
    "purple": "800080 8a2be2 9370db 4b0082 b080d0 d0b8e8 a040a0 602858 d070d8",
    "pink": "ffc0cb ff69b4 ff1493 f0a0b0 db7093 ffd8e4 c85078 ff70d0",
    "brown": "8b4513 a0522d 654321 5a3a22 c08048 3c2415 a07850 804040 85651a",
    "beige": "f5f5dc f5deb3 d2b48c e8d8b8 ffe4c4 c8b898",
}


def name_colors(image: Image, *, least_share: Annotated[float, Between(0, 1)] = 0.05) -> list[Color]:
    """The colors that cover at least ``least_share`` of the picture, the largest share first.

    A large picture is shrunk to 64 pixels, so that a fine pattern has the color that it has from a distance.
    """
    pixels = shrunk(Picture(image), SIDE).pixels
    numbers = _names(lab(pixels).reshape(-1, 3))
    counts = np.bincount(numbers, minlength=len(CHINESE))
    shares = [(name, int(count) / len(numbers)) for name, count in zip(CHINESE, counts, strict=True)]
    colors = [Color(name=name, name_zh=CHINESE[name], share=share) for name, share in shares]
    large = [color for color in colors if color.share and color.share >= least_share]
    return sorted(large, key=lambda color: color.share, reverse=True)


def lab(pixels: Image) -> NDArray[np.float64]:
    """Pixels of sRGB in CIELAB: lightness 0..100, then a (green to red) and b (blue to yellow)."""
    values = np.arange(256) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)[pixels]
    red, green, blue = linear[..., 0], linear[..., 1], linear[..., 2]
    x = _root((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047)
    y = _root(0.2126729 * red + 0.7151522 * green + 0.0721750 * blue)
    z = _root((0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _root(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(values > 216 / 24389, np.cbrt(values), (24389 / 27 * values + 16) / 116)


def _names(colors: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number in ``CHINESE`` of each color."""
    lightness, chroma = colors[:, 0], np.hypot(colors[:, 1], colors[:, 2])
    grays = np.select([lightness < BLACK, lightness > WHITE], [0, 2], 1)
    names = np.where(chroma < GRAY, grays, _nearest(colors))
    return np.where(lightness < DARK, 0, names)


def _nearest(colors: NDArray[np.float64]) -> NDArray[np.int64]:
    """The name of the nearest reference; one after another, since all distances at once would take much memory.

    Squared distances without the color's own square, which is the same to every reference.
    """
    lightness, a, b = np.ascontiguousarray(colors.T * _WEIGHTS)
    best, names = np.full(len(colors), np.inf), np.zeros(len(colors), np.int64)
    for (x, y, z), number in zip(*_references(), strict=True):
        distance = (-2 * x) * lightness + (-2 * y) * a + (-2 * z) * b + (x * x + y * y + z * z)
        closer = distance < best
        names[closer] = number
        np.minimum(distance, best, out=best)
    return names


def _references() -> tuple[NDArray[np.float64], list[int]]:
    """Every reference in CIELAB, its lightness weighted, with the number of its name."""
    pixels = np.frombuffer(bytes.fromhex("".join(REFERENCES.values())), np.uint8).reshape(-1, 3)
    names = [name for name, colors in REFERENCES.items() for _ in colors.split()]
    return lab(pixels) * _WEIGHTS.T, [list(CHINESE).index(name) for name in names]
