"""The real networks against numbers of their original implementations. Pictures: skimage.data."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from open_analytic.models import build
from open_analytic.models.build.dlib_face_resnet import CONVOLUTIONS
from open_analytic.models.card import read_card
from open_analytic.models.inputs.image import ImageInput
from open_analytic.models.library import Library
from open_analytic.util import resources

PICTURE: NDArray[np.uint8] = skimage.data.astronaut()
NAMES = ("age", "centerface", "dlib_face_resnet", "efficientnet_lite2", "gender", "ssd_mobilenet_v2")


def image_input(library: Library, name: str) -> ImageInput:
    """What the model takes."""
    image = library.card(name).input
    assert isinstance(image, ImageInput)
    return image


def run(library: Library, name: str, pictures: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """Outputs by role, the card followed to the letter."""
    card, image = library.card(name), image_input(library, name)
    session = onnxruntime.InferenceSession(str(library.path(name)), providers=["CPUExecutionProvider"])
    tensor = (pictures - np.array(image.mean)) / np.array(image.std)
    names = [output.name for output in card.outputs.values()]
    arrays = session.run(names, {image.name: np.ascontiguousarray(tensor.transpose(0, 3, 1, 2), np.float32)})
    return dict(zip(card.outputs, arrays, strict=True))


def astronaut(top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
    return PICTURE[None, top:bottom, left:right]


@pytest.mark.models
@pytest.mark.parametrize("name", ["centerface", "dlib_face_resnet", "efficientnet_lite2", "ssd_mobilenet_v2"])
def test_a_network_gives_what_the_original_gives(library: Library, name: str) -> None:
    golden = library.card(name).golden
    assert golden is not None
    assert (golden.picture, golden.text) == ("astronaut", None)
    assert golden.crop
    flat = run(library, name, astronaut(*golden.crop))[golden.output].ravel()
    np.testing.assert_allclose(flat[: len(golden.first)], golden.first, atol=golden.tolerance)
    assert np.linalg.norm(flat) == pytest.approx(golden.l2, abs=golden.tolerance)


@pytest.mark.models
@pytest.mark.parametrize("name", NAMES)
def test_outputs_have_the_shapes_of_the_card_and_do_not_depend_on_the_batch(library: Library, name: str) -> None:
    card, image = library.card(name), image_input(library, name)
    height, width = image.height or 96, image.width or 128
    pictures = np.concatenate([astronaut(top, top + height, 130, 130 + width) for top in (0, 40, 100)])
    together = run(library, name, pictures)
    for role, output in card.outputs.items():
        assert together[role].shape[0] == 3
        sides = zip(together[role].shape[1:], output.shape, strict=True)
        assert all(expected in (0, side) for side, expected in sides), role
        alone = run(library, name, pictures[1:2])[role]
        np.testing.assert_allclose(together[role][1:2], alone, atol=1e-5 * max(1, float(np.abs(alone).max())))


@pytest.mark.models
def test_centerface_sees_the_one_face_where_it_is(library: Library) -> None:
    outputs = run(library, "centerface", astronaut(0, 512, 0, 512))
    heat = outputs["heatmap"][0, 0]
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    height, width = np.exp(outputs["scale"][0, :, row, column]) * 4
    x, y = (
        (column + outputs["offset"][0, 1, row, column] + 0.5) * 4,
        (row + outputs["offset"][0, 0, row, column] + 0.5) * 4,
    )
    assert heat[row, column] > 0.9
    # As one sees it: the face of the astronaut is about 90 by 120 pixels around (225, 117).
    np.testing.assert_allclose([x, y, width, height], [225, 117, 90, 120], atol=8)
    near = np.zeros_like(heat, dtype=bool)
    near[row - 8 : row + 9, column - 8 : column + 9] = True
    assert heat[~near].max() < 0.5


def chip(points: list[tuple[float, float]], side: int) -> NDArray[np.uint8]:
    """The face at these five points as dlib cuts it: a similarity onto its template, 0.2 of space around."""
    template = np.array([47.55 + 46.60j, 100.48 + 46.60j, 74.01 + 76.56j, 50.41 + 103.02j, 97.61 + 103.02j])
    target = ((template - (25 + 25j)) / 100 + (0.2 + 0.2j)) / 1.4 * side
    there = np.stack([target, np.ones(5)], axis=1)
    (turn, move), *_ = np.linalg.lstsq(there, np.array([complex(*point) for point in points]), rcond=None)
    back = (turn.real, -turn.imag, move.real, turn.imag, turn.real, move.imag)
    picture = Image.fromarray(PICTURE)
    return np.asarray(picture.transform((side, side), Image.Transform.AFFINE, back, Image.Resampling.BILINEAR))[None]


@pytest.mark.models
def test_age_and_gender_of_the_astronaut(library: Library) -> None:
    points = [(203.2, 101.7), (247.0, 104.5), (223.3, 125.1), (203.4, 142.3), (241.3, 144.4)]  # centerface's
    (ages,) = run(library, "age", chip(points, 64))["probabilities"]
    (genders,) = run(library, "gender", chip(points, 32))["probabilities"]
    assert [ages.sum(), genders.sum()] == pytest.approx([1, 1], abs=1e-4)
    assert 20 < ages @ np.array([0.25, *range(1, 81)]) < 45
    assert genders[0] > 0.9  # female, male


def dlib_file(path: Path, shapes: list[tuple[int, int, int, int]]) -> None:
    """Weights by a fixed seed in dlib's serialisation."""
    random = np.random.default_rng(7)
    with path.open("wb") as file:
        for shape in shapes:
            for number in (2, *shape):
                size = max(1, (number.bit_length() + 7) // 8)
                file.write(bytes([size]) + number.to_bytes(size, "little"))
            file.write(random.standard_normal(shape, np.float32).tobytes())


def test_a_build_gives_the_same_bytes_every_time(tmp_path: Path) -> None:
    shapes = [
        (count, 1, 1, 1)
        for before, after, side in CONVOLUTIONS
        for count in (after * before * side * side + after, 2 * after)
    ]
    dlib_file(tmp_path / "net.dat", [*shapes, (256, 128, 1, 1)])
    card = read_card(resources.folder("onnx_models") / "dlib_face_resnet.toml")
    first, second = (build.build(tmp_path / "net.dat", card).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
    assert len(first) > 22_000_000
