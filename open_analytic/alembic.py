"""Collections in your own Alembic project: ``import open_analytic.alembic`` in its env.py.

It registers ``op.create_collection``, ``op.drop_collection``, ``op.create_ann_index`` and ``op.drop_ann_index``, and
teaches ``--autogenerate`` to write them for what ``collection(...)`` declares beside your tables.
``op.adopt_collection`` makes a collection of a table that is there.
"""

import logging
from collections.abc import Mapping
from typing import Any

import pgvector.sqlalchemy  # noqa: F401 - teaches SQLAlchemy to read vector columns
from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations, ops
from alembic.util import DispatchPriority
from psycopg import sql
from sqlalchemy import Connection, MetaData

from open_analytic.store import indexes, queries, tables
from open_analytic.types import EF_CONSTRUCTION, M, Metric

__all__ = ["collection"]

logger = logging.getLogger(__name__)

KEY = "open_analytic"  # of declarations in MetaData.info
SCHEMA = "open_analytic"


def collection(
    name: str,
    metadata: MetaData,
    *,
    dim: int,
    columns: Mapping[str, str] | None = None,
    metric: Metric = "l2",
    many: bool = False,
    pipeline: str | None = None,
    version: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    ann_index: bool = False,
) -> None:
    """Declare a collection beside your tables, for ``alembic revision --autogenerate``."""
    options = {"columns": columns, "pipeline": pipeline, "version": version, "parameters": parameters}
    shape = _shape(name, dim=dim, metric=metric, many=many, **options)
    metadata.info.setdefault(KEY, {})[".".join(tables.split(name))] = (shape, ann_index)


def _shape(name: str, **options: Any) -> tables.Shape:
    given = {key: value for key, value in options.items() if value is not None}
    return tables.Shape(name=name.removeprefix("public."), **given)


@Operations.register_operation("create_collection")
class CreateCollection(MigrateOperation):
    """Make a collection and enter it in the catalogue."""

    def __init__(self, shape: tables.Shape) -> None:
        self.shape = shape

    @classmethod
    def create_collection(
        cls,
        operations: Operations,
        name: str,
        *,
        dim: int,
        columns: Mapping[str, str] | None = None,
        metric: Metric = "l2",
        many: bool = False,
        pipeline: str | None = None,
        version: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Create a collection: its table, and its entry in the catalogue of open_analytic.

        ``columns`` are your own (name -> SQL type). With ``pipeline`` and ``version`` it takes the features of that
        version only; without, vectors computed elsewhere.
        """
        options = {"columns": columns, "pipeline": pipeline, "version": version, "parameters": parameters}
        operations.invoke(cls(_shape(name, dim=dim, metric=metric, many=many, **options)))

    def reverse(self) -> "DropCollection":
        return DropCollection(self.shape.name, self.shape)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("create_collection", self.shape.name)


@Operations.register_operation("adopt_collection")
class AdoptCollection(MigrateOperation):
    """Make a collection of a table that is there."""

    def __init__(self, shape: tables.Shape, renamed: Mapping[str, str], feature_version: int | None) -> None:
        self.shape, self.renamed, self.feature_version = shape, renamed, feature_version

    @classmethod
    def adopt_collection(
        cls,
        operations: Operations,
        name: str,
        *,
        dim: int,
        metric: Metric = "l2",
        many: bool = False,
        pipeline: str | None = None,
        version: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        name_column: str = "image_name",
        data_column: str = "image_data",
        feature_column: str = "feature",
        feature_version: int | None = None,
    ) -> None:
        """Make a collection of a table: columns are added, its rows stay. drop_collection makes it a table again."""
        options = {"pipeline": pipeline, "version": version, "parameters": parameters}
        renamed = {"image_name": name_column, "image_data": data_column, "feature": feature_column}
        operations.invoke(cls(_shape(name, dim=dim, metric=metric, many=many, **options), renamed, feature_version))

    def reverse(self) -> "DropCollection":
        return DropCollection(self.shape.name)


@Operations.register_operation("drop_collection")
class DropCollection(MigrateOperation):
    """Drop a collection with its table."""

    def __init__(self, name: str, shape: tables.Shape | None = None) -> None:
        self.name, self.shape = name, shape

    @classmethod
    def drop_collection(cls, operations: Operations, name: str) -> None:
        """Drop a collection: its table with everything in it, and its entry in the catalogue."""
        operations.invoke(cls(name))

    def reverse(self) -> CreateCollection:
        if self.shape is None:
            raise NotImplementedError(
                f"What collection {self.name!r} was like is not known, so it cannot be made again."
            )
        return CreateCollection(self.shape)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("drop_collection", self.name)


@Operations.register_operation("create_ann_index")
class CreateAnnIndex(MigrateOperation):
    """Build the HNSW index of a collection."""

    def __init__(self, name: str, metric: Metric, m: int = M, ef_construction: int = EF_CONSTRUCTION) -> None:
        indexes.check(m, ef_construction)
        self.name, self.metric, self.m, self.ef_construction = name, metric, m, ef_construction

    @classmethod
    def create_ann_index(
        cls,
        operations: Operations,
        name: str,
        *,
        metric: Metric = "l2",
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
    ) -> None:
        """Build the index of a collection CONCURRENTLY: what the migration did before is committed first."""
        operations.invoke(cls(name, metric, m, ef_construction))

    def reverse(self) -> "DropAnnIndex":
        return DropAnnIndex(self.name, self.metric, self.m, self.ef_construction)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("create_ann_index", self.name)


@Operations.register_operation("drop_ann_index")
class DropAnnIndex(CreateAnnIndex):
    """Drop the HNSW index of a collection."""

    @classmethod
    def drop_ann_index(
        cls,
        operations: Operations,
        name: str,
        *,
        metric: Metric = "l2",
        m: int = M,
        ef_construction: int = EF_CONSTRUCTION,
    ) -> None:
        """Drop the index of a collection CONCURRENTLY. The options are those it would be made again with."""
        operations.invoke(cls(name, metric, m, ef_construction))

    def reverse(self) -> CreateAnnIndex:  # type: ignore[override]  # the way back is the other class
        return CreateAnnIndex(self.name, self.metric, self.m, self.ef_construction)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("drop_ann_index", self.name)


# Doing


def _run(operations: Operations, statement: sql.Composable) -> None:
    text = statement.as_string()
    context = operations.get_context()
    if context.as_sql:
        context.impl.static_output(text.strip() + ";")
    else:
        operations.get_bind().exec_driver_sql(text, execution_options={"no_parameters": True})


@Operations.implementation_for(CreateCollection)
def _create_collection(operations: Operations, operation: CreateCollection) -> None:
    _run(operations, tables.make(operation.shape, migrated=True))


@Operations.implementation_for(AdoptCollection)
def _adopt_collection(operations: Operations, operation: AdoptCollection) -> None:
    shape, version = operation.shape, operation.feature_version
    _run(operations, tables.adopt(shape, renamed=operation.renamed, feature_version=version))


@Operations.implementation_for(DropCollection)
def _drop_collection(operations: Operations, operation: DropCollection) -> None:
    _run(operations, tables.drop(operation.name))


@Operations.implementation_for(CreateAnnIndex)
def _create_ann_index(operations: Operations, operation: CreateAnnIndex) -> None:
    statement = indexes.create_statement(
        operation.name,
        operation.metric,
        m=operation.m,
        ef_construction=operation.ef_construction,
        index=indexes.index_name(operation.name),
    )
    with operations.get_context().autocommit_block():
        _drop_indexes(operations, operation.name)  # also what an interrupted attempt left behind
        _run(operations, statement)


@Operations.implementation_for(DropAnnIndex)
def _drop_ann_index(operations: Operations, operation: DropAnnIndex) -> None:
    with operations.get_context().autocommit_block():
        _drop_indexes(operations, operation.name)


def _drop_indexes(operations: Operations, name: str) -> None:
    schema, table = tables.split(name)
    found = {indexes.index_name(name)}
    if not operations.get_context().as_sql:
        found.update(*(entry.indexes for entry in _read(operations.get_bind()) if entry.key == (schema, table)))
    for index in sorted(found):
        _run(operations, queries.query("index_drop").format(index=sql.Identifier(schema, index)))


# Writing


@renderers.dispatch_for(CreateCollection)
def _render_create(_: AutogenContext, operation: CreateCollection) -> str:
    shape = operation.shape
    options: dict[str, Any] = {"dim": shape.dim, "metric": shape.metric}
    optional = {
        "many": shape.many or None,
        "columns": dict(shape.columns) or None,
        "pipeline": shape.pipeline,
        "version": shape.version,
        "parameters": dict(shape.parameters) or None,
    }
    options |= {key: value for key, value in optional.items() if value is not None}
    return f"op.create_collection({shape.name!r}, {', '.join(f'{key}={value!r}' for key, value in options.items())})"


@renderers.dispatch_for(DropCollection)
def _render_drop(_: AutogenContext, operation: DropCollection) -> str:
    return f"op.drop_collection({operation.name!r})"


@renderers.dispatch_for(CreateAnnIndex)
def _render_create_index(_: AutogenContext, operation: CreateAnnIndex) -> str:
    return f"op.create_ann_index({operation.name!r}, {_index_options(operation)})"


@renderers.dispatch_for(DropAnnIndex)
def _render_drop_index(_: AutogenContext, operation: DropAnnIndex) -> str:
    return f"op.drop_ann_index({operation.name!r}, {_index_options(operation)})"


def _index_options(operation: CreateAnnIndex) -> str:
    return f"metric={operation.metric!r}, m={operation.m}, ef_construction={operation.ef_construction}"


# Comparing


class _There:
    """A collection of the database, as autogenerate sees it."""

    def __init__(self, row: Any) -> None:
        schema, table, pipeline, version, dim, metric, many, *rest = row
        parameters, migrated, columns, found, indexed, has_source = rest
        self.key = (schema, table)
        self.migrated, self.indexes, self.indexed = migrated, set(found), indexed
        self.own = set(tables.own(many, has_source))
        options = {"pipeline": pipeline, "version": version, "parameters": parameters}
        mine = {name: type_ for name, type_ in columns.items() if name not in self.own}
        self.shape = _shape(f"{schema}.{table}", dim=dim, metric=metric, many=many, columns=mine, **options)


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def _compare(context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Any) -> None:
    """After Alembic compared the tables: collections are taken out of what it found, and compared by us."""
    connection = context.connection
    if connection is None or connection.dialect.name != "postgresql":
        return
    there = {entry.key: entry for entry in _read(connection)}
    declared = _declared(context)
    default = connection.dialect.default_schema_name or "public"
    modelled = {(table.schema or default, table.name) for table in context.sorted_tables}
    _spare(upgrade, there, set(declared), modelled, default)
    for key, (shape, ann_index) in declared.items():
        found = there.get(key)
        if found is None:
            upgrade.ops.insert(0, CreateCollection(shape))
        else:
            _warn(shape, found.shape)
        if ann_index and not (found and found.indexed):
            upgrade.ops.append(CreateAnnIndex(shape.name, shape.metric))
    for key, entry in there.items():
        if entry.migrated and key not in declared and (key[0] == default or key[0] in schemas):
            upgrade.ops.append(DropCollection(entry.shape.name, entry.shape))


def _read(connection: Connection) -> list[_There]:
    if connection.exec_driver_sql("SELECT to_regclass('open_analytic.collections')").scalar() is None:
        return []
    statement = queries.query("collections_there").as_string()
    return [_There(row) for row in connection.exec_driver_sql(statement, execution_options={"no_parameters": True})]


def _declared(context: AutogenContext) -> dict[tuple[str, str], tuple[tables.Shape, bool]]:
    metadata = context.metadata
    sources = [metadata] if isinstance(metadata, MetaData) else metadata or []
    return {
        tables.split(shape.name): (shape, ann_index)
        for source in sources
        for shape, ann_index in source.info.get(KEY, {}).values()
    }


def _spare(
    upgrade: ops.UpgradeOps,
    there: Mapping[tuple[str, str], _There],
    declared: set[tuple[str, str]],
    modelled: set[tuple[str, str]],
    default: str,
) -> None:
    """Take out what concerns our schema and our tables: they are neither missing nor foreign.

    Of a collection that is modelled as a Table as well, to be queried, Alembic goes on to compare the user's columns.
    """
    kept: list[MigrateOperation] = []
    for operation in upgrade.ops:
        key = (getattr(operation, "schema", None) or default, getattr(operation, "table_name", ""))
        if key[0] == SCHEMA:
            continue
        if isinstance(operation, ops.CreateTableOp | ops.DropTableOp) and (key in there or key in declared):
            continue
        if isinstance(operation, ops.ModifyTableOps) and key in there:
            operation.ops = [inner for inner in operation.ops if not _is_ours(inner, there[key])]
            if key not in modelled or not operation.ops:
                continue
        kept.append(operation)
    upgrade.ops[:] = kept


def _is_ours(operation: MigrateOperation, entry: _There) -> bool:
    if isinstance(operation, ops.CreateTableCommentOp | ops.DropTableCommentOp):
        return True
    if isinstance(operation, ops.DropIndexOp):
        return operation.index_name in entry.indexes
    column = getattr(operation, "column_name", None) or getattr(getattr(operation, "column", None), "name", None)
    return column in entry.own


def _warn(wanted: tables.Shape, found: tables.Shape) -> None:
    """A different shape is not a change that autogenerate can write: a warning names it, for its author to decide."""
    for what in ("dim", "metric", "many", "pipeline", "version"):
        if getattr(wanted, what) != getattr(found, what):
            logger.warning(
                "Collection %s is declared with %s %r but has %r: nothing is changed. Declare what it has, or a new "
                "collection under another name, and import the pictures into that.",
                wanted.name, what, getattr(wanted, what), getattr(found, what),
            )  # fmt: skip
    for name in sorted(set(wanted.columns) ^ set(found.columns)):
        add = name in wanted.columns
        logger.warning(
            "Collection %s %s column %s: write op.%s_column in a migration of your own.",
            wanted.name, "lacks the" if add else "has an undeclared", name, "add" if add else "drop",
        )  # fmt: skip
