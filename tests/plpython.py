"""A PostgreSQL with plpython3u for tests, found or put in by scripts/plpython.sh, and our code where it can read it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from open_analytic.embedded import account

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPT = REPOSITORY / "scripts" / "plpython.sh"
REQUIRED = "OPEN_ANALYTIC_REQUIRE_PLPYTHON"
_OPEN_TO_ALL = ("/var/tmp", "/tmp")  # noqa: S108 - a fresh folder is made there


def ask(command: str, *, script: Path = SCRIPT) -> subprocess.CompletedProcess[str]:
    """What scripts/plpython.sh answers."""
    return subprocess.run([str(script), command], capture_output=True, text=True, check=False)


def bin_folder() -> Path | None:
    """The folder with postgres; what is missing is installed first where that can be done, once a run."""
    return _look(SCRIPT)[0]


def require(*, script: Path = SCRIPT) -> Path:
    """The folder with postgres; without one the test is skipped, or fails where plpython3u is required."""
    folder, reason = _look(script)
    if folder:
        return folder
    if os.environ.get(REQUIRED):
        pytest.fail(f"PLPYTHON3U MISSING: {reason}", pytrace=False)
    pytest.skip(f"PLPYTHON3U MISSING: {reason}")


@cache
def _look(script: Path) -> tuple[Path | None, str]:
    """The folder, or why there is none and the next step."""
    answer = ask("bin", script=script)
    if answer.returncode and os.geteuid() == 0 and shutil.which("apt-get"):
        installed = ask("install", script=script)
        answer = installed if installed.returncode else ask("bin", script=script)
    if answer.returncode:
        return None, answer.stderr.strip().rpartition("\n")[2]
    return Path(answer.stdout.strip()), ""


@contextmanager
def code_folder(home: Path | None = None, *, repository: Path = REPOSITORY) -> Iterator[Path]:
    """A folder for a backend's sys.path: the repository, or a copy of our code where the server's account is shut out.

    The account is that of the server in ``home``, or of one in a new home.
    """
    place = next((path for path in map(Path, _OPEN_TO_ALL) if path.is_dir()), None)
    with tempfile.TemporaryDirectory(prefix="open_analytic-code-", dir=place) as new:
        server = account.choose(home or Path(new))
        yield repository if _reads(server, repository / "open_analytic") else _copied(repository, Path(new))


def _reads(server: account.Account, package: Path) -> bool:
    """Whether the account can read every module of the package."""
    command = ["find", ".", "-name", "*.py", "-exec", "cat", "{}", "+"]
    return server.reaches(package) and _succeeds(
        ["/bin/sh", "-c", 'cd -- "$0" && "$@"', str(package), *command], server
    )


def _succeeds(command: list[str], server: account.Account) -> bool:
    return not subprocess.run(command, capture_output=True, check=False, cwd="/", **server.options).returncode


def _copied(repository: Path, new: Path) -> Path:
    """The modules alone, readable by all whatever the umask."""
    new.chmod(0o755)
    for module in sorted((repository / "open_analytic").rglob("*.py")):
        copy = new / module.relative_to(repository)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, copy)
        copy.chmod(0o644)
    for folder in new.rglob("*/"):
        folder.chmod(0o755)
    return new
