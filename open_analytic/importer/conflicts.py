"""Names that pictures of other sources have: found, and refused, before anything is written."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from open_analytic.errors import Conflict
from open_analytic.importer.feed import DECIDE, conflict, storable
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


def refuse(database: Database, info: CollectionInfo, candidates: Iterable[Candidate]) -> None:
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
