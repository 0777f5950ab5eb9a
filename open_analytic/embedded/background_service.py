"""The service that comes with an embedded server: started by the first user of its home, gone with the server.

The service holds ``service.lock``, which it inherits or takes: the kernel drops it with the process, so no recycled pid
is believed. One in the foreground holds ``serve.lock`` too, at which one in the background makes room.
"""

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from open_analytic.config import PREFIX, Settings
from open_analytic.embedded import cluster, keeper, process, watchdog
from open_analytic.embedded.account import Account
from open_analytic.embedded.home import Home, State, translated
from open_analytic.errors import EmbeddedServerFailed, OpenAnalyticError
from open_analytic.util import resources

SERVICE, FOREGROUND = keeper.SERVICE, keeper.FOREGROUND
LOG = "service.log"
END_S = 10.0  # how long a stopping server waits for calls under way
_APART = ("PYTHONPATH", f"{PREFIX}DSN", f"{PREFIX}SERVICE")


def start(home: Path, settings: Settings) -> bool:
    """Start a service for the running server of this home; False when there is one. It is not waited for.

    Its keeper starts it again when it is killed.
    """
    with translated(home):
        place = Home.open(home)
        environment = _environment(os.environ, settings)
        lock = place.lock(SERVICE)
        log = process.open_log(place, LOG)
        try:
            started = watchdog.try_lock(lock)
            if started:
                watchdog.cut_log(log)
                command = keeper.command(place.folder, lock)
                process.detach(command, log=log, keep=(lock,), environment=environment)
            ensure_keeper(place, log, environment)
        finally:
            os.close(log)
            os.close(lock)
    return started


def ensure_keeper(place: Home, log: int, environment: Mapping[str, str]) -> None:
    """Start the keeper unless one is there: it holds a lock that it inherits from us."""
    lock = place.lock(keeper.KEEPER)
    try:
        if watchdog.try_lock(lock):
            command = [sys.executable, "-I", "-S", keeper.__file__, str(place.folder), str(lock)]
            process.detach(command, log=log, keep=(lock,), environment=dict(environment))
    finally:
        os.close(lock)


def _environment(ours: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The user's environment with these settings, for a process that runs in another folder."""
    inherited = {name: value for name, value in ours.items() if name not in _APART}
    path = [str(Path(folder).absolute()) for folder in ours.get("PYTHONPATH", "").split(os.pathsep) if folder]
    if resources.checkout():  # it can be importable from the working directory only
        path.append(str(resources.python_path()))
    configured = {name: value for name, value in settings.environ().items() if name not in _APART}
    return inherited | configured | ({"PYTHONPATH": os.pathsep.join(path)} if path else {})


def running(place: Home) -> bool:
    """Whether somebody serves."""
    if not (place.folder / SERVICE).exists():
        return False
    lock = place.lock(SERVICE)
    try:
        return not watchdog.is_free(lock)
    finally:
        os.close(lock)


def await_end(place: Home) -> None:
    """Wait a while for the service of a server that was stopped."""
    deadline = time.monotonic() + END_S
    while running(place) and time.monotonic() < deadline:
        time.sleep(0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLock:
    """The place of the one who serves for a home's server, held by its lock."""

    home: Home
    state: State  # of the server it was taken for
    _lock: int
    _server: int
    _foreground: int
    _in_foreground: bool

    @classmethod
    def inherit(cls, home: Path, lock: int) -> Self:
        """The place kept by the one who started us."""
        with translated(home):
            place = Home.open(home)
            held, named = os.fstat(lock), (place.folder / SERVICE).stat()
            if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino):
                raise EmbeddedServerFailed(
                    f"The descriptor {lock} is not {place.folder / SERVICE}.",
                    hint="Run `open-analytic serve` without --companion.",
                )
            os.set_inheritable(lock, False)
            return cls._at(place, lock, place.lock(FOREGROUND), in_foreground=False)

    @classmethod
    def take(cls, home: Path) -> Self:
        """The place for a process in the foreground, after the one in the background has left it."""
        with translated(home):
            place = Home.open(home)
            foreground = place.lock(FOREGROUND)
            if not watchdog.is_free(foreground):
                raise EmbeddedServerFailed(
                    f"Another `open-analytic serve` runs for {place.folder}.", hint="Stop it first."
                )
            fcntl.flock(foreground, fcntl.LOCK_SH)
            return cls._at(place, place.acquire(SERVICE), foreground, in_foreground=True)

    @classmethod
    def beside(cls, home: Path) -> Self:
        """No place of the server's, for a process that listens in a folder of its own."""
        with translated(home):
            place = Home.open(home)
            return cls._at(place, place.lock(SERVICE), place.lock(FOREGROUND), in_foreground=True)

    @classmethod
    def _at(cls, place: Home, lock: int, foreground: int, *, in_foreground: bool) -> Self:
        state = place.state
        if state is None or state.ended or not process.is_own(place, state):
            raise EmbeddedServerFailed(f"No server runs in {place.folder}.", hint="It was stopped; run it again.")
        return cls(
            home=place,
            state=state,
            _lock=lock,
            _server=place.lock(watchdog.SERVER),
            _foreground=foreground,
            _in_foreground=in_foreground,
        )

    @property
    def account(self) -> Account:
        """The account the server runs as."""
        return self.home.account

    @property
    def lock(self) -> int:
        """The descriptor of the lock that holds the place."""
        return self._lock

    @property
    def dsn(self) -> str:
        """The database, as the service's own role."""
        return process.conninfo(self.state.socket, role=cluster.SERVICE_ROLE)

    @property
    def folder(self) -> Path:
        """Where to listen: the server's own folder."""
        return Path(self.state.socket)

    @property
    def owner(self) -> int:
        """The account the server runs as, whose functions call us."""
        return self.home.account.uid

    def should_run(self) -> bool:
        """Whether the server still runs where it did, and nobody wants to serve in our place."""
        if not self._in_foreground:
            watchdog.cut_log(sys.stderr.fileno())
            if not watchdog.is_free(self._foreground):
                return False
        if self.home.state != self.state or watchdog.is_free(self._server):
            return False
        self._ensure_watch()
        return True

    def _ensure_watch(self) -> None:
        """Start a killed watchdog again: the keeper, which looks after the watchdog."""
        lock = watchdog.WATCHDOG if self._in_foreground else keeper.KEEPER
        if not (self.home.folder / lock).exists():  # the home is being deleted
            return
        with contextlib.suppress(OSError, OpenAnalyticError):
            if self._in_foreground:
                process.ensure_reaper(self.home, keeper.LINGER_S)
            else:
                ensure_keeper(self.home, sys.stderr.fileno(), os.environ)

    def is_lost(self) -> bool:
        """Whether the server ended, and nobody had stopped it on purpose."""
        state = self.home.state
        if state and state.ended and replace(state, ended="") == self.state:
            return False
        return state != self.state or watchdog.is_free(self._server)

    def leave(self) -> bool:
        """Release the place; True when it is ours again, for a new server whose user found us still here."""
        if not self._in_foreground and watchdog.is_free(self._server):
            watchdog.remove_socket(self.folder, self.owner)  # the watchdog can have been killed
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        state = self.home.state
        if self._in_foreground or state in (None, self.state) or state.ended or watchdog.is_free(self._server):
            return False
        return watchdog.is_free(self._foreground) and watchdog.try_lock(self._lock)

    def succeed(self) -> None:
        """Become a new process that serves for the new server."""
        os.set_inheritable(self._lock, True)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command once more
