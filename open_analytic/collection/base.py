"""What the faces of a collection share: its table, its engine, its plan."""

from collections.abc import Callable
from functools import cached_property

from open_analytic.config import Settings
from open_analytic.kinds import ALL_KINDS
from open_analytic.kinds.kind import Kind
from open_analytic.pipeline.engine import Engine
from open_analytic.pipeline.plan import Plan
from open_analytic.query_reader import QueryReader
from open_analytic.store import audit
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo


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
        return ALL_KINDS[self._plan.input]

    @cached_property
    def _plan(self) -> Plan:
        return self._make_plan()

    @cached_property
    def _plan_of_all(self) -> Plan:
        """With every region of an input, where the collection can have only one."""
        every = self._plan.every_region
        return self._make_plan(**every) if every else self._plan
