"""What pages have to know of the kinds of a collection or a pipeline: what things are called and how they are shown."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from open_analytic.collection import Collection
from open_analytic.errors import OpenAnalyticError
from open_analytic.kinds.general import BYTES
from open_analytic.kinds.kind import Kind
from open_analytic.pipeline.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Nouns:
    """What the items of a page and their regions are called; nouns without words have those of item and region."""

    item: str = "picture"
    region: str = "region"

    @property
    def _places(self) -> tuple[str, ...]:
        """Where keys begin, the special before the general."""
        return f"part.{self.region}.", f"item.{self.item}.", "item.item.", "part.region."

    def has(self, key: str) -> bool:
        """Whether a key is for words about them."""
        return key.startswith(self._places)

    def key(self, what: str, table: Container[str]) -> str:
        """The first key that there are words for."""
        return next(key for place in self._places if (key := place + what) in table)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The kind of the items, and of what is in one; words for both are looked up by their nouns."""

    item: Kind = BYTES
    region: Kind | None = None  # None: it is not known, or an item is a whole

    @property
    def nouns(self) -> Nouns:
        return Nouns(item=self.item.noun, region=self.region.noun if self.region else "region")

    def facts(self) -> dict[str, Any]:
        """In JSON. ``caption`` is the attribute, and the column, that says what a region shows."""
        region = self.region
        return {
            "noun": self.item.noun, "modality": self.item.modality, "texts": self.item.encode is not None,
            "suffixes": sorted(self.item.suffixes), "region_noun": region.noun if region else None,
            "caption": (region.caption or None) if region else None,
        }  # fmt: skip


def of_collection(collection: Collection) -> Contents:
    """Those of pictures where its pipeline cannot tell."""
    try:
        return Contents(item=collection.kind, region=collection.region_kind)
    except OpenAnalyticError:  # it is bound to no pipeline, or the models of the pipeline have changed
        return Contents()


def of_plan(plan: Plan, item: Kind) -> Contents:
    """The region is what its steps detect, where that is of one kind."""
    kinds = {value.kind.name: value.kind for value in plan.values.values() if value.kind.region}
    return Contents(item=item, region=next(iter(kinds.values())) if len(kinds) == 1 else None)
