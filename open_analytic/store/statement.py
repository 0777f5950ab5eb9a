"""A search as the SQL statement that gives the same answer."""

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from open_analytic.store import tables
from open_analytic.store.connection import Connection
from open_analytic.store.queries import query
from open_analytic.store.search import TARGET_RECALL, arguments, condition
from open_analytic.types import CollectionInfo, Vector


def of_search(
    connection: Connection,
    info: CollectionInfo,
    vector: Vector,
    *,
    k: int | None,
    where: str | None,
    params: Mapping[str, Any] | None,
    max_distance: float | None,
    target_recall: float,
) -> str:
    """The statement, its values written out. The vector stands in it whole."""
    values = arguments(info, vector, k, max_distance, target_recall)
    options: dict[str, Any] = {"k": k}
    if where is not None:
        options["filter"] = condition(connection, info, where, params)
    if values["near"] is not None:
        options["max_distance"] = values["near"]
    if target_recall != TARGET_RECALL:
        options["target_recall"] = values["recall"]
    given = [sql.SQL("{} => {}").format(sql.SQL(name), sql.Literal(value)) for name, value in options.items()]
    numbers = ",".join(f"{number:.9g}" for number in vector.tolist())
    filled = query("statement").format(
        table=sql.Literal(tables.identifier(info).as_string(connection)),
        vector=sql.Literal(f"[{numbers}]"),
        options=sql.SQL(", ").join(given),
    )
    return filled.as_string(connection).partition("\n")[2]  # its first line says to us what it is
