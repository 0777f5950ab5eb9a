"""Connections that died are replaced at once; a fork is told; nothing of a reader stays in a session."""

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, CannotConnect
from open_analytic.store.connection import Connection, Database
from tests import tiny
from tests.database.conftest import OpenDatabase

SIZE = 16
LEFT = """
SELECT (SELECT count(*) FROM pg_prepared_statements),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
       current_setting('work_mem')
"""
FORK = Path(__file__).with_name("forked.py")


class Counted(Database):
    """Counts the connections that were made."""

    instances = 0

    def _connect(self) -> Connection:
        self.instances += 1
        return super()._connect()


def _fill(database: Database, size: int) -> list[int]:
    """Have so many idle connections; their backends."""
    together = threading.Barrier(size)
    backends: list[int] = []

    def hold() -> None:
        with database.transaction() as connection:
            backends.append(connection.info.backend_pid)
            together.wait()

    threads = [threading.Thread(target=hold) for _ in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return backends


def _await_gone(dsn: str, backends: list[int]) -> None:
    with psycopg.connect(dsn, autocommit=True, options="-c idle_session_timeout=0") as other:
        while other.execute("SELECT FROM pg_stat_activity WHERE pid = ANY (%s)", [backends]).rowcount:
            time.sleep(0.01)


def test_every_dead_connection_is_replaced_by_one_attempt(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    database = Counted(dsn, Settings.read({}, connections=SIZE))
    backends = _fill(database, SIZE)
    assert database.instances == SIZE
    with psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s::integer[]) AS pid", [backends])
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            with database.transaction() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    assert database.instances == SIZE + 1
    assert caplog.records == []
    database.close()


def test_sessions_that_the_server_ends_when_idle_are_replaced(dsn: str) -> None:
    name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET idle_session_timeout = '200ms'").format(name))
    database = Counted(dsn, Settings.read({}, connections=4))
    for round_ in range(1, 3):
        _await_gone(dsn, _fill(database, 4))
        assert database.instances == 4 * round_
    database.close()


def test_a_refusal_is_known_at_once_and_silent(dsn: str, caplog: pytest.LogCaptureFixture) -> None:
    name = str(conninfo_to_dict(dsn)["dbname"])
    database = Counted(dsn, Settings.read({}, connections=4))
    _fill(database, 4)
    with psycopg.connect(psycopg.conninfo.make_conninfo(dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    with caplog.at_level(logging.DEBUG), pytest.raises(CannotConnect, match=name), database.transaction():
        pass
    assert (database.instances, caplog.records) == (5, [])
    database.close()


def test_too_many_clients_are_not_a_wrong_password(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
        database = Database(psycopg.conninfo.make_conninfo(dsn, user="crowd"), Settings.read({}))
        with pytest.raises(CannotConnect, match="takes no more connections") as caught, database.transaction():
            pass
        assert "max_connections" in str(caught.value.hint)
        admin.execute("DROP ROLE crowd")


def test_a_reader_leaves_nothing_in_the_session(dsn: str) -> None:
    database = OpenDatabase(dsn, Settings.read({}, connections=1))
    with database.reading() as connection:
        backend = connection.info.backend_pid
        before = connection.execute(LEFT.encode()).fetchone()
        connection.execute("SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2)")
        connection.execute("SELECT set_config('work_mem', '1MB', false)")
        connection.execute("PREPARE left_over AS SELECT 1")
        connection.execute("LISTEN gossip")
    with psycopg.connect(dsn, autocommit=True) as other:
        assert other.execute("SELECT pg_try_advisory_lock(1), pg_try_advisory_lock(2)").fetchone() == (True, True)
    with pytest.raises(BadParameter), database.reading() as connection:
        connection.execute("SELECT nonsense FROM pg_advisory_lock(3)")
    with database.reading() as connection:
        assert connection.info.backend_pid == backend
        assert connection.execute(LEFT.encode()).fetchone() == before
    database.close()


@pytest.mark.parametrize("way", ["os.fork", "sys.exit", "multiprocessing"])
def test_a_fork_is_told_and_its_parent_goes_on(dsn: str, tmp_path: Path, way: str) -> None:
    cards = tiny.write(tmp_path / "cards")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(FORK)]
    arguments = [dsn, str(cards), str(tmp_path / "models"), way]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    child, parent = map(json.loads, done.stdout.splitlines())
    names = {name: refusal[0] for name, refusal in child["calls"].items()}
    assert names == dict.fromkeys(child["calls"], "OtherProcess")
    assert all("connect()" in refusal[1] for refusal in child["calls"].values())
    assert child["own"] == parent["hits"] == ["red"]
    assert parent["same_session"] is True
