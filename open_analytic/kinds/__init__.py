"""The kinds of values that steps of a pipeline exchange, by the names that operators call them."""

from open_analytic.kinds.audio import AUDIO, SEGMENT, SPAN
from open_analytic.kinds.color import COLOR
from open_analytic.kinds.dna import SEQUENCE
from open_analytic.kinds.general import BYTES, LABEL, NUMBER, VECTOR
from open_analytic.kinds.image import BOXED, FACE, IMAGE, OBJECT
from open_analytic.kinds.kind import Kind
from open_analytic.kinds.text import PASSAGE, TEXT, TEXT_SPAN, TOKENS
from open_analytic.kinds.video import FRAME, VIDEO
from open_analytic.plugins import Registry

KINDS: dict[str, Kind] = {
    "bytes": BYTES,
    "image": IMAGE,
    "face": FACE,
    "object": OBJECT,
    "color": COLOR,
    "box": BOXED,
    "text": TEXT,
    "tokens": TOKENS,
    "passage": PASSAGE,
    "text_span": TEXT_SPAN,
    "sequence": SEQUENCE,
    "audio": AUDIO,
    "segment": SEGMENT,
    "span": SPAN,
    "video": VIDEO,
    "frame": FRAME,
    "vector": VECTOR,
    "number": NUMBER,
    "label": LABEL,
}


def _kind(value: object) -> Kind:
    if not isinstance(value, Kind):
        raise TypeError(f"it is no Kind, but {type(value).__name__}")
    return value


ALL_KINDS = Registry("open_analytic.kinds", KINDS, _kind)  # with those of plugins
