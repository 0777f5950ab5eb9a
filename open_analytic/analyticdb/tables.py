"""CREATE TABLE: its columns as sqlglot reads them, and what AnalyticDB says about storage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import exp

from open_analytic.analyticdb import column, syntax
from open_analytic.analyticdb.column import ColumnType
from open_analytic.analyticdb.source import Edit, Source, closing, outside

GREENPLUM = ("appendonly", "appendoptimized", "orientation", "compresstype", "compresslevel", "blocksize", "checksum")
HINT = "Remove it: a table of PostgreSQL has rows, and compresses long values by itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as declared, and where its type stands in the statement."""

    type: ColumnType
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CREATE TABLE with its columns, in order."""

    number: int
    key: str
    optional: bool  # IF NOT EXISTS
    columns: Mapping[str, Column]


def is_create(source: Source) -> bool:
    """Whether it creates a table, temporary and unlogged ones included."""
    words = source.words(4)
    return words[:1] == ["create"] and "table" in words[1:]


def read(source: Source) -> Table | None:
    """The table; None when the statement makes none, lists no columns, or is beyond sqlglot."""
    if not is_create(source):
        return None
    # Blanks keep the places of everything else.
    hidden = source.edited([(start, end, " " * (end - start)) for start, end, _ in _distribution(source)])
    tree = syntax.parse(hidden)
    schema = tree.this if isinstance(tree, exp.Create) else None
    if not isinstance(schema, exp.Schema) or not isinstance(schema.this, exp.Table):
        return None
    definitions = [item for item in schema.expressions if isinstance(item, exp.ColumnDef)]
    return Table(
        number=source.number,
        key=syntax.key(schema.this),
        optional=bool(tree and tree.args.get("exists")),
        columns={syntax.folded(item.this): _column(source, item) for item in definitions},
    )


def storage(source: Source) -> tuple[list[Edit], list[str]]:
    """What of AnalyticDB's clauses is dropped, and why; those that cannot be dropped are refused by name."""
    _refuse(source)
    edits = list(_distribution(source))
    return edits, ["DISTRIBUTED is dropped, one server holds the table."] if edits else []


def _column(source: Source, item: exp.ColumnDef) -> Column:
    start = item.this.meta["start"]
    place = next(number for number, token in enumerate(source.tokens) if token.start == start) + 1
    rest = source.tokens[place:]
    entry = column.read(rest)
    kind = item.args.get("kind")
    type_, count = entry or (ColumnType(syntax.written(kind) if kind else "unknown"), 1)
    return Column(type=type_, start=rest[0].start, end=rest[count - 1].end)


def _distribution(source: Source) -> Iterator[Edit]:
    """The DISTRIBUTED clauses, with the blanks before them."""
    tokens = source.tokens
    for place, token in outside(tokens):
        following = tokens[place + 1].word if place + 1 < len(tokens) else ""
        if token.word != "distributed" or following not in ("by", "randomly", "replicated"):
            continue
        last = closing(tokens, place + 2) if following == "by" and place + 2 < len(tokens) else place + 1
        yield source.cut(place, last)


def _refuse(source: Source) -> None:
    tokens = source.tokens
    for place, token in outside(tokens):
        word, before = token.word, tokens[place - 1] if place else None
        if word == "subpartition" or (token.text == "(" and _partitioned(source, place)):
            raise source.refused(
                "PARTITION BY with its partitions inside is not PostgreSQL's.",
                "Write PARTITION BY alone, and each partition as CREATE TABLE ... PARTITION OF ...",
            )
        if token.text == "(" and before and before.word == "with":
            for option in tokens[place : closing(tokens, place)]:
                if option.word in GREENPLUM:
                    raise source.refused(f"PostgreSQL has no storage option {option.word}.", HINT)
    for token, following in pairwise(tokens):
        if token.word == "encoding" and following.text == "(":
            raise source.refused("PostgreSQL has no ENCODING of a column.", HINT)


def _partitioned(source: Source, place: int) -> bool:
    """Whether the parenthesis follows the one of PARTITION BY kind (...)."""
    words = [token.text.lower() for _, token in outside(source.tokens[:place])]
    return words[-4:-2] == ["partition", "by"] and words[-1] == "("
