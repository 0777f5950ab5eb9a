"""A text as token ids, by the model's own tokenizer: a ``tokenizer.json`` of Hugging Face's library."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from open_analytic.errors import BadText, InvalidCard, ModelCorrupt, ModelFailed, ModelUnavailable
from open_analytic.kinds.text import Tokens
from open_analytic.models.fields import Fields, Text
from open_analytic.models.inputs.base import Arrays, Graph, Values, bucket
from open_analytic.models.inputs.text import MAX_CHARACTERS, check

DTYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
PAD_TOKENS = ("[PAD]", "<pad>")  # of BERT's family, of T5's and RoBERTa's
MAX_TOKENS, MAX_TOKENIZER_BYTES = 100_000, 100_000_000
Padding: TypeAlias = Literal["bucket", "max_length", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensInput:
    """A value is a text, or tokens of the same tokenizer.

    ``name``, ``mask`` and ``token_types`` are inputs of the graph; None: it has no such input.

    Texts whose tokens fill the same bucket share a batch, padded to it: a row does not depend on its neighbours.
    """

    type: Literal["tokens"] = "tokens"
    name: Text
    mask: Text | None = None
    token_types: Text | None = None
    tokenizer: Text  # the name of the card's file
    max_length: Annotated[int, Meta(ge=1, le=MAX_TOKENS)]  # tokens, with the special ones
    truncation: bool = True  # a longer text loses its end; without it, it is an error
    padding: Padding
    pad_token: Text | None = None  # None: the one of the tokenizer file
    special_tokens: bool = True  # [CLS] and [SEP], or what the tokenizer file says
    max_characters: Annotated[int, Meta(ge=1, le=MAX_CHARACTERS)] = 100_000  # of a text, before it is cut into tokens

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """This part of a card."""
        padding = fields.value("padding", Padding, "bucket" if "mask" in fields.table else "none")
        return fields.read(cls, padding=padding)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.name, self.mask, self.token_types) if name)

    @property
    def files(self) -> tuple[str, ...]:
        return (self.tokenizer,)

    def identity(self) -> list[Any]:
        return [self.mask, self.token_types, self.tokenizer, self.max_length, self.truncation, self.padding,
                self.pad_token, self.special_tokens]  # fmt: skip

    def load(self, graph: Graph) -> "TokensFeed":
        return TokensFeed(self, graph)


class TokensFeed:
    """Meets ``base.Feed``; used by several threads at once."""

    def __init__(self, card: TokensInput, graph: Graph) -> None:
        self._card, self._model = card, graph.model
        self._dtypes = {name: graph.dtype(name, DTYPES) for name in card.names}
        self._tokenizer = _tokenizer(graph.files[card.tokenizer], graph.model)
        self._identity = _identity(graph.files[card.tokenizer], card)
        self._pad = _pad_id(self._tokenizer, card, graph)
        self._tokenizer.no_padding()
        special = self._tokenizer.num_special_tokens_to_add(False) if card.special_tokens else 0
        if special >= card.max_length:
            raise InvalidCard(
                f"The card {graph.card}: max_length {card.max_length} has no room beside {special} special tokens.",
                hint="Raise max_length to what the model was trained with.",
            )
        if card.truncation:
            self._tokenizer.enable_truncation(card.max_length)
        else:
            self._tokenizer.no_truncation()

    def read(self, values: Values) -> Values:
        return [self._own(value) if isinstance(value, Tokens) else self._tokens(value) for value in values]

    def key(self, value: Tokens) -> Hashable:
        return self._length(value)

    def row_bytes(self, value: Tokens) -> int:
        return sum(dtype.itemsize for dtype in self._dtypes.values()) * self._length(value)

    def arrays(self, values: Values) -> Arrays:
        shape = len(values), self._length(values[0])
        ids, mask, types = np.full(shape, self._pad), np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for row, value in enumerate(values):
            count = len(value.ids)
            ids[row, :count], types[row, :count], mask[row, :count] = value.ids, value.types, value.mask
        arrays: dict[str | None, NDArray[Any]] = {
            self._card.name: ids, self._card.mask: mask, self._card.token_types: types
        }  # fmt: skip
        return {name: array.astype(self._dtypes[name]) for name, array in arrays.items() if name}

    def _length(self, value: Tokens) -> int:
        """The tokens that its row has."""
        if self._card.padding == "none":
            return len(value.ids)
        return self._card.max_length if self._card.padding == "max_length" else self._bucket(len(value.ids))

    def _bucket(self, length: int) -> int:
        return min(bucket(length), max(length, self._card.max_length))

    def _tokens(self, text: Any) -> Tokens:
        check(text, self._model, self._card.max_characters)
        try:
            encoding = self._tokenizer.encode(text, add_special_tokens=self._card.special_tokens)
        except Exception as error:  # the library has no class of its own
            raise BadText(
                f"The tokenizer of model {self._model!r} cannot read the text: {error}", hint="Check the text."
            ) from error
        if not encoding.ids:
            raise BadText(f"The text has no tokens for model {self._model!r}.", hint="Give a text with words.")
        self._check_length(len(encoding.ids))
        return Tokens(
            ids=encoding.ids,
            types=encoding.type_ids,
            mask=encoding.attention_mask,
            spans=encoding.offsets,
            tokenizer=self._identity,
        )

    def _own(self, value: Tokens) -> Tokens:
        """Tokens that an operator gives: ModelFailed when they are of another tokenizer, or do not hold together."""
        if value.tokenizer != self._identity:
            raise ModelFailed(
                f"Model {self._model!r} was given tokens of another tokenizer.",
                hint="Tokenize with this model, or with one of the same tokenizer file.",
            )
        count = len(value.ids)
        if not count or {len(value.types), len(value.mask)} != {count} or min(value.ids) < 0:
            raise ModelFailed(
                f"Model {self._model!r} was given {count:,} tokens with {len(value.types):,} types and a mask of "
                f"{len(value.mask):,}.",
                hint="Each token has an id from 0 on, a type and a place in the mask.",
            )
        self._check_length(count)
        return value

    def _check_length(self, count: int) -> None:
        if count > self._card.max_length:
            raise BadText(
                f"The text has {count:,} tokens; model {self._model!r} takes {self._card.max_length:,}.",
                hint="Cut the text into parts, or set truncation on the model's card.",
            )


def _identity(path: Path, card: TokensInput) -> str:
    """Of what decides which ids a text becomes, but for how many: models of one tokenizer share tokens."""
    with path.open("rb") as file:
        return f"{hashlib.file_digest(file, 'sha256').hexdigest()} {card.special_tokens}"


def _tokenizer(path: Path, model: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ModelUnavailable(
            f"Model {model!r} takes tokens, and the package tokenizers is not installed.",
            hint="pip install 'open-analytic[text]'.",
        ) from error
    if path.stat().st_size > MAX_TOKENIZER_BYTES:
        raise ModelCorrupt(f"{path} has more than {MAX_TOKENIZER_BYTES:,} bytes.", hint="It is no tokenizer file.")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library has no class of its own
        raise ModelCorrupt(
            f"{path} is no tokenizer file: {error}", hint="It has to be the tokenizer.json of Hugging Face's library."
        ) from error


def _pad_id(tokenizer: Any, card: TokensInput, graph: Graph) -> int:
    """The id that fills a row up."""
    if card.padding == "none":
        return 0
    named = [card.pad_token] if card.pad_token else [(tokenizer.padding or {}).get("pad_token"), *PAD_TOKENS]
    ids = [tokenizer.token_to_id(token) for token in named if token]
    number = next((number for number in ids if number is not None), None)
    if number is None:
        token = card.pad_token or PAD_TOKENS[0]
        raise InvalidCard(
            f"The card {graph.card}: the tokenizer {card.tokenizer!r} has no token {token!r}.",
            hint="Set pad_token to its token for padding, or padding to none.",
        )
    return int(number)
