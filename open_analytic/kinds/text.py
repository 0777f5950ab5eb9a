"""Kinds of text. A region is a span of characters."""

from collections.abc import Sequence
from dataclasses import dataclass

from open_analytic.errors import BadText, InputTooLarge
from open_analytic.kinds.kind import Kind
from open_analytic.types import TextSpan


class Excerpt(str):
    """A part of a text; ``start`` is its place in the whole text, in characters."""

    start: int

    @classmethod
    def of(cls, text: str, span: TextSpan) -> "Excerpt":
        """The part of a text in a span of the whole text; empty where they do not meet."""
        origin = start_of(text)
        first, last = (min(max(0, place - origin), len(text)) for place in (span.start, span.end))
        excerpt = cls(text[first:last])
        excerpt.start = origin + first
        return excerpt


def start_of(text: str) -> int:
    """The place of a text in the whole text, in characters."""
    return text.start if isinstance(text, Excerpt) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A text as a tokenizer cut it; each sequence has one entry a token, the special ones included.

    ``spans`` are (start, end) in characters of the text, (0, 0) of a special token. ``tokenizer`` identifies what made
    the ids: a model takes tokens of its own tokenizer only.
    """

    ids: Sequence[int]
    types: Sequence[int]  # the number of the sentence that a token belongs to
    mask: Sequence[int]  # 1: the model looks at it, 0: it does not
    spans: Sequence[tuple[int, int]]
    tokenizer: str

    def region(self, at: int) -> TextSpan:
        """The span of a token."""
        start, end = self.spans[at]
        return TextSpan(start=start, end=end)


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
    too_large=InputTooLarge,
    suffixes=frozenset((".txt", ".md", ".fasta", ".fa", ".fna")),
    column="text",
    modality="text",
    data_type="text",
)
PASSAGE = Kind(
    name="passage",
    noun="passage",
    fields={"start": lambda span: span.start, "end": lambda span: span.end},
    attributes=("start", "end"),
    region=lambda span: span,
    region_type=TextSpan,
)
TEXT_SPAN = Kind(name="text_span", any_region=TextSpan)
TOKENS = Kind(
    name="tokens",
    fields={
        "ids": lambda tokens: list(tokens.ids),
        "mask": lambda tokens: list(tokens.mask),
        "spans": lambda tokens: [{"start": start, "end": end} for start, end in tokens.spans],
    },
)
