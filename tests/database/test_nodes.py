"""The database is told where its service is, once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from open_analytic.errors import PermissionDenied
from open_analytic.store import nodes

ROWS = """
SELECT (SELECT json_agg(json_build_array(n.name, n.http, n.wire, n.wait_ms, n.xmin)) FROM open_analytic.nodes AS n),
       (SELECT json_agg(json_build_array(s.name, s.value, s.xmin)) FROM open_analytic.settings AS s)
"""


def tell(dsn: str, folder: str = "/s") -> None:
    nodes.tell(
        dsn, name="embedded", http=f"unix:{folder}/http.sock", wire=f"host={folder} port=5433", wait_ms=9,
        python_path=Path("/p"),
    )  # fmt: skip


def rows(dsn: str) -> Any:
    with psycopg.connect(dsn) as connection:
        return connection.execute(ROWS).fetchone()


def test_what_is_known_is_not_written_again(dsn: str) -> None:
    tell(dsn)
    before = rows(dsn)
    tell(dsn)
    assert rows(dsn) == before
    tell(dsn, "/new")
    ((name, http, wire, wait_ms, _),), ((key, value, _),) = rows(dsn)
    assert (name, http, wire, wait_ms) == ("embedded", "unix:/new/http.sock", "host=/new port=5433", 9)
    assert (key, value) == ("python_path", "/p")


def test_several_may_tell_at_once(dsn: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(tell, [dsn] * 16))
    assert len(rows(dsn)[0]) == 1


def test_the_service_s_role_reads_and_writes_nothing(dsn: str) -> None:
    tell(dsn)
    with psycopg.connect(psycopg.conninfo.make_conninfo(dsn, user="open_analytic_service")) as connection:
        assert connection.execute("SELECT count(*) FROM open_analytic.current_pipelines").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT token FROM open_analytic.nodes")
        connection.rollback()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("CREATE TABLE mine ()")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        ("CREATE ROLE {} LOGIN SUPERUSER", "a superuser"),
        ("CREATE ROLE {} LOGIN; GRANT pg_execute_server_program TO {}", "pg_execute_server_program"),
        ("CREATE ROLE {} LOGIN NOINHERIT; GRANT pg_read_server_files TO {}", "pg_read_server_files"),
        ("CREATE ROLE {} LOGIN; GRANT pg_write_server_files TO {}", "pg_write_server_files"),
        ("CREATE ROLE {} LOGIN; GRANT pg_read_all_data TO {}", "pg_read_all_data"),
        ("CREATE ROLE {} LOGIN NOINHERIT; GRANT pg_write_all_data TO {}", "pg_write_all_data"),
        ("CREATE ROLE {} LOGIN; GRANT pg_monitor TO {}", "pg_monitor, pg_read_all_settings, pg_read_all_stats"),
        ("CREATE ROLE {} LOGIN BYPASSRLS", r"\(BYPASSRLS\)"),
        ("CREATE ROLE {} LOGIN CREATEROLE", r"\(CREATEROLE\)"),
        ("CREATE ROLE {} LOGIN REPLICATION", r"\(REPLICATION\)"),
        ("CREATE ROLE {} LOGIN; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {}", r"run pg_read_file\(text\)"),
        ("CREATE ROLE {} LOGIN; GRANT EXECUTE ON FUNCTION lo_export(oid, text) TO {}", r"run lo_export\(oid,text\)"),
        ("CREATE ROLE {} LOGIN; GRANT EXECUTE ON FUNCTION pg_ls_dir(text) TO {}", r"run pg_ls_dir\(text\)"),
    ],
)
def test_a_role_with_rights_on_the_server_itself_is_no_service(dsn: str, make: str, says: str) -> None:
    role = "too_much"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(make.format(role, role).encode())
        try:
            with pytest.raises(PermissionDenied, match=says) as caught:
                nodes.check_role(psycopg.conninfo.make_conninfo(dsn, user=role))
        finally:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
    assert "open_analytic_service LOGIN" in (caught.value.hint or "")


def test_a_role_that_may_become_a_superuser_is_no_service(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE above SUPERUSER; CREATE ROLE below LOGIN NOINHERIT; GRANT above TO below")
        try:
            for options in ("", "-c role=below"):
                with pytest.raises(PermissionDenied, match="'below' is, or can become, a superuser"):
                    nodes.check_role(psycopg.conninfo.make_conninfo(dsn, user="below", options=options))
        finally:
            connection.execute("DROP ROLE below; DROP ROLE above")


def test_rights_count_through_any_chain_of_roles_and_from_everybody(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE ROLE far NOINHERIT; CREATE ROLE near NOINHERIT; CREATE ROLE here LOGIN NOINHERIT; "
            "GRANT far TO near; GRANT near TO here"
        )
        here = psycopg.conninfo.make_conninfo(dsn, user="here")
        try:
            nodes.check_role(here)
            for grantee in ("far", "PUBLIC"):
                connection.execute(f"GRANT EXECUTE ON FUNCTION pg_read_binary_file(text) TO {grantee}".encode())
                with pytest.raises(PermissionDenied, match="able to run pg_read_binary_file"):
                    nodes.check_role(here)
                connection.execute(f"REVOKE EXECUTE ON FUNCTION pg_read_binary_file(text) FROM {grantee}".encode())
            connection.execute("GRANT pg_read_all_data TO far")
            with pytest.raises(PermissionDenied, match="pg_read_all_data"):
                nodes.check_role(here)
        finally:
            connection.execute("DROP OWNED BY far; DROP ROLE here; DROP ROLE near; DROP ROLE far")


def test_the_owner_of_a_database_may_serve(dsn: str) -> None:
    """The owner has the rights of its own tables only: what the service reads is there."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = connection.info.dbname
        owner = connection.info.user
        connection.execute("CREATE ROLE keeper LOGIN")
        try:
            connection.execute(
                psycopg.sql.SQL("ALTER DATABASE {} OWNER TO keeper").format(psycopg.sql.Identifier(name))
            )
            nodes.check_role(psycopg.conninfo.make_conninfo(dsn, user="keeper"))
        finally:
            connection.execute(
                psycopg.sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                    psycopg.sql.Identifier(name), psycopg.sql.Identifier(owner)
                )
            )
            connection.execute("DROP ROLE keeper")


def test_the_service_s_role_may_serve(dsn: str) -> None:
    tell(dsn)
    nodes.check_role(psycopg.conninfo.make_conninfo(dsn, user="open_analytic_service"))
    with pytest.raises(PermissionDenied):  # the role it was set to is not all it has
        nodes.check_role(psycopg.conninfo.make_conninfo(dsn, options="-c role=open_analytic_service"))
