"""The convolutions of a frozen TensorFlow graph as ONNX. TensorFlow orders pictures as NHWC, ONNX as NCHW."""

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt
from open_analytic.models.build.graph import Graph
from open_analytic.models.read_tensorflow import Node

Array: TypeAlias = NDArray[Any]
_FOLDED: dict[str, Callable[..., Array]] = {
    "Identity": lambda value: value,
    "Add": np.add,
    "Mul": np.multiply,
    "Sub": np.subtract,
    "Rsqrt": lambda value: 1 / np.sqrt(value),
}
_SIDE_BY_SIDE = {"Add": "Add", "Mul": "Mul", "Sub": "Sub", "BiasAdd": "Add"}


def translate(graph: Graph, nodes: Mapping[str, Node], tensors: dict[str, str], output: str) -> str:
    """Write all that ``output`` is made of into the graph; the name of its tensor there.

    ``tensors`` are those in the graph already, by the names of their nodes: at first the input, where the walk ends.
    What is written is added to it. Tensors with four axes are NCHW.
    """
    constants: dict[str, Array] = {}
    for node in _in_order(nodes, tensors, output):
        if node.value is not None:
            constants[node.name] = node.value.astype(np.float64) if node.value.dtype.kind == "f" else node.value
        elif node.op in _FOLDED and all(name in constants for name in node.inputs):
            constants[node.name] = _FOLDED[node.op](*(constants[name] for name in node.inputs))
        else:
            tensors[node.name] = _written(graph, node, tensors, constants)
    return tensors[output]


def _in_order(nodes: Mapping[str, Node], tensors: Mapping[str, str], output: str) -> Iterator[Node]:
    """The nodes that ``output`` needs, each after its inputs."""
    needs: dict[str, tuple[str, ...]] = {}
    waiting = [output]
    while waiting:
        name = waiting.pop()
        if name in tensors or name in needs:
            continue
        if name not in nodes:
            raise ModelCorrupt(f"The graph has no node {name}.", hint="The file is of another network.")
        needs[name] = nodes[name].inputs
        waiting.extend(needs[name])
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise ModelCorrupt("The graph has a cycle.", hint="The file is of another network.") from error
    return (nodes[name] for name in order if name not in tensors)


def _written(graph: Graph, node: Node, tensors: Mapping[str, str], constants: Mapping[str, Array]) -> str:
    try:
        return _write(graph, node, tensors, constants)
    except (KeyError, IndexError, ValueError) as error:
        raise ModelCorrupt(
            f"The node {node.name} has the inputs {', '.join(node.inputs) or 'none'}, which a {node.op} cannot use.",
            hint="The file is of another network.",
        ) from error


def _write(graph: Graph, node: Node, tensors: Mapping[str, str], constants: Mapping[str, Array]) -> str:
    """One node of ONNX; the name of its tensor."""
    if node.op in ("Conv2D", "DepthwiseConv2dNative"):
        return _convolution(graph, node, tensors[node.inputs[0]], constants[node.inputs[1]])
    if node.op in _SIDE_BY_SIDE:
        sides = [_operand(graph, name, tensors, constants) for name in node.inputs]
        return graph.node(_SIDE_BY_SIDE[node.op], *sides)
    if node.op == "Identity":
        return tensors[node.inputs[0]]
    if node.op == "Relu6":
        low, high = graph.weights(np.array(0, np.float32)), graph.weights(np.array(6, np.float32))
        return graph.node("Clip", tensors[node.inputs[0]], low, high)
    raise ModelCorrupt(f"The node {node.name} is a {node.op}.", hint="The file is of another network.")


def _operand(graph: Graph, name: str, tensors: Mapping[str, str], constants: Mapping[str, Array]) -> str:
    """A tensor, or a constant whose only axis is that of the channels."""
    if name in tensors:
        return tensors[name]
    value = constants[name].astype(np.float32)
    return graph.weights(value.reshape(-1, 1, 1) if value.ndim == 1 else value)


def _convolution(graph: Graph, node: Node, value: str, kernel: Array) -> str:
    """Kernels are (height, width, inputs, outputs); of a depthwise one, (height, width, channels, multiple)."""
    height, width, channels, outputs = kernel.shape
    depthwise = node.op == "DepthwiseConv2dNative"
    axes = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    weights = kernel.transpose(axes).reshape(channels * outputs if depthwise else outputs, -1, height, width)
    return graph.node(
        "Conv",
        value,
        graph.weights(weights.astype(np.float32)),
        kernel_shape=[height, width],
        strides=list(node.strides[1:3]),
        group=channels if depthwise else 1,
        auto_pad="SAME_UPPER" if node.padding == "SAME" else "VALID",
    )
