"""Which pipelines a script creates, and which of them fills which column."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from open_analytic.analyticdb import syntax
from open_analytic.analyticdb.source import Source

RUNS = ("pipeline_run", "pipeline_run_dist_random", "embed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Where a column's values come from: pipelines by name, none when from elsewhere. No column means all of them."""

    key: str
    column: str | None
    pipelines: frozenset[str]


def created(source: Source) -> Iterator[tuple[str, bool]]:
    """Names of the pipelines the statement creates, and whether it brings a definition of its own."""
    tokens = source.tokens
    for place, token in enumerate(tokens[:-3]):
        opened, name, after = tokens[place + 1 : place + 4]
        if token.name == "pipeline_create" and opened.text == "(" and name.kind == "string":
            yield name.text.strip("'").replace("''", "'"), after.text == ","


def feeds(source: Source, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Feed]:
    """What an INSERT or UPDATE says. ``columns``: those of the script's tables, for one that lists none."""
    words = {token.name for token in source.tokens}
    if not words & set(RUNS):
        yield from _elsewhere(source)
        return
    tree = syntax.parse(source.text)
    if isinstance(tree, exp.Update) and isinstance(tree.this, exp.Table):
        for item in tree.expressions:
            yield _feed(tree, tree.this, item.this.this, item.expression)
    if isinstance(tree, exp.Insert):
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        listed = [syntax.folded(name) for name in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
        for row in _rows(tree.expression):
            for name, value in zip(listed or columns.get(syntax.key(table), ()), row, strict=False):
                yield _feed(tree, table, exp.to_identifier(name, quoted=True), value)


def _elsewhere(source: Source) -> Iterator[Feed]:
    """An INSERT without pipelines is not parsed: it can hold megabytes of values."""
    if source.words(2) == ["insert", "into"]:
        names = [source.tokens[2].name] if len(source.tokens) > 2 else []
        if len(source.tokens) > 4 and source.tokens[3].text == ".":
            names.append(source.tokens[4].name)
        yield Feed(key=".".join(names if len(names) > 1 else ["public", *names]), column=None, pipelines=frozenset())


def _feed(tree: syntax.Tree, table: exp.Table, column: exp.Expression | None, value: exp.Expression) -> Feed:
    names = frozenset(_pipelines(value, tree, frozenset()))
    return Feed(key=syntax.key(table), column=syntax.folded(column), pipelines=names)


def _rows(node: exp.Expression | None) -> Iterator[list[exp.Expression]]:
    """The values of an INSERT's rows, by column; a star hides which is which."""
    if isinstance(node, exp.Values):
        yield from (item.expressions for item in node.expressions)
    elif isinstance(node, exp.SetOperation):
        yield from _rows(node.this)
        yield from _rows(node.expression)
    elif isinstance(node, exp.Subquery):
        yield from _rows(node.this)
    elif isinstance(node, exp.Select) and not any(item.is_star for item in node.expressions):
        yield node.expressions


def _pipelines(node: exp.Expression, tree: syntax.Tree, seen: frozenset[str]) -> Iterator[str]:
    """The pipelines whose results are in the value, also through names given in subqueries and WITH."""
    for call in node.find_all(exp.Anonymous):
        name = call.expressions[0] if call.name.lower() in RUNS and call.expressions else None
        literal = name.find(exp.Literal) if name else None
        if literal is not None and literal.is_string:
            yield literal.name
    for column in node.find_all(exp.Column):
        name = syntax.folded(column.this)
        if name not in seen:
            for source in _named(tree, name):
                yield from _pipelines(source, tree, seen | {name})


def _named(tree: syntax.Tree, name: str) -> Iterator[exp.Expression]:
    """What the statement gives this name to."""
    for alias in tree.find_all(exp.Alias):
        if syntax.folded(alias.args.get("alias")) == name:
            yield alias.this
    for table in tree.find_all(exp.TableAlias):
        names = map(syntax.folded, (table.this, *table.columns))
        if name in names and isinstance(table.parent, exp.Expression):
            yield table.parent
