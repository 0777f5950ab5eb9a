"""Execution providers of ONNX Runtime, by the names of the setting ``providers``: what runs a model."""

from collections.abc import Collection, Sequence

from open_analytic.errors import BadParameter

CPU = "CPUExecutionProvider"
NAMES = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
EXTRAS = {"cuda": "gpu", "openvino": "openvino"}


def names(providers: Collection[str]) -> list[str]:
    """The names of the setting for ONNX Runtime's providers, where it has one."""
    return [name for name, provider in NAMES.items() if provider in providers]


def resolve(chosen: Sequence[str], available: Collection[str]) -> tuple[str, ...]:
    """ONNX Runtime's names in the order of preference; BadParameter when one is unknown or not installed."""
    for name in chosen:
        if name not in NAMES:
            raise BadParameter(
                f"OPEN_ANALYTIC_PROVIDERS names {name!r}; it can name {', '.join(NAMES)}.",
                hint="Separate several by commas, the preferred one first.",
            )
        if NAMES[name] not in available:
            raise BadParameter(
                f"OPEN_ANALYTIC_PROVIDERS names {name}; the installed ONNX Runtime has {', '.join(names(available))}.",
                hint=_installation(name),
            )
    return tuple(dict.fromkeys(NAMES[name] for name in chosen)) or (CPU,)


def _installation(name: str) -> str:
    if name not in EXTRAS:
        return "The package onnxruntime has it on macOS; elsewhere, leave it out."
    return f"Install the extra {EXTRAS[name]} as docs/models.md describes: only one build of ONNX Runtime can be there."
