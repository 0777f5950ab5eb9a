"""sqlglot's view of a statement: its tree, its names."""

import logging
from typing import TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

Tree: TypeAlias = exp.Expression

# It warns of every statement that it keeps as text; we look at what comes back instead.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def parse(text: str) -> Tree | None:
    """The statement's tree; None when sqlglot cannot read it."""
    try:
        tree = sqlglot.parse_one(text, read="postgres")
    except (SqlglotError, RecursionError):
        return None
    return tree if isinstance(tree, exp.Expression) and not isinstance(tree, exp.Command) else None


def folded(name: exp.Expression | None) -> str:
    """What an identifier names: in small letters unless it is quoted."""
    if not isinstance(name, exp.Identifier):
        return name.name.lower() if name else ""
    return str(name.this) if name.args.get("quoted") else str(name.this).lower()


def key(table: exp.Table) -> str:
    """The same for every way to write a table's name; one without a schema is taken to be in public."""
    schema = folded(table.args.get("db"))
    return f"{schema or 'public'}.{folded(table.this)}"


def written(node: exp.Expression) -> str:
    """A name as SQL."""
    return node.sql("postgres", comments=False)
