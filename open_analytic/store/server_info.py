"""What a server is and what the connected role can do there, for ``open-analytic doctor``."""

from dataclasses import dataclass

from open_analytic.store.connection import connect
from open_analytic.store.error_map import translated
from open_analytic.store.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A server and a role. ``user`` and ``admin`` are None where the schema's roles were not made yet."""

    version: str
    vector: str | None  # pgvector in this database
    vector_offered: str | None  # pgvector on this server
    role: str
    superuser: bool
    user: bool | None
    admin: bool | None
    creates: bool  # tables in the schema public
    owner: bool = False  # of our schema
    standby: bool = False


def facts(dsn: str) -> Facts:
    """Ask the server; nothing is changed."""
    with translated(), connect(dsn, vectors=False) as connection:
        row = connection.execute(query("server_facts")).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    version, vector, offered, role, superuser, user, admin, creates, owner, standby = row
    return Facts(
        version=version,
        vector=vector,
        vector_offered=offered,
        role=role,
        superuser=superuser,
        user=user,
        admin=admin,
        creates=creates,
        owner=owner,
        standby=standby,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Where a process of the inference service is, as the database has it."""

    name: str
    http: str | None
    wire: str | None
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlFacts:
    """How the SQL functions reach the service. What only the owner sees is None for others."""

    body: str | None  # plpython3u, dblink, or neither
    plpython_offered: bool
    dblink: str | None  # its version
    python_path: str | None
    nodes: tuple[Node, ...] | None


def sql_facts(dsn: str) -> SqlFacts:
    """Ask the server; nothing is changed."""
    with translated(), connect(dsn, vectors=False) as connection:
        row = connection.execute(query("sql_facts")).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
        language, offered, dblink, owner = row
        nodes = connection.execute(query("nodes")).fetchall() if owner else None
        path = connection.execute(query("python_path")).fetchone() if owner else None
    return SqlFacts(
        body={"plpython3u": "plpython3u", "plpgsql": "dblink"}.get(language),
        plpython_offered=offered,
        dblink=dblink,
        python_path=path[0] if path else None,
        nodes=None
        if nodes is None
        else tuple(Node(name=name, http=http, wire=wire, token=token) for name, http, wire, token in nodes),
    )
