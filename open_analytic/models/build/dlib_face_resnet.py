"""dlib's face recognition network (dlib_face_recognition_resnet_model_v1, CC0-1.0) as an ONNX graph."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
from onnx import ModelProto

from open_analytic.models.build.graph import Graph
from open_analytic.models.card import ModelCard
from open_analytic.models.read_dlib import Weights, tensors

SIDE = 150  # pixels of a chip
DIM = 128

# Residual blocks from the input on: channels in, channels out, whether the block halves the sides.
BLOCKS = (
    *[(32, 32, False)] * 3,
    (32, 64, True), *[(64, 64, False)] * 3,
    (64, 128, True), *[(128, 128, False)] * 2,
    (128, 256, True), *[(256, 256, False)] * 2,
    (256, 256, True),
)  # fmt: skip

# Convolutions from the input on: channels in, channels out, side of the kernel.
CONVOLUTIONS = ((3, 32, 7), *(conv for before, after, _ in BLOCKS for conv in ((before, after, 3), (after, after, 3))))

Convolution: TypeAlias = tuple[Weights, Weights]  # (out, in, side, side) filters; (out,) biases


def build(source: Path, card: ModelCard) -> ModelProto:
    """The network with the weights of dlib's file; each affine layer is folded into the convolution before it."""
    convolutions, matrix = _weights(source)
    layers = iter(convolutions)
    graph = Graph(card.name)
    tensor = graph.node("Relu", _conv(graph, card.input.names[0], next(layers), stride=2))
    tensor = graph.node("MaxPool", tensor, kernel_shape=[3, 3], strides=[2, 2])
    side = _halved(_halved(SIDE, 7), 3)
    for before, after, halves in BLOCKS:
        inner = graph.node("Relu", _conv(graph, tensor, next(layers), stride=1 + halves, pad=1 - halves))
        inner = _conv(graph, inner, next(layers), pad=1)
        if halves:
            # The smaller of the two is padded with zeros to the larger: below, right, and in channels.
            inner = _padded(graph, inner, sides=side // 2 - _halved(side, 3))
            tensor = graph.node("AveragePool", tensor, kernel_shape=[2, 2], strides=[2, 2])
            tensor = _padded(graph, tensor, channels=after - before)
            side //= 2
        tensor = graph.node("Relu", graph.node("Add", tensor, inner))
    pooled = graph.node("Flatten", graph.node("GlobalAveragePool", tensor))
    output = graph.node("MatMul", pooled, graph.weights(matrix), output=card.outputs["embedding"].name)
    return graph.model([(card.input.names[0], ("batch", 3, SIDE, SIDE))], [(output, ("batch", DIM))])


def _weights(source: Path) -> tuple[list[Convolution], Weights]:
    shapes = []
    for before, after, side in CONVOLUTIONS:
        shapes += [(after * before * side * side + after, 1, 1, 1), (2 * after, 1, 1, 1)]
    flat = tensors(source, [*shapes, (CONVOLUTIONS[-1][1], DIM, 1, 1)])
    convolutions = []
    for before, after, side in CONVOLUTIONS:
        filters, (gamma, beta) = next(flat), next(flat).reshape(2, after)
        kernels = filters[:-after].reshape(after, before, side, side)
        convolutions.append((kernels * gamma[:, None, None, None], filters[-after:] * gamma + beta))
    return convolutions, next(flat).reshape(-1, DIM)


def _conv(graph: Graph, tensor: str, layer: Convolution, *, stride: int = 1, pad: int = 0) -> str:
    return graph.node("Conv", tensor, *map(graph.weights, layer), strides=[stride] * 2, pads=[pad] * 4)


def _halved(side: int, kernel: int) -> int:
    """What a kernel that moves by two leaves of a side without padding."""
    return (side - kernel) // 2 + 1


def _padded(graph: Graph, tensor: str, *, channels: int = 0, sides: int = 0) -> str:
    if not channels and not sides:
        return tensor
    return graph.node("Pad", tensor, graph.weights(np.array([0, 0, 0, 0, 0, channels, sides, sides], np.int64)))
