"""Several files in the body of one request: a line of JSON with their names and sizes, then their bytes in a row."""

import json
import re
from typing import Any

from open_analytic.errors import InvalidInput, InvalidName
from open_analytic.service import limits

HEAD_BYTES = limits.BUNDLE_FILES * 8 * limits.NAME_BYTES  # JSON escapes a byte by six at most
HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair: JSON can say it, an answer cannot repeat it


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
        told = json.loads(head)
    except (ValueError, RecursionError):
        return []
    if not isinstance(told, list) or len(told) > limits.BUNDLE_FILES or not all(map(_is_file, told)):
        return []
    return [(name, size) for name, size in told]


def _is_file(told: Any) -> bool:
    return (
        isinstance(told, list) and len(told) == 2 and isinstance(told[0], str) and bool(told[0])
        and not HALF.search(told[0]) and type(told[1]) is int and told[1] >= 0
    )  # fmt: skip
