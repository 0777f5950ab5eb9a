"""The home folder: its data, its log, its locks, and where the running server is to be found."""

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from open_analytic.embedded import watchdog
from open_analytic.embedded.account import Account, choose
from open_analytic.errors import EmbeddedServerFailed, StorageFull

STOPPED = "stopped"
_LOCK_PATIENCE_S = 120.0  # a server that stops can have much to write


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where the server that was started last is."""

    socket: str  # the socket's folder
    bin: str  # to show; programs are never run from a path that a file names
    version: str
    data: str = ""  # the data directory's identity; version 0.1.0 did not write it
    ended: str = ""  # STOPPED once somebody has stopped it on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A home folder and the account its server runs as."""

    folder: Path
    account: Account

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The home, made when missing."""
        folder = Path(folder).expanduser().resolve()
        _make(folder)
        home = cls(folder=folder, account=choose(folder))
        _make(home.log.parent)
        if home.account.borrowed and folder.stat().st_uid == home.account.uid:  # the home is theirs, so is the log
            descriptor = os.open(home.log.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            home.account.owns(descriptor)
            os.close(descriptor)
        return home

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log" / "postgres.log"

    @property
    def state(self) -> State | None:
        """The last recorded state; the server can have ended since."""
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            read = watchdog.read_state(folder) or {}
            return State(**{entry.name: read[entry.name] for entry in fields(State) if entry.name in read})
        except TypeError:  # one is missing
            return None
        finally:
            os.close(folder)

    @property
    def identity(self) -> str:
        """The data directory's."""
        return watchdog.identity(self.data.stat())

    def record(self, state: State) -> None:
        """Keep the state for other processes: whole or not at all."""
        new = self.folder / f"{watchdog.STATE}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(state), file)
            self.account.owns(file.fileno())
        new.replace(self.folder / watchdog.STATE)

    def lock(self, name: str) -> int:
        """A descriptor for the lock of this name."""
        descriptor = watchdog.open_lock(self.folder / name)
        self.account.owns(descriptor)
        return descriptor

    def acquire(self, name: str, kind: int = fcntl.LOCK_EX) -> int:
        """Hold the lock, after waiting for it when another process has it; closing the descriptor lets it go."""
        descriptor = self.lock(name)
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, descriptor)
            while not watchdog.try_lock(descriptor, kind):
                if time.monotonic() > deadline:
                    raise EmbeddedServerFailed(
                        f"Another process has held {self.folder / name} for {_LOCK_PATIENCE_S:.0f} s.",
                        hint=f"See which with `fuser -v {str(self.folder / name)!r}`.",
                    )
                time.sleep(0.02)
            undo.pop_all()
        return descriptor

    @contextmanager
    def alone(self, name: str) -> Iterator[int]:
        """Hold the lock exclusively inside the block."""
        descriptor = self.acquire(name)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Foreign errors of files as ours."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"There is no space left for {folder}.", hint="Free some space and try again.") from error
        if not _has_current_folder():
            raise EmbeddedServerFailed(
                "The current folder has been deleted.", hint="Change to another folder: cd FOLDER."
            ) from error
        raise EmbeddedServerFailed(
            f"The embedded server cannot use {error.filename or folder}: {error.strerror or error}.",
            hint="Choose a home folder you can write to: OPEN_ANALYTIC_HOME, or connect(home=...).",
        ) from error


def _has_current_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _make(folder: Path) -> None:
    """Make the folder; others can pass through what root makes, since the server runs as another account."""
    with contextlib.suppress(FileExistsError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
        if os.geteuid() == 0:
            folder.chmod(0o711)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
