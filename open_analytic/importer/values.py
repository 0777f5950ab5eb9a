"""The values of the user's columns that come with an import: checked before the first picture is read."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from open_analytic.errors import BadParameter
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.types import CollectionInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Values for every picture, and others by image name, which win."""

    every: Mapping[str, Any] = field(default_factory=dict)
    by_name: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Values: TypeAlias = Mapping[str, Mapping[str, Any]] | Callable[[str], Mapping[str, Any]] | Defaults


def of(values: Values | None, name: str, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of one picture: for every picture, then its ``own`` (it came with them), then those for its name."""
    if isinstance(values, Defaults):
        return {**values.every, **own, **values.by_name.get(name, {})}
    named = values(name) if callable(values) else (values or {}).get(name, {})
    return {**own, **named} if own else named


def check(database: Database, info: CollectionInfo, values: Values | None) -> None:
    """Refuse unknown columns and values that their columns do not take. Of a function nothing is known before."""
    if values is None or (callable(values) and not isinstance(values, Defaults)):
        return
    by_name = by_picture(values)
    by_subject = {f"picture {name!r}": row for name, row in by_name.items()}
    if isinstance(values, Defaults):
        by_subject = {"every picture": values.every, **by_subject}
    for what, row in by_subject.items():
        if not isinstance(row, Mapping):
            raise BadParameter(
                f"The values of {what} are of the type {type(row).__name__}.",
                hint="Give a mapping of columns to values.",
            )
    with database.reading() as connection:
        store.check_values(connection, info, by_subject)


def by_picture(values: Values | None) -> Mapping[str, Mapping[str, Any]]:
    """The rows that name a picture."""
    if isinstance(values, Defaults):
        return values.by_name
    return values if isinstance(values, Mapping) else {}


def unmatched(values: Values | None, names: Collection[str]) -> tuple[str, ...]:
    """The names in the values that no picture of the import has; an error when that are all of them."""
    rows = by_picture(values)
    missing = tuple(name for name in rows if name not in names)
    if missing and len(missing) == len(rows) and names:
        raise BadParameter(
            f"None of the {len(rows):,} rows of values names a picture of this import (first: {missing[0]!r:.200}).",
            hint=f"A picture's name is its path below the folder, such as {min(names)!r:.200}.",
        )
    return missing
