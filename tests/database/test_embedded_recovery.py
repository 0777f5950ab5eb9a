"""A server that replays its log: waited for while it gets on, never without limit, ended when nobody is left."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.embedded import process, watchdog
from open_analytic.errors import EmbeddedServerFailed
from tests.database.homes import client, eventually, gone, grown, keep, postmaster_pid, rows


@pytest.fixture
def home(tmp_path: Path, seed: Path) -> Iterator[Path]:
    folder = grown(seed, tmp_path / "home")
    yield folder
    embedded.stop(folder)


def stuck(home: Path) -> None:
    """A stopped server whose next start waits, alive, for a log file that never comes."""
    with embedded.start(home) as server:
        keep(server.dsn, 1)
    embedded.stop(home)
    (home / "data" / "recovery.signal").touch()
    with (home / "data" / "postgresql.auto.conf").open("a") as file:
        file.write("restore_command = 'sleep 100000'\n")


def freed(home: Path) -> None:
    embedded.stop(home)
    (home / "data" / "recovery.signal").unlink()
    (home / "data" / "postgresql.auto.conf").write_text("")


def test_a_server_that_does_not_come_up_is_given_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log grows with each question that it cannot answer: that is no progress."""
    monkeypatch.setattr(process, "STALL_S", 2.0)
    stuck(home)
    with pytest.raises(EmbeddedServerFailed, match="nor logged any progress"):
        embedded.start(home)
    with pytest.raises(EmbeddedServerFailed, match=r"(?s)neither answers nor ends.*stop\(home\)"):
        embedded.start(home)  # the one that an earlier client started
    freed(home)
    with embedded.start(home) as server:
        assert rows(server.dsn) == [1]


def test_questions_are_no_progress_and_lines_of_its_own_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STALL_S", 0.0)
    log = tmp_path / "log"
    log.write_text("before\n")
    patience = process.Patience(log, 7)
    assert patience.is_over()
    monkeypatch.setattr(process, "STALL_S", 1000.0)
    for line in ("FATAL:  the database system is starting up", "FATAL:  the database system is not yet accepting ...",
                 "DETAIL:  Consistent recovery state has not been yet reached."):  # fmt: skip
        with log.open("a") as file:
            file.write(f"2026-01-01 [1] {line}\n")
        assert patience.is_over()
    with log.open("a") as file:
        file.write("2026-01-01 [1] LOG:  redo in progr")
        file.flush()
        assert patience.is_over()
        file.write("ess\n")
    assert not patience.is_over()


def startup(home: Path) -> bool:
    return watchdog.recovering(watchdog.members(home / "data"))


def test_a_server_in_recovery_ends_soon_after_its_last_client(home: Path) -> None:
    """A polite request is not heard before the log is replayed."""
    with client(home) as one:
        postmaster_pid(one)
        with embedded.start(home) as server, psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE many AS SELECT n, repeat('x', 200) FROM generate_series(1, 400000) n")
            connection.commit()
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            eventually("it recovers", lambda: startup(home) or not alive(home, connection.info.backend_pid))
    eventually("server and watchdog end", lambda: gone(home), 30)
    with embedded.start(home) as server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM many").fetchone() == (400000,)


def alive(home: Path, pid: int) -> bool:
    return pid in watchdog.members(home / "data")


def test_the_reaper_ends_a_recovery_that_nobody_waits_for(home: Path) -> None:
    stuck(home)
    with client(home):
        eventually("it replays", lambda: startup(home))
    eventually("server and watchdog end", lambda: gone(home), 30)
    freed(home)
    with embedded.start(home) as server:
        assert rows(server.dsn) == [1]
