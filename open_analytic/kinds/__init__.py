"""The kinds of values that steps of a pipeline exchange, by the names that operators call them."""

from open_analytic.kinds.general import BYTES, LABEL, NUMBER, VECTOR
from open_analytic.kinds.image import BOXED, FACE, IMAGE, OBJECT
from open_analytic.kinds.kind import Kind

KINDS: dict[str, Kind] = {
    "bytes": BYTES,
    "image": IMAGE,
    "face": FACE,
    "object": OBJECT,
    "box": BOXED,
    "vector": VECTOR,
    "number": NUMBER,
    "label": LABEL,
}
