"""The wire is spoken to by dblink in a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from open_analytic.errors import BadImage
from tests.process.service.wiring import MAX_BYTES, SECONDS, Service, error_row, eventually, run, started

if TYPE_CHECKING:
    from open_analytic import embedded


@pytest.fixture
def caller(empty_dsn: str, service: Service) -> Iterator[psycopg.Connection]:
    """A session of the embedded server that has the service as dblink connection 'oa'."""
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        prepare(connection, service)
        yield connection


def prepare(connection: psycopg.Connection, service: Service) -> None:
    connection.execute("CREATE EXTENSION dblink")
    connection.execute("SELECT dblink_connect('oa', %s)", [service.dsn])


def ask(connection: psycopg.Connection, query: str) -> None:
    assert connection.execute("SELECT dblink_send_query('oa', %s)", [query]).fetchone() == (1,)


def is_busy(connection: psycopg.Connection) -> bool:
    return connection.execute("SELECT dblink_is_busy('oa')").fetchone() == (1,)


def fetch(connection: psycopg.Connection) -> list[Any]:
    """The answer; asking once more, as libpq wants it, gives nothing."""
    assert eventually(lambda: not is_busy(connection))
    query = "SELECT output, error FROM dblink_get_result('oa') AS answer (output text, error text)"
    answer = connection.execute(query).fetchall()
    assert connection.execute(query).fetchall() == []
    return answer


def test_dblink_asks_again_and_again(caller: psycopg.Connection) -> None:
    for size in (3, MAX_BYTES, 0):
        ask(caller, run(bytes(size)))
        assert fetch(caller) == [(f'{{"bytes": {size}}}', None)]


def test_dblink_waits_without_blocking(caller: psycopg.Connection, fresh: Service) -> None:
    caller.execute("SELECT dblink_disconnect('oa')")
    caller.execute("SELECT dblink_connect('oa', %s)", [fresh.dsn])
    started(fresh, lambda: ask(caller, run(b"hold")))
    assert is_busy(caller)
    fresh.release()
    assert fetch(caller) == [('{"bytes": 4}', None)]


def test_dblink_gets_errors_as_rows(caller: psycopg.Connection) -> None:
    ask(caller, run(b"bad"))
    assert fetch(caller) == error_row(BadImage(hint="Try ä PNG."))


def test_dblink_raises_refusals(caller: psycopg.Connection) -> None:
    ask(caller, "SELECT 1")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="This is no SQL server"):
        fetch(caller)


def test_dblink_cancels(caller: psycopg.Connection, service: Service) -> None:
    started(service, lambda: ask(caller, run(b"hold")))
    assert caller.execute("SELECT dblink_cancel_query('oa')").fetchone() == ("OK",)
    with pytest.raises(psycopg.errors.QueryCanceled, match="The request was cancelled"):
        fetch(caller)
    assert service.handler.cancelled.acquire(timeout=SECONDS)
    assert caller.execute("SELECT count(*) FROM dblink_get_result('oa') AS a (o text, e text)").fetchone() == (0,)
    ask(caller, run(b"abc"))
    assert fetch(caller) == [('{"bytes": 3}', None)]


def test_a_terminated_backend_cancels_its_request(
    caller: psycopg.Connection, service: Service, server: embedded.Server
) -> None:
    started(service, lambda: ask(caller, run(b"hold")))
    with psycopg.connect(server.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [caller.info.backend_pid])
    assert service.handler.cancelled.acquire(timeout=SECONDS)


def test_an_ordinary_role_connects_with_the_password(caller: psycopg.Connection, service: Service) -> None:
    caller.execute("CREATE ROLE wire_caller")
    try:
        caller.execute("SET ROLE wire_caller")
        connected = caller.execute("SELECT dblink_connect('own', %s)", [service.dsn])
        assert connected.fetchone() == ("OK",)
    finally:
        caller.execute("RESET ROLE")
        caller.execute("DROP ROLE wire_caller")


def test_dblink_speaks_from_a_database_in_latin1(server: embedded.Server, service: Service) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE wire_latin1 TEMPLATE template0"
            " ENCODING 'LATIN1' LOCALE_PROVIDER 'libc' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    with psycopg.connect(server.dsn, dbname="wire_latin1", autocommit=True) as connection:
        prepare(connection, service)
        ask(connection, run(b"abc", b"bad"))
        assert fetch(connection) == error_row(BadImage(hint="Try ä PNG."))
