"""A primary and its streaming standby, made with pg_basebackup, each on a socket of its own folder."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from open_analytic.embedded import account, binaries

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_directories": "{folder}",
    "unix_socket_permissions": "0700",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "shared_buffers": "64MB",
    "fsync": "off",
    "hot_standby_feedback": "on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Both servers' addresses, without a database's name."""

    primary: str
    standby: str

    def catch_up(self) -> None:
        """Wait until the standby has applied what the primary has committed."""
        with psycopg.connect(self.primary, dbname="postgres", autocommit=True) as connection:
            (at,) = connection.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or ("0/0",)
        with psycopg.connect(self.standby, dbname="postgres", autocommit=True) as connection:
            behind: Any = True
            while behind:
                statement = "SELECT pg_last_wal_replay_lsn() < %s::pg_lsn, pg_sleep(0.02)"
                (behind, _) = connection.execute(statement, [at]).fetchone() or (False, None)


@contextmanager
def started(pg_bin: Path | None = None) -> Iterator[Pair]:
    """Both servers, as the account that embedded servers run as; skips where pg_basebackup is missing."""
    with tempfile.TemporaryDirectory(prefix="oa-standby-", dir="/tmp") as name:
        folder = Path(name)
        owner = account.choose(folder)
        programs = binaries.find(pg_bin, owner).folder
        if not (programs / "pg_basebackup").is_file():
            pytest.skip(f"PG_BASEBACKUP MISSING: {programs} has none; install PostgreSQL's client programs.")
        shutil.chown(folder, owner.uid, owner.gid)

        def run(program: str, *words: str) -> None:
            command = [str(programs / program), *words]
            subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **owner.options)

        def start(server: str, port: int) -> None:
            log = str(folder / f"{server}.log")
            run("pg_ctl", "-D", str(folder / server), "-w", "-l", log, "-o", f"-p {port}", "start")

        running: list[str] = []
        try:
            run("initdb", "-D", str(folder / "primary"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
            _configure(folder)
            start("primary", 5432)
            running.append("primary")
            run("pg_basebackup", "-D", str(folder / "standby"), "-R", "-h", name, "-U", "postgres", "-c", "fast")
            start("standby", 5433)
            running.append("standby")
            yield Pair(
                primary=f"host={folder} port=5432 user=postgres", standby=f"host={folder} port=5433 user=postgres"
            )
        finally:
            for server in reversed(running):
                run("pg_ctl", "-D", str(folder / server), "-w", "-m", "immediate", "stop")


def _configure(folder: Path) -> None:
    with (folder / "primary" / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value.format(folder=folder)}'\n" for name, value in _SETTINGS.items())
