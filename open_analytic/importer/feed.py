"""Which pictures of an import have to be run: known ones are counted, taken names are decided on."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from open_analytic.errors import BadParameter, Conflict, InvalidInput, InvalidName, OpenAnalyticError
from open_analytic.importer.writer import Tally
from open_analytic.kinds.kind import Kind
from open_analytic.store import records
from open_analytic.store import rows as store
from open_analytic.store.connection import Database
from open_analytic.store.sources import UPLOAD, Known, conflicts, where
from open_analytic.types import CollectionInfo, OnConflict

Bytes: TypeAlias = bytes | OpenAnalyticError  # a picture's bytes, or why they are not there
Item: TypeAlias = Bytes | str  # a str where the pipeline's input is text
Named: TypeAlias = (
    tuple[str, Item]
    | tuple[str, Item, str | None]  # its source
    | tuple[str, Item, str | None, Mapping[str, Any]]  # and values of your columns
)

CHUNK_FILES = 64  # names asked for in one query
CHUNK_BYTES = 32_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """Values for every picture, and others by image name, which win."""

    every: Mapping[str, Any] = field(default_factory=dict)
    by_name: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Values: TypeAlias = Mapping[str, Mapping[str, Any]] | Callable[[str], Mapping[str, Any]] | Defaults  # of your columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A picture as it comes in."""

    name: str
    data: Bytes
    source: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)  # of the user's columns, that came with it
    place: str | None = None  # of a row of a table, for messages
    repeats: str | None = None  # the row of the same table that has the name already


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture to run and write."""

    name: str  # in the collection
    original: str  # as it came in
    data: bytes
    sha256: bytes
    source: str | None
    known: bool  # its rows are there, to be updated
    known_as: bytes | None  # the hash those had
    values: Mapping[str, Any]
    place: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """A picture that is there, and comes with values."""

    name: str  # in the collection
    original: str  # as it came in
    values: Mapping[str, Any]
    place: str | None


Pending: TypeAlias = "deque[Picture | Incoming]"  # the second: its error is the result


class Feed:
    """Reads pictures in chunks, compares them with what is there, and gives the engine what is left."""

    def __init__(
        self, database: Database, info: CollectionInfo, tally: Tally, on_conflict: OnConflict, values: Values | None
    ) -> None:
        self._database, self._info, self._tally, self._on_conflict = database, info, tally, on_conflict
        self._values = values
        self._valued: list[Valued] = []
        self._claims: dict[str, Known] = {}  # by pictures of this import
        self.pending: Pending = deque()

    def items(self, pictures: Iterable[Incoming]) -> Iterator[Bytes]:
        """In order: the bytes of new and changed pictures, and errors in their place; ``pending`` says whose."""
        for chunk in _chunks(pictures):
            known = self._stored([picture.name for picture in chunk])
            moved: dict[str, str] = {}
            for picture in chunk:
                if self._tally.stopped:
                    return
                item = self._item(picture, known, moved)
                if isinstance(item, Picture):
                    self.pending.append(item)
                    yield item.data
                elif item is not None:
                    self.pending.append(picture)
                    yield item
            if moved:
                with self._database.transaction() as connection:
                    store.adopt(connection, self._info, moved)
            valued, self._valued = self._valued, []
            self._write_values(valued)

    def _item(
        self, picture: Incoming, known: Mapping[str, Known], moved: dict[str, str]
    ) -> Picture | OpenAnalyticError | None:
        """What is to be done; None when the picture is counted already."""
        if not storable(picture.name):
            return InvalidName(f"The name {picture.name!r:.200} is not valid UTF-8.", hint="Rename the file.")
        if isinstance(picture.data, OpenAnalyticError):
            return picture.data
        if wrong := _no_bytes(picture.name, picture.data):
            return wrong
        digest = hashlib.sha256(picture.data).digest()
        there = self._claims.get(picture.name) or known.get(picture.name)
        if picture.repeats:
            return self._decide(picture, digest, there)
        if there and there.digest == digest and there.complete:
            if picture.source and _is_newer_place(picture.source, there.source):
                moved[picture.name] = picture.source
            self._unchanged(picture.name, picture)
            return None
        if picture.name in self._claims or (there and self._conflicts(there, picture.source, digest)):
            return self._decide(picture, digest, there)
        return self._picture(picture, digest, picture.name, there)

    def _conflicts(self, there: Known, source: str | None, digest: bytes) -> bool:
        if not self._info.has_source and self._on_conflict == "error":
            return False  # as before sources were kept
        return conflicts(there, source, digest)

    def _decide(self, picture: Incoming, digest: bytes, there: Known | None) -> Picture | OpenAnalyticError | None:
        """What happens to a picture whose name another picture has."""
        match self._on_conflict:
            case "skip":
                self._tally.count("skipped")
                return None
            case "replace":
                return self._picture(picture, digest, picture.name, there)
            case "keep_both":
                return self._beside(picture, digest)
            case _ if picture.repeats:
                return InvalidName(
                    f"The name {picture.name!r:.200} is that of {picture.repeats}, too.",
                    hint="Give each row a name of its own, or choose with on_conflict.",
                )
            case _ if picture.name in self._claims:
                return InvalidName(
                    f"Another file of this import has the name of {picture.name!r:.200}.",
                    hint="Import a folder above both, so that their paths tell them apart, or choose with on_conflict.",
                )
            case _:
                return conflict(picture.name, there)

    def _beside(self, picture: Incoming, digest: bytes) -> Picture | None:
        """Under the first free name, or the one this very picture got in an import before."""
        first, width = 2, 8
        while True:
            names = [numbered(picture.name, number) for number in range(first, first + width)]
            known = self._stored(names)
            for name in names:
                there = self._claims.get(name) or known.get(name)
                if there and there.digest == digest and there.complete:
                    self._unchanged(name, picture)
                    return None
                if there is None or (name not in self._claims and not self._conflicts(there, picture.source, digest)):
                    return self._picture(picture, digest, name, there)
            first, width = first + width, width * 8

    def _unchanged(self, name: str, picture: Incoming) -> None:
        """Count a picture that is there; its values, when it comes with some, are compared with those of its row."""
        values = {} if name in self._claims else values_of(self._values, picture.name, picture.values)
        if values:
            self._valued.append(Valued(name=name, original=picture.name, values=values, place=picture.place))
        else:
            self._tally.count("unchanged")

    def _write_values(self, valued: list[Valued]) -> None:
        """Update the rows whose values differ; when a value is refused, one by one, so that only that row fails."""
        if not valued:
            return
        rows = {each.name: each.values for each in valued}
        try:
            changed = self._database.write(lambda connection: records.update_many(connection, self._info, rows))
        except (InvalidInput, Conflict) as error:
            if len(valued) == 1:
                self._tally.fail(valued[0].original, error, place=valued[0].place)
                return
            for each in valued:
                self._write_values([each])
            return
        if changed:
            self._tally.count("updated", len(changed))
        if unchanged := len(valued) - len(changed):
            self._tally.count("unchanged", unchanged)

    def _picture(self, picture: Incoming, digest: bytes, name: str, there: Known | None) -> Picture:
        assert isinstance(picture.data, bytes)  # noqa: S101 - errors were answered before
        self._claims[name] = Known(digest=digest, complete=True, source=picture.source)
        return Picture(
            name=name,
            original=picture.name,
            data=picture.data,
            sha256=digest,
            source=picture.source,
            known=there is not None,
            known_as=there.digest if there else None,
            values=picture.values,
            place=picture.place,
        )

    def _stored(self, names: list[str]) -> dict[str, Known]:
        with self._database.transaction() as connection:
            return store.known(connection, self._info, [name for name in names if storable(name)])


def incoming(pictures: Iterable[Named], source: str | None, kind: Kind) -> Iterator[Incoming]:
    """Tuples of a caller as items; ``source`` is that of those that do not name theirs."""
    for name, data, *rest in pictures:
        own, values = (*rest, None, None)[:2]
        yield Incoming(
            name=name,
            data=_encoded(data, kind),
            source=source if own is None else own,
            values=values or {},
        )


def _encoded(data: Item, kind: Kind) -> Bytes:
    """A str as bytes where the kind has a form for it; elsewhere it is refused with what else is not bytes."""
    if not isinstance(data, str) or kind.encode is None:
        return data  # type: ignore[return-value]
    try:
        return kind.encode(data)
    except OpenAnalyticError as error:
        return error


def values_of(values: Values | None, name: str, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of one picture: for every picture, then its ``own`` (it came with them), then those for its name."""
    if isinstance(values, Defaults):
        return {**values.every, **own, **values.by_name.get(name, {})}
    named = values(name) if callable(values) else (values or {}).get(name, {})
    return {**own, **named} if own else named


def numbered(name: str, number: int) -> str:
    """``a/b.jpg`` as ``a/b (2).jpg``."""
    folder, slash, last = name.rpartition("/")
    stem, dot, suffix = last.rpartition(".")
    return f"{folder}{slash}" + (f"{stem} ({number}).{suffix}" if dot and stem else f"{last} ({number})")


def conflict(name: str, there: Known | None) -> Conflict:
    """One name that a picture of another source has."""
    return Conflict(f"The name {name!r:.200} is taken by another picture, from {where(there)}.", hint=DECIDE)


DECIDE = (
    "Choose with on_conflict='skip' (leave them out), on_conflict='replace' (put these in their place, also when their "
    "folder was moved) or on_conflict='keep_both' (under a new name)."
)


def _is_newer_place(source: str, before: str | None) -> bool:
    """Whether this is where the picture comes from, now that it is the same: nobody knew, or its file was moved."""
    if source == UPLOAD or before == source:
        return False
    if before is None:
        return True
    return source.startswith("/") and before.startswith("/") and not Path(before).exists()


def storable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _chunks(pictures: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    chunk: list[Incoming] = []
    size = 0
    for picture in pictures:
        chunk.append(picture)
        size += len(picture.data) if isinstance(picture.data, bytes) else 0
        if len(chunk) >= CHUNK_FILES or size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _no_bytes(name: str, data: object) -> BadParameter | None:
    if isinstance(data, bytes | bytearray | memoryview):
        return None
    return BadParameter(
        f"The picture {name!r:.200} is given as {type(data).__name__}, not as bytes.",
        hint="Give its bytes: Path(name).read_bytes(). import_files takes paths.",
    )
