"""Which roles the inference service does not connect as: who searches over HTTP would have all their rights."""

from open_analytic.errors import PermissionDenied
from open_analytic.store.connection import connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query


def check(dsn: str) -> None:
    """PermissionDenied when the role can do more than search: predefined roles, attributes, functions of the server.

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
