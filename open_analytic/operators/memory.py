"""How much memory this process can have: the machine's, or what its control group allows."""

import os
from functools import cache
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


@cache
def total_bytes() -> int:
    """Bytes of memory in all, in use or not."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, *limits(GROUPS, Path("/proc/self/cgroup")), machine)


def limits(top: Path, membership: Path) -> list[int]:
    """The limits of the process's control groups and of those above them, of both versions."""
    all_limits = []
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            all_limits += _upwards(top, path, "memory.max")
        elif "memory" in controllers.split(","):
            all_limits += _upwards(top / "memory", path, "memory.limit_in_bytes")
    return all_limits


def _upwards(top: Path, path: str, name: str) -> list[int]:
    """In a container the path can be that of the host: then only the top is there."""
    here = Path(path.strip("/"))
    texts = [_text(top / folder / name).strip() for folder in (here, *here.parents)]
    return [int(text) for text in texts if text.isdecimal()]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
