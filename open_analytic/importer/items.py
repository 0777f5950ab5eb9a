"""What an import of files and folders reads: a file is an item, or a table with an item a row; the kind decides."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from open_analytic.errors import BadParameter, BadText, InvalidName, OpenAnalyticError
from open_analytic.importer import folder, table
from open_analytic.importer.checks import Candidate
from open_analytic.importer.feed import Bytes, Incoming
from open_analytic.kinds.kind import Kind
from open_analytic.types import CollectionInfo

NAME = "name"  # the column of a table that names its items by default
MOST_COLUMNS = 1_000  # of JSON objects, that are listed as ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumns:
    """The columns of tables that an import reads."""

    names: tuple[str, ...]  # of these the first that a row has
    items: tuple[str, ...]
    values: frozenset[str]  # those that the collection has, too

    @classmethod
    def of(cls, kind: Kind, name: str | None, item: str | None, info: CollectionInfo) -> "TableColumns | None":
        """Those of the arguments, else those of the collection or the usual ones; None: no table holds the kind."""
        if kind.column is None:
            if name is None and item is None:
                return None
            raise BadParameter(
                "The collection's pipeline takes no texts, so there is no table to import.",
                hint="Leave out name_column and text_column.",
            )
        names = (name,) if name else (info.inputs.name, NAME)
        items = (item,) if item else (info.inputs.data, kind.column)
        if names[-1] == items[-1]:
            raise BadParameter(
                f"Column {names[-1]!r:.80} is given both for names and for texts.", hint="Name two columns."
            )
        return cls(names=names, items=items, values=frozenset(info.columns))

    def name(self, cells: Mapping[str, Any]) -> str:
        """The column with the name of a row."""
        return next((column for column in self.names if column in cells), self.names[-1])

    def item(self, cells: Mapping[str, Any]) -> str:
        """The column with its text."""
        return next((column for column in self.items if column in cells), self.items[-1])


class Items:
    """The items of paths, which can be read several times."""

    def __init__(self, paths: Sequence[Path], kind: Kind, columns: TableColumns | None, max_bytes: int) -> None:
        self._paths, self._kind, self._columns, self._max_bytes = paths, kind, columns, max_bytes

    def survey(self, *, named: bool) -> tuple[folder.Survey, tuple[str, ...]]:
        """What there is, and the columns of tables that are ignored. A table without the columns is an error."""
        survey, ignored = folder.Survey(suffixes=self._kind.suffixes), dict[str, None]()
        for file in self._files(survey):
            if (columns := self._table(file)) is None:
                survey.add(file.name, named=named)
                continue
            first = True
            for row in table.rows(file.path, self._max_bytes):
                if isinstance(row.cells, Mapping):
                    if first:
                        _check(file.path, row, columns)
                    first = False
                    ignored.update(dict.fromkeys(_ignored(row.cells, columns)) if len(ignored) < MOST_COLUMNS else {})
                survey.add(_name(file, row, columns), named=named)
        return survey, tuple(ignored)

    def candidates(self) -> Iterator[Candidate]:
        """Names with what tells whether they are taken; of rows that repeat a name only the first."""
        for file in self._files():
            if self._table(file) is None:
                yield Candidate(name=file.name, source=file.source, digest=file.digest)
                continue
            for item in self._rows(file):
                if isinstance(item.data, bytes) and not item.repeats:
                    digest = hashlib.sha256(item.data).digest()
                    yield Candidate(name=item.name, source=item.source, digest=partial(bytes, digest))

    def __iter__(self) -> Iterator[Incoming]:
        for file in self._files():
            if self._table(file) is None:
                yield Incoming(name=file.name, data=file.bytes(self._max_bytes), source=file.source)
                continue
            try:
                yield from self._rows(file)
            except OpenAnalyticError as error:  # the file is another one than the survey saw
                yield Incoming(name=file.name, data=error)

    def _files(self, survey: folder.Survey | None = None) -> Iterator[folder.File]:
        return folder.find(self._paths, survey or folder.Survey(suffixes=self._kind.suffixes))

    def _table(self, file: folder.File) -> TableColumns | None:
        """The columns to read when the file is a table. In a folder there is none: its suffix is not taken."""
        return self._columns if file.path.suffix.lower() in folder.TABLES else None

    def _rows(self, file: folder.File) -> Iterator[Incoming]:
        assert self._columns is not None  # noqa: S101 - asked for by _table
        lines: dict[str, int] = {}  # on which a name was seen first
        for row in table.rows(file.path, self._max_bytes):
            name = _name(file, row, self._columns)
            first = lines.setdefault(name, row.line)
            yield Incoming(
                name=name,
                data=_data(row, self._columns, self._kind),
                source=file.source,
                values=_values(row, self._columns),
                place=f"{file.path}, line {row.line}",
                repeats=None if first == row.line else f"line {first}",
            )


def _check(path: Path, row: table.TableRow, columns: TableColumns) -> None:
    """The first row has to have both columns: without one no row would be imported."""
    assert isinstance(row.cells, Mapping)  # noqa: S101 - so it was called
    for column, option in ((columns.name(row.cells), "name_column"), (columns.item(row.cells), "text_column")):
        if column not in row.cells:
            there = ", ".join(repr(name) for name in list(row.cells)[:20])
            raise BadParameter(
                f"{path} has no column {column!r:.80}.",
                hint=f"Its columns are {there:.500}: choose one with {option}.",
            )


def _name(file: folder.File, row: table.TableRow, columns: TableColumns) -> str:
    """The name of a row's item; where the row has none, its place."""
    name = row.cells.get(columns.name(row.cells)) if isinstance(row.cells, Mapping) else None
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    return name if isinstance(name, str) and name else f"{file.path.name}:{row.line}"


def _data(row: table.TableRow, columns: TableColumns, kind: Kind) -> Bytes:
    if isinstance(row.cells, OpenAnalyticError):
        return row.cells
    name_column, item_column = columns.name(row.cells), columns.item(row.cells)
    name, item = row.cells.get(name_column), row.cells.get(item_column)
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
        return InvalidName(f"Column {name_column!r:.80} has no name.", hint="Give each row a name: a text or a number.")
    if item is not None and not isinstance(item, str):
        return BadText(f"Column {item_column!r:.80} holds {type(item).__name__}, not text.", hint="Write it as a text.")
    try:
        return kind.encode(item or "") if kind.encode else (item or "").encode()
    except OpenAnalyticError as error:
        return error


def _values(row: table.TableRow, columns: TableColumns) -> Mapping[str, Any]:
    cells = row.cells if isinstance(row.cells, Mapping) else {}
    return {name: cells[name] for name in cells if name in columns.values}


def _ignored(cells: Mapping[str, Any], columns: TableColumns) -> list[str]:
    ours = (columns.name(cells), columns.item(cells))
    return [name for name in cells if name not in columns.values and name not in ours]
