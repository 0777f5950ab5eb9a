"""The data directory: made once with initdb, configured at each start, refused when it is another version's."""

import contextlib
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from open_analytic.embedded.account import Account, me
from open_analytic.embedded.binaries import Binaries
from open_analytic.errors import EmbeddedServerFailed, StorageFull

ROLE = "postgres"
SERVICE_ROLE = "open_analytic_service"  # as which the service reads the catalogue; store.nodes makes it
_MIB = 2**20
_ENVIRONMENT = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SMALL_FILE = 16_384  # bytes
_LONGEST_PATH = 900  # bytes; PostgreSQL cuts paths at 1023 and appends its own


def environment() -> dict[str, str]:
    """The environment of the server's programs: no PG* setting and no secret."""
    inherited = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return {"PATH": os.defpath} | inherited | {"LC_ALL": "C"}


def seen_by(account: Account, folder: Path, descriptor: int) -> str:
    """A path by which the account's processes enter the folder.

    Below a closed folder, or where PostgreSQL takes no such path (too long, with a line end), it is the descriptor they
    inherit: nothing is opened to others.
    """
    usable = len(os.fsencode(folder)) <= _LONGEST_PATH and not {"\n", "\r"} & set(str(folder))
    if usable and account.reaches(folder):
        return str(folder)
    if Path("/proc/self/fd").is_dir():
        return f"/proc/self/fd/{descriptor}"
    raise EmbeddedServerFailed(
        f"The account {account.name} that PostgreSQL runs as cannot enter {folder}.",
        hint="Choose another home: OPEN_ANALYTIC_HOME, or connect(home=...).",
    )


def open_folder(folder: Path) -> int:
    """A descriptor of the folder itself; a link in its place is refused."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def check(data: Path, binaries: Binaries, account: Account) -> None:
    """Refuse a data directory that these programs, or this account, cannot run."""
    owner = data.stat().st_uid
    if owner != account.uid:
        raise EmbeddedServerFailed(
            f"{data} belongs to the account number {owner}, not to {account.name}.",
            hint=f"Run as its owner, or choose another home, or as root: chown -R {account.name} {str(data)!r}",
        )
    version = (data / "PG_VERSION").read_text().strip()
    if version != str(binaries.major):
        raise EmbeddedServerFailed(
            f"{data} was made by PostgreSQL {version}; the programs in {binaries.folder} are {binaries.version}.",
            hint=f"Set OPEN_ANALYTIC_PG_BIN to the bin folder of a PostgreSQL {version}, save the data with its "
            f"pg_dump, unset it and restore them into a new home; or run pg_upgrade.",
        )


def create(data: Path, binaries: Binaries, account: Account, lock: int) -> None:
    """Run initdb beside ``data`` and move the result there, so that it is complete or not there.

    initdb inherits the server's lock: the next process waits for it, even if this one is killed.
    """
    new = data.with_name("data.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    descriptor = open_folder(new)
    try:
        account.owns(descriptor)
        target = seen_by(account, new, descriptor)
        command = [str(binaries.folder / "initdb"), "-D", target, "-U", ROLE, "-A", "peer", "-E", "UTF8", "-k"]
        done = subprocess.run(
            [*command, *_locale(binaries)],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            cwd="/",
            pass_fds=(descriptor, lock),
            env=environment(),
            **account.options,
        )
        if done.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise failed("initdb could not make the data directory.", done.stdout + done.stderr, folder=data.parent)
    finally:
        os.close(descriptor)
    new.rename(data)


def _locale(binaries: Binaries) -> list[str]:
    """UTF-8 sorted by code point, the same on every machine and never changed by an update of the system."""
    if binaries.major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"] if _has_c_utf8() else ["--locale=C"]


def _has_c_utf8() -> bool:
    known = subprocess.run(["/usr/bin/env", "locale", "-a"], capture_output=True, text=True, check=False).stdout
    return "c.utf8" in known.lower().replace("-", "")


def configure(data: Path, binaries: Binaries, account: Account) -> None:
    """Write our settings and who can connect. ALTER SYSTEM still wins over our settings.

    Written as the account itself: it owns the folder, so root must not be led by a link in it.
    """
    script = """set -e; umask 077
    put() {
        [ "$(cat "$1" 2>/dev/null; echo .)" = "$2." ] && return  # a full disk takes no new file
        printf '%s' "$2" > "$1.new"; mv -f "$1.new" "$1"
    }
    put open_analytic.conf "$1"; put pg_hba.conf "$2"; put pg_ident.conf "$3"
    line="include = 'open_analytic.conf'"
    grep -qxF "$line" postgresql.conf || echo "$line" >> postgresql.conf
    """
    texts = [_settings(binaries), "local all all peer map=owner\n", _identities(binaries, account)]
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *texts],
        cwd=data,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        **account.options,
    )
    if done.returncode:
        raise failed(f"The settings of {data} could not be written.", done.stderr, folder=data)


def _identities(binaries: Binaries, account: Account) -> str:
    """The accounts that can use any role: the server's, ours and root. Before 16 there is no word for any role."""
    roles = ["all"] if binaries.major >= 16 else [ROLE, SERVICE_ROLE]
    names = sorted({account.name, me().name, "root"})
    return "".join(f'owner "{name}" {role}\n' for name in names for role in roles)


def _settings(binaries: Binaries) -> str:
    memory = _memory()
    values: dict[str, str | int] = {
        "shared_buffers": f"{_within(memory // 8, 128, 1024)}MB",
        "maintenance_work_mem": f"{_within(memory // 16, 64, 1024)}MB",
        "work_mem": "16MB",
        "effective_cache_size": f"{_within(memory // 2, 256, 65536)}MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",  # nothing replicates from here; bulk loads write less
        "max_wal_senders": 0,
        "random_page_cost": "1.1",
        "jit": "off",
        "max_parallel_workers": os.cpu_count() or 1,
        "max_parallel_maintenance_workers": max(1, (os.cpu_count() or 1) // 2),
        "dynamic_shared_memory_type": _shared_memory(memory),
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_line_prefix": "%m [%p] ",
        "log_min_error_statement": "panic",  # statements hold people's data
        "log_checkpoints": "off",
    }
    if binaries.major >= 15:
        values["log_startup_progress_interval"] = "2s"  # how a waiting client sees that recovery goes on
    return "".join(f"{name} = '{value}'\n" for name, value in values.items())


def _memory() -> int:
    """Bytes of memory of the machine, or of the container when that has a limit."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # no such limit, or the word "max"
            memory = min(memory, int(Path(limit).read_text()))
    return memory


def _within(size: int, least: int, most: int) -> int:
    return max(least, min(size // _MIB, most))


def _shared_memory(memory: int) -> str:
    """POSIX shared memory, or files where /dev/shm is as small as in a container: a parallel index build needs room."""
    try:
        room = os.statvfs("/dev/shm")  # noqa: S108 - only asked for its size
    except OSError:
        return "posix"
    return "posix" if room.f_blocks * room.f_frsize >= min(memory // 4, 2**30) else "mmap"


def failed(
    message: str, output: str, *, hint: str | None = None, folder: Path | None = None
) -> EmbeddedServerFailed | StorageFull:
    """The error with the end of what the program printed; StorageFull when that or the file system says so."""
    if is_about_space(output) or (folder and is_full(folder)):
        return StorageFull(f"{message} There is no space left on the device.", hint="Free some space and try again.")
    tail = "\n".join(output.strip().splitlines()[-15:])
    return EmbeddedServerFailed(f"{message}\n{tail}" if tail else message, hint=hint or _hint(output, folder))


def _hint(output: str, folder: Path | None) -> str | None:
    """The next step, for what PostgreSQL's programs say without one."""
    if folder and "has invalid permissions" in output:
        return f"Others can enter the data folder. Close it to them: chmod 700 {shlex.quote(str(folder))}"
    return None


def is_about_space(output: str) -> bool:
    """Whether a program, or a log, says that the disk or the quota is full."""
    return "No space left on device" in output or "Disk quota exceeded" in output


def is_full(folder: Path) -> bool:
    """Whether the file system has no room for another small file: no block or no inode."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _SMALL_FILE or (room.f_files > 0 and room.f_favail == 0)
