"""CenterFace (MIT) for pictures of any size: the graph as it is, its fixed axes opened."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto
from onnx.tools.update_model_dims import update_inputs_outputs_dims

from open_analytic.errors import ModelCorrupt
from open_analytic.models.card import ModelCard


def build(source: Path, card: ModelCard) -> ModelProto:
    """The source's graph, which says 10 pictures of 32x32, with batch, height and width dynamic."""
    try:
        model = onnx.load(str(source), load_external_data=False)
        _tidy(model.graph)
        channels = {output.name: output.shape[0] for output in card.outputs.values()}
        return update_inputs_outputs_dims(
            model,
            {card.input.names[0]: ["batch", 3, "height", "width"]},
            {name: ["batch", count, "height_4", "width_4"] for name, count in channels.items()},
        )
    except (DecodeError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelCorrupt(
            f"{source.name} is not the CenterFace graph that {card.file.name} describes: {error}",
            hint="Correct the card's source, inputs or outputs.",
        ) from error


def _tidy(graph: onnx.GraphProto) -> None:
    """Take the weights off the inputs, where a run could replace them and nothing is folded, and drop unused ones."""
    used = {name for node in graph.node for name in node.input}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:], graph.initializer[:]
    graph.input.extend(inputs)
    graph.initializer.extend(tensor for name, tensor in weights.items() if name in used)
