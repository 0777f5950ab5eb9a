"""What the database knows of its inference service: where it is, and the role it connects as."""

from pathlib import Path
from typing import LiteralString

from open_analytic.errors import PermissionDenied
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


def check_role(dsn: str) -> None:
    """PermissionDenied when the role can do more than search: predefined roles, attributes, functions of the server.

    A client that searches over HTTP has all rights of the role that the service connects as.
    Membership counts through any chain of roles, inherited or not: a search can set the role.
    """
    with translated(), connect(dsn, vectors=False) as connection:
        row = connection.execute(query("service_rights")).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    role, excess = row
    if excess:
        raise PermissionDenied(
            f"The role {role!r} is, or can become, {excess}: clients of the service could do that in a search.",
            hint="Serve with a role that only reads: CREATE ROLE open_analytic_service LOGIN; "
            "GRANT open_analytic_user TO open_analytic_service; and user=open_analytic_service in the DSN.",
        )
