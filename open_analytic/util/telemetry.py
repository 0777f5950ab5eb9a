"""ONNX Runtime's telemetry: off in every process that imports open_analytic, and in its children.

From 1.29 on its wheels write a device id into the user's cache, and look up the host they report to, as soon as they
are imported. The environment turns that off, if the variable is there before the first import.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "ORT_DISABLE_TELEMETRY"
LATE = (
    "onnxruntime was imported before open_analytic and without ORT_DISABLE_TELEMETRY=1: "
    "it can send telemetry to Microsoft from this process."
)
ADVICE = "Import open_analytic first, or set ORT_DISABLE_TELEMETRY=1 in the environment."
_OFF = ("1", "true")  # what ONNX Runtime takes for yes


def disable() -> bool:
    """Set the variable, whatever it was; False when onnxruntime is imported already, without the variable."""
    in_time = "onnxruntime" not in sys.modules or os.environ.get(VARIABLE, "").lower() in _OFF
    os.environ[VARIABLE] = "1"
    return in_time


DISABLED = disable()  # before any module of this package can import onnxruntime
