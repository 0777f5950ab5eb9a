"""A script of AnalyticDB's OpenAnalytic as statements for PostgreSQL with pgvector. Pure: what it must know it asks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from open_analytic.analyticdb import column, extensions, feeds, indexes, settings, tables
from open_analytic.analyticdb.column import ColumnType
from open_analytic.analyticdb.feeds import Feed
from open_analytic.analyticdb.indexes import AnnIndex
from open_analytic.analyticdb.source import Edit, Source, split
from open_analytic.analyticdb.statement import Statement
from open_analytic.analyticdb.tables import Table

PipelineDim: TypeAlias = Callable[[str], int | None]
TableType: TypeAlias = Callable[[str, str], str | None]

SAME = "PostgreSQL takes it as it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """An index with the column it needs. ``creator`` is the CREATE TABLE of the script that makes the column."""

    index: AnnIndex
    creator: Table | None
    had: ColumnType | None
    column: ColumnType


def translate(script: str, *, pipeline_dim: PipelineDim, table_type: TableType) -> list[Statement]:
    """The script's statements with what each becomes.

    ``pipeline_dim`` gives the numbers of a pipeline's feature; ``table_type`` the type of a column the database has, by
    the table's name as SQL and the column's own. Both give None for what they do not know.
    """
    sources = list(split(script))
    created = [table for source in sources if (table := tables.read(source))]
    targets = [index for source in sources if (index := indexes.read(source))]
    dims = partial(_dims, _fed(sources, created), _created(sources), targets, pipeline_dim)
    placed = {placement.index.source.number: placement for placement in _placed(targets, created, dims, table_type)}
    return [_statement(source, placed) for source in sources]


def _statement(source: Source, placed: dict[int, Indexed]) -> Statement:
    becomes, why = (
        _index(placed.get(source.number))
        or extensions.translate(source)
        or settings.translate(source)
        or _table(source, placed)
        or ((source.text,), SAME)
    )
    return Statement(number=source.number, line=source.line, source=source.text, becomes=becomes, why=why)


def _index(placement: Indexed | None) -> tuple[tuple[str, ...], str] | None:
    if placement is None:
        return None
    index, type_ = placement.index, placement.column
    statements = (indexes.write(index, type_),)
    why = f"ann is HNSW of pgvector here, with the distance {index.options.metric}."
    if placement.creator or placement.had == type_:
        return statements, why
    why = f"{why} {index.place} becomes {type_} first, as pgvector needs it."
    return (indexes.convert(index, type_), *statements), why


def _table(source: Source, placed: dict[int, Indexed]) -> tuple[tuple[str, ...], str] | None:
    """A CREATE TABLE whose features are vectors, without what a single server has no use for."""
    if not tables.is_create(source):
        return None
    edits, reasons = tables.storage(source)
    for placement in placed.values():
        if placement.creator is None or placement.creator.number != source.number or placement.had == placement.column:
            continue
        place, line = placement.creator.columns[placement.index.name], placement.index.source.line
        edit: Edit = (place.start, place.end, str(placement.column))
        if edit not in edits:
            edits.append(edit)
            reasons.append(f"{placement.index.name} is {placement.column}, for the index of line {line}.")
    return ((source.edited(edits),), " ".join(reasons)) if edits else None


def _placed(
    targets: Sequence[AnnIndex],
    created: Sequence[Table],
    dims: Callable[[AnnIndex, bool], dict[str, int]],
    ask: TableType,
) -> Iterator[Indexed]:
    """Every index with its column, in the order of the script: an index finds what those before it made."""
    known: dict[tuple[int, str, str], ColumnType] = {}
    for index in targets:
        creator, had = _column(index, created, ask)
        place = (creator.number if creator else 0, index.key, index.name)
        had = known.get(place, had)
        filled = dims(index, creator is not None)
        type_ = indexes.target(index, had, set(filled.values()))
        _agree(index, type_, filled)
        known[place] = type_
        yield Indexed(index=index, creator=creator, had=had, column=type_)


def _column(index: AnnIndex, created: Sequence[Table], ask: TableType) -> tuple[Table | None, ColumnType | None]:
    """The CREATE TABLE that makes the column, when the script has it, and the column's type, when anybody knows it."""
    before = [table for table in created if table.key == index.key and table.number < index.source.number]
    there = ask(index.table, index.name) if not before or before[-1].optional else None
    if there is not None:  # CREATE TABLE IF NOT EXISTS leaves such a table alone
        return None, column.parse(there)
    definition = before[-1].columns.get(index.name) if before else None
    return (before[-1], definition.type) if definition else (None, None)


def _fed(sources: Sequence[Source], created: Sequence[Table]) -> list[Feed]:
    columns = {table.key: tuple(table.columns) for table in created}
    return [feed for source in sources for feed in feeds.feeds(source, columns)]


def _created(sources: Sequence[Source]) -> dict[str, bool]:
    """The pipelines the script creates, and whether the last time it does so with a definition of its own."""
    return {name: own for source in sources for name, own in feeds.created(source)}


def _dims(
    fed: Sequence[Feed],
    created: dict[str, bool],
    targets: Sequence[AnnIndex],
    pipeline_dim: PipelineDim,
    index: AnnIndex,
    in_script: bool,
) -> dict[str, int]:
    """The pipelines that fill the index's column, as far as the script tells, and how many numbers each gives.

    A script that makes one pipeline and one indexed table, and fills it elsewhere, means the one for the other.
    """
    mine = [feed for feed in fed if feed.key == index.key and feed.column in (None, index.name)]
    names = {name for feed in mine for name in feed.pipelines}
    if not mine and in_script and len({other.place for other in targets}) == 1 and len(created) == 1:
        names = set(created)
    by_name = {name: pipeline_dim(name) for name in sorted(names) if not created.get(name)}
    return {name: dim for name, dim in by_name.items() if dim}


def _agree(index: AnnIndex, type_: ColumnType, filled: dict[str, int]) -> None:
    for name, dim in filled.items():
        if dim != type_.dim:
            raise index.source.refused(
                f"{index.place} would have dim {type_.dim}, but the pipeline {name} gives {dim} numbers.",
                f"Write WITH (dim = {dim}).",
            )
