"""What the faces of a collection share: its table, its engine, its plan, and the vectors of queries."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, OpenAnalyticError
from open_analytic.importer import folder
from open_analytic.kinds.image import nothing
from open_analytic.kinds.kind import Kind
from open_analytic.pipeline.engine import Engine
from open_analytic.pipeline.plan import Plan
from open_analytic.store import audit
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo, Feature, Text, Vector

Query: TypeAlias = bytes | Path | str | Text | Vector | Sequence[float]


class QueryReader:
    """Runs a collection's pipeline on queries."""

    def __init__(self, engine: Engine, max_bytes: int, plan: Callable[[], Plan]) -> None:
        self._engine, self._max_bytes, self._plan = engine, max_bytes, plan

    def vector(self, query: Query) -> Vector:
        """Of an input with several features the largest one's. A str is a path, or a text where the input is text."""
        if isinstance(query, str | Text | Path):
            query = self._read(query)
        if isinstance(query, bytes | bytearray | memoryview):
            return max(self.features(self._plan(), bytes(query)), key=lambda feature: feature.extent).vector
        try:
            return np.asarray(query, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadParameter(
                f"A query is a picture's bytes, a path or a vector of numbers, not {type(query).__name__}.",
                hint="For a file: search(Path(name)).",
            ) from error

    def _read(self, query: str | Text | Path) -> bytes:
        kind = self._plan().input_kind
        if kind.encode and not isinstance(query, Path):
            return kind.encode(query if isinstance(query, str) else query.text)
        if isinstance(query, Text):
            raise BadParameter("The collection's pipeline takes no text.", hint="Search with a picture or a vector.")
        return folder.read(Path(query), self._max_bytes, too_large=kind.too_large)

    def features(self, plan: Plan, data: bytes) -> tuple[Feature, ...]:
        """What a plan finds in a picture; NoFace when nothing."""
        (result,) = self._engine.run(plan, [data])
        if isinstance(result, OpenAnalyticError):
            raise result
        if not result.features:
            raise nothing(plan.region, "Search with a picture that shows {}.")
        return result.features


class CollectionBase:
    """A collection bound to its database, engine and plan."""

    def __init__(
        self,
        info: CollectionInfo,
        database: Database,
        engine: Engine,
        settings: Settings,
        plan: Callable[..., Plan],
        auditor: audit.Auditor | None = None,
    ) -> None:
        self.info, self._auditor = info, auditor
        self._database, self._engine, self._settings, self._make_plan = database, engine, settings, plan
        self._reader = QueryReader(engine, settings.max_bytes, lambda: self._plan)

    def __repr__(self) -> str:
        return f"<Collection {self.name!r} of {self.info.pipeline} version {self.info.version}, dim {self.info.dim}>"

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def models(self) -> tuple[str, ...]:
        """The models its pipeline runs."""
        return self._plan.models

    @property
    def kind(self) -> Kind:
        """The kind of its pipeline's input, such as text; what an import and a search take depends on it."""
        return self._plan.input_kind

    @property
    def region_kind(self) -> Kind | None:
        """The kind of what its rows stand for, such as face; None where a row is a whole input."""
        return self._plan.region

    @cached_property
    def _plan(self) -> Plan:
        return self._make_plan()

    @cached_property
    def _plan_of_all(self) -> Plan:
        """With every region of an input, where the collection can have only one."""
        every = self._plan.every_region
        return self._make_plan(**every) if every else self._plan
