"""EfficientNet-Lite2 as it is built: the original's numbers, the descriptor's recipe, the same bytes every time."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import skimage.data
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from open_analytic.demo.edits import EDITS, encoded
from open_analytic.errors import ModelCorrupt
from open_analytic.models import build
from open_analytic.models.build import descriptor
from open_analytic.models.build.efficientnet_lite import FIRST_STRIDES, REPEATS
from open_analytic.models.card import ModelCard, read_card
from open_analytic.models.library import Library
from open_analytic.operators.embed import embed, normalize
from open_analytic.runtime.session import OnnxModel
from open_analytic.util import resources
from tests import torch_file

Arrays = dict[str, NDArray[Any]]

ASTRONAUT: NDArray[np.uint8] = skimage.data.astronaut()

# Of the original PyTorch network with efficientnet-lite2-9656183e.pth (sha256 9656183eaeafe8cb...), given
# astronaut()[0:260, 120:380] as (x - 127) / 128, not resized.
FEATURES = [0.01939, 0.19219, 0.82469, 0.01474, 0.19534, 0.46595, 0.03977, 0.13563]
LENGTH = 14.3971
BEST_CLASSES = [521, 897, 463, 412, 696]
TOLERANCE = 1e-3

PICTURES = ("astronaut", "camera", "cat", "clock", "coffee", "coins", "gravel", "hubble_deep_field", "moon", "rocket")


@pytest.fixture(scope="module")
def network(library: Library) -> OnnxModel:
    return OnnxModel(library.path("efficientnet_lite2"), library.card("efficientnet_lite2"))


def photos() -> list[Image.Image]:
    makers: list[Callable[[], NDArray[np.uint8]]] = [getattr(skimage.data, name) for name in PICTURES]
    return [Image.fromarray(make()).convert("RGB") for make in makers]


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(encoded(picture))).convert("RGB"))


@pytest.mark.models
def test_the_network_gives_what_the_original_gives(network: OnnxModel) -> None:
    outputs = network(ASTRONAUT[None, 0:260, 120:380], ("features", "logits"))
    np.testing.assert_allclose(outputs["features"][0, :8], FEATURES, atol=TOLERANCE)
    assert np.linalg.norm(outputs["features"][0]) == pytest.approx(LENGTH, abs=TOLERANCE)
    assert np.argsort(-outputs["logits"][0])[:5].tolist() == BEST_CLASSES


@pytest.mark.models
def test_a_picture_of_any_size_has_a_map_of_a_thirtysecond(network: OnnxModel) -> None:
    outputs = network(ASTRONAUT[None, 10:203, 20:341])  # 193 x 321: every halving is rounded up
    shapes = {role: array.shape for role, array in outputs.items()}
    assert shapes == {"logits": (1, 1000), "features": (1, 1280), "descriptor": (1, 1024), "map": (1, 1280, 7, 11)}
    np.testing.assert_allclose(outputs["features"], outputs["map"].mean(axis=(2, 3)), atol=1e-5)


@pytest.mark.models
def test_the_descriptor_is_the_recipe_applied_to_the_map(network: OnnxModel, library: Library) -> None:
    """Root mean square, centred, by the classifier: written here as its singular value decomposition."""
    graph = onnx.load(library.path("efficientnet_lite2")).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    used = {node.op_type: constants[node.input[1]] for node in graph.node if node.op_type in ("Gemm", "Sub")}
    classes = used["Gemm"].astype(np.float64)
    left, strengths, seen = np.linalg.svd(classes - classes.mean(axis=0), full_matrices=False)
    left, strengths, seen = left[:, :999], strengths[:999], seen[:999]  # centred: the 1,000th is zero
    place = (np.arange(1280) + 0.5) * np.pi / 1280
    waves = np.sqrt(2 / 1280) * np.cos(np.arange(1, 25)[:, None] * place)
    turned, _, blind = np.linalg.svd(waves - waves @ seen.T @ seen, full_matrices=False)
    directions = np.concatenate([left * np.sqrt(strengths / strengths[0]) @ seen, 0.3 * turned @ blind])
    directions = np.round(directions * 2**20) / 2**20

    outputs = network(np.stack([ASTRONAUT[top : top + 260, 120:380] for top in (0, 100, 250)]), ("map", "descriptor"))
    levels = np.sqrt((outputs["map"].astype(np.float64) ** 2).mean(axis=(2, 3)))
    expected = (levels - used["Sub"]) @ directions.T
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(outputs["descriptor"], expected, atol=1e-5)


@pytest.mark.models
def test_a_picture_has_one_descriptor_whatever_stands_beside_it(network: OnnxModel) -> None:
    pictures = np.stack(
        [ASTRONAUT[top : top + 260, left : left + 260] for top in range(0, 250, 50) for left in range(0, 240, 60)]
    )
    assert len(pictures) > network.card.max_batch
    together = network(pictures, ("descriptor",))["descriptor"]
    for size in (1, 3):
        parts = [network(pictures[start : start + size], ("descriptor",))["descriptor"] for start in range(0, 20, size)]
        np.testing.assert_allclose(np.concatenate(parts), together, atol=1e-5)


@pytest.fixture(scope="module")
def originals() -> list[Image.Image]:
    return photos()


@pytest.fixture(scope="module")
def gallery(network: OnnxModel, originals: list[Image.Image]) -> NDArray[np.float32]:
    """Their descriptors."""
    return normalize(embed([pixels(photo) for photo in originals], network, role="descriptor"))


@pytest.mark.models
@pytest.mark.parametrize("name", EDITS)
def test_the_original_of_an_edited_copy_is_the_nearest(
    network: OnnxModel, originals: list[Image.Image], gallery: NDArray[np.float32], name: str
) -> None:
    queries = normalize(embed([pixels(EDITS[name](photo)) for photo in originals], network, role="descriptor"))
    assert gallery.shape == (len(PICTURES), 1024)
    np.testing.assert_allclose(np.linalg.norm(gallery, axis=1), 1, atol=1e-6)
    nearest = np.argmax(queries @ gallery.T, axis=1)
    assert [PICTURES[index] for index in nearest] == list(PICTURES)


def test_the_centre_is_what_a_clipped_normal_has() -> None:
    """Of E[clip(b + s z, 0, 6)^2] by its closed form: the second moment between the bounds, and 36 above."""
    bias, scale = np.array([-1.0, 0.0, 2.0, 5.0]), np.array([0.5, -1.0, 1.5, 2.0])
    centres = descriptor.centre({"norm.bias": bias, "norm.weight": scale}, "norm")
    for value, mean, deviation in zip(centres, bias, np.abs(scale), strict=True):
        low, high = -mean / deviation, (6 - mean) / deviation
        density = [math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) for z in (low, high)]
        below = [math.erfc(-z / math.sqrt(2)) / 2 for z in (low, high)]
        first, second = density[0] - density[1], low * density[0] - high * density[1] + below[1] - below[0]
        inside = mean**2 * (below[1] - below[0]) + 2 * mean * deviation * first + deviation**2 * second
        assert value == pytest.approx(0.7 * math.sqrt(inside + 36 * (1 - below[1])), rel=1e-3)


def test_blind_directions_see_nothing_of_the_classes_and_weigh_less() -> None:
    classifier = np.random.default_rng(5).standard_normal((1000, 1280))
    directions = descriptor.projection(classifier)
    assert directions.shape == (1280, 1024)
    assert np.linalg.norm(directions[:, :1000], 2) == pytest.approx(1, abs=1e-4)
    blind = directions[:, 1000:]
    np.testing.assert_allclose(blind.T @ blind, 0.3**2 * np.eye(24), atol=1e-5)
    np.testing.assert_allclose((classifier - classifier.mean(axis=0)) @ blind, 0, atol=1e-3)


def weights() -> Arrays:
    """The network's tensors in shape, four channels wide, by a fixed seed."""
    random = np.random.default_rng(11)
    tensors: Arrays = {}

    def add(name: str, norm: str, after: int, before: int, side: int) -> None:
        tensors[f"{name}.weight"] = random.standard_normal((after, before, side, side), np.float32)
        for part in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{part}"] = np.abs(random.standard_normal(after, np.float32))
        tensors[f"{norm}.num_batches_tracked"] = np.array(9, np.int64)

    add("_conv_stem", "_bn0", 4, 3, 3)
    for number in range(sum(REPEATS)):
        block = f"_blocks.{number}"
        if number:
            add(f"{block}._expand_conv", f"{block}._bn0", 8, 4, 1)
        add(f"{block}._depthwise_conv", f"{block}._bn1", 8 if number else 4, 1, 3)
        add(f"{block}._project_conv", f"{block}._bn2", 4, 8 if number else 4, 1)
    add("_conv_head", "_bn1", 1280, 4, 1)
    tensors["_fc.weight"] = random.standard_normal((1000, 1280), np.float32)
    tensors["_fc.bias"] = random.standard_normal(1000, np.float32)
    return tensors


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return read_card(resources.folder("onnx_models") / "efficientnet_lite2.toml")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "net.pth"
    path.write_bytes(torch_file.saved(weights()))
    return path


@pytest.fixture(scope="module")
def small(source: Path, card: ModelCard) -> onnx.ModelProto:
    return build.build(source, card)


def test_a_build_gives_the_same_bytes_every_time(source: Path, card: ModelCard, small: onnx.ModelProto) -> None:
    again = build.build(source, card)
    assert again.SerializeToString(deterministic=True) == small.SerializeToString(deterministic=True)
    assert (small.ir_version, small.opset_import[0].version, small.producer_name) == (8, 17, "open_analytic")
    assert {output.name for output in small.graph.output} == {output.name for output in card.outputs.values()}
    strides = [tuple(each.ints) for node in small.graph.node for each in node.attribute if each.name == "strides"]
    assert strides.count((2, 2)) == 1 + FIRST_STRIDES.count(2)


def test_a_batch_norm_becomes_part_of_its_convolution(small: onnx.ModelProto) -> None:
    tensors = weights()
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in small.graph.initializer}
    stem = next(node for node in small.graph.node if node.op_type == "Conv")
    kernel, bias = (constants[name] for name in stem.input[1:])
    norm = {part: tensors[f"_bn0.{part}"].astype(float) for part in ("weight", "bias", "running_mean", "running_var")}
    patch = np.random.default_rng(3).standard_normal((3, 3, 3))
    plain = np.einsum("oikl,ikl->o", tensors["_conv_stem.weight"], patch)
    expected = (plain - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-3) * norm["weight"] + norm["bias"]
    np.testing.assert_allclose(np.einsum("oikl,ikl->o", kernel, patch) + bias, expected, rtol=1e-5, atol=1e-5)


def test_weights_of_another_network_are_told_by_what_is_missing(tmp_path: Path, card: ModelCard) -> None:
    tensors = weights()
    del tensors["_blocks.3._project_conv.weight"]
    (tmp_path / "net.pth").write_bytes(torch_file.saved(tensors))
    with pytest.raises(ModelCorrupt, match=r"efficientnet_lite2 lack '_blocks\.3\._project_conv\.weight'"):
        build.build(tmp_path / "net.pth", card)
