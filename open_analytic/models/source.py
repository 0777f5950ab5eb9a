"""Where a file of a model comes from, and which bytes it has to be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from msgspec import Meta

from open_analytic.models.fields import Fields

_PYPI = r"pypi:[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.!+_-]*#[^\s/][^\n]*"
Address: TypeAlias = Annotated[
    str,
    Meta(
        pattern=rf"\A(?:{_PYPI}|file:[^\n]+|https://[^\s]+)\Z",
        description="pypi:PACKAGE==VERSION#path/inside, file:PATH or https://...",
    ),
]
_HASH = r"\A[0-9a-f]{64}\Z"
Sha256: TypeAlias = Annotated[str, Meta(pattern=_HASH, description="the source file's SHA-256, 64 hexadecimal digits")]
ArchiveSha256: TypeAlias = Annotated[
    str, Meta(pattern=_HASH, description="the package's SHA-256, 64 hexadecimal digits")
]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")  # of a file
MAX_FILES = 20  # of one model, besides the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An address: ``pypi:PACKAGE==VERSION#path/inside``, ``file:PATH`` from the card's folder, or ``https://``."""

    source: str
    sha256: str | None  # of the file; only a file: of your own can leave it out
    archive_sha256: str | None = None  # of the wheel or source package; compared before it is opened

    @classmethod
    def read(cls, fields: Fields) -> Self:
        """The fields ``source``, ``sha256`` and ``archive_sha256`` of a card, or of a table of its files."""
        source = fields.value("source", Address)
        if "archive_sha256" in fields.table and not source.startswith("pypi:"):
            raise fields.wrong("archive_sha256", "left out: only a source of pypi: has an archive")
        return cls(
            source=source,
            sha256=fields.value("sha256", Sha256, *([None] if source.startswith("file:") else [])),
            archive_sha256=fields.value("archive_sha256", ArchiveSha256, None),
        )

    @property
    def package(self) -> tuple[str, str] | None:
        """The requirement and the path inside of it, of a source in a package."""
        requirement, _, member = self.source.removeprefix("pypi:").partition("#")
        return (requirement, member) if self.source.startswith("pypi:") else None

    def local(self, folder: Path) -> Path | None:
        """The path when it is a file beside the card, which is in this folder."""
        return folder / self.source[5:] if self.source.startswith("file:") else None


def read_files(fields: Fields, network: str) -> Mapping[str, Source]:
    """The tables ``[files.NAME]`` of a card; ``network`` is the name that the file of the network has."""
    if "files" not in fields.table:
        return {}
    tables = fields.below("files")
    if len(tables.table) > MAX_FILES:
        raise fields.wrong("files", f"at most {MAX_FILES} tables")
    files = {}
    for name in tables.table:
        if not _NAME.fullmatch(name) or name in (network, f"{network}.json"):
            raise fields.wrong("files", f"tables named as files, and {name!r} cannot be one: letters, digits, ._-")
        table = tables.below(name)
        table.only("source", "sha256", "archive_sha256")
        files[name] = Source.read(table)
    return files
