"""Writing an ONNX graph node by node, to the same bytes on every machine."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # both are old enough for every onnxruntime we accept

Size: TypeAlias = int | str  # of an axis; a word is any size
Value: TypeAlias = tuple[str, Sequence[Size]]  # a float32 tensor's name and shape


class Graph:
    """A graph in the making. A tensor is its name: what a node gives is what the next one takes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[NodeProto] = []
        self._weights: list[TensorProto] = []

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """The output of one more node."""
        output = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def nodes(self, operator: str, *inputs: str, outputs: Sequence[str], **attributes: Any) -> Sequence[str]:
        """The outputs of one more node that gives several."""
        self._nodes.append(helper.make_node(operator, list(inputs), list(outputs), **attributes))
        return outputs

    def number(self, value: float) -> str:
        """A constant number."""
        return self.weights(np.array(value, np.float32))

    def weights(self, values: NDArray[Any]) -> str:
        """A constant tensor."""
        name = f"weights_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def model(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> ModelProto:
        """The whole, checked by onnx."""
        graph = helper.make_graph(self._nodes, self._name, _values(inputs), _values(outputs), self._weights)
        model = helper.make_model(
            graph,
            producer_name="open_analytic",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        checker.check_model(model, full_check=True)
        return model


def _values(values: Sequence[Value]) -> list[Any]:
    return [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in values]
