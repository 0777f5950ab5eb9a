"""Networks of a few nodes, fed and read as their cards say."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from open_analytic.config import Settings
from open_analytic.errors import ModelCorrupt, ModelFailed, UnsafeModel
from open_analytic.models.card import read_card
from open_analytic.models.library import Library
from open_analytic.runtime.session import OnnxModel
from open_analytic.types import Images

CARD = """\
name      = "{name}"
task      = "image features"
licence   = "Apache-2.0"
source    = "file:{name}.onnx"
max_batch = {max_batch}
[input]
name   = "picture"
layout = "{layout}"
color  = "{color}"
mean   = [10, 20, 30]
std    = [1, 2, 4]
[outputs.mean]
name  = "mean"
shape = {shape}
[outputs.tensor]
name  = "tensor"
shape = [0, 0, 0]
"""
KINDS = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}


def write(
    folder: Path,
    *,
    layout: str = "NCHW",
    color: str = "RGB",
    max_batch: int = 2,
    kind: str = "float",
    shape: str = "[3]",
) -> Path:
    """Two outputs: the input itself, and its mean over the picture. Beside it its card."""
    number = KINDS[kind]
    dims: list[str | int | None] = ["n", 3, "h", "w"] if layout == "NCHW" else ["n", "h", "w", 3]
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    nodes = [
        helper.make_node("Cast", ["picture"], ["tensor"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["tensor", "axes"], ["mean"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("picture", number, dims)],
        [
            helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n", 3]),
            helper.make_tensor_value_info("tensor", TensorProto.FLOAT, dims),
        ],
        [helper.make_tensor("axes", TensorProto.INT64, [2], axes)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    folder.mkdir(exist_ok=True)
    onnx.save(model, str(folder / "means.onnx"))
    card = CARD.format(name="means", layout=layout, color=color, max_batch=max_batch, shape=shape)
    (folder / "means.toml").write_text(card)
    return folder / "means.onnx"


def load(path: Path) -> OnnxModel:
    return OnnxModel(path, read_card(path.with_suffix(".toml")), threads=1)


def pictures(count: int) -> Images:
    return np.random.default_rng(0).integers(0, 256, (count, 5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
@pytest.mark.parametrize("kind", ["float", "float16"])
def test_pictures_are_fed_as_the_card_says(tmp_path: Path, layout: str, color: str, kind: str) -> None:
    batch = pictures(3)
    model = load(write(tmp_path, layout=layout, color=color, kind=kind))
    # mean and std stand in the order of the network's colours
    colours = batch if color == "RGB" else batch[..., ::-1]
    scaled = (colours - np.array([10, 20, 30])) / [1, 2, 4]
    expected = scaled.transpose(0, 3, 1, 2) if layout == "NCHW" else scaled
    outputs = model(batch)
    assert outputs["tensor"] == pytest.approx(expected, rel=1e-3)
    assert outputs["mean"] == pytest.approx(scaled.mean(axis=(1, 2)), rel=1e-3)
    assert {array.dtype for array in outputs.values()} == {np.dtype(np.float32)}


def test_batches_are_split_and_come_back_whole(tmp_path: Path) -> None:
    batch, path = pictures(7), write(tmp_path, max_batch=3)
    whole = load(path)(batch)
    assert whole["mean"].shape == (7, 3)
    one = load(write(tmp_path, max_batch=1))(batch)
    assert np.array_equal(whole["mean"], one["mean"])


def test_only_the_outputs_asked_for_are_given(tmp_path: Path) -> None:
    model = load(write(tmp_path))
    assert list(model(pictures(1), ("mean",))) == ["mean"]
    with pytest.raises(ModelFailed, match=r"no output 'map'.*mean, tensor"):
        model(pictures(1), ("map",))


def test_a_picture_the_network_cannot_take_is_an_error_with_its_shape(tmp_path: Path) -> None:
    model = load(write(tmp_path))
    with pytest.raises(ModelFailed, match=r"\(1, 5, 7, 4\)"):
        model(np.zeros((1, 5, 7, 4), np.uint8))


def test_an_output_of_another_shape_than_the_card_says_is_an_error(tmp_path: Path) -> None:
    model = load(write(tmp_path, shape="[4]"))
    with pytest.raises(ModelFailed, match=r"'mean' has the shape \(1, 3\)"):
        model(pictures(1), ("mean",))


def test_names_that_are_not_in_the_file_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path)
    card = path.with_suffix(".toml")
    card.write_text(card.read_text().replace('"picture"', '"image"'))
    with pytest.raises(ModelCorrupt, match=r"takes \['picture'\]"):
        load(path)


def test_an_output_that_is_no_tensor_of_numbers_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path)
    model = onnx.load(str(path))
    model.graph.node.append(
        helper.make_node("Constant", [], ["words"], value=numpy_helper.from_array(np.array(["a"], object), "w"))
    )
    model.graph.output.append(helper.make_tensor_value_info("words", TensorProto.STRING, [1]))
    onnx.save(model, str(path))
    card = path.with_suffix(".toml")
    card.write_text(card.read_text().replace('name  = "mean"', 'name  = "words"'))
    with pytest.raises(
        ModelCorrupt, match=r"gives 'words' as tensor\(string\); an output has to be a tensor of numbers"
    ):
        load(path)


def test_a_file_that_is_no_network_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_bytes(b"words")
    with pytest.raises(ModelCorrupt, match="cannot load"):
        load(path)


def test_a_network_that_asks_for_data_elsewhere_is_refused(tmp_path: Path) -> None:
    from open_analytic.runtime.cache import ModelCache

    path = write(tmp_path / "cards")
    model = onnx.load(str(path))
    axes = model.graph.initializer[0]
    axes.ClearField("int64_data")
    axes.data_location = TensorProto.EXTERNAL
    axes.external_data.add(key="location", value="../../etc/passwd")
    path.write_bytes(model.SerializeToString())
    settings = Settings.read({}, cards=(tmp_path / "cards",), models_dir=tmp_path / "models")
    with pytest.raises(UnsafeModel, match="outside of its folder"):
        ModelCache(Library(settings), settings).model("means")
