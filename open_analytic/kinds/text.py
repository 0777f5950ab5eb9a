"""Kinds of text. A region is a span of characters."""

from open_analytic.errors import BadText
from open_analytic.kinds.kind import Kind


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadText(
            f"The text has half of a surrogate pair at character {error.start:,}.", hint="Give text that is Unicode."
        ) from error


TEXT = Kind(
    name="text",
    whole=lambda text: text,
    decoder="decode_text",
    encode=_encode,
    noun="text",
    suffixes=frozenset((".txt", ".md")),
    column="text",
)
