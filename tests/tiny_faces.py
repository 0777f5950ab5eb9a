"""A network that finds painted faces, pipelines around it and the one of ``tests.tiny``, and what paints such faces.

A face is a head of one colour, which tells people apart, with a white nose, which is what the network looks for.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from open_analytic.operators.align import template
from open_analytic.operators.detect import STRIDE

SIDE = 96  # pixels of a face
PADDING = 0.25
PAPER = (52, 58, 70)
CARD = """\
name        = "white_noses"
task        = "face detection"
licence     = "Apache-2.0"
source      = "file:white_noses.onnx"
max_batch   = 8

[input]
name   = "picture"
layout = "NCHW"
color  = "RGB"
mean   = [0, 0, 0]
std    = [1, 1, 1]

[outputs.heatmap]
name  = "heatmap"
shape = [1, 0, 0]

[outputs.scale]
name  = "scale"
shape = [2, 0, 0]

[outputs.offset]
name  = "offset"
shape = [2, 0, 0]

[outputs.landmarks]
name  = "landmarks"
shape = [10, 0, 0]
"""
_DETECTION: list[dict[str, Any]] = [
    {"operator": "decode_image", "output": "image"},
    {"operator": "detect_faces", "model": "white_noses", "input": "image", "threshold": 0.95, "output": "faces"},
]
_ALIGNED = {"operator": "align_faces", "size": 32, "padding": PADDING}
_EMBEDDED: list[dict[str, Any]] = [
    {"operator": "embed", "model": "mean_colour", "input": "crops", "output": "colours"},
    {"operator": "normalize", "input": "colours", "output": "feature"},
]
EXTRACTOR: dict[str, Any] = {
    "description": "The colour of the largest face, or of all.",
    "input": "bytes",
    "parameters": {"face": "largest"},
    "steps": [
        *_DETECTION,
        {"operator": "choose_faces", "input": "faces", "face": "$face", "output": "chosen"},
        _ALIGNED | {"input": ["image", "chosen"], "output": "crops"},
        *_EMBEDDED,
    ],
    "output": {"face_emb": "feature"},
}
ANALYZER: dict[str, Any] = {
    "description": "Every face of a picture with its place and colour.",
    "input": "bytes",
    "steps": [*_DETECTION, _ALIGNED | {"input": ["image", "faces"], "output": "crops"}, *_EMBEDDED],
    "output": {
        "faces": {"box": "faces.box", "score": "faces.score", "landmarks": "faces.landmarks", "face_emb": "feature"}
    },
}
Colour: TypeAlias = tuple[int, int, int]


def write(folder: Path) -> Path:
    """The network and its card."""
    points = template(1, PADDING)[:, ::-1].reshape(1, 10, 1, 1)  # (y, x) of eyes, nose and mouth within the face
    constants = {
        "darkest": np.array([255], np.float32),
        "size": np.full((1, 2, 1, 1), math.log(SIDE / STRIDE), np.float32),
        "middle": np.zeros((1, 2, 1, 1), np.float32),
        "points": points.astype(np.float32),
        "nothing": np.zeros(1, np.float32),
    }
    nodes = [
        helper.make_node("ReduceMin", ["picture"], ["least"], axes=[1], keepdims=1),
        helper.make_node("AveragePool", ["least"], ["cells"], kernel_shape=[STRIDE] * 2, strides=[STRIDE] * 2),
        helper.make_node("Div", ["cells", "darkest"], ["heatmap"]),
        helper.make_node("Mul", ["heatmap", "nothing"], ["zeros"]),
        *(
            helper.make_node("Add", ["zeros", source], [output])
            for source, output in (("size", "scale"), ("middle", "offset"), ("points", "landmarks"))
        ),
    ]
    count = {"heatmap": 1, "scale": 2, "offset": 2, "landmarks": 10}
    graph = helper.make_graph(
        nodes,
        "white_noses",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", each, "r", "c"]) for name, each in count.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / "white_noses.onnx"))
    (folder / "white_noses.toml").write_text(CARD)
    return folder


def paint(heads: Sequence[Colour], *, paper: Colour = PAPER, kind: str = "PNG") -> bytes:
    """A picture with a head of each colour, side by side."""
    step = SIDE + 48
    picture = Image.new("RGB", (step * max(len(heads), 1) + 48, SIDE + 96), paper)
    pen = ImageDraw.Draw(picture)
    for number, colour in enumerate(heads):
        _head(pen, 48 + step * number, 48, colour)
    data = io.BytesIO()
    picture.save(data, kind)
    return data.getvalue()


def _head(pen: ImageDraw.ImageDraw, left: int, top: int, colour: Colour) -> None:
    pen.ellipse((left, top - 6, left + SIDE, top + SIDE + 6), fill=colour)
    dark = tuple(value // 3 for value in colour)
    for eye in (30, SIDE - 38):
        pen.ellipse((left + eye, top + 26, left + eye + 8, top + 34), fill=dark)
    pen.arc((left + 28, top + 46, left + SIDE - 28, top + 76), 20, 160, fill=dark, width=4)
    x, y = left + SIDE // 2, top + SIDE // 2  # a cell of the map has its middle here
    # However a picture is cut, one cell of the map is all white.
    pen.rectangle((x - STRIDE + 1, y - STRIDE + 1, x + STRIDE - 1, y + STRIDE - 1), fill=(255, 255, 255))
