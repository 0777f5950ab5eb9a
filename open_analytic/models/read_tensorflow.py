"""Frozen TensorFlow graphs (``GraphDef``) without TensorFlow: their nodes, and the values of their constants.

The messages are declared here, with only the fields that a network for inference has; protobuf reads the file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from open_analytic.errors import ModelCorrupt

MAX_BYTES = 1 << 30  # of a file
MAX_NODES = 100_000
MAX_REPEATS = 1_000_000  # of a number that stands for a whole constant
_FIELD = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bytes": _FIELD.TYPE_BYTES,
    "string": _FIELD.TYPE_STRING,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "float": _FIELD.TYPE_FLOAT,
}
# A message's fields by number: name and type; a star stands for a repeated field.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "Graph": {1: ("nodes", "Node*")},
    "Node": {1: ("name", "string"), 2: ("op", "string"), 3: ("inputs", "string*"), 5: ("attributes", "Attribute*")},
    "Attribute": {1: ("name", "string"), 2: ("value", "Value")},
    "Value": {1: ("list", "List"), 2: ("text", "bytes"), 8: ("tensor", "Tensor")},
    "List": {3: ("integers", "int64*")},
    "Tensor": {
        1: ("dtype", "int32"),
        2: ("shape", "Shape"),
        4: ("content", "bytes"),
        5: ("floats", "float*"),
        7: ("integers", "int32*"),
    },
    "Shape": {2: ("axes", "Axis*")},
    "Axis": {1: ("size", "int64")},
}
_DTYPES: dict[int, tuple[np.dtype[Any], str]] = {
    1: (np.dtype("<f4"), "floats"),
    3: (np.dtype("<i4"), "integers"),
}  # TensorFlow's number of a type, and the field with its values where they are not bytes


@dataclass(frozen=True, slots=True)
class Node:
    """An operation: its name, what it does, the names of its inputs, and the attributes that a network needs."""

    name: str
    op: str
    inputs: tuple[str, ...]
    strides: tuple[int, ...] = ()
    padding: str = ""
    value: NDArray[Any] | None = None  # of a constant


def read_tensorflow(path: Path) -> dict[str, Node]:
    """The nodes of the file by their names."""
    try:
        return {node.name: _node(node) for node in _nodes(path)}
    except (DecodeError, ValueError, MemoryError) as error:
        raise ModelCorrupt(f"{path} is not a frozen TensorFlow graph: {error}", hint="Fetch it again.") from error


def _nodes(path: Path) -> Sequence[Any]:
    """The messages of the nodes."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
    nodes: Sequence[Any] = _graph_class().FromString(path.read_bytes()).nodes
    if not 0 < len(nodes) <= MAX_NODES:
        raise ValueError(f"it has {len(nodes):,} nodes, and 1 to {MAX_NODES:,} are expected")
    return nodes


@cache
def _graph_class() -> Any:
    """The class of the message ``Graph``."""
    file = descriptor_pb2.FileDescriptorProto(name="frozen_graph.proto", package="frozen", syntax="proto3")
    for message, fields in _MESSAGES.items():
        entry = file.message_type.add(name=message)
        for number, (name, type_) in fields.items():
            base, repeated = type_.removesuffix("*"), type_.endswith("*")
            field = entry.field.add(name=name, number=number)
            field.label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            field.type = _SCALARS.get(base, _FIELD.TYPE_MESSAGE)
            if base not in _SCALARS:
                field.type_name = f".frozen.{base}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("frozen.Graph"))


def _node(message: Any) -> Node:
    attributes = {attribute.name: attribute.value for attribute in message.attributes}
    return Node(
        name=message.name,
        op=message.op,
        inputs=tuple(_source(name) for name in message.inputs if not name.startswith("^")),
        strides=tuple(attributes["strides"].list.integers) if "strides" in attributes else (),
        padding=attributes["padding"].text.decode("ascii") if "padding" in attributes else "",
        value=_value(message.name, attributes) if message.op == "Const" else None,
    )


def _source(name: str) -> str:
    """The node an input comes from: ``split:1`` is the second output of ``split``."""
    return str(name).partition(":")[0]


def _value(name: str, attributes: Mapping[str, Any]) -> NDArray[Any] | None:
    """The array of a constant; None when it is of a type that no network for inference computes with."""
    if "value" not in attributes:
        raise ValueError(f"the constant {name} has no value")
    tensor = attributes["value"].tensor
    if tensor.dtype not in _DTYPES:
        return None
    dtype, field = _DTYPES[tensor.dtype]
    shape = [axis.size for axis in tensor.shape.axes]
    count = math.prod(shape)
    values = np.frombuffer(tensor.content, dtype) if tensor.content else np.array(getattr(tensor, field), dtype)
    if values.size == 1 and 0 <= count <= MAX_REPEATS:
        values = np.broadcast_to(values.reshape(()), shape)  # one number stands for all
    if min(shape, default=0) < 0 or values.size != count:
        raise ValueError(f"the constant {name} has {values.size} numbers, and its shape {shape}")
    return values.reshape(shape)
