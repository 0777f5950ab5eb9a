"""A network of three nodes and a pipeline around it: the mean colour of a picture, three numbers, unit length.

And one that gives the same, but takes its time: it multiplies a matrix with itself ``SLOW_STEPS`` times before.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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


SLOW_STEPS, SLOW_SIDE = 1000, 512  # a second a picture with the fastest processors


def slow_pipeline() -> dict[str, Any]:
    """``PIPELINE`` with the slow network."""
    steps = [step | ({"model": "slow_colour"} if "model" in step else {}) for step in PIPELINE["steps"]]
    return PIPELINE | {"steps": steps}


def write_slow(folder: Path, steps: int = SLOW_STEPS) -> Path:
    """The slow model and its card."""
    identity = numpy_helper.from_array(np.eye(SLOW_SIDE, dtype=np.float32), "identity")
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["before", "identity"], ["after"]),
            helper.make_node("Identity", ["go_on"], ["still"]),
        ],
        "again",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, [SLOW_SIDE, SLOW_SIDE]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, [SLOW_SIDE, SLOW_SIDE]),
        ],
    )
    rounds = numpy_helper.from_array(np.array(steps, np.int64), "steps")
    nodes = [
        helper.make_node("Loop", ["steps", "", "identity"], ["product"], body=body),
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("ReduceMax", ["product"], ["one"], keepdims=0),
        helper.make_node("Mul", ["mean", "one"], ["colour"]),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, 16, 16])
    colour = helper.make_tensor_value_info("colour", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "slow_colour", [picture], [colour], [identity, rounds])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "slow_colour.onnx"))
    card = CARD.replace("mean_colour", "slow_colour").replace("max_batch   = 32", "max_batch   = 1")
    (folder / "slow_colour.toml").write_text(card)
    return folder
