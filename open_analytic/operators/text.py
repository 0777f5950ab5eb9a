"""Bytes to text, and text to vectors."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from open_analytic.errors import BadText, ModelFailed
from open_analytic.kinds.text import Tokens
from open_analytic.operators.embed import rows
from open_analytic.operators.operator import Between
from open_analytic.types import Model, Vectors


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


def embed_text(texts: Sequence[str], model: Model, *, role: str = "") -> Vectors:
    """One vector a text: the model's output of this role, or its only one."""
    return rows(texts, model, role)


class Reader(Protocol):
    """A model that says how it reads its values."""

    @property
    def name(self) -> str: ...

    def read(self, values: Sequence[str]) -> Sequence[Any]: ...


def tokenize(texts: Sequence[str], model: Reader) -> list[Tokens]:
    """The tokens of each text, by the tokenizer of a model: ids, mask, and spans of characters."""
    values = model.read(texts)
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
