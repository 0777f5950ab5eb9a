"""Several files in the body of one request: a line of JSON with their names and sizes, then their bytes in a row."""

import json
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from open_analytic.errors import InvalidInput, InvalidName
from open_analytic.service import limits

HEAD_BYTES = limits.BUNDLE_FILES * 8 * limits.NAME_BYTES  # JSON escapes a byte by six at most
# A file's name, without half of a surrogate pair (JSON can say it, an answer cannot repeat it), and its bytes.
Size: TypeAlias = tuple[Annotated[str, Meta(pattern=r"^[^\ud800-\udfff]+$")], Annotated[int, Meta(ge=0)]]
Sizes: TypeAlias = Annotated[list[Size], Meta(max_length=limits.BUNDLE_FILES)]


def read(body: bytes) -> list[tuple[str, bytes]]:
    """The files by name, in their order; InvalidName for a name that no collection takes."""
    head, newline, rest = body.partition(b"\n")
    if len(head) > HEAD_BYTES:
        raise InvalidName(
            f"The names and sizes have more than {HEAD_BYTES:,} bytes.",
            hint=f"Send at most {limits.BUNDLE_FILES} files, with names of at most {limits.NAME_BYTES:,} bytes.",
        )
    sizes = _sizes(head) if newline else []
    for name, _ in sizes:
        limits.check_name(name)
    if not sizes or sum(size for _, size in sizes) != len(rest):
        raise InvalidInput(
            "These are not files with their names and sizes.",
            hint='Send a line such as [["a.jpg", 1200], ["b.jpg", 800]], then their 2000 bytes.',
        )
    files, at = [], 0
    for name, size in sizes:
        files.append((name, rest[at : at + size]))
        at += size
    return files


def _sizes(head: bytes) -> list[tuple[str, int]]:
    """What the first line says; none when it says something else."""
    try:
        return msgspec.convert(json.loads(head), Sizes)
    except (ValueError, RecursionError, msgspec.ValidationError):
        return []
