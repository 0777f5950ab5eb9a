"""Bytes to text, text to its passages, and to vectors."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from open_analytic.errors import BadText, ModelFailed
from open_analytic.kinds.text import Excerpt, Tokens, start_of
from open_analytic.operators.embed import rows
from open_analytic.operators.operator import Between
from open_analytic.types import Model, TextSpan, Vectors

MOST_PASSAGES = 10_000
BLACK = re.compile(r"\S")
# Where a passage ends, the best place first: after a line, a sentence, a word. Chinese has no space after a sentence.
ENDS = (re.compile(r"(?=\n)"), re.compile(r"(?<=[.!?])(?=\s)|(?<=[\u3002\uff01\uff1f])"), re.compile(r"(?=\s)"))


def decode_text(data: bytes, *, max_characters: Annotated[int, Between(1, 10_000_000)] = 100_000) -> str:
    """The text that the bytes are in UTF-8, without a byte order mark; BadText when they are none, or too many."""
    # A character has at most 4 bytes: longer bytes are refused before they are decoded.
    if len(data) > 4 * max_characters + 3:
        raise _too_long(f"at least {len(data) // 4:,}", max_characters)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadText(
            f"The bytes are not text in UTF-8: byte {error.start:,} does not fit.", hint="Convert the text to UTF-8."
        ) from error
    if len(text) > max_characters:
        raise _too_long(f"{len(text):,}", max_characters)
    if (at := text.find("\0")) >= 0:
        raise BadText(
            f"The text has a NUL at character {at:,}.", hint="PostgreSQL cannot hold it as text: leave it out."
        )
    if not text.strip():
        raise BadText("The text is empty.", hint="Give a text with at least one character that is no space.")
    return text


def cut_passages(text: str, *, characters: Annotated[int, Between(20, 100_000)] = 1_000) -> list[TextSpan]:
    """Passages of at most ``characters`` characters, one after the other, without the white space around them.

    One ends with the text, or with a line, a sentence or a word in its second half; with none of them it is full.
    BadText when they are more than 10,000.
    """
    passages: list[TextSpan] = []
    place, origin = _next(text, 0), start_of(text)
    while place < len(text):
        if len(passages) == MOST_PASSAGES:
            raise BadText(
                f"The text of {len(text):,} characters has more than {MOST_PASSAGES:,} passages.",
                hint="Raise characters of the step cut_passages.",
            )
        end = _end(text, place, place + characters)
        passages.append(TextSpan(start=origin + place, end=origin + place + len(text[place:end].rstrip())))
        place = _next(text, end)
    return passages


def _next(text: str, place: int) -> int:
    """The next character that is no white space."""
    match = BLACK.search(text, place)
    return match.start() if match else len(text)


def _end(text: str, start: int, limit: int) -> int:
    if limit >= len(text):
        return len(text)
    for end in ENDS:
        matches = end.finditer(text, (start + limit) // 2 + 1, limit + 1)
        if places := [match.start() for match in matches if match.start() <= limit]:
            return places[-1]
    return limit


def crop_text(text: str, span: TextSpan) -> str:
    """The part of a text in a span."""
    return Excerpt.of(text, span)


def embed_text(texts: Sequence[str], model: Model, *, role: str = "") -> Vectors:
    """One vector a text: the model's output of this role, or its only one."""
    return rows([str(text) for text in texts], model, role)


class Reader(Protocol):
    """A model that says how it reads its values."""

    @property
    def name(self) -> str: ...

    def read(self, values: Sequence[str]) -> Sequence[Any]: ...


def tokenize(texts: Sequence[str], model: Reader) -> list[Tokens]:
    """The tokens of each text, by the tokenizer of a model: ids, mask, and spans of characters."""
    values = model.read([str(text) for text in texts])
    if not all(isinstance(value, Tokens) for value in values):
        raise ModelFailed(f"Model {model.name!r} takes no tokens.", hint="Use a model with a tokenizer.")
    return list(values)


def embed_tokens(tokens: Sequence[Tokens], model: Model, *, role: str = "") -> Vectors:
    """One vector a value: the output of the model, whose tokenizer made the tokens, of this role, or its only one."""
    return rows(tokens, model, role)


def _too_long(count: str, most: int) -> BadText:
    return BadText(
        f"The text has {count} characters; at most {most:,} are read.",
        hint="Give a part of it, or decode it in a step with another max_characters.",
    )
