"""Homes of embedded servers in tests: clients in other processes, who runs, what is in the database."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from open_analytic import embedded
from open_analytic.embedded import watchdog

CLIENT = """
import sys
from pathlib import Path
from open_analytic import embedded
server = embedded.start(Path(sys.argv[1]))
print(embedded.status(Path(sys.argv[1])).pid, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def client(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the server of this home; it reads its standard input until that ends."""
    command = [sys.executable, "-c", CLIENT, str(home)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def grown(seed: Path, home: Path) -> Path:
    """A new home with a copy of this data folder, which no server ever ran in."""
    home.mkdir(mode=0o700)
    subprocess.run(["/bin/cp", "-a", seed, home / "data"], check=True)
    return home


def postmaster_pid(process: subprocess.Popen[str]) -> int:
    """The postmaster's pid, as the client printed it."""
    assert process.stdout
    return int(process.stdout.readline())


def eventually(what: str, holds: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        time.sleep(0.05)


def free(home: Path, name: str) -> bool:
    descriptor = watchdog.open_lock(home / name)
    try:
        return watchdog.is_free(descriptor)
    finally:
        os.close(descriptor)


def gone(home: Path) -> bool:
    """Whether no process of the server and no watchdog is left."""
    return free(home, watchdog.SERVER) and free(home, watchdog.WATCHDOG)


def pid_of(home: Path) -> int:
    pid = embedded.status(home).pid
    assert pid
    return pid


def reapers_of(home: Path) -> list[int]:
    """The pids of the watchdog's two processes, by their command line."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if watchdog.__file__.encode() in words and os.fsencode(home) in words and b"-c" not in words:
                pids.append(int(entry.name))
    return pids


def kill_at_once(pids: list[int]) -> None:
    """Kill them all, stopped first: none can replace another."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def rows(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def keep(dsn: str, number: int) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n integer)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])
