"""Which roles the inference service does not connect as: who searches over HTTP would have all their rights."""

from open_analytic.errors import PermissionDenied
from open_analytic.store.connection import connect
from open_analytic.store.faults import translated
from open_analytic.store.queries import query


def check(dsn: str) -> None:
    """PermissionDenied when the role is, or may become, one that reads files or runs programs on the server."""
    with translated(), connect(dsn, vectors=False) as connection:
        row = connection.execute(query("service_rights")).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    role, excess = row
    if excess:
        raise PermissionDenied(
            f"The role {role!r} is, or may become, {excess}: whoever searches through the service could do that too.",
            hint="Serve with a role that only reads: CREATE ROLE open_analytic_service LOGIN; "
            "GRANT open_analytic_user TO open_analytic_service; and user=open_analytic_service in the DSN.",
        )
