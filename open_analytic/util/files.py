"""Files that commands write at a user's word: whole or not at all, in place of what was there."""

import contextlib
import errno
import os
from pathlib import Path

from open_analytic.errors import BadParameter, OpenAnalyticError, StorageFull


def write(path: Path, data: bytes, *, what: str) -> None:
    """Write the file; ``what`` it is, such as ``sheet``, stands in the error when that fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # below a file, or under too long a name, nothing can be removed either
            temporary.unlink()
        raise unwritable(path, error, what) from error


def unwritable(path: Path, error: OSError, what: str) -> OpenAnalyticError:
    """What is wrong when a file cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"There is no space left to write {path}.", hint="Free some space and try again.")
    return BadParameter(
        f"The {what} {path} cannot be written: {error.strerror}.", hint="Name a file in a folder you can write to."
    )
