"""Launching the server, waiting for it, and clearing away what a killed one left behind."""

import contextlib
import errno
import fcntl
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping

from open_analytic.embedded import cluster, watchdog
from open_analytic.embedded.account import Account
from open_analytic.embedded.binaries import Binaries
from open_analytic.embedded.home import Home, State
from open_analytic.errors import EmbeddedServerFailed, StorageFull
from open_analytic.util import libpq

DATABASE = "open_analytic"
STALL_S = 60.0  # without any sign of progress
LONGEST_S = 1800.0  # with it: what is replayed is limited by max_wal_size, so a longer one goes in circles
# What a server that is not ready logs of each question: no sign of its own progress.
_QUESTION = re.compile(rb"FATAL:  the database system is |DETAIL:  ")
_LONGEST_SOCKET = 103  # bytes of a socket's path on macOS; Linux takes four more


def conninfo(socket: str, database: str = DATABASE, *, role: str = cluster.ROLE) -> str:
    """The DSN of a database behind the socket in this folder."""
    return make_conninfo(host=socket, port=5432, user=role, dbname=database)


def _to_connect(socket: str, database: str, **parameters: object) -> str:
    """The same for us, whatever the environment says."""
    return make_conninfo(**libpq.explicit(conninfo_to_dict(conninfo(socket, database)) | parameters))


def answers(home: Home, state: State | None) -> bool:
    """Whether this home's own server takes connections.

    It is asked once it says that it is ready, since each question before that is a line in its log.
    """
    if not state or not is_own(home, state) or watchdog.condition(home.data) != "ready":
        return False
    return is_reachable(home.account, state)


def is_reachable(account: Account, state: State) -> bool:
    """Whether a server of the account takes connections at this socket."""
    if not is_private(account, state):
        return False
    conninfo = _to_connect(state.socket, "postgres", connect_timeout=10)
    with libpq.private():
        return PGconn.ping(conninfo.encode()) == Ping.OK


def is_own(home: Home, state: State) -> bool:
    """Whether the state is of a living server that was started on this very data directory.

    The server holds the home's lock, and its working directory keeps the inode from being used again: neither is true
    of a copied home, whose state names the original's socket.
    """
    if not home.data.is_dir() or not is_private(home.account, state) or not _is_held(home):
        return False
    if state.data:
        return state.data == home.identity
    socket = watchdog.recorded_socket(home.data)  # started by version 0.1.0
    return socket is not None and str(socket) == state.socket


def _is_held(home: Home) -> bool:
    """Whether a server of this home lives; the home can be on a read-only file system."""
    try:
        lock = os.open(home.folder / watchdog.SERVER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not watchdog.try_lock(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def is_private(account: Account, state: State) -> bool:
    """Whether the socket's folder is there, the account's own, and closed to others."""
    try:
        status = Path(state.socket).lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077


def ensure_database(state: State) -> None:
    """Make our database unless it is there."""
    try:
        with libpq.private():
            connection = psycopg.connect(_to_connect(state.socket, "postgres", connect_timeout=30), autocommit=True)
        with connection:
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise cluster.failed("The embedded server runs, but refuses.", str(error), hint="See its log.") from error


def detach(
    command: list[str],
    *,
    log: int,
    keep: tuple[int, ...],
    account: Account | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run the command in a session of its own, as a child of nobody here, with only the log and ``keep`` open."""
    environment = cluster.environment() if account else environment
    subprocess.run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        check=True,
        cwd="/",
        pass_fds=keep,
        start_new_session=True,
        env=environment,
        **(account.options if account else {}),
    )


def ensure_reaper(home: Home, linger_s: float) -> None:
    """Start the watchdog unless one is there: it holds a lock that it inherits from us."""
    if not os.access(sys.executable, os.X_OK):
        raise EmbeddedServerFailed(
            f"Python itself, {sys.executable!r}, cannot be run; without it nobody would stop the embedded server.",
            hint="Use a Python that this account can run, or give a DSN.",
        )
    lock = home.lock(watchdog.WATCHDOG)
    log = open_log(home)
    try:
        if watchdog.try_lock(lock):
            with watchdog.prepared(home.folder, linger_s, lock) as (command, inherited):
                detach(command, log=log, keep=inherited)
    finally:
        os.close(lock)
        os.close(log)


def open_log(home: Home, name: str = "postgres.log") -> int:
    """The log of the server or of another, to append to. Neither it nor its folder can be a link."""
    folder = cluster.open_folder(home.log.parent)
    try:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    finally:
        os.close(folder)
    home.account.owns(descriptor)
    return descriptor


def launch(home: Home, binaries: Binaries, lock: int) -> State:
    """Start the postmaster, which inherits the server's lock."""
    socket = make_socket_folder(home.account)
    state = State(socket=str(socket), bin=str(binaries.folder), version=binaries.version, data=home.identity)
    try:
        home.record(state)
    except OSError:
        socket.rmdir()
        raise
    log, data = open_log(home), cluster.open_folder(home.data)
    try:
        command = [str(binaries.folder / "postgres"), "-D", cluster.seen_by(home.account, home.data, data)]
        options = {"listen_addresses": "", "unix_socket_directories": f'"{socket}"', "unix_socket_permissions": "0700"}
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        detach([*command, *flags, "-c", "port=5432"], log=log, keep=(lock, data), account=home.account)
    finally:
        os.close(log)
        os.close(data)
    return state


class Patience:
    """How long a server that does not answer is waited for: as long as its log shows progress."""

    def __init__(self, log: Path, position: int) -> None:
        self._log, self._position = log, position
        self._end = time.monotonic() + LONGEST_S
        self._deadline = min(self._end, time.monotonic() + STALL_S)

    def is_over(self) -> bool:
        """Whether the log has had no line of the server's own for ``STALL_S``, or the wait takes too long."""
        if self._progress():
            self._deadline = min(self._end, time.monotonic() + STALL_S)
        return time.monotonic() > self._deadline

    def _progress(self) -> bool:
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            if os.fstat(file.fileno()).st_size < self._position:  # it was cut
                self._position = 0
            file.seek(self._position)
            new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._position += len(whole)
            return any(line and not _QUESTION.search(line) for line in whole.split(b"\n"))
        return False


def await_answer(home: Home, state: State, offset: int) -> None:
    """Wait until the server answers, for as long as its log shows progress; fail with the log from ``offset`` on."""
    patience = Patience(home.log, offset)
    lock = home.lock(watchdog.SERVER)
    try:
        while not answers(home, state):
            if watchdog.is_free(lock):
                raise cluster.failed(
                    "The embedded PostgreSQL ended while starting.", tail(home.log, offset), folder=home.data
                )
            if patience.is_over():
                raise cluster.failed(
                    f"The embedded PostgreSQL has not answered, nor logged any progress, for {STALL_S:.0f} s.",
                    tail(home.log, offset),
                    hint=f"Its log is {home.log}; try again, it goes on starting.",
                )
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
    full = False
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - mkdtemp is safe there
        longest = len(os.fsencode(parent)) + len(f"/{watchdog.SOCKET_PREFIX}12345678/.s.PGSQL.5432")
        if longest > _LONGEST_SOCKET or not account.reaches(Path(parent)):
            continue
        try:
            folder = Path(tempfile.mkdtemp(prefix=watchdog.SOCKET_PREFIX, dir=parent))
        except OSError as error:
            full = full or error.errno in (errno.ENOSPC, errno.EDQUOT)
            continue
        descriptor = cluster.open_folder(folder)
        account.owns(descriptor)
        os.close(descriptor)
        return folder
    if full:
        raise StorageFull("There is no space left for a socket.", hint="Free some space where TMPDIR is.")
    raise EmbeddedServerFailed(
        f"There is no short folder for temporary files that the account {account.name} can reach; a socket needs one.",
        hint="Set TMPDIR to a folder with a short path.",
    )
