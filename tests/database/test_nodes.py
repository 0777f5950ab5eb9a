"""The database is told where its service is, once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

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
