"""A network of three nodes and a pipeline around it: the mean colour of a picture, three numbers, unit length."""

from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

CARD = """\
name        = "mean_colour"
task        = "image features"
licence     = "Apache-2.0"
source      = "file:mean_colour.onnx"
max_batch   = 32

[input]
name   = "picture"
layout = "NCHW"
color  = "RGB"
height = 16
width  = 16
mean   = [0, 0, 0]
std    = [255, 255, 255]

[outputs.features]
name  = "colour"
shape = [3]
"""

PIPELINE: dict[str, Any] = {
    "description": "The mean colour of a picture.",
    "input": "bytes",
    "steps": [
        {"operator": "decode_image", "output": "image"},
        {"operator": "embed", "model": "mean_colour", "input": "image", "output": "colours"},
        {"operator": "normalize", "input": "colours", "output": "feature"},
    ],
    "output": {"feature": "feature"},
}


def write(folder: Path) -> Path:
    """The model and its card in a folder, as a user would put them there."""
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 16, 16])
    colour = helper.make_tensor_value_info("colour", TensorProto.FLOAT, ["n", 3])
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colour"]),
    ]
    graph = helper.make_graph(nodes, "mean_colour", [picture], [colour])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "mean_colour.onnx"))
    (folder / "mean_colour.toml").write_text(CARD)
    return folder
