"""SSD MobileNetV2 (Liu and others, 2016; Sandler and others, 2018) from TensorFlow's frozen graph, trained on COCO.

Outputs: ``boxes`` (left, top, right, bottom, 0..1 of the picture's sides) and ``scores`` (0..1 for each class).
Overlapping boxes are left to the operator. The graph's own enlarging of the picture and its own selection of boxes,
5,400 of its 7,975 nodes, are left out.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from open_analytic.models.build.graph import Graph
from open_analytic.models.build.tensorflow import translate
from open_analytic.models.read_tensorflow import read_tensorflow

if TYPE_CHECKING:
    from onnx import ModelProto

    from open_analytic.models.card import ModelCard

SIDE = 300  # pixels of the input
CLASSES = 90  # without the background, which is the first
GRIDS = (19, 10, 5, 3, 2, 1)  # cells along a side, for each map that boxes are predicted from
SMALLEST, LARGEST = 0.2, 0.95  # size of anchors on the first and on the last map, of the picture's side
CENTRE_SCALE, SIZE_SCALE = 10.0, 5.0  # by which the network's offsets are divided


def build(source: Path, card: "ModelCard") -> "ModelProto":
    """The network with decoded boxes; any batch of 300x300 pixels."""
    nodes = read_tensorflow(source)
    graph = Graph("ssd_mobilenet_v2")
    tensors = {"Preprocessor/sub": "input"}

    def predictions(kind: str, width: int) -> str:
        names = [f"BoxPredictor_{at}/{kind}/BiasAdd" for at in range(len(GRIDS))]
        maps = [_rows(graph, translate(graph, nodes, tensors, name), width) for name in names]
        return graph.node("Concat", *maps, axis=1)

    _boxes(graph, predictions("BoxEncodingPredictor", 4))
    _scores(graph, predictions("ClassPredictor", CLASSES + 1))
    count = len(anchors())
    return graph.model(
        inputs=[("input", ["n", 3, SIDE, SIDE])],
        outputs=[("boxes", ["n", count, 4]), ("scores", ["n", count, CLASSES])],
    )


def _rows(graph: Graph, predictions: str, width: int) -> str:
    """A map as (n, anchors, width): cell by cell, and in each cell anchor by anchor."""
    channels_last = graph.node("Transpose", predictions, perm=[0, 2, 3, 1])
    return graph.node("Reshape", channels_last, graph.weights(np.array([0, -1, width], np.int64)))


def anchors() -> NDArray[np.float32]:
    """The boxes that the network's offsets start from, (1917, 4): centre x and y, width and height, 0..1."""
    step = (LARGEST - SMALLEST) / (len(GRIDS) - 1)
    sizes = [SMALLEST + step * at for at in range(len(GRIDS))] + [1.0]
    boxes = []
    for at, cells in enumerate(GRIDS):
        between = float(np.sqrt(sizes[at] * sizes[at + 1]))
        shapes = [(sizes[at], ratio) for ratio in (1, 2, 1 / 2, 3, 1 / 3)] + [(between, 1)]
        if at == 0:  # three instead of six on the finest map
            shapes = [(0.1, 1), (sizes[0], 2), (sizes[0], 1 / 2)]
        centres = (np.arange(cells) + 0.5) / cells
        boxes += [
            [x, y, size * np.sqrt(ratio), size / np.sqrt(ratio)]
            for y in centres
            for x in centres
            for size, ratio in shapes
        ]
    return np.array(boxes, np.float32)


def _boxes(graph: Graph, offsets: str) -> None:
    """Corners from offsets (y, x, height, width) and anchors."""
    places = anchors()
    centres, sides = graph.weights(places[None, :, :2]), graph.weights(places[None, :, 2:])
    columns = graph.weights(np.array([1, 0, 3, 2], np.int64))
    split = graph.weights(np.array([2, 2], np.int64))
    graph.node("Gather", offsets, columns, output="x_first", axis=2)
    shift, growth = graph.nodes("Split", "x_first", split, outputs=["shift", "growth"], axis=2)
    moved = graph.node("Mul", graph.node("Div", shift, graph.number(CENTRE_SCALE)), sides)
    centre = graph.node("Add", moved, centres)
    side = graph.node("Mul", graph.node("Exp", graph.node("Div", growth, graph.number(SIZE_SCALE))), sides)
    half = graph.node("Mul", side, graph.number(0.5))
    corners = graph.node("Sub", centre, half), graph.node("Add", centre, half)
    graph.node("Concat", *corners, output="boxes", axis=2)


def _scores(graph: Graph, logits: str) -> None:
    """The sigmoid of each class but the background."""
    start, end, axis = (graph.weights(np.array([number], np.int64)) for number in (1, CLASSES + 1, 2))
    graph.node("Sigmoid", graph.node("Slice", logits, start, end, axis), output="scores")
