"""An index of its own for the rows with one value of a column, beside the index of all rows."""

from functools import partial

from psycopg import sql

from open_analytic.errors import BadParameter
from open_analytic.store import indexes, tables
from open_analytic.store.connection import Connection, Database, connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import EF_CONSTRUCTION, CollectionInfo, M, ProgressCallback


def create(
    database: Database | str,
    info: CollectionInfo,
    column: str,
    *,
    m: int = M,
    ef_construction: int = EF_CONSTRUCTION,
    progress: ProgressCallback | None = None,
) -> None:
    """Build one for each value that many rows have, in place of those there are; where it is absent that of all, too.

    Who comes while another builds waits, and builds what is missing then.
    """
    indexes.check(m, ef_construction)
    if not tables.is_text(column):
        raise BadParameter(f"partition_by is {column!r:.80}.", hint="Give the name of a column.")
    dsn = database if isinstance(database, str) else database.dsn
    with (
        translated(),
        connect(dsn, autocommit=True) as connection,
        indexes.alone(connection, info, progress) as waited,
    ):
        targets = _targets(connection, info, column)
        _find_others(connection, info, column)
        indexes.clear(connection, info)
        if indexes.state(connection, info) != "ready":
            indexes.replace(connection, dsn, info, m=m, ef_construction=ef_construction, progress=progress)
        total, done = sum(rows for _, rows, _ in targets), 0
        for condition, rows, old in targets:
            if not (waited and old):
                tell = progress and partial(indexes.tell, progress, total, before=done)
                indexes.build(
                    connection, dsn, info, rows, m=m, ef_construction=ef_construction, where=condition, progress=tell
                )
                indexes.drop_named(connection, info, old)
            done += rows


def _targets(connection: Connection, info: CollectionInfo, column: str) -> list[tuple[str, int, list[str]]]:
    """Conditions, the rows that meet each, and the names of the indexes there are of them."""
    tables.check(connection, info)
    values = {
        "table": tables.identifier(info).as_string(),
        "column": column,
        "opclass": indexes.OPCLASSES[info.metric],
    }
    return connection.execute(query("index_values"), values).fetchall()


def _find_others(connection: Connection, info: CollectionInfo, column: str) -> None:
    """Values that few rows have are measured: found by an ordinary index."""
    values = {"table": tables.identifier(info).as_string(), "column": column}
    if connection.execute(query("index_ordinary"), values).fetchone() != (False,):
        return
    statement = query("index_of_column").format(table=tables.identifier(info), column=sql.Identifier(column))
    try:
        connection.execute(statement)
    finally:
        if not connection.broken:
            left = [name for (name,) in connection.execute(query("index_broken"), values)]
            indexes.drop_named(connection, info, left)
