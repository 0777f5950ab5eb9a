"""Where pictures come from: what a row says of it, and when two pictures of one name are two pictures."""

from typing import NamedTuple

UPLOAD = "upload"  # from a browser, which does not say from which folder


class Known(NamedTuple):
    """What a collection has under a name."""

    digest: bytes | None  # SHA-256 of its picture; None when only a vector is there
    complete: bool  # False: nobody computed its feature yet
    source: str | None  # None: unknown


def same(one: str | None, other: str | None) -> bool:
    """Whether both are known to be the same place."""
    return one is not None and one == other and one != UPLOAD


def conflicts(there: Known, source: str | None, digest: bytes | None) -> bool:
    """Whether a picture of this source and hash is another one than that which is there. Without a hash: possibly."""
    if there.digest is None or there.digest == digest:
        return False
    return not same(there.source, source)


def where(there: Known | None) -> str:
    """For a message."""
    source = there.source if there else None
    return f"{source:.300}" if source else "an unknown source"
