"""Kinds that belong to no modality."""

import numpy as np

from open_analytic.kinds.image import SUFFIXES
from open_analytic.kinds.kind import Kind
from open_analytic.kinds.labels import labelled
from open_analytic.util.jsonable import numbers

BYTES = Kind(
    name="bytes", decoder="", drawable=True, noun="picture", suffixes=SUFFIXES
)  # of a picture, for decode_image
VECTOR = Kind(name="vector", whole=numbers, searchable=True, stack=np.stack)
NUMBER = Kind(name="number", whole=lambda number: number)
LABEL = Kind(
    name="label",
    fields={
        "label": lambda value: value.label,
        "label_zh": lambda value: value.label_zh or None,
        "score": lambda value: value.score,
    },
    whole=labelled,
)
