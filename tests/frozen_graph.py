"""Frozen TensorFlow graphs, written without TensorFlow: protobuf's wire format by hand, apart from the reader's."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def varint(number: int) -> bytes:
    data = bytearray()
    number &= (1 << 64) - 1
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes([*data, number])


def whole(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def block(field: int, data: bytes | str) -> bytes:
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name: str, value: bytes) -> bytes:
    return block(5, block(1, name) + block(2, value))


def node(name: str, op: str, inputs: Sequence[str] = (), attributes: Mapping[str, bytes] | None = None) -> bytes:
    """One node of the graph; ``attributes`` are values as the functions below write them."""
    head = block(1, name) + block(2, op) + b"".join(block(3, each) for each in inputs)
    return block(1, head + b"".join(attribute(*entry) for entry in (attributes or {}).items()))


def integers(values: Sequence[int]) -> bytes:
    return block(1, b"".join(whole(3, value) for value in values))


def text(value: str) -> bytes:
    return block(2, value)


def tensor(shape: Sequence[int], values: bytes, dtype: int = 1) -> bytes:
    """``values`` is the tensor's field with its numbers: ``content`` or ``floats``."""
    axes = b"".join(block(2, whole(1, side)) for side in shape)
    return block(8, whole(1, dtype) + block(2, axes) + values)


def content(values: NDArray[Any]) -> bytes:
    return block(4, values.astype("<f4").tobytes())


def floats(values: Sequence[float]) -> bytes:
    return block(5, struct.pack(f"<{len(values)}f", *values))


def constant(name: str, values: NDArray[Any]) -> bytes:
    return node(name, "Const", attributes={"value": tensor(np.shape(values), content(np.asarray(values)))})
