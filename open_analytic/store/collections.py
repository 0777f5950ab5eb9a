"""Collections: tables with a vector column, each bound to one version of one pipeline, and the catalogue of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from open_analytic.errors import BadParameter, CollectionExists, InvalidPipeline, UnknownCollection
from open_analytic.store import tables
from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import CollectionInfo, InputColumns, Metric, PipelineInfo

if TYPE_CHECKING:
    from open_analytic.pipeline.plan import Plan


def create(
    connection: Connection,
    *,
    name: str,
    plan: "Plan",
    pipeline: PipelineInfo,
    columns: Mapping[str, str],
    metric: Metric,
) -> CollectionInfo:
    """Make the table and enter it in the catalogue. It takes the features of this version of the pipeline only."""
    return make(connection, shape(name=name, plan=plan, pipeline=pipeline, columns=columns, metric=metric))


def shape(
    *, name: str, plan: "Plan", pipeline: PipelineInfo, columns: Mapping[str, str], metric: Metric
) -> tables.Shape:
    """What a collection of a pipeline's present version is like."""
    if plan.dim is None:
        raise InvalidPipeline(f"Pipeline {plan.name!r} gives no vector.", hint="Choose one whose dim is a number.")
    if plan.unstorable:
        raise plan.unstorable
    return tables.Shape(
        name=name,
        dim=plan.dim,
        metric=metric,
        many=plan.many,
        columns=columns,
        pipeline=pipeline.name,
        version=pipeline.version,
        parameters=plan.parameters,
        inputs=plan.input_columns,
        region=plan.region_type,
    )


def existing(connection: Connection, shape: tables.Shape, error: CollectionExists, *, exist_ok: bool) -> CollectionInfo:
    """The collection that has the name, when it is alike and that is enough; else CollectionExists says more."""
    schema, table = tables.split(shape.name)
    infos = _find(connection, schema, table)
    if not infos:
        raise CollectionExists(
            f"There is a table {shape.name!r} already, and it is no collection.",
            hint="Choose another name: the table stays as it is.",
        ) from error
    differences = _differences(connection, shape, infos[0])
    if differences:
        raise CollectionExists(
            f"There is a collection {shape.name!r} already, with another {differences[0]}.",
            hint="It stays as it is: choose another name for the new one.",
        ) from error
    if not exist_ok:
        raise CollectionExists(
            f"There is a collection {shape.name!r} already, and it is alike.",
            hint=f"Open it with db.collection({shape.name!r}); create_collection(..., exist_ok=True) does so, too.",
        ) from error
    return infos[0]


def _differences(connection: Connection, shape: tables.Shape, info: CollectionInfo) -> list[str]:
    """What a collection has otherwise than it was to be; further columns do not count."""
    expected = {"pipeline": shape.pipeline, "version": shape.version, "metric": shape.metric, "dim": shape.dim}
    differences = [
        f"{what}: {getattr(info, what)}, not {value}"
        for what, value in expected.items()
        if getattr(info, what) != value
    ]
    if dict(info.parameters) != dict(shape.parameters):
        differences.append(f"set of parameters: {dict(info.parameters)}, not {dict(shape.parameters)}")
    for name, type_ in shape.columns.items():
        if name not in info.columns:
            differences.append(f"set of columns: it has no {name!r}")
        elif info.columns[name] != (as_written := _type(connection, type_)):
            differences.append(f"type of column {name!r}: {info.columns[name]}, not {as_written}")
    return differences


def _type(connection: Connection, type_: str) -> str:
    """A type's name as the catalogue writes it, with its length. It was checked when the table was to be made."""
    with translated():
        checked = connection.execute("SELECT pg_catalog.to_regtype(%s) IS NOT NULL", [type_]).fetchone()
        if checked != (True,):
            return type_
        statement = sql.SQL("SELECT NULL::{0}, pg_catalog.pg_typeof(NULL::{0})::oid").format(sql.SQL(type_))
        result = connection.execute(statement)
        row, raw = result.fetchone(), result.pgresult
        assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
        assert raw is not None  # noqa: S101
        length = raw.fmod(0) if raw.ftype(0) == row[1] else -1  # a domain has its own
        return str(connection.execute("SELECT pg_catalog.format_type(%s, %s)", [row[1], length]).fetchone()[0])  # type: ignore[index]


def make(connection: Connection, shape: tables.Shape) -> CollectionInfo:
    """Make a collection of any shape, also one that is bound to no pipeline."""
    for column, type_ in shape.columns.items():
        if not tables.is_text(type_):
            raise BadParameter(
                f"Column {column!r} cannot have the type {type_!r}.",
                hint="For example: text, integer, real, numeric(10,2), timestamptz, text[].",
            )
    with translated(), connection.transaction():
        connection.execute(tables.make(shape, path=connection.type_path))
    return get(connection, shape.name)


def adopt(
    connection: Connection, shape: tables.Shape, *, renamed: Mapping[str, str | None], feature_version: int | None
) -> CollectionInfo:
    """Make a collection of a table that is there. Errors: UnsuitableTable, VersionMismatch, PermissionDenied."""
    with translated(), connection.transaction():
        connection.execute(tables.adopt(shape, renamed=renamed, feature_version=feature_version))
    return get(connection, shape.name)


def get(connection: Connection, name: str) -> CollectionInfo:
    """The collection of this name, with the columns its table has now."""
    schema, table = tables.split(name)
    infos = _find(connection, schema, table)
    if not infos:
        known = ", ".join(info.name for info in all(connection))
        raise UnknownCollection(f"There is no collection {name!r}.", hint=f"There are: {known or 'none yet'}.")
    return infos[0]


def all(connection: Connection) -> list[CollectionInfo]:  # noqa: A001 - reads collections.all(connection)
    """Every collection whose table is there, those of public first."""
    return _find(connection, None, None)


def is_adopted(connection: Connection, info: CollectionInfo) -> bool:
    """Whether its table was there before it: dropping the collection then leaves the table."""
    with translated():
        row = connection.execute(query("collection_adopted"), {"table": tables.identifier(info).as_string()}).fetchone()
    return row is not None and bool(row[0])


def drop(connection: Connection, name: str) -> None:
    """Drop the table with everything in it, and its entry in the catalogue; an adopted table stays."""
    with translated(), connection.transaction():
        connection.execute(tables.drop(name))


def count(connection: Connection, info: CollectionInfo) -> tuple[int, int]:
    """Pictures, and table rows."""
    name = sql.Identifier(info.inputs.name)
    pictures = sql.SQL("count(DISTINCT {})").format(name) if info.many else sql.SQL("count(*)")
    with translated(), connection.transaction():
        tables.check(connection, info)
        row = connection.execute(
            query("collection_count").format(pictures=pictures, table=tables.identifier(info))
        ).fetchone()
    return row[0], row[1]  # type: ignore[index]  # an aggregate always gives a row


def vectors(connection: Connection, info: CollectionInfo) -> int:
    """Rows with a vector."""
    with translated(), connection.transaction():
        tables.check(connection, info)
        row = connection.execute(query("collection_vectors").format(table=tables.identifier(info))).fetchone()
    return row[0]  # type: ignore[index,no-any-return]  # an aggregate always gives a row


def first(info: CollectionInfo) -> psycopg.sql.SQL:
    """The condition that leaves one row a picture."""
    return psycopg.sql.SQL("AND part = 0" if info.many else "")


def _find(connection: Connection, schema: str | None, table: str | None) -> list[CollectionInfo]:
    values = {"schema": schema, "table": table, "own": list(tables.OWN)}
    with translated():
        return [_info(row) for row in connection.execute(query("collections"), values)]


def _info(row: Any) -> CollectionInfo:
    schema, table, pipeline, version, dim, metric, many, parameters, created_at, columns, *rest = row
    has_source, region, *inputs = rest
    name_column, data_column, sha256_column, data_type = inputs
    return CollectionInfo(
        name=table if schema == "public" else f"{schema}.{table}",
        schema=schema,
        pipeline=pipeline,
        version=version,
        dim=dim,
        metric=metric,
        many=many,
        parameters=parameters,
        columns=columns,
        created_at=created_at,
        has_source=has_source,
        region=region,
        inputs=InputColumns(name=name_column, data=data_column, sha256=sha256_column, data_type=data_type),
    )
