"""A network that finds coloured quarters of a picture, a pipeline around it and that of ``tests.tiny``, and a painter.

A quarter is an object of the class of its brightest colour; the score is that brightness. A black quarter is none.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE = 64  # pixels of the network's input
LABELS = ["tomato", "leaf", "berry"]
CARD = """\
name        = "quarters"
task        = "object detection"
licence     = "Apache-2.0"
source      = "file:quarters.onnx"
max_batch   = 8
labels      = ["tomato", "leaf", "berry"]

[input]
name   = "picture"
layout = "NCHW"
color  = "RGB"
height = 64
width  = 64
mean   = [0, 0, 0]
std    = [255, 255, 255]

[outputs.boxes]
name  = "boxes"
shape = [4, 4]

[outputs.scores]
name  = "scores"
shape = [4]

[outputs.labels]
name  = "labels"
shape = [4]
"""
_DETECTION: list[dict[str, Any]] = [
    {"operator": "decode_image", "output": "image"},
    {"operator": "detect_objects", "model": "quarters", "input": "image", "output": "objects"},
]
DETECTOR: dict[str, Any] = {
    "description": "The objects of a picture.",
    "input": "bytes",
    "steps": _DETECTION,
    "output": {"objects": "objects"},
}
EMBEDDER: dict[str, Any] = {
    "description": "The objects of a picture, each with its colour.",
    "input": "bytes",
    "steps": [
        *_DETECTION,
        {"operator": "crop_regions", "input": ["image", "objects"], "size": 32, "output": "crops"},
        {"operator": "embed", "model": "mean_colour", "input": "crops", "output": "colours"},
        {"operator": "normalize", "input": "colours", "output": "feature"},
    ],
    "output": {"objects": {"label": "objects.label", "box": "objects.box", "colour": "feature"}},
}
Colour: TypeAlias = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)


def write(folder: Path) -> Path:
    """The network and its card."""
    half = SIDE // 2
    corners = [[x, y, x + half, y + half] for y in (0, half) for x in (0, half)]
    constants: dict[str, Any] = {
        "places": np.array([corners], np.float32),
        "nothing": np.zeros(1, np.float32),
        "flat": np.array([0, 3, 4], np.int64),
        "last": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("AveragePool", ["picture"], ["cells"], kernel_shape=[half] * 2, strides=[half] * 2),
        helper.make_node("Reshape", ["cells", "flat"], ["colours"]),
        helper.make_node("ReduceMax", ["colours"], ["scores"], axes=[1], keepdims=0),
        helper.make_node("ArgMax", ["colours"], ["labels"], axis=1, keepdims=0),
        helper.make_node("Mul", ["scores", "nothing"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "last"], ["column"]),
        helper.make_node("Add", ["column", "places"], ["boxes"]),
    ]
    outputs = [
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 4, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4]),
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["n", 4]),
    ]
    graph = helper.make_graph(
        nodes,
        "quarters",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "quarters.onnx"))
    (folder / "quarters.toml").write_text(CARD)
    return folder


def paint(quarters: Sequence[Colour], *, side: int = 128) -> bytes:
    """A picture with up to four quarters: above left, above right, below left, below right."""
    pixels = np.zeros((side, side, 3), np.uint8)
    half = side // 2
    for number, colour in enumerate(quarters):
        top, left = half * (number // 2), half * (number % 2)
        pixels[top : top + half, left : left + half] = colour
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()
