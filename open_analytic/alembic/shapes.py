"""Shapes of collections: as a project declares them, and as the database has them."""

from typing import Any

from sqlalchemy import Connection

from open_analytic.store import queries, tables


def make_shape(name: str, **options: Any) -> tables.Shape:
    """What a migration declares of a collection; options that are None have their defaults."""
    present = {key: value for key, value in options.items() if value is not None}
    return tables.Shape(name=name.removeprefix("public."), **present)


class Existing:
    """A collection of the database, as autogenerate sees it."""

    def __init__(self, row: Any) -> None:
        schema, table, pipeline, version, dim, metric, many, *rest = row
        parameters, migrated, columns, names, indexed, has_source = rest
        self.key = (schema, table)
        self.migrated, self.indexes, self.indexed = migrated, set(names), indexed
        self.own = set(tables.own(many, has_source))
        options = {"pipeline": pipeline, "version": version, "parameters": parameters}
        mine = {name: type_ for name, type_ in columns.items() if name not in self.own}
        self.shape = make_shape(f"{schema}.{table}", dim=dim, metric=metric, many=many, columns=mine, **options)


def read(connection: Connection) -> list[Existing]:
    """All collections of the catalogue; none where open_analytic has no schema yet."""
    if connection.exec_driver_sql("SELECT to_regclass('open_analytic.collections')").scalar() is None:
        return []
    statement = queries.query("collections_there").as_string()
    return [Existing(row) for row in connection.exec_driver_sql(statement, execution_options={"no_parameters": True})]
