"""What our sessions are set to, whatever ALTER DATABASE, ALTER ROLE, the DSN and PG* variables say.

Set by the first statement of a session, which also asks for the user's own search_path before it is replaced. SET wins
over every other source, and connection poolers let it through, where they refuse start-up options.
"""

from typing import Any, NamedTuple

import psycopg
from pgvector.psycopg.bit import register_bit_info
from pgvector.psycopg.halfvec import register_halfvec_info
from pgvector.psycopg.sparsevec import register_sparsevec_info
from pgvector.psycopg.vector import register_vector_info
from psycopg.types import TypeInfo

PATH = "pg_catalog, pg_temp"  # nothing that another role can create in, so none of their operators runs with our rights
DEFAULT_PATH = '"$user", public'

# Settings that change how values are read or written, what statements mean, or what an error does. Left as they are:
# TimeZone, the order of DateStyle, lc_monetary and default_text_search_config, which say how the user's own texts are
# read; timeouts, default_transaction_read_only, role, tablespaces and durability, which are limits a DBA sets;
# session_replication_role and session_preload_libraries, which only a superuser can set and which cannot be undone.
SETTINGS = {
    "search_path": PATH,
    "client_encoding": "UTF8",
    "datestyle": "ISO",  # the order of day and month stays
    "intervalstyle": "postgres",
    "extra_float_digits": "1",  # floats come back as the same number
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    "standard_conforming_strings": "on",  # as the lexer reads filters
    "backslash_quote": "safe_encoding",
    "array_nulls": "on",  # else NULL in an array becomes text
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
    "row_security": "on",  # policies filter rows, and are no errors
    "check_function_bodies": "on",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "plan_cache_mode": "auto",
    "exit_on_error": "off",  # an error must not end the session
    "gin_fuzzy_search_limit": "0",  # else an index scan returns a random part of the rows
}
# Only in newer minor releases.
NEWER = """
SELECT pg_catalog.set_config('restrict_nonsystem_relation_kind', '', false)
WHERE pg_catalog.current_setting('restrict_nonsystem_relation_kind', true) <> ''
"""
# A database's owner can make everybody who comes act as the owner: what a superuser creates would then be theirs, and
# their code could RESET ROLE. A role that ALTER ROLE or the DSN sets is kept.
ROLE = """
SELECT pg_catalog.set_config('role', 'none', false)
FROM pg_catalog.pg_roles AS r
WHERE r.rolname = session_user AND r.rolsuper AND current_user <> session_user
  AND EXISTS (
      SELECT
      FROM pg_catalog.pg_db_role_setting AS s
      JOIN pg_catalog.pg_database AS b ON b.oid = s.setdatabase AND b.datname = current_database()
      WHERE s.setrole = 0::oid AND 'role=' || current_user::text = ANY (s.setconfig)
  )
"""
OWN = "SELECT pg_catalog.current_setting('search_path'), pg_catalog.pg_backend_pid()"
# The types of pgvector, which can be in any schema.
TYPES = """
SELECT n.nspname, t.typname, t.oid::bigint, t.typarray::bigint
FROM pg_catalog.pg_extension AS e
JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace
JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
                              AND d.classid = 'pg_type'::regclass AND d.deptype = 'e'
JOIN pg_catalog.pg_type AS t ON t.oid = d.objid
WHERE e.extname = 'vector' AND t.typname IN ('vector', 'halfvec', 'sparsevec')
"""
# Behind a pooler our own path can be left from an earlier session.
CONFIGURED = """
SELECT pg_catalog.substr(c.setting, 13)
FROM pg_catalog.pg_db_role_setting AS s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
WHERE c.setting LIKE 'search_path=%'
  AND (s.setrole = 0::oid OR s.setrole = (SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user))
  AND (s.setdatabase = 0::oid
       OR s.setdatabase = (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname = current_database()))
ORDER BY s.setrole = 0::oid, s.setdatabase = 0::oid
LIMIT 1
"""
REGISTER = {"vector": register_vector_info, "halfvec": register_halfvec_info, "sparsevec": register_sparsevec_info}


class SessionState(NamedTuple):
    """What a session was before we set it."""

    path: str  # the user's own search_path
    extension: str | None  # the schema of pgvector
    pooled: bool  # a pooler stands between: the next transaction can be in another session


def assignments(*, local: bool = False) -> str:
    """The SET statements."""
    word = "SET LOCAL" if local else "SET"
    return "; ".join(f"{word} {name} = {_value(name, value)}" for name, value in SETTINGS.items())


def _value(name: str, value: str) -> str:
    return value if name == "search_path" else f"'{value}'"


def prepare(connection: psycopg.Connection[Any]) -> SessionState:
    """Set the session, in one round trip, and register the types of pgvector."""
    cursor = connection.execute(f"{OWN}; {assignments()}; {NEWER}; {ROLE}; {TYPES}".encode())
    (path, backend), rows = _results(cursor)
    pooled = backend != connection.info.backend_pid
    if pooled and path == PATH:
        row = connection.execute(CONFIGURED.encode()).fetchone()
        path = row[0] if row else DEFAULT_PATH
    _register(connection, {name: TypeInfo(name, oid, array) for _, name, oid, array in rows})
    return SessionState(path=path, extension=rows[0][0] if rows else None, pooled=pooled)


def _results(cursor: psycopg.Cursor[Any]) -> tuple[Any, list[Any]]:
    """The rows of the first and of the last statement."""
    first = cursor.fetchone()
    while cursor.nextset():
        pass
    return first, cursor.fetchall()


def _register(connection: psycopg.Connection[Any], types: dict[str, TypeInfo]) -> None:
    if not types:
        return
    register_bit_info(connection, TypeInfo("bit", 1560, 1561))
    for name, register in REGISTER.items():
        if name in types:
            register(connection, types[name])
