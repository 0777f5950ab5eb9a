"""The pictures of files and folders on this machine: found in order of their names, read up to a limit."""

import logging
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from open_analytic.errors import BadParameter, ImageTooLarge, OpenAnalyticError, UnreadableFile
from open_analytic.types import PathLike

logger = logging.getLogger(__name__)

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})


@dataclass(frozen=True, slots=True)
class File:
    """A picture's name in a collection, and where it is."""

    name: str
    path: Path

    def bytes(self, max_bytes: int) -> "bytes | OpenAnalyticError":
        """What is in it, or why that cannot be had."""
        try:
            return read(self.path, max_bytes)
        except OpenAnalyticError as error:
            return error


def find(paths: Sequence[Path]) -> Iterator[File]:
    """The files in order: those named, whatever they are called, and the pictures below each folder."""
    for path in paths:
        if path.is_dir():
            yield from _walk(path, "", set())
        else:
            yield File(path.name, path)


def places(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    places = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    for place in places:
        if not place.exists() and not place.is_symlink():
            raise BadParameter(f"There is no file or folder {str(place)!r}.", hint="Check the spelling.")
    return places


def _walk(folder: Path, prefix: str, above: set[tuple[int, int]]) -> Iterator[File]:
    """Pictures below a folder by name. A link back to a folder we are in is not followed: the walk always ends."""
    state = folder.stat()
    if (state.st_dev, state.st_ino) in above:
        logger.warning("%s leads back to a folder above it and is left out", folder)
        return
    above = above | {(state.st_dev, state.st_ino)}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        logger.warning("%s cannot be listed and is left out: %s", folder, error.strerror)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above)
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            yield File(prefix + entry.name, Path(entry.path))


def read(path: Path, max_bytes: int) -> bytes:
    """A file's bytes; a device, a pipe, an unreadable or a huge file is a typed error."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableFile(f"{path} is not a regular file.", hint="Give it as a file of its own.")
        if state.st_size <= max_bytes:
            return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(
            f"{path} cannot be read: {error.strerror}.", hint="Check that it is there and its rights."
        ) from error
    raise ImageTooLarge(
        f"{path} has {state.st_size:,} bytes; at most {max_bytes:,} are read.",
        hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
    )
