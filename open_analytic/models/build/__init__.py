"""Builders: a source file of weights to an ONNX graph. Each module has ``build(source, card) -> onnx.ModelProto``."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from open_analytic.plugins import Registry

if TYPE_CHECKING:
    from onnx import ModelProto

    from open_analytic.models.card import ModelCard

# Named in cards: module and version. A version is raised when what the builder gives changes: models are built again,
# and their vectors count as others. A module is imported when first used: onnx takes 0.3 s.
BUILDERS: dict[str, tuple[str, int]] = {
    "centerface": ("open_analytic.models.build.centerface", 1),
    "dlib_face_resnet": ("open_analytic.models.build.dlib_face_resnet", 1),
    "efficientnet_lite": ("open_analytic.models.build.efficientnet_lite", 1),
    "ssd_mobilenet": ("open_analytic.models.build.ssd_mobilenet", 1),
}


def _builder(module: object) -> tuple[str, int]:
    """A plugin's module: it has ``build(source, card)`` and ``VERSION``."""
    if not isinstance(module, ModuleType) or not callable(getattr(module, "build", None)):
        raise TypeError("it is no module with a function build(source, card)")
    return module.__name__, int(getattr(module, "VERSION", 1))


ALL_BUILDERS = Registry("open_analytic.builders", BUILDERS, _builder)  # with those of plugins


def version(card: "ModelCard") -> int | None:
    """The version of the card's builder; None when it needs none."""
    return ALL_BUILDERS[card.builder][1] if card.builder else None


def build(source: Path, card: "ModelCard") -> "ModelProto":
    """The card's network with the weights of the source file."""
    module, _ = ALL_BUILDERS[card.builder or ""]
    model: ModelProto = import_module(module).build(source, card)
    return model
