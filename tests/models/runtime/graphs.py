"""Networks of a few nodes for every type of input, each written with its card."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from open_analytic.config import Settings
from open_analytic.models.library import Library
from open_analytic.runtime.cache import ModelCache

HEAD = """\
name      = "{name}"
task      = "{task}"
licence   = "Apache-2.0"
source    = "file:{name}.onnx"
max_batch = {max_batch}
"""
TWO = """
[inputs.image]
name = "picture"
mean = [0, 0, 0]
std  = [255, 255, 255]
[inputs.weight]
name = "mask"
mean = [0, 0, 0]
std  = [1, 1, 1]
[outputs.features]
name  = "sum"
shape = [3]
"""


def save(
    folder: Path,
    name: str,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    card: str,
    *,
    constants: Sequence[TensorProto] = (),
    task: str = "image features",
    max_batch: int = 8,
) -> Path:
    """The graph and its card in a folder; the path of the card."""
    graph = helper.make_graph(list(nodes), name, list(inputs), list(outputs), list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / f"{name}.onnx"))
    path = folder / f"{name}.toml"
    path.write_text(HEAD.format(name=name, task=task, max_batch=max_batch) + card)
    return path


def two(folder: Path, card: str = TWO) -> Path:
    """Two images: the sums of the first one's colours where the second has ones; their sides can differ per batch."""
    sides: list[str | int | None] = ["n", 3, "h", "w"]
    return save(
        folder,
        "two",
        [
            helper.make_node("Mul", ["picture", "mask"], ["product"]),
            helper.make_node("ReduceSum", ["product", "axes"], ["sum"], keepdims=0),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("picture", "mask")],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["n", 3])],
        card,
        constants=[helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])],
    )


def opened(folder: Path) -> ModelCache:
    """The models of the folder."""
    settings = Settings.read({}, cards=(folder,), models_dir=folder / "models", threads=1)
    return ModelCache(Library(settings), settings)
