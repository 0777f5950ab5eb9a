"""``open-analytic sql``: scripts written for AnalyticDB's OpenAnalytic."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from open_analytic.cli.context import Context
from open_analytic.cli.failures import printable
from open_analytic.cli.output import note, print_json, print_table, say
from open_analytic.errors import UnreadableFile
from open_analytic.util.jsonable import jsonable

if TYPE_CHECKING:
    from open_analytic.analyticdb.running import Outcome
    from open_analytic.analyticdb.statement import Statement

SHOWN_BYTES = 8  # of a bytea in a table


def sql(
    context: Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The script; - is standard input.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Print what each statement becomes and why, and run nothing.")
    ] = False,
) -> None:
    """Run a script written for AnalyticDB's OpenAnalytic.

    Its extensions, tables and ann indexes become those of PostgreSQL with pgvector; other statements run as they are.
    Each is committed for itself, the first that fails ends it.
    """
    from open_analytic.analyticdb import running
    from open_analytic.analyticdb.translation import translate

    script = _text(file)
    with context.open() as db, running.session(db.dsn) as connection:
        statements = translate(
            script,
            pipeline_dim=partial(running.pipeline_dim, db),
            table_type=partial(running.table_type, connection),
        )
        if explain:
            _explain(context, running.checked(connection, statements))
        else:
            _print(context, running.run(connection, statements))


def _text(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UnreadableFile(
            f"The script {str(file)!r} cannot be read: {reason}.", hint="Give SQL in UTF-8."
        ) from error


def _explain(context: Context, statements: "Sequence[Statement]") -> None:
    if context.json:
        print_json(statements)
        return
    for statement in statements:
        say(f"-- Line {statement.line}: {statement.why}")
        if statement.unchanged:
            _say_sql(statement.source)
            continue
        _say_sql(statement.source, "-- ")
        for text in statement.becomes:
            _say_sql(text)


def _say_sql(text: str, before: str = "") -> None:
    """The statement with its line breaks, a semicolon at its end unless it is a comment."""
    for line in (text if before else text + ";").split("\n"):
        sys.stdout.write(before + "\t".join(map(printable, line.rstrip("\r").split("\t"))) + "\n")


def _print(context: Context, outcomes: "Iterable[Outcome]") -> None:
    """Rows as tables, or one JSON list of objects for each statement that gives rows."""
    several = False
    for outcome in outcomes:
        if outcome.columns is None:
            note(outcome.tag)
            continue
        names = _names(outcome.columns)
        if context.json:
            print_json([dict(zip(names, row, strict=True)) for row in outcome.rows])
            continue
        if several:
            say("")
        several = True
        print_table(names, [list(map(_cell, row)) for row in outcome.rows], right=_numbers(names, outcome.rows))


def _names(columns: Sequence[str]) -> list[str]:
    """The columns' names, each once: SELECT can give one name to several."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for name in columns:
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def _cell(value: Any) -> Any:
    """A value as a table shows it: bytes shortened, arrays and JSON as JSON."""
    if isinstance(value, bytes):
        rest = f"... ({len(value):,} bytes)" if len(value) > SHOWN_BYTES else ""
        return f"\\x{value[:SHOWN_BYTES].hex()}{rest}"
    return json.dumps(jsonable(value), ensure_ascii=False) if isinstance(value, dict | list) else value


def _numbers(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """The columns that hold numbers and nothing else."""
    columns = zip(names, zip(*rows, strict=True), strict=False)
    return [name for name, cells in columns if all(_is_number(cell) for cell in cells if cell is not None)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
