"""What ``alembic revision --autogenerate`` writes: collections are compared with what a project declares."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.util import DispatchPriority
from sqlalchemy import MetaData

from open_analytic.alembic import shapes
from open_analytic.alembic.operations import (
    CreateAnnIndex,
    CreateCollection,
    DropAnnIndex,
    DropCollection,
)
from open_analytic.alembic.shapes import Existing
from open_analytic.regions import BOX
from open_analytic.store import tables

logger = logging.getLogger(__name__)

KEY = "open_analytic"  # of declarations in MetaData.info
SCHEMA = "open_analytic"


@renderers.dispatch_for(CreateCollection)
def _render_create(_: AutogenContext, operation: CreateCollection) -> str:
    shape = operation.shape
    options: dict[str, Any] = {"dim": shape.dim, "metric": shape.metric}
    optional = {
        "many": shape.many or None,
        "region": shape.region_column if shape.region != BOX else None,
        "columns": dict(shape.columns) or None,
        "pipeline": shape.pipeline,
        "version": shape.version,
        "parameters": dict(shape.parameters) or None,
        "input": shapes.input_of(shape.inputs),
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


@comparators.dispatch_for("schema", priority=DispatchPriority.LAST)
def _compare(context: AutogenContext, upgrade: ops.UpgradeOps, schemas: Any) -> None:
    """After Alembic compared the tables: collections are taken out of what it found, and compared by us."""
    connection = context.connection
    if connection is None or connection.dialect.name != "postgresql":
        return
    there = {entry.key: entry for entry in shapes.read(connection)}
    declared = _declared(context)
    default = connection.dialect.default_schema_name or "public"
    modelled = {(table.schema or default, table.name) for table in context.sorted_tables}
    _spare(upgrade, there, set(declared), modelled, default)
    for key, (shape, ann_index) in declared.items():
        existing = there.get(key)
        if existing is None:
            upgrade.ops.insert(0, CreateCollection(shape))
        else:
            _warn(shape, existing.shape)
        if ann_index and not (existing and existing.indexed):
            upgrade.ops.append(CreateAnnIndex(shape.name, shape.metric))
    for key, entry in there.items():
        if entry.migrated and key not in declared and (key[0] == default or key[0] in schemas):
            upgrade.ops.append(DropCollection(entry.shape.name, entry.shape))


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
    there: Mapping[tuple[str, str], Existing],
    declared: set[tuple[str, str]],
    modelled: set[tuple[str, str]],
    default: str,
) -> None:
    """Take out what concerns our schema and our tables: they are neither missing nor foreign.

    Of a collection that is modelled as a Table as well, to be queried, Alembic goes on to compare the user's columns.
    """
    rest: list[MigrateOperation] = []
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
        rest.append(operation)
    upgrade.ops[:] = rest


def _is_ours(operation: MigrateOperation, entry: Existing) -> bool:
    if isinstance(operation, ops.CreateTableCommentOp | ops.DropTableCommentOp):
        return True
    if isinstance(operation, ops.DropIndexOp):
        return operation.index_name in entry.indexes
    column = getattr(operation, "column_name", None) or getattr(getattr(operation, "column", None), "name", None)
    return column in entry.own


def _differences(declared: tables.Shape, stored: tables.Shape) -> Iterator[tuple[str, Any, Any]]:
    """What is compared: as it is declared, and as it is. Columns of a user's names are no other input."""
    for what in ("dim", "metric", "many", "region", "pipeline", "version"):
        yield what, getattr(declared, what), getattr(stored, what)
    if shapes.is_usual(stored.inputs):
        yield "input", shapes.input_of(declared.inputs) or "image", shapes.input_of(stored.inputs) or "image"


def _warn(declared: tables.Shape, stored: tables.Shape) -> None:
    """A different shape is not a change that autogenerate can write: a warning names it, for its author to decide."""
    for what, mine, theirs in _differences(declared, stored):
        if mine != theirs:
            logger.warning(
                "Collection %s is declared with %s %r but has %r: nothing is changed. Declare what it has, or a new "
                "collection under another name, and import the pictures into that.",
                declared.name,
                what,
                mine,
                theirs,
            )
    for name in sorted(set(declared.columns) ^ set(stored.columns)):
        add = name in declared.columns
        logger.warning(
            "Collection %s %s column %s: write op.%s_column in a migration of your own.",
            declared.name,
            "lacks the" if add else "has an undeclared",
            name,
            "add" if add else "drop",
        )
