"""Launching the server, waiting for it, and clearing away what a killed one left behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from open_analytic.embedded import cluster, reaper
from open_analytic.embedded.account import Account
from open_analytic.embedded.binaries import Binaries
from open_analytic.embedded.home import Home, State
from open_analytic.errors import EmbeddedServerFailed

DATABASE = "open_analytic"
_STALL_S = 60.0  # without any sign of progress
_ORPHANS_S = 3.0  # what orphaned backends get to end by themselves
_LONGEST_SOCKET = 103  # bytes of a socket's path on macOS; Linux takes four more


def conninfo(socket: str, database: str = DATABASE) -> str:
    """The DSN of a database behind the socket in this folder."""
    return make_conninfo(host=socket, port=5432, user=cluster.ROLE, dbname=database)


def answers(socket: str) -> bool:
    """Whether a server takes connections there; our database is made when it is missing."""
    try:
        with psycopg.connect(conninfo(socket, "postgres"), autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if not found.rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.OperationalError:
        return False
    return True


def detach(command: list[str], *, log: int, keep: tuple[int, ...], account: Account | None = None) -> None:
    """Run the command in a session of its own, as a child of nobody here, with only the log and ``keep`` open."""
    environment = cluster.environment() if account else None
    subprocess.run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, cwd="/", pass_fds=keep, start_new_session=True,
        env=environment, **(account.options if account else {}),
    )  # fmt: skip


def ensure_reaper(home: Home, linger_s: float) -> None:
    """Start the reaper unless one is there: it holds a lock that it inherits from us."""
    lock = home.lock(reaper.REAPER)
    log = open_log(home)
    try:
        if reaper.try_lock(lock):
            command = [sys.executable, "-I", "-S", reaper.__file__, str(home.folder), str(linger_s), str(lock)]
            detach(command, log=log, keep=(lock,))
    finally:
        os.close(lock)
        os.close(log)


def open_log(home: Home) -> int:
    """The server's log, to append to."""
    descriptor = os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    home.account.owns(descriptor)
    return descriptor


def launch(home: Home, binaries: Binaries, lock: int) -> State:
    """Start the postmaster, which inherits the server's lock, and wait until it takes connections."""
    socket = make_socket_folder(home.account)
    state = State(socket=str(socket), bin=str(binaries.folder), version=binaries.version)
    home.record(state)
    log, data = open_log(home), cluster.open_folder(home.data)
    said = home.log.stat().st_size
    try:
        command = [str(binaries.folder / "postgres"), "-D", cluster.seen_by(home.account, home.data, data)]
        options = {"listen_addresses": "", "unix_socket_directories": f'"{socket}"', "unix_socket_permissions": "0700"}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        detach([*command, *flags, "-c", "port=5432"], log=log, keep=(lock, data), account=home.account)
    finally:
        os.close(log)
        os.close(data)
        os.close(lock)
    await_answer(home, state, said)
    return state


def await_answer(home: Home, state: State, said: int) -> None:
    """Wait until the server answers, for as long as its log shows progress; fail with what it said since ``said``."""
    size, deadline = said, time.monotonic() + _STALL_S
    lock = home.lock(reaper.SERVER)
    try:
        while not answers(state.socket):
            if reaper.is_free(lock):
                raise cluster.failed("The embedded PostgreSQL ended while starting.", tail(home.log, said))
            if home.log.stat().st_size != size:
                size, deadline = home.log.stat().st_size, time.monotonic() + _STALL_S
            if time.monotonic() > deadline:
                raise cluster.failed(
                    f"The embedded PostgreSQL has not answered, nor logged anything, for {_STALL_S:.0f} s.",
                    tail(home.log, said), hint=f"Its log is {home.log}; try again, it goes on starting.",
                )  # fmt: skip
            time.sleep(0.02)
    finally:
        os.close(lock)


def tail(log: Path, start: int) -> str:
    """What was logged since ``start``."""
    with log.open("rb") as file:
        file.seek(start)
        return file.read().decode(errors="replace")


def make_socket_folder(account: Account) -> Path:
    """A new private folder with a short name nobody can guess, which the account can reach."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp is safe there
        longest = len(os.fsencode(parent)) + len(f"/{reaper.SOCKET_PREFIX}12345678/.s.PGSQL.5432")
        if longest > _LONGEST_SOCKET or not account.reaches(Path(parent)):
            continue
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix=reaper.SOCKET_PREFIX, dir=parent))
            descriptor = cluster.open_folder(folder)
            account.owns(descriptor)
            os.close(descriptor)
            return folder
    raise EmbeddedServerFailed(
        f"There is no short folder for temporary files that the account {account.name} can reach; a socket needs one.",
        hint="Set TMPDIR to a folder with a short path.",
    )


def take_over(home: Home, lock: int) -> State | None:
    """Wait for what is left of an earlier server: the state of one that answers, or None once nothing is left.

    In the latter case the server's lock is held, so no process of it lives and its pid and socket files are stale.
    """
    began, size, deadline = time.monotonic(), -1, time.monotonic() + _STALL_S
    while not reaper.try_lock(lock):
        state = home.state
        if state and answers(state.socket):
            return state
        waited = time.monotonic() - began
        if home.data.is_dir() and reaper.postmaster(home.data) is None:
            _end_orphans(home.data, waited)
        elif _unreachable(home, state):
            raise EmbeddedServerFailed(
                f"The embedded server of {home.folder} runs, but its socket is gone.",
                hint="End the other programs that use it, or stop it: open_analytic.embedded.stop(home).",
            )
        if home.log.exists() and home.log.stat().st_size != size:
            size, deadline = home.log.stat().st_size, time.monotonic() + _STALL_S
        if time.monotonic() > deadline:
            raise cluster.failed(
                f"An earlier embedded server in {home.folder} neither answers nor ends.", tail(home.log, 0),
                hint="Stop it: open_analytic.embedded.stop(home).",
            )  # fmt: skip
        time.sleep(0.05)
    clear(home)
    return None


def _end_orphans(data: Path, waited_s: float) -> None:
    """Backends whose postmaster was killed end by themselves, or are made to: no commit depends on them."""
    if waited_s > _ORPHANS_S:
        number = signal.SIGKILL if waited_s > 3 * _ORPHANS_S else signal.SIGQUIT
        for pid in reaper.members(data):
            reaper.tell(pid, number)


def _unreachable(home: Home, state: State | None) -> bool:
    """Whether the postmaster says it is ready, yet its socket is not there."""
    with contextlib.suppress(OSError):
        lines = (home.data / "postmaster.pid").read_text().split("\n")
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return ready and not (state and Path(state.socket, ".s.PGSQL.5432").exists())
    return False


def clear(home: Home) -> None:
    """Drop what a dead server left: PostgreSQL itself would not start over a recycled pid or a zombie."""
    reaper.remove_socket(home.folder)
    shutil.rmtree(home.folder / "data.new", ignore_errors=True)
    if not home.data.is_dir():
        return
    foreign = reaper.postmaster(home.data)
    if foreign is not None:
        raise EmbeddedServerFailed(
            f"A PostgreSQL that open_analytic did not start (process {foreign}) runs on {home.data}.",
            hint="Stop it, or connect to it by its DSN.",
        )
    (home.data / "postmaster.pid").unlink(missing_ok=True)
