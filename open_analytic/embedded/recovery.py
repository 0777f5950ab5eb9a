"""What an earlier server left behind: one that still runs, orphans, stale files. Taken over, ended, cleared away."""

import fcntl
import os
import shutil
import signal
import time
from pathlib import Path

from open_analytic.embedded import cluster, process, watchdog
from open_analytic.embedded.home import Home, State
from open_analytic.errors import EmbeddedServerFailed

_ORPHANS_S = 3.0  # what orphaned backends get to end by themselves


def take_over(home: Home, lock: int, hold: int) -> State | None:
    """Wait for what is left of an earlier server: the state of one that answers, or None once nothing is left.

    In the latter case the server's lock is held, so no process of it lives and its pid and socket files are stale.
    ``hold`` is our own hold on the clients' lock.
    """
    _refuse_shared_files(home)
    began = time.monotonic()
    patience = process.Patience(home.log, home.log.stat().st_size if home.log.exists() else 0)
    while not watchdog.try_lock(lock):
        state = home.state
        if state and process.answers(home, state):
            return state
        waited = time.monotonic() - began
        if home.data.is_dir() and watchdog.postmaster(home.data) is None:
            _end_orphans(home.data, waited)
        elif _unreachable(home, state):
            _restart(home, lock, hold)
        if patience.is_over():
            raise cluster.failed(
                f"An earlier embedded server in {home.folder} neither answers nor ends.",
                process.tail(home.log, 0),
                hint="Stop it: open_analytic.embedded.stop(home).",
            )
        time.sleep(0.1)
    clear(home)
    return None


def _refuse_shared_files(home: Home) -> None:
    """Two servers would write to the same files: refuse a copy that is made of hard links to the original's."""
    state = home.state
    control = home.data / "global" / "pg_control"
    if state and state.data and control.is_file() and control.stat().st_nlink > 1 and state.data != home.identity:
        raise EmbeddedServerFailed(
            f"{home.data} is a copy made of hard links: it shares its files with the original.",
            hint=f"Make a whole copy, for example: cp -a {str(home.folder)!r} NEW_HOME.",
        )


def _end_orphans(data: Path, waited_s: float) -> None:
    """Backends whose postmaster was killed end by themselves, or are made to: no commit depends on them."""
    if waited_s > _ORPHANS_S:
        number = signal.SIGKILL if waited_s > 3 * _ORPHANS_S else signal.SIGQUIT
        for pid in watchdog.members(data):
            watchdog.tell(pid, number)


def _unreachable(home: Home, state: State | None) -> bool:
    """Whether the postmaster says it is ready, yet its socket is not there."""
    if not home.data.is_dir() or watchdog.condition(home.data) != "ready":
        return False
    return not (state and process.is_own(home, state) and Path(state.socket, watchdog.SOCKET).exists())


def _restart(home: Home, lock: int, hold: int) -> None:
    """Stop a server whose socket is gone, unless others still use it."""
    others = not watchdog.try_lock(hold)
    if not others:
        watchdog.shut_down(lock, home.data)
    fcntl.flock(hold, fcntl.LOCK_SH)
    if others:
        raise EmbeddedServerFailed(
            f"The embedded server of {home.folder} runs, but its socket is gone.",
            hint="End the other programs that use it, or stop it: open_analytic.embedded.stop(home).",
        )


def clear(home: Home) -> None:
    """Drop what a dead server left: PostgreSQL itself would not start over a recycled pid or a zombie."""
    forget_socket(home)
    shutil.rmtree(home.folder / "data.new", ignore_errors=True)
    if not home.data.is_dir():
        return
    foreign = watchdog.postmaster(home.data)
    if foreign is not None:
        raise EmbeddedServerFailed(
            f"A PostgreSQL that open_analytic did not start (process {foreign}) runs on {home.data}.",
            hint="Stop it, or connect to it by its DSN.",
        )
    (home.data / "postmaster.pid").unlink(missing_ok=True)


def forget_socket(home: Home) -> None:
    """Drop the folder of the last server's socket."""
    if not home.data.is_dir():
        return
    descriptor = cluster.open_folder(home.folder)
    try:
        watchdog.remove_socket(watchdog.socket_folder(descriptor, home.data.stat()), home.account.uid)
    finally:
        os.close(descriptor)
