"""Start, share and stop the server of a home folder."""

import contextlib
import fcntl
import logging
import os
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from open_analytic.embedded import background_service, binaries, cluster, process, recovery, watchdog
from open_analytic.embedded.account import Account, choose
from open_analytic.embedded.home import STOPPED, Home, State, translated
from open_analytic.errors import EmbeddedServerFailed, OpenAnalyticError, StorageFull

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Server:
    """A client's hold on the server: while any process has one, it runs. The hold dies with the process."""

    home: Path
    _account: Account
    _state: State
    _pg_bin: Path | None
    _linger_s: float
    _hold: int | None = field(repr=False)
    _log_start: int = 0  # bytes of the log that were there before
    _lock: threading.Lock = field(repr=False, default_factory=threading.Lock)

    @property
    def dsn(self) -> str:
        """The database as it was when it was opened, or asked for with ``address``, last."""
        return process.conninfo(self._state.socket)

    @property
    def socket(self) -> Path:
        """The socket's folder."""
        return Path(self._state.socket)

    @property
    def version(self) -> str:
        """PostgreSQL's."""
        return self._state.version

    @property
    def bin(self) -> Path:
        """The folder with psql, pg_dump and the others: of this process's settings.

        The home names one too, but a process that can write there must not choose what we run.
        """
        return binaries.find(self._pg_bin, choose(self.home)).folder

    def address(self) -> str:
        """The DSN as it is now: a server that has ended is started again, one that others restarted is looked up."""
        with self._lock:
            if self._hold is None or self._runs_elsewhere():  # closed, or its home was moved
                return self.dsn
            with translated(self.home):
                place = Home.open(self.home)
                if place.state != self._state or not process.answers(place, self._state):
                    logger.info("the embedded server of %s has ended: looking for its successor", self.home)
                    self._state = _share(place, self._hold, self._pg_bin, self._linger_s)
            return self.dsn

    def _runs_elsewhere(self) -> bool:
        """Whether the server runs although its home was moved. Without one, no home is made again in the old place.

        An empty database there would look like a loss.
        """
        data = self.home / "data"
        if data.is_dir() and self._state.data in ("", watchdog.identity(data.stat())):
            return False
        if process.is_reachable(self._account, self._state):
            return True
        raise EmbeddedServerFailed(
            f"The data of the embedded server in {self.home} was moved, deleted or replaced meanwhile.",
            hint="Open the home where it is now, with connect(home=...).",
        )

    def explain(self, error: OpenAnalyticError) -> OpenAnalyticError:
        """The error of a connection that broke, or StorageFull when the server's log says that it was that."""
        log = self.home / "log" / "postgres.log"
        with contextlib.suppress(OSError):
            since, self._log_start = self._log_start, log.stat().st_size
            if cluster.is_about_space(process.tail(log, since)) or cluster.is_full(self.home):
                return StorageFull(
                    f"There is no space left for the embedded database in {self.home}.",
                    hint="Free some space and run it again; what was committed is kept.",
                )
        return error

    def close(self) -> None:
        """Release the server, which stops a moment after the last client has."""
        with self._lock:
            hold, self._hold = self._hold, None
        if hold is not None:
            with contextlib.suppress(OpenAnalyticError), translated(self.home):  # a home that is gone has none
                if (self.home / watchdog.WATCHDOG).exists():
                    process.ensure_reaper(Home.open(self.home), self._linger_s)  # it can have been killed
            os.close(hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The state of a home's server, without starting it."""

    running: bool
    pid: int | None
    version: str | None
    data: Path
    log: Path
    socket: Path | None
    dsn: str | None
    service: bool  # whether the inference service runs


def start(home: Path, *, pg_bin: Path | None = None, linger_s: float = 2.0) -> Server:
    """A running server in ``home``, made and started if need be; it stops when its last client is gone.

    It waits ``linger_s`` (the first client's) for another one before that. A process killed with -9 is gone as well.
    """
    with translated(home), contextlib.ExitStack() as undo:
        place = Home.open(home)
        hold = place.acquire(watchdog.CLIENTS, fcntl.LOCK_SH)
        undo.callback(os.close, hold)
        state = _share(place, hold, pg_bin, linger_s)
        log_start = place.log.stat().st_size
        undo.pop_all()
    return Server(
        home=place.folder,
        _account=place.account,
        _state=state,
        _pg_bin=pg_bin,
        _linger_s=linger_s,
        _hold=hold,
        _log_start=log_start,
    )


def _share(place: Home, hold: int, pg_bin: Path | None, linger_s: float) -> State:
    """The state of the running server, started if need be, with its watchdog and its database."""
    with place.alone(watchdog.START):
        state = place.state
        if not state or not process.answers(place, state):
            state = _bring_up(place, hold, pg_bin, linger_s)
        process.ensure_reaper(place, linger_s)
        process.ensure_database(state)
    return state


def _bring_up(place: Home, hold: int, pg_bin: Path | None, linger_s: float) -> State:
    """Take over what is there, or make the data directory and launch the server."""
    lock = place.lock(watchdog.SERVER)
    try:
        state = recovery.take_over(place, lock, hold)
        if state:
            return state
        programs = binaries.find(pg_bin, place.account)
        if not (place.data / "PG_VERSION").is_file():
            cluster.create(place.data, programs, place.account, lock)
        cluster.check(place.data, programs, place.account)
        cluster.configure(place.data, programs, place.account)
        process.ensure_reaper(place, linger_s)  # first, so that being killed now leaves no server either
        log_start = place.log.stat().st_size
        state = process.launch(place, programs, lock)
    finally:
        os.close(lock)
    process.await_answer(place, state, log_start)
    return state


def stop(home: Path) -> bool:
    """Stop the server now, also while others use it; False when none ran. The next start brings it back."""
    folder = Path(home).expanduser().resolve()
    if not (folder / "data").is_dir():
        return False
    with translated(home):
        place = Home.open(folder)
        with place.alone(watchdog.START):
            lock = place.lock(watchdog.SERVER)
            try:
                ran = not watchdog.is_free(lock)
                if ran:
                    _stop(place, lock)
            finally:
                os.close(lock)
            recovery.forget_socket(place)
        background_service.await_end(place)  # the watchdog can have stopped the server a moment ago
    return ran


def _stop(place: Home, lock: int) -> None:
    state, socket = place.state, watchdog.recorded_socket(place.data)
    if state:
        with contextlib.suppress(OSError):  # a full disk is no reason to go on running
            place.record(replace(state, ended=STOPPED))  # so that who serves for it knows why it ends
    if not watchdog.shut_down(lock, place.data):
        if state:
            place.record(state)
        raise EmbeddedServerFailed(f"The embedded server of {place.folder} does not end.", hint=f"See {place.log}.")
    watchdog.remove_socket(socket, place.account.uid)  # when the state names another


def status(home: Path) -> ServerStatus:
    """How the server of this home is; nothing is started or made."""
    folder = Path(home).expanduser().resolve()
    data, log = folder / "data", folder / "log" / "postgres.log"
    with translated(home):
        if not data.is_dir():
            return ServerStatus(
                running=False, pid=None, version=None, data=data, log=log, socket=None, dsn=None, service=False
            )
        place = Home.open(folder)
        state = place.state
        running = process.answers(place, state)
        return ServerStatus(
            running=running,
            pid=watchdog.recorded(data) if running else None,
            version=state.version if state else None,
            data=data,
            log=log,
            socket=Path(state.socket) if running and state else None,
            dsn=process.conninfo(state.socket) if running and state else None,
            service=background_service.running(place),
        )
