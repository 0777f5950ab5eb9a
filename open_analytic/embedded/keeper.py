"""Starts the inference service and the watchdog of a home again after they were killed.

An OOM killer takes the largest process, and clients in SQL cannot start a service. The keeper is small and ends with
the server. The service holds ``service.lock``, the keeper ``keeper.lock``; each inherits it. Like the watchdog it is a
pair of processes, so that a service that is killed together with one of them is started again. Standard library
only: it is run as a file.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__:
    from open_analytic.embedded import watchdog
else:  # run as a file
    sys.path.append(str(Path(__file__).parent))
    import watchdog

SERVICE, FOREGROUND, KEEPER = "service.lock", "serve.lock", "keeper.lock"
LINGER_S = 2.0  # of a watchdog that is started again
LONGEST_PAUSE_S = 60.0  # before a service that ends again and again is started once more
STEADY_S = 60.0  # a service that ran so long is started again at once


def command(home: Path, lock: int) -> list[str]:
    """The service of the home; ``lock`` is service.lock, which it inherits."""
    return [sys.executable, "-m", "open_analytic", "serve", "--companion", str(lock), "--home", str(home)]


def main(home: Path, lock: int) -> None:
    """Look after service and watchdog until the server ends."""
    locks = {name: watchdog.open_lock(home / name) for name in (FOREGROUND, watchdog.SERVER, watchdog.WATCHDOG)}
    folder = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    owner = (home / "data").stat()
    watchdog.in_pair(lambda guarded: _watch(home, folder, owner, locks, guarded), lock)


def _watch(home: Path, folder: int, owner: os.stat_result, locks: dict[str, int], guarded: Callable[[], bool]) -> bool:
    """Whether the server has ended; False when this process has lost its parent."""
    watchdog.release(*locks.values())
    pause_s, begun, socket = watchdog.POLL_S, time.monotonic(), None
    while guarded():
        if watchdog.is_free(locks[watchdog.SERVER]):
            watchdog.remove_socket(socket, owner.st_uid)  # the watchdog can have been killed
            return True
        socket = watchdog.socket_folder(folder, owner) or socket
        with contextlib.suppress(OSError, subprocess.SubprocessError):  # no memory or no process can be had now
            if watchdog.is_free(locks[watchdog.WATCHDOG]):
                _start_reaper(home)
            if time.monotonic() - begun >= pause_s and _start_service(home, folder, locks[FOREGROUND]):
                steady = time.monotonic() - begun > STEADY_S
                pause_s, begun = watchdog.POLL_S if steady else min(2 * pause_s, LONGEST_PAUSE_S), time.monotonic()
        time.sleep(watchdog.POLL_S)
    return False


def _start_service(home: Path, folder: int, foreground: int) -> bool:
    """Start the service unless there is one, or there should be none.

    The foreground's lock is looked at only while no service can look at it: each would believe that it is held.
    """
    lock = watchdog.open_lock(home / SERVICE, make=False)
    try:
        starts = watchdog.try_lock(lock) and _may_serve(folder, foreground)
        if starts:
            _detach(command(home, lock), (lock,), sys.stderr.fileno())
    finally:
        os.close(lock)
    return starts


def _may_serve(home: int, foreground: int) -> bool:
    """Whether the server is not being stopped, and nobody serves in the foreground."""
    state = watchdog.read_state(home)
    return state is not None and not state.get("ended") and watchdog.is_free(foreground)


def _start_reaper(home: Path) -> None:
    lock = watchdog.open_lock(home / watchdog.WATCHDOG, make=False)
    log = os.open(home / "log" / "postgres.log", os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if watchdog.try_lock(lock):
            with watchdog.prepared(home, LINGER_S, lock) as (words, inherited):
                _detach(words, inherited, log)
    finally:
        os.close(lock)
        os.close(log)


def _detach(words: list[str], keep: tuple[int, ...], log: int) -> None:
    """Run it in a session of its own, as a child of nobody here, with only the log and ``keep`` open."""
    subprocess.run(
        ["/bin/sh", "-c", '"$@" &', "sh", *words],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        check=True,
        cwd="/",
        pass_fds=keep,
        start_new_session=True,
    )


if __name__ == "__main__":
    _folder, _lock = sys.argv[1:]
    main(Path(_folder), int(_lock))
