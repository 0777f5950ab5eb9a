"""What an import checks before it writes anything: names of pictures of other sources, and values of your columns."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from open_analytic.errors import BadParameter, Conflict
from open_analytic.importer.feed import DECIDE, Defaults, Values, conflict, storable
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.sources import Known, where
from open_analytic.store.sources import conflicts as conflicting
from open_analytic.types import CollectionInfo

CHUNK = 1_000  # names asked for in one query


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A picture that is to come. ``digest`` reads it: only where its name is taken; None when it cannot be read."""

    name: str
    source: str | None
    digest: Callable[[], bytes | None]


def refuse_taken(database: Database, info: CollectionInfo, candidates: Iterable[Candidate]) -> None:
    """Conflict when names are taken by pictures of other sources that have other bytes."""
    if not info.has_source:
        return
    total, count = 0, 0
    first: tuple[str, Known] | None = None
    for chunk in _chunks(candidates):
        total += len(chunk)
        for candidate, there in _suspects(database, info, chunk):
            digest = candidate.digest()
            if digest is not None and conflicting(there, candidate.source, digest):
                count += 1
                first = first or (candidate.name, there)
    if first is None:
        return
    name, there = first
    if total == 1:
        raise conflict(name, there)
    verb = "is" if count == 1 else "are"
    raise Conflict(
        f"{count:,} of {total:,} names {verb} taken by pictures of other sources "
        f"(first: {name!r:.200} from {where(there)}); nothing was imported.",
        hint=DECIDE,
    )


def _suspects(database: Database, info: CollectionInfo, chunk: list[Candidate]) -> Iterator[tuple[Candidate, Known]]:
    """Those of a name that is there, and of another source or none."""
    with database.reading() as connection:
        known = store.known(connection, info, [each.name for each in chunk if storable(each.name)])
    for candidate in chunk:
        there = known.get(candidate.name)
        if there and conflicting(there, candidate.source, None):
            yield candidate, there


def _chunks(candidates: Iterable[Candidate]) -> Iterator[list[Candidate]]:
    all_ = iter(candidates)
    while chunk := list(islice(all_, CHUNK)):
        yield chunk


def digest_of(data: object) -> bytes | None:
    """Of bytes; None for an error in their place."""
    return hashlib.sha256(data).digest() if isinstance(data, bytes) else None


def check_values(database: Database, info: CollectionInfo, values: Values | None) -> None:
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
