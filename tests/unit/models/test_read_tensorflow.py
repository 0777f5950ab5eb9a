"""Frozen TensorFlow graphs: what is read, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from open_analytic.errors import ModelCorrupt
from open_analytic.models.read_tensorflow import Node, read_tensorflow
from tests import frozen_graph as frozen

KERNEL = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "net.pb"
    path.write_bytes(data)
    return path


def test_nodes_come_with_what_a_network_needs_of_them(tmp_path: Path) -> None:
    graph = (
        frozen.node("picture", "Placeholder")
        + frozen.constant("kernel", KERNEL)
        + frozen.node(
            "conv",
            "Conv2D",
            ["picture:0", "kernel", "^control"],
            {"strides": frozen.integers([1, 2, 2, 1]), "padding": frozen.text("SAME")},
        )
    )
    nodes = read_tensorflow(written(tmp_path, graph))
    assert list(nodes) == ["picture", "kernel", "conv"]
    assert nodes["picture"] == Node(name="picture", op="Placeholder", inputs=())
    conv = nodes["conv"]
    assert (conv.inputs, conv.strides, conv.padding) == (("picture", "kernel"), (1, 2, 2, 1), "SAME")
    np.testing.assert_array_equal(nodes["kernel"].value, KERNEL)


@pytest.mark.parametrize(
    ("shape", "values", "expected"),
    [
        ([2], frozen.floats([0.5, 2]), [0.5, 2]),
        ([3], frozen.floats([0.5]), [0.5, 0.5, 0.5]),  # one number for all
        ([], frozen.floats([0.5]), 0.5),
        ([0, 3], b"", np.zeros((0, 3))),
    ],
)
def test_numbers_of_a_constant(tmp_path: Path, shape: list[int], values: bytes, expected: object) -> None:
    graph = frozen.node("k", "Const", attributes={"value": frozen.tensor(shape, values)})
    value = read_tensorflow(written(tmp_path, graph))["k"].value
    np.testing.assert_array_equal(value, expected)


def test_a_constant_that_no_network_computes_with_has_no_value(tmp_path: Path) -> None:
    texts = frozen.node("k", "Const", attributes={"value": frozen.tensor([1], b"", dtype=7)})
    assert read_tensorflow(written(tmp_path, texts))["k"].value is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it has 0 nodes, and 1 to 100,000 are expected"),
        (b"\x0a\xff\xff\xff\xff\x0fnothing", "Error parsing message"),
        (frozen.node("k", "Const", attributes={"value": frozen.tensor([3], frozen.floats([1, 2]))}), "has 2 numbers"),
        (frozen.node("k", "Const", attributes={"value": frozen.tensor([-1], frozen.floats([1]))}), "has 1 numbers"),
        (frozen.node("k", "Const", attributes={"value": frozen.tensor([1 << 40], frozen.floats([1]))}), "has 1 number"),
        (frozen.node("k", "Const", attributes={"value": frozen.tensor([1], frozen.block(4, b"abc"))}), "multiple"),
        (frozen.node("k", "Const"), "has no value"),
    ],
)
def test_what_is_not_such_a_graph_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ModelCorrupt, match="is not a frozen TensorFlow graph") as caught:
        read_tensorflow(written(tmp_path, data))
    assert reason in caught.value.message
    assert caught.value.hint == "Fetch it again."


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_end_otherwise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        nodes = read_tensorflow(written(tmp_path_factory.getbasetemp(), data))
    except ModelCorrupt:
        return
    assert all(isinstance(node, Node) for node in nodes.values())
