"""The statements of this folder's .sql files by name: a line ``-- name --``, a sentence, the statement."""

import re
from functools import cache
from pathlib import Path

from psycopg import sql

_HEADING = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@cache
def _statements() -> dict[str, str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.sql")))
    _, *pieces = _HEADING.split(text)
    return dict(zip(pieces[::2], (text.strip() for text in pieces[1::2]), strict=True))


def load() -> None:
    """Read the files now, rather than for the first statement."""
    _statements()


@cache
def query(name: str) -> sql.SQL:
    """The statement of this name; its ``{places}`` are filled with psycopg.sql objects, its ``%(values)s`` bound."""
    return sql.SQL(_statements()[name])


def quoted(*name: str) -> sql.SQL:
    """A quoted name for a statement with bound values, where a percent sign must be doubled."""
    return sql.SQL(sql.Identifier(*name).as_string().replace("%", "%%"))
