"""Names of colors: painted pictures, whose shares are counted by hand."""

import itertools
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from open_analytic.kinds.color import Color
from open_analytic.operators.name_colors import CHINESE, lab, name_colors


def painted(colors: Mapping[str, int], width: int = 4) -> NDArray[np.uint8]:
    """A picture with so many pixels of each color, row by row."""
    pixels = [tuple(bytes.fromhex(color)) for color, count in colors.items() for _ in range(count)]
    return np.array(pixels, np.uint8).reshape(-1, width, 3)


def shares(pixels: NDArray[np.uint8], least_share: float = 0.05) -> dict[str, float]:
    return {color.name: color.share for color in name_colors(pixels, least_share=least_share)}


def test_shares_are_those_of_the_pixels_the_largest_first() -> None:
    picture = painted({"000000": 1, "ff0000": 8, "0000ff": 4, "ffffff": 3})
    assert name_colors(picture) == [
        Color(name="red", name_zh="红色", share=8 / 16),
        Color(name="blue", name_zh="蓝色", share=4 / 16),
        Color(name="white", name_zh="白色", share=3 / 16),
        Color(name="black", name_zh="黑色", share=1 / 16),
    ]


def test_a_share_below_the_least_is_left_out() -> None:
    assert shares(painted({"00a000": 19, "ffff00": 1}, 5)) == {"green": 0.95, "yellow": 0.05}
    assert shares(painted({"00a000": 20, "ffff00": 1}, 3)) == {"green": 20 / 21}
    assert shares(painted({"00a000": 9, "ffff00": 1}, 5), 0.2) == {"green": 0.9}
    assert shares(painted({"00a000": 9, "ffff00": 1}, 5), 0) == {"green": 0.9, "yellow": 0.1}


def test_equal_shares_have_one_order() -> None:
    expected = ["black", "white", "red", "blue"]
    colors = {"0000ff": 4, "ff0000": 4, "ffffff": 4, "000000": 4}
    assert list(shares(painted(colors))) == list(shares(painted(dict(reversed(colors.items()))))) == expected


@pytest.mark.parametrize(("color", "name"), [("000000", "black"), ("808080", "gray"), ("ffffff", "white")])
@pytest.mark.parametrize("sides", [(1, 1), (1, 3000), (3000, 1), (700, 500)])
def test_a_picture_of_one_color_has_that_one(color: str, name: str, sides: tuple[int, int]) -> None:
    picture = np.full((*sides, 3), tuple(bytes.fromhex(color)), np.uint8)
    assert name_colors(picture) == [Color(name=name, name_zh=CHINESE[name], share=1.0)]


def test_a_gray_is_black_below_lightness_20_and_white_above_90() -> None:
    """Lightness 20 is the gray 48.3, 90 is 226.3: of 0, 4, .. 252 these are 13 black ones and 7 white ones."""
    column = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert shares(column) == {"gray": 44 / 64, "black": 13 / 64, "white": 7 / 64}


def test_a_slight_cast_leaves_a_gray_gray_and_a_dark_color_is_black() -> None:
    assert shares(painted({"787c80": 4, "f4f2ec": 4, "1c1a20": 4, "120000": 4})) == {
        "black": 8 / 16,
        "gray": 4 / 16,
        "white": 4 / 16,
    }


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [
        ("000000", "ffffff", ["black", "gray", "white"]),
        ("000000", "ff0000", ["black", "red"]),
        ("000000", "0000ff", ["black", "blue"]),
        ("ff0000", "ffffff", ["red", "pink", "white"]),
        ("00a000", "ffff00", ["green", "yellow"]),
        ("8b4513", "ffffff", ["brown", "beige", "gray", "white"]),
    ],
)
def test_a_gradient_goes_from_name_to_name_and_never_back(first: str, last: str, names: list[str]) -> None:
    ends = [np.array(tuple(bytes.fromhex(color))) for color in (first, last)]
    steps = [(ends[0] + (ends[1] - ends[0]) * step / 99).astype(np.uint8) for step in range(100)]
    each = [next(iter(shares(color.reshape(1, 1, 3)))) for color in steps]
    assert [name for name, _ in itertools.groupby(each)] == names


def test_a_large_picture_is_seen_from_a_distance() -> None:
    """Halves stay halves; a checkerboard of single pixels is the gray that the eye makes of it."""
    halves = np.zeros((1024, 1024, 3), np.uint8)
    halves[:, 512:] = (255, 0, 0)
    assert shares(halves) == {"black": 0.5, "red": 0.5}
    board = (np.indices((1024, 1024)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert shares(np.repeat(board[:, :, None], 3, axis=2)) == {"gray": 1.0}


def test_shares_add_up_to_one_without_a_least_share() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert sum(shares(noise, 0).values()) == pytest.approx(1)
    assert sum(shares(noise).values()) <= 1
    assert name_colors(noise) == name_colors(noise.copy())


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ("ffffff", (100, 0, 0)),
        ("000000", (0, 0, 0)),
        ("ff0000", (53.24, 80.09, 67.20)),
        ("00ff00", (87.73, -86.18, 83.18)),
        ("0000ff", (32.30, 79.19, -107.86)),
        ("808080", (53.59, 0, 0)),
    ],
)
def test_cielab_is_that_of_the_standard(color: str, expected: tuple[float, ...]) -> None:
    """Bruce Lindbloom's calculator gives these for sRGB with the white point D65."""
    assert lab(painted({color: 1}, 1))[0, 0] == pytest.approx(expected, abs=0.02)


# Colors of CSS whose own name says which basic color they are; its brown a52a2a is a red, and its lightcyan a white.
CSS = {
    "black": "000000",
    "gray": "808080 a9a9a9 696969 d3d3d3 708090",
    "white": "ffffff f5f5f5 f8f8ff fffafa",
    "red": "ff0000 8b0000 cd5c5c ff4500 dc143c b22222",
    "orange": "ffa500 ff8c00",
    "yellow": "ffff00 ffd700 f0e68c daa520",
    "green": "008000 006400 00ff00 90ee90 98fb98 228b22 2e8b57 3cb371 adff2f 9acd32 556b2f 32cd32 00ff7f 8fbc8f",
    "turquoise": "40e0d0 00ced1 48d1cc afeeee 00ffff 008b8b 20b2aa",
    "blue": "0000ff 00008b add8e6 0000cd 191970 000080 4169e1 87ceeb 87cefa 4682b4 1e90ff 6495ed 00bfff b0c4de",
    "purple": "800080 9370db 663399 8a2be2 9400d3 da70d6 ba55d3 dda0dd",
    "pink": "ffc0cb ffb6c1 ff69b4 ff1493 db7093",
    "brown": "8b4513 a0522d cd853f",
    "beige": "f5f5dc f5deb3 d2b48c ffebcd faebd7 fff8dc",
}


@pytest.mark.parametrize(("name", "color"), [(name, color) for name, text in CSS.items() for color in text.split()])
def test_a_color_of_css_has_the_basic_name_that_its_own_name_says(name: str, color: str) -> None:
    assert shares(painted({color: 1}, 1)) == {name: 1.0}
