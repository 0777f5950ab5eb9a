"""Rows of CSV and JSON Lines files, read one at a time. A bad row is that row's error; the next one is read."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from open_analytic.errors import BadParameter, BadText, OpenAnalyticError, UnreadableFile

DIALECTS = {".csv": "excel", ".tsv": "excel-tab"}  # any other suffix of folder.TABLES: JSON Lines
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
OBJECT = 'Write an object a line: {"name": "1", "text": "..."}.'
QUOTE = "Check the quotes: a cell with a quote, a line break or the separator is quoted, and a quote in it doubled."
LONG = f"{QUOTE} JSON Lines has longer rows."


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """The cells of a row by column, or why they cannot be had."""

    line: int  # on which it begins, from 1
    cells: Mapping[str, Any] | OpenAnalyticError


def rows(path: Path, max_characters: int) -> Iterator[TableRow]:
    """The rows of a table; what makes the whole file unusable is raised. A row has at most ``max_characters``.

    A row of CSV also has at most as many as ``csv.field_size_limit()`` (131,072).
    """
    with _open(path) as file:
        if (dialect := DIALECTS.get(path.suffix.lower())) is None:
            yield from _json_rows(_Lines(path, file, max_characters))
        else:  # csv's limit is one of the process: another program's to set
            yield from _csv_rows(path, _Lines(path, file, min(max_characters, csv.field_size_limit())), dialect)


def _open(path: Path) -> TextIO:
    try:
        if not path.is_file():
            raise UnreadableFile(f"{path} is not a regular file.", hint="Save its rows to a file first.")
        with path.open("rb") as file:
            start = file.read(2)
        if start in UTF_16:
            raise UnreadableFile(f"{path} is in UTF-16.", hint="Save it in UTF-8.")
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.", hint="Check its rights.") from error


class _TooLong(Exception):
    """A row has more characters than a row can have."""


class _Lines:
    """The lines of a file; the characters of one row are counted, so that a file without an end of line ends."""

    def __init__(self, path: Path, file: TextIO, most: int) -> None:
        self._path, self._file, self.most = path, file, most
        self.number = 0
        self._row = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            line = self._file.readline(self.most + 1)
        except OSError as error:
            raise UnreadableFile(f"{self._path} cannot be read: {error.strerror}.", hint="Check the disk.") from error
        if not line:
            raise StopIteration
        self.number += 1
        self._row += len(line)
        if self._row > self.most:
            if not line.endswith("\n"):
                self._skip()
            raise _TooLong(f"The row has more than {self.most:,} characters.")
        return line

    def begin(self) -> int:
        """A row begins; its line."""
        self._row = 0
        return self.number + 1

    def _skip(self) -> None:
        """Read on to the end of the line."""
        while (rest := self._file.readline(self.most)) and not rest.endswith("\n"):
            pass


def _csv_rows(path: Path, lines: _Lines, dialect: str) -> Iterator[TableRow]:
    reader = csv.reader(lines, dialect, strict=True)
    header = _header(path, reader)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield TableRow(line=line, cells=BadParameter(f"The row is not CSV: {error}.", hint=QUOTE))
            continue
        except _TooLong as error:  # where it ends is not known: a quote can be the mistake
            yield TableRow(line=line, cells=BadText(f"{error} The rest of the file is not read.", hint=LONG))
            return
        if cells:
            yield TableRow(line=line, cells=_cells(header, cells))


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        header = next(reader, [])
    except (csv.Error, _TooLong) as error:
        raise BadParameter(f"{path}, line 1: the header is not CSV: {error}.", hint=QUOTE) from error
    if wrong := _not_utf8({"": ",".join(header)}):
        raise BadText(f"{path}, line 1: {wrong.message}", hint=wrong.hint)
    if not any(header):
        raise BadParameter(f"{path} has no header.", hint="Its first line names the columns.")
    if twice := [name for name in header if header.count(name) > 1]:
        raise BadParameter(f"{path}, line 1: there are two columns {twice[0]!r:.80}.", hint="Rename one of them.")
    return header


def _cells(header: list[str], cells: list[str]) -> Mapping[str, Any] | OpenAnalyticError:
    if len(cells) != len(header):
        return BadParameter(
            f"The row has {len(cells):,} cells, and the header {len(header):,}.", hint="Quote cells with a separator."
        )
    if wrong := _not_utf8(dict(zip(header, cells, strict=True))):
        return wrong
    return {name: cell or None for name, cell in zip(header, cells, strict=True)}


def _json_rows(lines: _Lines) -> Iterator[TableRow]:
    while True:
        line = lines.begin()
        try:
            text = next(lines)
        except StopIteration:
            return
        except _TooLong as error:
            yield TableRow(line=line, cells=BadText(str(error), hint="OPEN_ANALYTIC_MAX_BYTES raises it."))
            continue
        if text.strip():
            yield TableRow(line=line, cells=_record(text))


def _record(text: str) -> Mapping[str, Any] | OpenAnalyticError:
    if wrong := _not_utf8({"": text}):
        return wrong
    try:
        record = json.loads(text.rstrip())
    except json.JSONDecodeError as error:
        return BadParameter(f"The line is not JSON: {error.msg} at column {error.colno:,}.", hint=OBJECT)
    except RecursionError:
        return BadParameter("The line has lists or objects that are nested too deeply.", hint=OBJECT)
    except ValueError:
        return BadParameter("The line has a number of thousands of digits.", hint="Write it as a text, in quotes.")
    if isinstance(record, dict):
        return record
    return BadParameter("The line is no JSON object.", hint=OBJECT)


def _not_utf8(cells: Mapping[str, str]) -> BadText | None:
    for name, cell in cells.items():
        try:
            cell.encode()
        except UnicodeEncodeError:
            which = f"Column {name!r:.80}" if name else "The line"
            return BadText(f"{which} is not text in UTF-8.", hint="Save the file in UTF-8.")
    return None
