"""Shapes of collections: as a project declares them, and as the database has them."""

from typing import Any

from sqlalchemy import Connection

from open_analytic.errors import BadParameter
from open_analytic.kinds import ALL_KINDS, KINDS
from open_analytic.store import queries, tables
from open_analytic.types import InputColumns


def make_shape(name: str, **options: Any) -> tables.Shape:
    """What a migration declares of a collection; options that are None have their defaults."""
    present = {key: value for key, value in options.items() if value is not None}
    return tables.Shape(name=name.removeprefix("public."), **present)


def columns_of(input_: str) -> InputColumns:
    """The columns that hold inputs of a kind."""
    known = sorted(name for name, kind in KINDS.items() if kind.decoder is not None)
    if input_ not in ALL_KINDS or ALL_KINDS[input_].decoder is None:
        raise BadParameter(f"There is no input {input_!r:.80}.", hint=f"Known: {', '.join(known)}.")
    return ALL_KINDS[input_].input_columns


def input_of(inputs: InputColumns) -> str | None:
    """The kind whose columns these are; None for images, whose columns need no word, and for names of a user's."""
    names = {kind.input_columns.name: name for name, kind in KINDS.items() if kind.decoder is not None}
    return None if inputs.name == InputColumns().name else names.get(inputs.name)


def is_usual(inputs: InputColumns) -> bool:
    """Whether the columns have the names of new collections, not those of a user's own table."""
    return inputs.name in {kind.input_columns.name for kind in KINDS.values() if kind.decoder is not None}


class Existing:
    """A collection of the database, as autogenerate sees it."""

    def __init__(self, row: Any) -> None:
        schema, table, pipeline, version, dim, metric, many, *rest = row
        parameters, migrated, columns, names, indexed, has_source, region, *inputs = rest
        self.key = (schema, table)
        self.migrated, self.indexes, self.indexed = migrated, set(names), indexed
        input_columns = InputColumns(**dict(zip(("name", "data", "sha256"), inputs, strict=True)))
        self.own = set(tables.own(input_columns, region, has_source))
        options = {"pipeline": pipeline, "version": version, "parameters": parameters, "inputs": input_columns}
        options["region"] = region  # None: the default
        mine = {name: type_ for name, type_ in columns.items() if name not in self.own}
        self.shape = make_shape(f"{schema}.{table}", dim=dim, metric=metric, many=many, columns=mine, **options)


def read(connection: Connection) -> list[Existing]:
    """All collections of the catalogue; none where open_analytic has no schema yet."""
    if connection.exec_driver_sql("SELECT to_regclass('open_analytic.collections')").scalar() is None:
        return []
    statement = queries.query("collections_there").as_string()
    return [Existing(row) for row in connection.exec_driver_sql(statement, execution_options={"no_parameters": True})]
