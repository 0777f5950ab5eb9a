"""CREATE INDEX ... USING ann (feature) WITH (dim = ...): read with sqlglot, written as pgvector's HNSW."""

from dataclasses import dataclass

from sqlglot import exp

from open_analytic.analyticdb import options, syntax
from open_analytic.analyticdb.column import MAX_DIM, PLAIN_DIM, ColumnType
from open_analytic.analyticdb.options import Options
from open_analytic.analyticdb.source import Edit, Source, closing, outside

OURS = ("real[]", "float2[]", "vector", "halfvec")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnIndex:
    """An index of AnalyticDB's on one column. Names come twice: as SQL, and as what they name."""

    source: Source
    table: str
    key: str
    column: str
    name: str
    options: Options

    @property
    def place(self) -> str:
        """The column with its table, for messages."""
        return f"{self.key.removeprefix('public.')}.{self.name}"


def read(source: Source) -> AnnIndex | None:
    """The index; None when the statement creates none with ann."""
    if source.words(1) != ["create"] or "index" not in source.words(3) or _using(source) is None:
        return None
    tree = syntax.parse(source.text)
    index = tree.this if isinstance(tree, exp.Create) else None
    parameters = index.args.get("params") if isinstance(index, exp.Index) else None
    if index is None or parameters is None:
        raise source.refused(
            "It cannot be read.", "Write CREATE INDEX name ON table USING ann (feature) WITH (dim = 1024)."
        )
    column, table = _column(source, parameters), index.args["table"]
    return AnnIndex(
        source=source,
        table=syntax.written(table),
        key=syntax.key(table),
        column=syntax.written(column.this),
        name=syntax.folded(column.this),
        options=options.read(source, _storage_options(source, parameters)),
    )


def target(index: AnnIndex, column: ColumnType | None, dims: set[int]) -> ColumnType:
    """The type the column needs for the index. ``column`` is what it has, None when nobody knows;
    ``dims`` are those of the pipelines that fill it."""
    source, dim_option = index.source, index.options.dim
    if column and column.searchable:
        return _as_it_is(index, column)
    if column and column.name not in OURS:
        raise source.refused(f"{index.place} is {column}; an ann index takes real[].", "Declare it as real[].")
    dim = dim_option or (column.dim if column else None) or (dims.pop() if len(dims) == 1 else None)
    if dim is None:
        raise source.refused(f"How many numbers {index.place} has is not known.", "Write WITH (dim = 1024).")
    if dim > MAX_DIM:
        raise source.refused(f"{index.place} has dim {dim}.", f"pgvector indexes up to {MAX_DIM}.")
    half = dim > PLAIN_DIM or (column is not None and column.name in ("float2[]", "halfvec"))
    return ColumnType("halfvec" if half else "vector", dim)


def write(index: AnnIndex, column: ColumnType) -> str:
    """The statement for pgvector: everything that is not AnalyticDB's stays as written."""
    tokens, place = index.source.tokens, _using(index.source) or 0
    last = closing(tokens, place + 1)
    edits: list[Edit] = [
        (tokens[place].start, tokens[place].end, "hnsw"),
        (tokens[last - 1].end, tokens[last - 1].end, f" {column.name}_{index.options.metric}_ops"),
    ]
    with_ = next((number for number, token in outside(tokens) if number > last and token.word == "with"), None)
    if with_ is None:
        edits.append((tokens[last].end, tokens[last].end, f" {index.options.storage}"))
    else:
        edits.append((tokens[with_].start, tokens[closing(tokens, with_ + 1)].end, index.options.storage))
    return index.source.edited(edits)


def convert(index: AnnIndex, column: ColumnType) -> str:
    """The statement that makes the table's column one that can be indexed."""
    return f"ALTER TABLE {index.table} ALTER COLUMN {index.column} TYPE {column} USING {index.column}::{column}"


def _as_it_is(index: AnnIndex, column: ColumnType) -> ColumnType:
    dim_option = index.options.dim
    if dim_option and dim_option != column.dim:
        raise index.source.refused(
            f"The index has dim {dim_option}, {index.place} is {column}.", f"Write WITH (dim = {column.dim})."
        )
    most = PLAIN_DIM if column.name == "vector" else MAX_DIM
    if column.dim and column.dim > most:
        raise index.source.refused(
            f"{index.place} is {column}; pgvector indexes {column.name} up to {most}.",
            f"halfvec goes up to {MAX_DIM}: ALTER TABLE {index.table} ALTER COLUMN {index.column} TYPE "
            f"halfvec({column.dim}).",
        )
    return column


def _using(source: Source) -> int | None:
    """Where ann stands after USING."""
    before = ""
    for place, token in outside(source.tokens):
        if before == "using":
            return place if token.name == "ann" else None
        before = token.word
    return None


def _column(source: Source, parameters: exp.Expression) -> exp.Column:
    """The one column, without an order and an operator class: WITH names the distance."""
    columns = parameters.args.get("columns") or []
    column = columns[0].this if len(columns) == 1 else None
    if not isinstance(column, exp.Column) or columns[0].args.get("desc") is not None:
        raise source.refused(
            "An ann index is on one column, without an expression, an order or an operator class.",
            "Write USING ann (feature); WITH (distancemeasure = L2) names the distance.",
        )
    return column


def _storage_options(source: Source, parameters: exp.Expression) -> dict[str, str]:
    """Names and values of the WITH, in small letters."""
    texts: dict[str, str] = {}
    for item in parameters.args.get("with_storage") or []:
        name, value = item.this.name.lower(), item.args["value"]
        plain = isinstance(value, exp.Literal | exp.Var | exp.Column | exp.Identifier)
        if name in texts:
            raise source.refused(f"{name} stands twice in WITH.", "Leave one out.")
        texts[name] = (value.name if plain else syntax.written(value)).lower()
    return texts
