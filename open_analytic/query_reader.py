"""The vector of a search's query: of a picture, of a file, or numbers as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from open_analytic import folder
from open_analytic.errors import BadParameter, OpenAnalyticError
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.image import nothing
from open_analytic.pipeline.engine import Engine
from open_analytic.pipeline.plan import Plan
from open_analytic.types import Feature, Text, Vector

Query: TypeAlias = bytes | Path | str | Text | Vector | Sequence[float]


class QueryReader:
    """Runs a collection's pipeline on queries."""

    def __init__(self, engine: Engine, max_bytes: int, plan: Callable[[], Plan]) -> None:
        self._engine, self._max_bytes, self._plan = engine, max_bytes, plan

    def vector(self, query: Query) -> Vector:
        """Of an input with several features the largest one's. A str is a path, or a text where the input is text."""
        encode = ALL_KINDS[self._plan().input].encode if isinstance(query, str | Text) else None
        if encode and isinstance(query, str | Text):
            query = encode(query if isinstance(query, str) else query.text)
        if isinstance(query, Text):
            raise BadParameter("The collection's pipeline takes no text.", hint="Search with a picture or a vector.")
        if isinstance(query, str | Path):
            query = folder.read(Path(query), self._max_bytes)
        if isinstance(query, bytes | bytearray | memoryview):
            return max(self.features(self._plan(), bytes(query)), key=lambda feature: feature.extent).vector
        try:
            return np.asarray(query, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadParameter(
                f"A query is a picture's bytes, a path or a vector of numbers, not {type(query).__name__}.",
                hint="For a file: search(Path(name)).",
            ) from error

    def features(self, plan: Plan, data: bytes) -> tuple[Feature, ...]:
        """What a plan finds in a picture; NoFace when nothing."""
        (result,) = self._engine.run(plan, [data])
        if isinstance(result, OpenAnalyticError):
            raise result
        if not result.features:
            raise nothing(plan.region, "Search with a picture that shows {}.")
        return result.features
