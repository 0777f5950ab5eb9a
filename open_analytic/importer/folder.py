"""Files and folders on this machine: what an import takes of them, in order of their names, read up to a limit."""

import hashlib
import logging
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from open_analytic.errors import BadParameter, ImageTooLarge, InputTooLarge, OpenAnalyticError, UnreadableFile
from open_analytic.kinds.image import HEIF, SUFFIXES
from open_analytic.types import LeftOut, PathLike

logger = logging.getLogger(__name__)


HIDDEN, NO_SUFFIX = "hidden", "no suffix"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileType:
    """Files that are not read: their suffixes, and what to do with them."""

    suffixes: tuple[str, ...]
    hint: str


UNREAD = {
    "heif": FileType(suffixes=HEIF, hint="pip install 'open-analytic[heif]' reads them."),
    "picture": FileType(
        suffixes=(".jxl", ".jp2", ".j2k", ".jpx", ".jxr", ".svg", ".psd", ".xcf", ".ico", ".tga", ".ppm", ".exr",
                  ".hdr"),
        hint="Convert them to JPEG, PNG, WebP or AVIF.",
    ),
    "raw": FileType(
        suffixes=(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
                  ".pef", ".srw", ".3fr", ".iiq", ".x3f", ".raw"),
        hint="Develop the camera's raw files to JPEG or TIFF.",
    ),
    "video": FileType(
        suffixes=(".mov", ".mp4", ".m4v", ".avi", ".mkv", ".webm", ".3gp", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv",
                  ".flv"),
        hint="A collection whose pipeline takes videos reads them; for another one, export frames as pictures.",
    ),
    "document": FileType(
        suffixes=(".pdf", ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".odt", ".ods", ".odp", ".ai", ".eps"),
        hint="Documents are not read: export their pages as pictures.",
    ),
    "archive": FileType(
        suffixes=(".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz"),
        hint="Unpack them, then import the folder.",
    ),
    HIDDEN: FileType(
        suffixes=(HIDDEN,), hint="Names that begin with a dot are hidden: give such a file itself to import it."
    ),
    NO_SUFFIX: FileType(
        suffixes=(NO_SUFFIX,), hint="Give such a file itself: what is named is read whatever it is called."
    ),
}  # fmt: skip


TABLES = frozenset((".csv", ".tsv", ".jsonl", ".ndjson"))  # files with an item a row
TABLE_HINT = "Give such a file itself to import its rows."
ANY = (UNREAD["archive"], UNREAD[HIDDEN], UNREAD[NO_SUFFIX])  # of these the hints are right for every kind of item


def hint(type_: str, suffixes: Collection[str] = SUFFIXES) -> str | None:
    """What helps with files of a type where those of the suffixes are taken; None for what is none of them."""
    kinds = UNREAD.values() if suffixes == SUFFIXES else ANY
    if suffixes != SUFFIXES and type_ in TABLES:
        return TABLE_HINT
    return next((kind.hint for kind in kinds if type_ in kind.suffixes), None)


@dataclass(frozen=True, slots=True)
class File:
    """A picture's name in a collection, and where it is."""

    name: str
    path: Path

    @property
    def source(self) -> str:
        """Its absolute path; as a URL when that is not text."""
        place = Path(os.path.abspath(self.path))  # noqa: PTH100 - a link to a file is its own place
        try:
            str(place).encode()
        except UnicodeEncodeError:
            return place.as_uri()
        return str(place)

    def digest(self) -> "bytes | None":
        """SHA-256 of what is in it; None when that cannot be had."""
        if not self.path.is_file():  # a pipe would be waited for
            return None
        try:
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError:
            return None

    def bytes(self, max_bytes: int) -> "bytes | OpenAnalyticError":
        """What is in it, or why that cannot be had."""
        try:
            return read(self.path, max_bytes)
        except OpenAnalyticError as error:
            return error


@dataclass(slots=True)
class Survey:
    """What an import of files and folders will meet."""

    suffixes: Collection[str] = SUFFIXES  # of the files that a folder gives
    files: int = 0
    names: set[str] = field(default_factory=set)  # when they were asked for
    types: Counter[str] = field(default_factory=Counter)  # of what is left out
    unlisted: list[tuple[str, OpenAnalyticError]] = field(default_factory=list)  # folders

    def add(self, name: str, *, named: bool) -> None:
        """Count an item."""
        self.files += 1
        if named:
            self.names.add(name)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The types that are not taken, the most frequent first."""
        types = self.types.most_common()
        return tuple(LeftOut(type=type_, count=count, hint=hint(type_, self.suffixes)) for type_, count in types)


def survey(paths: Sequence[Path], *, named: bool) -> Survey:
    """Count what there is, without reading it; with the names of the pictures when ``named``."""
    totals = Survey()
    for file in find(paths, totals):
        totals.add(file.name, named=named)
    return totals


def find(paths: Sequence[Path], survey: Survey | None = None) -> Iterator[File]:
    """The files in order: those named, whatever they are called, and those of the suffixes below each folder."""
    for path in paths:
        if path.is_dir():
            yield from _walk(path, "", set(), survey or Survey())
        else:
            yield File(path.name, path)


def places(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    items = [paths] if isinstance(paths, str | Path) else list(paths)
    for path in items:
        if not Path(path).exists() and not Path(path).is_symlink():
            raise BadParameter(f"There is no file or folder {str(path)!r}.", hint=advice(path))
    return [Path(path) for path in items]


def advice(path: PathLike) -> str:
    """The next step after a path at which nothing is."""
    text = str(path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        return "Addresses are not read here: fetch the files first, then give their folder, or their bytes."
    if any(sign in text for sign in "*?["):
        return "Patterns are for the shell: give a folder, or let the shell expand the pattern."
    return "Check the spelling."


def _walk(folder: Path, prefix: str, above: set[tuple[int, int]], survey: Survey) -> Iterator[File]:
    """Pictures below a folder by name. A link back to a folder we are in is not followed: the walk always ends."""
    state = folder.stat()
    if (state.st_dev, state.st_ino) in above:
        logger.warning("%s leads back to a folder above it and is left out", folder)
        return
    above = above | {(state.st_dev, state.st_ino)}
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        problem = UnreadableFile(
            f"The folder {folder} cannot be listed: {error.strerror}.", hint="Check its rights, then import it again."
        )
        survey.unlisted.append((prefix or f"{folder.name}/", problem))
        return
    for entry in entries:
        if entry.name.startswith("."):
            survey.types[HIDDEN] += 1
        elif entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", above, survey)
        elif (suffix := Path(entry.name).suffix.lower()) in survey.suffixes:
            yield File(prefix + entry.name, Path(entry.path))
        else:
            survey.types[suffix or NO_SUFFIX] += 1


def read(path: Path, max_bytes: int, *, too_large: type[InputTooLarge] = ImageTooLarge) -> bytes:
    """A file's bytes; a device, a pipe, an unreadable or a huge file is a typed error."""
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            raise UnreadableFile(f"{path} is not a regular file.", hint="Give it as a file of its own.")
        if state.st_size <= max_bytes:
            return path.read_bytes()
    except OSError as error:
        hint = advice(path) if isinstance(error, FileNotFoundError) else "Check its rights."
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}.", hint=hint) from error
    raise too_large(
        f"{path} has {state.st_size:,} bytes; at most {max_bytes:,} are read.",
        hint="OPEN_ANALYTIC_MAX_BYTES raises it.",
    )
