"""Words of the command line as values: name=value, name:type, files of values, bytes of a file or of standard input."""

import csv
import io
import json
import sys
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from open_analytic.cli.output import note
from open_analytic.errors import BadParameter, UnreadableFile

Filter = Annotated[
    str | None, typer.Option("--filter", metavar="SQL", help="A condition on the columns, such as \"district = 'A'\".")
]
Where = Annotated[str | None, typer.Option("--where", hidden=True, help="Deprecated: --filter.")]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A value for %(NAME)s in --filter. Repeatable."),
]
TargetRecall = Annotated[
    float, typer.Option(help="Minimum recall: share of the true nearest neighbours to return; 1: exact search.")
]

KEY = "image_name"  # the column of a file of values that says which picture, also where a collection calls it otherwise


def condition(filter_: str | None, where: str | None) -> str | None:
    """The value of --filter, or that of its deprecated name --where."""
    if filter_ is not None and where is not None:
        raise BadParameter("Both --filter and --where are present.", hint="--where is the old name: give --filter.")
    return where if filter_ is None else filter_


def parameters(words: Sequence[str]) -> dict[str, Any]:
    """``face=all`` and ``threshold=0.7``: a value that is JSON is taken as such, another one as text."""
    return {name: _json(value) for name, value in texts(words, "--param").items()}


def texts(words: Sequence[str], option: str) -> dict[str, str]:
    """``name=value`` words as they stand."""
    return dict(_pair(word, "=", option, "name=value") for word in words)


def columns(words: Sequence[str]) -> dict[str, str]:
    """``district:text`` words: a column's name and its SQL type."""
    return dict(_pair(word, ":", "--column", "name:type, such as district:text") for word in words)


def values(file: Path, key: str = KEY, ours: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """The columns of pictures by name, from a CSV with a header, from JSON or from lines of JSON.

    ``key`` is the column with the names, as the collection calls it; ``image_name`` is understood everywhere. ``ours``
    are columns that ``collection export`` writes beside those of the user; they are no values.
    """
    return parse(file, read(file), key, ours)


def read(file: Path) -> str:
    """The text of a file of values."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"The values in {str(file)!r} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}.",
            hint="Give a .csv, .json or .jsonl file in UTF-8.",
        ) from error


def parse(file: Path, text: str, key: str, ours: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """What the text of a file of values says."""
    if file.suffix.lower() == ".jsonl":
        text = f"[{','.join(line for line in text.split(chr(10)) if line.strip())}]"
    is_json = file.suffix.lower() in (".json", ".jsonl")
    return _by_name(file, _from_json(file, text, key) if is_json else _from_csv(file, text, key), ours)


def _by_name(
    file: Path, rows: Iterable[tuple[str, dict[str, Any]]], ours: Collection[str]
) -> dict[str, dict[str, Any]]:
    """Of an input with a row a region those values that all its rows have: the others are of the regions.

    Other rows of one name have to say the same.
    """
    by_name: dict[str, dict[str, Any]] = {}
    differing: dict[str, None] = {}
    for name, row in rows:
        is_region = "part" in ours and "part" in row and name in by_name
        row = {column: value for column, value in row.items() if column not in ours}
        if is_region:
            differ = [column for column, value in row.items() if by_name[name].get(column) != value]
            row = {column: value for column, value in row.items() if column in by_name[name] and column not in differ}
            differing.update(dict.fromkeys(differ))
        elif by_name.get(name, row) != row:
            raise BadParameter(
                f"{file} has two rows with different values for {name!r:.200}.", hint="Leave one row for each name."
            )
        by_name[name] = row
    if differing:
        note(f"Values that differ between the regions of an input are left to its pipeline: {', '.join(differing)}.")
    return by_name


def data(file: Path, max_bytes: int) -> bytes:
    """A file's bytes, or those of standard input for ``-``."""
    from open_analytic.errors import ImageTooLarge
    from open_analytic.importer.folder import read

    if str(file) != "-":
        return read(file, max_bytes)
    content = sys.stdin.buffer.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise ImageTooLarge(
            f"Standard input has more than {max_bytes:,} bytes.", hint="OPEN_ANALYTIC_MAX_BYTES raises it."
        )
    return content


def _pair(word: str, sign: str, option: str, form: str) -> tuple[str, str]:
    name, separator, value = word.partition(sign)
    if not separator or not name.strip() or (sign == ":" and not value.strip()):
        raise BadParameter(f"{option} {word!r} is not {form}.", hint=f"Write {option} {form}.")
    return name.strip(), value.strip() if sign == ":" else value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _from_csv(file: Path, text: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    """An empty cell is NULL."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = list(reader)
        head = list(reader.fieldnames or ())
    except csv.Error as error:
        raise BadParameter(f"{file} is not CSV: line {reader.line_num}: {error}.", hint="Quote the cell.") from error
    if twice := [name for name in head if head.count(name) > 1]:
        raise BadParameter(f"{file} has two columns {twice[0]!r:.80}.", hint="Rename or delete one of them.")
    present = key if key in head else KEY
    if present not in head:
        raise BadParameter(
            f"{file} has no column {key!r}.", hint=f"The first line names the columns: {key}, then those of the table."
        )
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise BadParameter(f"Row {number} of {file} has not as many cells as its first line.", hint="Correct it.")
    return [(row.pop(present), {name: value or None for name, value in row.items()}) for row in rows]


def _object(file: Path, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name comes twice with two values."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if values.setdefault(name, value) != value:
            raise BadParameter(f"{file} has two values for {name!r:.200}.", hint="Leave one of them.")
    return values


def _from_json(file: Path, text: str, key: str) -> list[tuple[str, dict[str, Any]]]:
    """Either ``{"a.jpg": {"district": "A"}}`` or ``[{"image_name": "a.jpg", "district": "A"}]``."""
    try:
        document = json.loads(text, object_pairs_hook=partial(_object, file))
    except ValueError as error:
        raise BadParameter(f"{file} is not JSON: {error}.", hint="Correct it.") from error
    for present in dict.fromkeys((key, KEY)) if isinstance(document, list) else ():
        if all(isinstance(row, dict) and isinstance(row.get(present), str) for row in document):
            return [(row.pop(present), row) for row in document]
    if isinstance(document, dict) and all(isinstance(row, dict) for row in document.values()):
        return list(document.items())
    raise BadParameter(
        f"{file} does not say values by picture.",
        hint=f'Write {{"a.jpg": {{"district": "A"}}}} or [{{"{key}": "a.jpg", "district": "A"}}].',
    )
