"""Tables of rates: what distances are worth, and the verdict on two vectors, which SQL gives."""

from itertools import groupby
from typing import Any

from pgvector import Vector as PgVector
from psycopg.types.json import Jsonb

from open_analytic.store.connection import Connection
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query
from open_analytic.types import Metric, Rate, RateTable, Vector, Verification
from open_analytic.util.jsonable import jsonable


def check(connection: Connection, pipeline: str, *, false_accept_rate: float, metric: Metric) -> None:
    """Raise what ``verify`` would, before a model has to run for it."""
    values = {"pipeline": pipeline, "false_accept_rate": false_accept_rate, "metric": metric}
    with translated():
        connection.execute(query("rates_check"), values)


def verify(
    connection: Connection, a: Vector, b: Vector, *, pipeline: str, false_accept_rate: float, metric: Metric
) -> Verification:
    """Whether two vectors of a pipeline's newest version show the same."""
    values = {"pipeline": pipeline, "false_accept_rate": false_accept_rate, "metric": metric}
    with translated():
        row = connection.execute(query("rates_verify"), values | {"a": PgVector(a), "b": PgVector(b)}).fetchone()
    fields = ("same", "distance", "threshold", "false_accept_rate", "true_accept_rate")
    return Verification(**dict(zip(fields, row or (), strict=True)))


def keep(connection: Connection, table: RateTable) -> None:
    """The table in the catalogue, in place of the one there was for this version and metric."""
    values = jsonable(table) | {"rates": Jsonb(jsonable(table.rates)), "measured_at": table.measured_at}
    with translated():
        connection.execute(query("rates_keep"), values)


def get(connection: Connection, pipeline: str) -> list[RateTable]:
    """The tables that decide for a pipeline's newest version, one a metric; none when nothing was measured."""
    with translated():
        rows = connection.execute(query("rates_current"), {"pipeline": pipeline}).fetchall()
    return [_table(list(lines)) for _, lines in groupby(rows, key=lambda row: row[0]["metric"])]


def _table(rows: list[Any]) -> RateTable:
    """Of rows (what holds for the whole table, a line of it)."""
    head, measured_at, _ = rows[0]
    return RateTable(**head, measured_at=measured_at, rates=tuple(Rate(**line) for _, _, line in rows))
