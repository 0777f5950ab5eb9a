"""What commands print: JSON, tables on a terminal, plain aligned text in a pipe. Data goes to standard output only."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from open_analytic.cli.failures import printable
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from rich.console import Console

LEAST_WIDTH = 4  # of a column of a table, unless its cells are narrower
PIPE_WIDTH = 160  # of what others print with Rich into a pipe: the demo's tables


@cache
def stdout() -> "Console":
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


@cache
def stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True)


def print_json(value: Any) -> None:
    """The value as JSON: dataclasses by their fields, arrays as lists, times in ISO 8601."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(jsonable(value), ensure_ascii=False, indent=indent) + "\n")


def print_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """A table; the columns named in ``right`` hold numbers."""
    cells = [[format_value(value) for value in row] for row in rows]
    if sys.stdout.isatty() and _fits(headers, cells):
        _rich_table(headers, cells, right)
    else:
        for line in _aligned(headers, cells, right):
            sys.stdout.write(line + "\n")


def print_record(record: Mapping[str, Any]) -> None:
    """Names and values, one a line; what is inside another value gets a name with a dot."""
    flat = dict(_flat(record, ""))
    width = max(map(len, flat), default=0)
    for name, value in flat.items():
        sys.stdout.write(f"{name.ljust(width)}  {format_value(value)}".rstrip() + "\n")


def _flat(record: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", None if isinstance(value, Mapping) else value


def say(text: str) -> None:
    """A line for the reader of standard output."""
    sys.stdout.write(printable(text) + "\n")


def note(text: str) -> None:
    """A line for a person, out of the way of data."""
    stderr().print(printable(text), markup=False, highlight=False, soft_wrap=True)


def format_value(value: Any) -> str:
    """A value as text in a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={format_value(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(format_value(item) for item in value)
    if hasattr(value, "isoformat"):
        return value.isoformat(" ", "seconds") if hasattr(value, "hour") else value.isoformat()  # type: ignore[no-any-return]
    return printable(str(value))


def _fits(headers: Sequence[str], cells: list[list[str]]) -> bool:
    """Whether each column has room for some letters: Rich silently drops columns in a narrow terminal."""
    from rich.cells import cell_len

    widest = [max(map(cell_len, column)) for column in zip(headers, *cells, strict=True)]
    return sum(min(width, LEAST_WIDTH) + 3 for width in widest) <= stdout().width


def _rich_table(headers: Sequence[str], cells: list[list[str]], right: Sequence[str]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    stdout().print(table)


def _aligned(headers: Sequence[str], cells: list[list[str]], right: Sequence[str]) -> Iterator[str]:
    """Lines of columns, two spaces apart, nothing cut: Chinese letters count two."""
    from rich.cells import cell_len

    lines = [list(headers), *cells]
    widths = [max(cell_len(line[place]) for line in lines) for place in range(len(headers))]
    for line in lines:
        columns = []
        for header, text, width in zip(headers, line, widths, strict=True):
            space = " " * (width - cell_len(text))
            columns.append(space + text if header in right else text + space)
        yield "  ".join(columns).rstrip()
