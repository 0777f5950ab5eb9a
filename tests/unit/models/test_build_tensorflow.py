"""Nodes of TensorFlow as ONNX: what the network computes is what NumPy gives by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from open_analytic.errors import ModelCorrupt
from open_analytic.models.build.graph import Graph
from open_analytic.models.build.ssd_mobilenet import anchors
from open_analytic.models.build.tensorflow import translate
from open_analytic.models.read_tensorflow import Node


def constant(name: str, value: object) -> Node:
    return Node(name=name, op="Const", inputs=(), value=np.array(value, np.float32))


def conv(name: str, op: str, kernel: str, stride: int = 1) -> Node:
    return Node(name=name, op=op, inputs=("x", kernel), strides=(1, stride, stride, 1), padding="SAME")


def computed(nodes: list[Node], output: str, picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the graph of ONNX gives for a picture as TensorFlow has it, (n, height, width, channels)."""
    graph = Graph("test")
    name = translate(graph, {node.name: node for node in nodes}, {"x": "input"}, output)
    graph.node("Identity", name, output="result")
    n, height, width, channels = picture.shape
    model = graph.model([("input", [n, channels, height, width])], [("result", ["n", "c", "h", "w"])])
    (result,) = ReferenceEvaluator(model).run(None, {"input": picture.transpose(0, 3, 1, 2)})
    return np.asarray(result).transpose(0, 2, 3, 1)


PICTURE = np.arange(2 * 2 * 3, dtype=np.float32).reshape(1, 2, 2, 3)


def test_a_convolution_of_one_pixel_is_a_product_of_matrices() -> None:
    kernel = np.array([[1, 0], [0, 2], [3, 0]], np.float32)  # of three channels, two
    nodes = [constant("k", kernel[None, None]), conv("c", "Conv2D", "k")]
    np.testing.assert_array_equal(computed(nodes, "c", PICTURE), PICTURE @ kernel)


def test_a_depthwise_convolution_keeps_channels_apart_and_pads_at_the_end() -> None:
    """Stride 2 on two pixels with a kernel of 3: TensorFlow pads nothing before and one after."""
    kernel = np.ones((3, 3, 3, 1), np.float32) * np.array([1, 10, 100])[:, None]
    nodes = [constant("k", kernel), conv("c", "DepthwiseConv2dNative", "k", stride=2)]
    expected = PICTURE.sum(axis=(1, 2), keepdims=True) * [1, 10, 100]
    np.testing.assert_array_equal(computed(nodes, "c", PICTURE), expected)


def test_a_batch_norm_of_constants_is_folded_and_applied_to_channels() -> None:
    nodes = [
        constant("variance", [0.25, 1, 4]),
        Node(name="deviation", op="Rsqrt", inputs=("variance",)),
        constant("gamma", [1, 2, 3]),
        Node(name="scale", op="Mul", inputs=("deviation", "gamma")),
        Node(name="scaled", op="Mul", inputs=("x", "scale")),
        constant("shift", [0, -100, 1]),
        Node(name="moved", op="BiasAdd", inputs=("scaled", "shift")),
        Node(name="same", op="Identity", inputs=("moved",)),
        Node(name="clipped", op="Relu6", inputs=("same",)),
    ]
    expected = np.clip(PICTURE * [2, 2, 1.5] + [0, -100, 1], 0, 6)  # 1/sqrt(0.25) * 1, 1 * 2, 1/2 * 3
    np.testing.assert_array_equal(computed(nodes, "clipped", PICTURE), expected)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "has no node y"),
        ([Node(name="y", op="Identity", inputs=("z",))], "has no node z"),
        ([Node(name="y", op="Where", inputs=("x",))], "y is a Where"),
        ([Node(name="y", op="Add", inputs=("y", "x"))], "has a cycle"),
        ([Node(name="y", op="Identity", inputs=("z",)), Node(name="z", op="Identity", inputs=("y",))], "has a cycle"),
        ([Node(name="y", op="Relu6", inputs=())], "y has the inputs"),
        ([conv("y", "Conv2D", "x")], "y has the inputs"),
        ([constant("k", [1, 2]), conv("y", "Conv2D", "k")], "y has the inputs"),
    ],
)
def test_another_network_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(ModelCorrupt, match=message):
        translate(Graph("test"), {node.name: node for node in nodes}, {"x": "input"}, "y")


def test_anchors_are_those_of_the_paper() -> None:
    """19, 10, 5, 3, 2 and 1 cells along a side; 3 boxes in each cell of the first map, 6 in the others."""
    boxes = anchors()
    assert boxes.shape == (19 * 19 * 3 + (10 * 10 + 5 * 5 + 3 * 3 + 2 * 2 + 1) * 6, 4)
    np.testing.assert_allclose(boxes[0], [0.5 / 19, 0.5 / 19, 0.1, 0.1], rtol=1e-6)
    np.testing.assert_allclose(boxes[1], [0.5 / 19, 0.5 / 19, 0.2 * 2**0.5, 0.2 / 2**0.5], rtol=1e-6)
    np.testing.assert_allclose(boxes[-1], [0.5, 0.5, 0.95**0.5, 0.95**0.5], rtol=1e-6)
