"""Types a feature can have in AnalyticDB and here, and the one an index makes of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from open_analytic.util.lexer import Token, tokens

# What pgvector's HNSW takes.
PLAIN_DIM = 2000  # of vector
MAX_DIM = 4000  # of halfvec

# Over the texts of tokens, a blank between each.
TYPE = re.compile(
    r"""(?: (?P<array>real|float4|float2)[ ](?:\[[ ](?:(?P<a>\d+)[ ])?\] | array(?:[ ]\[[ ](?P<b>\d+)[ ]\])?)
          | (?P<vector>vector|halfvec)(?:[ ]\([ ](?P<c>\d+)[ ]\))? )(?![ ]\[)(?=[ ]|$)""",
    re.VERBOSE,
)
ARRAYS = {"real": "real[]", "float4": "real[]", "float2": "float2[]"}


@dataclass(frozen=True, slots=True)
class ColumnType:
    """``real[]``, ``float2[]``, ``vector`` or ``halfvec``, with the dim it states; or another type, by its name."""

    name: str
    dim: int | None = None

    def __str__(self) -> str:
        return f"{self.name}({self.dim})" if self.dim else self.name

    @property
    def searchable(self) -> bool:
        """Whether pgvector can index it as it is."""
        return self.name in ("vector", "halfvec") and self.dim is not None


def read(words: Sequence[Token]) -> tuple[ColumnType, int] | None:
    """The type that begins here and how many tokens it has; None when it is none of a feature."""
    match = TYPE.match(" ".join(token.text.lower() for token in words[:7]))
    if match is None:
        return None
    dim = match["a"] or match["b"] or match["c"]
    name = ARRAYS[match["array"]] if match["array"] else match["vector"]
    return ColumnType(name, int(dim) if dim else None), len(match[0].split())


def parse(text: str) -> ColumnType:
    """The type of a column as PostgreSQL writes it."""
    parsed = read(tuple(tokens(text)))
    return parsed[0] if parsed else ColumnType(text)
