"""Writing files that are whole or not there, with a clear error where there is no space or no right."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from open_analytic.errors import ModelUnavailable, StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's quota, the process's limit


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Errors of the disk become ours; ``folder`` is where the block writes."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not from the system: gzip's, of what was read
            raise
        if error.errno in _FULL:
            raise StorageFull(
                f"There is no space left in {folder}.",
                hint="Free some space; or keep models elsewhere with OPEN_ANALYTIC_MODELS_DIR, downloads with TMPDIR.",
            ) from error
        raise ModelUnavailable(
            f"{folder} cannot be written to: {error.strerror or error}.",
            hint="Set OPEN_ANALYTIC_MODELS_DIR to a folder you can write to.",
        ) from error


@contextmanager
def atomic(target: Path) -> Iterator[IO[bytes]]:
    """A file beside the target that takes its place when the block ends well, and is gone otherwise."""
    with writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as file:
            temporary = Path(file.name)
            try:
                yield file
                file.flush()
                temporary.chmod(0o644)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
