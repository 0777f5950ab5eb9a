"""What the database knows of its inference service: where it is, and the role it connects as."""

from pathlib import Path
from typing import LiteralString

from open_analytic.store.connection import connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query

LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('open_analytic.nodes', 0))"


def tell(dsn: str, *, name: str, http: str, wire: str, wait_ms: int, python_path: Path) -> None:
    """Have the role, the node and the path in the database; what is there as it should be is left alone."""
    values = {"name": name, "http": http, "wire": wire, "wait_ms": wait_ms, "python_path": str(python_path)}
    with translated(), connect(dsn, vectors=False) as connection:
        if connection.execute(query("node_is_known"), values).fetchone() == (True,):
            return
        connection.execute(LOCK)  # of several who start at once one writes
        for statement in ("service_role", "node_upsert", "python_path_upsert"):
            connection.execute(query(statement), values if "upsert" in statement else None)
