"""The operations of migrations: ``op.create_collection`` and its kind, and what each runs."""

from collections.abc import Mapping
from typing import Any

from alembic.operations import MigrateOperation, Operations
from psycopg import sql

from open_analytic.alembic import shapes
from open_analytic.alembic.shapes import make_shape
from open_analytic.store import indexes, queries, tables
from open_analytic.types import EF_CONSTRUCTION, M, Metric


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
        input: str = "image",  # noqa: A002 - as a pipeline's definition says it
        region: str | None = None,
    ) -> None:
        """Create a collection: its table, and its entry in the catalogue of open_analytic.

        ``columns`` are your own (name -> SQL type); ``input="text"`` makes text_name and text_data. With ``many`` a row
        is a region of an input, and ``region`` the type of its regions: box (default), span, text_span or frame. With
        ``pipeline`` and ``version`` it takes the features of that version only; without, vectors computed elsewhere.
        """
        options: dict[str, Any] = {
            "columns": columns,
            "pipeline": pipeline,
            "version": version,
            "parameters": parameters,
        }
        options |= {"inputs": shapes.columns_of(input), "region": region}
        operations.invoke(cls(make_shape(name, dim=dim, metric=metric, many=many, **options)))

    def reverse(self) -> "DropCollection":
        return DropCollection(self.shape.name, self.shape)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("create_collection", self.shape.name)


@Operations.register_operation("adopt_collection")
class AdoptCollection(MigrateOperation):
    """Make a collection of a table that is there."""

    def __init__(self, shape: tables.Shape, renamed: Mapping[str, str | None], feature_version: int | None) -> None:
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
        name_column: str | None = None,
        data_column: str | None = None,
        feature_column: str = "feature",
        feature_version: int | None = None,
        input: str = "image",  # noqa: A002
        region: str | None = None,
    ) -> None:
        """Make a collection of a table: columns are added, its rows stay. drop_collection makes it a table again."""
        options: dict[str, Any] = {"pipeline": pipeline, "version": version, "parameters": parameters}
        options |= {"inputs": shapes.columns_of(input), "region": region}
        renamed = {"name": name_column, "data": data_column, "feature": feature_column}
        operations.invoke(cls(make_shape(name, dim=dim, metric=metric, many=many, **options), renamed, feature_version))

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
    names = {indexes.index_name(name)}
    if not operations.get_context().as_sql:
        names.update(*(entry.indexes for entry in shapes.read(operations.get_bind()) if entry.key == (schema, table)))
    for index in sorted(names):
        _run(operations, queries.query("index_drop").format(index=sql.Identifier(schema, index)))


# Writing
