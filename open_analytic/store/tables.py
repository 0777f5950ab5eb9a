"""What a collection is as a table: its names, its columns, its vectors, the statements that make it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import psycopg
from numpy.typing import ArrayLike, NDArray
from psycopg import sql
from psycopg.types.json import Json

from open_analytic.errors import BadParameter, BadVector, InvalidName
from open_analytic.regions import BOX, TYPES
from open_analytic.store.queries import query, quoted
from open_analytic.types import CollectionInfo, InputColumns, Metric
from open_analytic.util.lexer import is_text as is_text

MAX_DIM = 4000  # what an HNSW index over halfvec takes
LARGEST_HALF = 65504  # number of a halfvec, whose numbers have 16 bits
PLAIN_DIM = 3000  # up to here a feature stays in its row, with 2 kB of the page left for the other columns
ROOM = 1024  # bytes a row can have beside its feature before its long values go out of line

OWN = ("feature", "pipeline_version", "imported_at")  # ours, beside those that hold an input
SOURCE = "source"  # ours where the catalogue says so: a user's own column can have that name
PART = "part"  # ours in collections with one row a region, beside the column of the region
SYSTEM = (  # PostgreSQL's, and what a search computes
    "tableoid",
    "xmin",
    "cmin",
    "xmax",
    "cmax",
    "ctid",
    "open_analytic_distance",
)
METRICS: tuple[Metric, ...] = ("l2", "cosine", "ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A collection before it is made."""

    name: str
    dim: int
    metric: Metric = "l2"
    many: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    pipeline: str | None = None
    version: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: InputColumns = field(default_factory=InputColumns)
    region: str = BOX  # with ``many``: the type of the regions, which names their column

    def __post_init__(self) -> None:
        split(self.name)
        if isinstance(self.dim, bool) or not isinstance(self.dim, int) or not 1 <= self.dim <= MAX_DIM:
            raise BadParameter(f"A collection's dim is {self.dim!r}.", hint=f"It can be 1 to {MAX_DIM}.")
        if self.metric not in METRICS:
            raise BadParameter(f"There is no metric {self.metric!r}.", hint=f"Choose of: {', '.join(METRICS)}.")
        if (self.pipeline is None) != (self.version is None):
            raise BadParameter(
                f"Collection {self.name!r} needs a pipeline with its version, or neither.", hint="Give both, or none."
            )
        if self.region not in TYPES:
            raise BadParameter(f"There is no region {self.region!r:.80}.", hint=f"Choose of: {', '.join(TYPES)}.")
        check_columns(self.columns, own(self.inputs, self.region_column))

    @property
    def region_column(self) -> str | None:
        """The column that holds the region of a row; None where a row is a whole input."""
        return self.region if self.many else None


def split(name: str) -> tuple[str, str]:
    """Schema and table of a collection's name: ``table`` is in public, ``schema.table`` says where."""
    if not isinstance(name, str):
        raise _no_name(name)
    return _split(name)


@lru_cache(maxsize=1024)
def _split(name: str) -> tuple[str, str]:
    """Checked once: every statement of a collection names its table."""
    schema, dot, table = name.rpartition(".")
    if not dot:
        schema = "public"
    for word in (schema, table):
        if "." in word or not is_identifier(word):
            raise _no_name(name)
    return schema, table


def _no_name(name: object) -> InvalidName:
    return InvalidName(
        f"{name!r:.200} cannot be a collection's name.",
        hint="Use table or schema.table, each of 1 to 63 bytes, without further dots.",
    )


def is_identifier(name: str) -> bool:
    """Whether PostgreSQL takes this as a name, quoted; longer ones it would cut off silently."""
    return is_text(name) and 1 <= len(name.encode()) <= 63


def own(inputs: InputColumns, region: str | None, has_source: bool = False) -> tuple[str, ...]:
    """The columns that are ours."""
    regions = (PART, region) if region else ()
    return (inputs.name, inputs.data, inputs.sha256, *OWN, *regions, *((SOURCE,) if has_source else ()))


def region_of(info: CollectionInfo) -> sql.SQL:
    """What a row holds of its region, for a statement with bound values."""
    return quoted(info.region) if info.region else sql.SQL("NULL")


def input_columns(info: CollectionInfo) -> dict[str, sql.SQL]:
    """The columns that hold an input, quoted, for a statement with bound values; ``bytes``: the data as bytea."""
    names = {"name": info.inputs.name, "data": info.inputs.data, "sha256": info.inputs.sha256}
    columns = {place: quoted(name) for place, name in names.items()}
    return columns | {"bytes": _bytes(info, columns["data"])}


def _bytes(info: CollectionInfo, data: sql.SQL) -> sql.SQL:
    return data if info.inputs.data_type == "bytea" else sql.SQL(f"convert_to({data.as_string()}, 'UTF8')")


def check_columns(columns: Mapping[str, str], reserved: tuple[str, ...]) -> None:
    """Refuse column names that are ours or PostgreSQL's, or none at all."""
    for name in columns:
        if not isinstance(name, str) or not is_identifier(name):
            raise InvalidName(f"{name!r:.200} cannot be a column's name.", hint="Use 1 to 63 bytes.")
        if name in reserved or name in SYSTEM:
            raise InvalidName(
                f"Column {name!r} is one every collection has.",
                hint=f"Choose another name than {', '.join((*reserved, *SYSTEM))}.",
            )


def identifier(info: CollectionInfo | Shape) -> sql.Identifier:
    """The table, quoted, for a statement without bound values."""
    return sql.Identifier(*split(info.name))


def bound(info: CollectionInfo) -> sql.SQL:
    """The table, quoted, for a statement with bound values."""
    return quoted(*split(info.name))


def check(connection: psycopg.Connection[Any], info: CollectionInfo) -> None:
    """Refuse what is in the collection's place and is none: reading it could run its owner's code."""
    connection.execute(query("table_check"), {"table": identifier(info).as_string(connection)})


def make(shape: Shape, *, migrated: bool = False, path: str | None = None) -> sql.Composed:
    """What makes the table and enters it in the catalogue; ``migrated`` when a migration did, which also drops it.

    ``path`` is the search_path that types of columns are read with: None for the session's own.
    """
    own = sql.SQL("pg_catalog.current_setting('search_path')")
    return query("collection_make").format(
        **_literals(shape, migrated=migrated),
        columns=sql.Literal(Json(dict(shape.columns))),
        path=own if path is None else sql.Literal(path),
    )


def adopt(shape: Shape, *, renamed: Mapping[str, str | None], feature_version: int | None = None) -> sql.Composed:
    """What makes a collection of a table; ``renamed``: name, data or feature -> the column that holds it."""
    return query("collection_adopt").format(
        **_literals(shape, migrated=False),
        renamed=sql.Literal(Json(dict(renamed))),
        feature_version=sql.Literal(feature_version),
    )


def _literals(shape: Shape, *, migrated: bool) -> dict[str, sql.Literal]:
    values = {
        "name": shape.name,
        "dim": shape.dim,
        "metric": shape.metric,
        "many": shape.many,
        "pipeline": shape.pipeline,
        "version": shape.version,
        "parameters": Json(dict(shape.parameters)),
        "migrated": migrated,
        "inputs": Json(asdict(shape.inputs) | {"region": shape.region}),
    }
    return {name: sql.Literal(value) for name, value in values.items()}


def drop(name: str) -> sql.Composed:
    """What drops a collection: its table with everything in it, and its row in the catalogue."""
    return query("collection_drop").format(name=sql.Literal(".".join(split(name))))


def half(vector: ArrayLike, info: CollectionInfo, what: str) -> NDArray[np.float16]:
    """The vector as a collection holds it, in 16-bit floats. ``what`` names it in the error, should it not fit."""
    try:
        wide = np.asarray(vector, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadVector(f"{what} is not a row of numbers.", hint=f"Give {info.dim} numbers.") from error
    if wide.shape != (info.dim,):
        size = " x ".join(map(str, wide.shape)) or "no"
        raise BadVector(f"{what} has {size} numbers, collection {info.name!r} takes {info.dim}.", hint=_models_of(info))
    if not np.isfinite(wide).all():
        raise BadVector(f"{what} has numbers that are not finite (NaN or infinity).", hint="Check what made it.")
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float16)
    if not np.isfinite(narrow).all():
        raise BadVector(f"{what} has numbers beyond {LARGEST_HALF}, which halfvec cannot hold.", hint="Normalise it.")
    if info.metric == "cosine" and not narrow.any():
        raise BadVector(f"{what} is zero, so it has no direction for the cosine.", hint="Use the metric l2 for such.")
    return narrow


def _models_of(info: CollectionInfo) -> str:
    if info.pipeline is None:
        return "Give vectors of one and the same model."
    return f"Give vectors of pipeline {info.pipeline!r} version {info.version}."
