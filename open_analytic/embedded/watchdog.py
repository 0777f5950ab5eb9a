"""Stops the server when its last client is gone, however that one died. Standard library only: it is run as a file.

A client holds a shared flock on ``clients.lock``; the server's processes hold ``server.lock``, which they inherit. The
kernel drops a lock with the last process that has it, so no recycled pid and no zombie is taken for a living server.
The watchdog is a pair of processes: when one is killed, the other replaces it.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket as sockets
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

CLIENTS, SERVER, START, WATCHDOG = "clients.lock", "server.lock", "start.lock", "reaper.lock"
STATE = "server.json"
SOCKET_PREFIX = "open_analytic-"
SOCKET = ".s.PGSQL.5432"
POLL_S = 0.5
FIRST_POLL_S, SETTLED_S = 0.05, 5.0  # more often at first
SMALL = 65_536  # bytes of a file of the home that are read at most
LOG_BYTES = 16_000_000  # where the log is cut
LOG_KEPT_BYTES = 1_000_000  # its end, which stays
# Fast, then immediate, then by force: each is safe for committed rows, only the next start takes longer.
STEPS = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))


def open_lock(path: Path, *, make: bool = True) -> int:
    """A descriptor for flock; the file is made when missing, but not by those who only watch: a home can be deleted.

    Links are not followed: root can come here too.
    """
    return os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if make else 0), 0o600)


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Whether the lock was to be had at once; it is held then."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock; it is not held afterwards."""
    if not try_lock(descriptor):
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


def as_owner(owner: os.stat_result) -> dict[str, Any]:
    """What makes subprocess run something as this owner; nothing unless we are root."""
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}


def members(data: Path) -> list[int]:
    """The processes of the server on this data directory: PostgreSQL's, with the directory as their working one.

    Asked as the directory's owner, since a container's root cannot look at other accounts' processes.
    """
    owner = data.stat()
    if not Path("/proc/self/cwd").exists():
        return _members_by_ps(data)
    script = 'for p in /proc/[0-9]*; do [ "$p/cwd" -ef . ] && echo "${p#/proc/}"; done 2>/dev/null; true'
    listing = subprocess.run(
        ["/bin/sh", "-c", script], cwd=data, capture_output=True, text=True, check=False, **as_owner(owner)
    )
    return [pid for pid in map(int, listing.stdout.split()) if _name(pid).startswith("postgres")]


def _members_by_ps(data: Path) -> list[int]:
    pid = recorded(data)
    command = ["/bin/ps", "-o", "comm=", "-p", str(pid)]
    name = subprocess.run(command, capture_output=True, text=True, check=False).stdout if pid else ""
    return [pid] if pid and "postgres" in name else []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""  # it ended meanwhile


def recorded(data: Path) -> int | None:
    """The pid in postmaster.pid; another process can have it today."""
    try:
        return int(read_small(data / "postmaster.pid").split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def condition(data: Path) -> str | None:
    """What the postmaster wrote of itself: starting, ready, stopping. After a crash it leaves ``ready`` there."""
    try:
        return read_small(data / "postmaster.pid").split("\n")[7].strip()
    except (OSError, IndexError):
        return None


def postmaster(data: Path) -> int | None:
    """The pid of the living postmaster."""
    pid = recorded(data)
    return pid if pid in members(data) else None


def recovering(pids: list[int]) -> bool:
    """Whether one of these processes replays the log: PostgreSQL's "startup"."""
    return any(b"startup" in _title(pid) for pid in pids)


def _title(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def shut_down(lock: int, data: Path) -> bool:
    """Stop the server and wait until its last process is gone; False when even force did not help."""
    for number, patience_s in STEPS:
        signalled: set[int] = set()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if is_free(lock):
                return True
            alive = members(data)
            head = recorded(data)
            if number == signal.SIGINT and alive and (head not in alive or recovering(alive)):
                break  # no postmaster, or it replays the log: then a polite request is not heard
            for pid in {head} if number == signal.SIGINT else alive:
                if pid in alive and pid not in signalled and pid is not None:
                    tell(pid, number)
                    signalled.add(pid)
            time.sleep(0.1)
    return is_free(lock)


def tell(pid: int, number: signal.Signals) -> None:
    """Send the signal; a process that has just ended is fine."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def identity(data: os.stat_result) -> str:
    """The data directory as no copy of it has it while a server runs there: its device and inode."""
    return f"{data.st_dev}:{data.st_ino}"


def read_small(path: str | Path, folder: int | None = None) -> str:
    """The text of a small file in a folder (a descriptor) that another account can write to: no link, no pipe."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not an ordinary file")
        return file.read(SMALL).decode(errors="replace")


def read_state(home: int) -> dict[str, str] | None:
    """What the home (a descriptor) has on the server that was started last, when it is well formed."""
    try:
        state = json.loads(read_small(STATE, home))
        if all(isinstance(value, str) for value in state.values()) and _is_name_of_ours(state["socket"]):
            return dict(state)
    except (OSError, ValueError, KeyError, AttributeError):
        pass
    return None


def _is_name_of_ours(socket: str) -> bool:
    """Whether it is a path as the launcher makes them. libpq splits hosts at commas."""
    folder = Path(socket)
    return folder.is_absolute() and folder.name.startswith(SOCKET_PREFIX) and not {",", "\0"} & set(socket)


def socket_folder(home: int, data: os.stat_result | None = None) -> Path | None:
    """The socket's folder of the server that was started last on this very data directory.

    A copied home names the folder of the original: that is none of its own.
    """
    state = read_state(home)
    try:
        own = identity(data or os.stat("data", dir_fd=home))
    except OSError:
        return None
    return Path(state["socket"]) if state and state.get("data") == own else None


def recorded_socket(data: Path) -> Path | None:
    """The same as a living PostgreSQL wrote it down, where the account cannot look into a home that root had closed."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        pid, _, _, _, socket, *_ = read_small(data / "postmaster.pid").split("\n")
        works_here = not Path("/proc/self/cwd").exists() or Path(f"/proc/{int(pid)}/cwd").samefile(data)
        if _is_name_of_ours(socket) and works_here:
            return Path(socket)
    return None


def commanded_socket(data: Path) -> Path | None:
    """The same from the command line of the living postmaster, where the home was deleted before anyone read it."""
    for pid in members(data):
        for argument in _title(pid).decode(errors="replace").split("\0"):
            name, _, value = argument.partition("=")
            if name == "unix_socket_directories" and _is_name_of_ours(value.strip('"')):
                return Path(value.strip('"'))
    return None


def remove_socket(folder: Path | None, owner: int) -> None:
    """Drop the socket's folder of a server that is gone. One of another account, or of a living server, is left."""
    if folder is None:
        return
    with contextlib.suppress(OSError):
        entry = folder.lstat()
        if not stat.S_ISDIR(entry.st_mode) or entry.st_uid != owner or _listens(folder / SOCKET):
            return
        for name in (SOCKET, f"{SOCKET}.lock", ".s.PGSQL.5433", "http.sock"):  # the service's two as well
            with contextlib.suppress(OSError):
                (folder / name).unlink()
        folder.rmdir()


def _listens(path: Path) -> bool:
    """Whether a process accepts connections there."""
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except BlockingIOError:  # its queue is full
            return True
        except OSError:
            return False
    return True


def cut_log(log: int) -> None:
    """Keep the log small. The server appends to an open file, so the file is emptied, not renamed."""
    size = os.fstat(log).st_size
    if size > LOG_BYTES:
        end = os.pread(log, LOG_KEPT_BYTES, size - LOG_KEPT_BYTES)
        os.ftruncate(log, 0)
        os.write(log, end)


def become(owner: os.stat_result) -> None:
    """Give up root for good: the server's account is enough from here."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def in_pair(work: Callable[[Callable[[], bool]], bool], lock: int) -> None:
    """Do the work in a child until it is complete; when one of the two processes is killed, the other replaces it.

    The work returns True once it is complete, and False soon after the check it gets says that its parent is gone.
    Both have the lock: it is free when both are dead, or the work is complete.
    """
    while try_lock(lock):
        parent = os.getpid()
        try:
            child = os.fork()
        except OSError:  # no process can be had: this one works by itself until it gets another parent
            child, parent = 0, os.getppid()
        if child == 0 and work(partial(_is_parent, parent)):
            release(lock)  # for the parent too
            return
        if child and os.WIFEXITED(os.waitpid(child, 0)[1]):
            return


def _is_parent(pid: int) -> bool:
    return os.getppid() == pid


@contextlib.contextmanager
def prepared(home: Path, linger_s: float, lock: int) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """The watchdog's command, and the descriptors that it inherits, ``reaper.lock`` among them.

    They are opened for it: the home can be deleted before it runs.
    """
    with contextlib.ExitStack() as opened:
        inherited = [lock]
        for name in (CLIENTS, SERVER):
            inherited.append(open_lock(home / name))
            opened.callback(os.close, inherited[-1])
        for folder in (home, home / "data"):
            inherited.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            opened.callback(os.close, inherited[-1])
        words = [sys.executable, "-I", "-S", __file__, str(home), str(linger_s), *map(str, inherited)]
        yield words, tuple(inherited)


def main(linger_s: float, lock: int, clients: int, server: int, folder: int, data: int) -> None:
    """Wait until there has been no client for ``linger_s``, then stop the server and end."""
    os.fchdir(data)  # found again even when the home is deleted under the server
    become(os.fstat(data))
    in_pair(lambda guarded: _watch(clients, server, folder, linger_s, guarded), lock)


def _watch(clients: int, server: int, folder: int, linger_s: float, guarded: Callable[[], bool]) -> bool:
    """Whether the server was stopped, or cannot be; False when this process has lost its parent."""
    release(clients, server)
    alone_since, socket, here, begun = None, None, Path().stat(), time.monotonic()
    while guarded():
        # Remembered in case the home is deleted.
        socket = socket_folder(folder, here) or recorded_socket(Path()) or socket
        if socket is None and os.fstat(folder).st_nlink == 0:  # it is
            socket = commanded_socket(Path())
        if not is_free(clients):
            alone_since = None
        elif alone_since is None:
            alone_since = time.monotonic()
        elif time.monotonic() - alone_since >= linger_s and try_lock(clients):
            break
        with contextlib.suppress(OSError):  # a full disk must not end us
            cut_log(sys.stderr.fileno())
        # A new server says where its socket is, and can end soon after: its home is deleted, and its log ends it.
        pause_s = POLL_S if time.monotonic() - begun > SETTLED_S else FIRST_POLL_S
        time.sleep(min(pause_s, linger_s or POLL_S))
    else:
        return False
    # From here new clients wait for us.
    socket = socket_folder(folder, here) or socket or commanded_socket(Path())
    if shut_down(server, Path()):
        remove_socket(socket, here.st_uid)
    return True


def release(*locks: int) -> None:
    """Release what a process that was killed held through the descriptors it shared with this one."""
    for lock in locks:
        fcntl.flock(lock, fcntl.LOCK_UN)


if __name__ == "__main__":
    _home, _linger, *_inherited = sys.argv[1:]
    # The pair releases its lock before clients.lock: a client that waits for that one sees that it has to start a
    # watchdog.
    main(float(_linger), *map(int, _inherited))
