"""Kinds that belong to no modality."""

import numpy as np

from open_analytic.kinds.kind import Kind
from open_analytic.plain import numbers

BYTES = Kind(name="bytes", decoder="")
VECTOR = Kind(name="vector", whole=numbers, searchable=True, stack=np.stack)
NUMBER = Kind(name="number", whole=lambda number: number)
LABEL = Kind(name="label", parts={"label": lambda value: value.label, "score": lambda value: value.score})
