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
    made = [table for source in sources if (table := tables.read(source))]
    wanted = [index for source in sources if (index := indexes.read(source))]
    dims = partial(_dims, _fed(sources, made), _created(sources), wanted, pipeline_dim)
    placed = {found.index.source.number: found for found in _placed(wanted, made, dims, table_type)}
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


def _index(found: Indexed | None) -> tuple[tuple[str, ...], str] | None:
    if found is None:
        return None
    index, type_ = found.index, found.column
    made = (indexes.write(index, type_),)
    why = f"ann is HNSW of pgvector here, with the distance {index.options.metric}."
    if found.creator or found.had == type_:
        return made, why
    return (indexes.convert(index, type_), *made), f"{why} {index.place} becomes {type_} first, as pgvector needs it."


def _table(source: Source, placed: dict[int, Indexed]) -> tuple[tuple[str, ...], str] | None:
    """A CREATE TABLE whose features are vectors, without what a single server has no use for."""
    if not tables.is_create(source):
        return None
    edits, reasons = tables.storage(source)
    for found in placed.values():
        if found.creator is None or found.creator.number != source.number or found.had == found.column:
            continue
        place, line = found.creator.columns[found.index.name], found.index.source.line
        edit: Edit = (place.start, place.end, str(found.column))
        if edit not in edits:
            edits.append(edit)
            reasons.append(f"{found.index.name} is {found.column}, for the index of line {line}.")
    return ((source.edited(edits),), " ".join(reasons)) if edits else None


def _placed(
    wanted: Sequence[AnnIndex], made: Sequence[Table], dims: Callable[[AnnIndex, bool], dict[str, int]], ask: TableType
) -> Iterator[Indexed]:
    """Every index with its column, in the order of the script: an index finds what those before it made."""
    known: dict[tuple[int, str, str], ColumnType] = {}
    for index in wanted:
        creator, had = _column(index, made, ask)
        place = (creator.number if creator else 0, index.key, index.name)
        had = known.get(place, had)
        filled = dims(index, creator is not None)
        type_ = indexes.target(index, had, set(filled.values()))
        _agree(index, type_, filled)
        known[place] = type_
        yield Indexed(index=index, creator=creator, had=had, column=type_)


def _column(index: AnnIndex, made: Sequence[Table], ask: TableType) -> tuple[Table | None, ColumnType | None]:
    """The CREATE TABLE that makes the column, when the script has it, and the column's type, when anybody knows it."""
    before = [table for table in made if table.key == index.key and table.number < index.source.number]
    there = ask(index.table, index.name) if not before or before[-1].optional else None
    if there is not None:  # CREATE TABLE IF NOT EXISTS leaves such a table alone
        return None, column.parse(there)
    found = before[-1].columns.get(index.name) if before else None
    return (before[-1], found.type) if found else (None, None)


def _fed(sources: Sequence[Source], made: Sequence[Table]) -> list[Feed]:
    columns = {table.key: tuple(table.columns) for table in made}
    return [feed for source in sources for feed in feeds.feeds(source, columns)]


def _created(sources: Sequence[Source]) -> dict[str, bool]:
    """The pipelines the script creates, and whether the last time it does so with a definition of its own."""
    return {name: own for source in sources for name, own in feeds.created(source)}


def _dims(
    fed: Sequence[Feed],
    created: dict[str, bool],
    wanted: Sequence[AnnIndex],
    pipeline_dim: PipelineDim,
    index: AnnIndex,
    in_script: bool,
) -> dict[str, int]:
    """The pipelines that fill the index's column, as far as the script tells, and how many numbers each gives.

    A script that makes one pipeline and one indexed table, and fills it elsewhere, means the one for the other.
    """
    mine = [feed for feed in fed if feed.key == index.key and feed.column in (None, index.name)]
    names = {name for feed in mine for name in feed.pipelines}
    if not mine and in_script and len({other.place for other in wanted}) == 1 and len(created) == 1:
        names = set(created)
    found = {name: pipeline_dim(name) for name in sorted(names) if not created.get(name)}
    return {name: dim for name, dim in found.items() if dim}


def _agree(index: AnnIndex, type_: ColumnType, filled: dict[str, int]) -> None:
    for name, dim in filled.items():
        if dim != type_.dim:
            raise index.source.refused(
                f"{index.place} would have dim {type_.dim}, but the pipeline {name} gives {dim} numbers.",
                f"Write WITH (dim = {dim}).",
            )
