"""Builders: a source file of weights to an ONNX graph. Each module has ``build(source, card) -> onnx.ModelProto``."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

    from open_analytic.models.card import ModelCard

# Named in cards: module and version. A version is raised when what the builder gives changes: models are built again,
# and their vectors count as others. A module is imported when first used: onnx takes 0.3 s.
BUILDERS = {
    "centerface": ("open_analytic.models.build.centerface", 1),
    "dlib_face_resnet": ("open_analytic.models.build.dlib_face_resnet", 1),
    "efficientnet_lite": ("open_analytic.models.build.efficientnet_lite", 1),
}


def version(card: "ModelCard") -> int | None:
    """The version of the card's builder; None when it needs none."""
    return BUILDERS[card.builder][1] if card.builder else None


def build(source: Path, card: "ModelCard") -> "ModelProto":
    """The card's network with the weights of the source file."""
    module, _ = BUILDERS[card.builder or ""]
    model: ModelProto = import_module(module).build(source, card)
    return model
