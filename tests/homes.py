"""Homes that were used before: initdb and the schema are made once a worker, tests start from copies."""

import subprocess
from functools import cache
from pathlib import Path

from open_analytic import embedded
from open_analytic.embedded import watchdog
from open_analytic.store import schema


@cache
def migrated(base: Path) -> Path:
    """A home in which nothing runs, with our schema and no more, in the folder of all temporary folders."""
    home = base / "migrated" / ".open_analytic"
    with embedded.start(home) as server:
        schema.upgrade(server.dsn)
    embedded.stop(home)
    return home


def copy(original: Path, home: Path) -> Path:
    """A copy of a home in which nothing runs; its first client starts a server."""
    subprocess.run(["cp", "-a", original, home], check=True)
    (home / watchdog.STATE).unlink(missing_ok=True)  # where the server of the original was
    return home
