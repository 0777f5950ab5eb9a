"""EfficientNet-Lite2 (Tan and Le, 2019; the Lite variants by Google, 2020) from the PyTorch port's weights.

Outputs: ``logits`` (1000 classes), ``features`` (the head's mean over the picture), ``map`` (the head before the mean),
``descriptor`` (1,024 numbers for search: root mean square over the picture, centred, projected).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt
from open_analytic.models.build import descriptor
from open_analytic.models.build.graph import Graph
from open_analytic.models.read_torch import read_torch

if TYPE_CHECKING:
    from onnx import ModelProto

    from open_analytic.models.card import ModelCard

Weights: TypeAlias = Mapping[str, NDArray[Any]]

EPSILON = 1e-3  # of the batch norms
FIRST_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of each stage's first block; the others have 1
REPEATS = (1, 3, 3, 4, 4, 5, 1)  # blocks a stage: the base network's, times 1.2 but in the first and last stage
CLASSES = 1000


def build(source: Path, card: "ModelCard") -> "ModelProto":
    """The network with batch norms folded into the convolutions; any batch, height and width."""
    weights = read_torch(source)
    try:
        return _network(weights)
    except KeyError as error:
        raise ModelCorrupt(f"The weights of {card.name} lack {error}.", hint="They are of another network.") from error


def _network(weights: Weights) -> "ModelProto":
    graph = Graph("efficientnet_lite2")
    value = _convolution(graph, weights, "input", "_conv_stem", "_bn0", stride=2)
    number = 0
    for repeats, first in zip(REPEATS, FIRST_STRIDES, strict=True):
        for block in range(repeats):
            value = _block(
                graph, weights, value, f"_blocks.{number}", stride=first if block == 0 else 1, skip=block > 0
            )
            number += 1
    head = _convolution(graph, weights, value, "_conv_head", "_bn1", output="map")
    features = graph.node("ReduceMean", head, output="features", axes=[2, 3], keepdims=0)
    matrix, bias = graph.weights(weights["_fc.weight"]), graph.weights(weights["_fc.bias"])
    graph.node("Gemm", features, matrix, bias, output="logits", transB=1)
    mean_square = graph.node("ReduceMean", graph.node("Mul", head, head), axes=[2, 3], keepdims=0)
    typical = graph.weights(descriptor.centre(weights, "_bn1").astype(np.float32))
    centred = graph.node("Sub", graph.node("Sqrt", mean_square), typical)
    directions = graph.weights(descriptor.projection(weights["_fc.weight"]).astype(np.float32))
    graph.node("MatMul", centred, directions, output="descriptor")
    channels = weights["_conv_head.weight"].shape[0]
    return graph.model(
        inputs=[("input", ["n", 3, "height", "width"])],
        outputs=[
            ("logits", ["n", CLASSES]),
            ("features", ["n", channels]),
            ("map", ["n", channels, "rows", "columns"]),
            ("descriptor", ["n", descriptor.DIM]),
        ],
    )


def _block(graph: Graph, weights: Weights, value: str, name: str, *, stride: int, skip: bool) -> str:
    """Expand, filter each channel, project; added to its input where neither size nor depth changes."""
    inner = value
    if f"{name}._expand_conv.weight" in weights:
        inner = _convolution(graph, weights, inner, f"{name}._expand_conv", f"{name}._bn0")
    depth = weights[f"{name}._depthwise_conv.weight"].shape[0]
    inner = _convolution(graph, weights, inner, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=depth)
    inner = _convolution(graph, weights, inner, f"{name}._project_conv", f"{name}._bn2", clip=False)
    return graph.node("Add", inner, value) if skip else inner


def _convolution(
    graph: Graph,
    weights: Weights,
    value: str,
    name: str,
    norm: str,
    *,
    stride: int = 1,
    groups: int = 1,
    clip: bool = True,
    output: str | None = None,
) -> str:
    """A convolution with its batch norm folded in, and ReLU6."""
    kernel = weights[f"{name}.weight"].astype(np.float64)
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"].astype(np.float64) + EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    folded = graph.weights((kernel * scale[:, None, None, None]).astype(np.float32))
    output_ = graph.node(
        "Conv",
        value,
        folded,
        graph.weights(bias.astype(np.float32)),
        kernel_shape=list(kernel.shape[2:]),
        strides=[stride, stride],
        group=groups,
        auto_pad="SAME_UPPER",
    )
    if not clip:
        return output_
    low, high = graph.weights(np.array(0, np.float32)), graph.weights(np.array(6, np.float32))
    return graph.node("Clip", output_, low, high, output=output)
