"""What PG* variables of the environment add to every connection, and how a socket of our own is reached without that.

The user's variables are for the user's servers. libpq lets the DSN win over most of them; four it reads behind the DSN.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SOCKET_PREFIX = "open_analytic-"  # of the embedded server's socket folder
_NO_PARAMETER = ("PGSERVICE", "PGTZ", "PGDATESTYLE", "PGGEQO")  # nothing in a DSN turns these off
_HARMLESS = ("application_name",)
_VALUES = {"min_protocol_version": "3.0", "max_protocol_version": "3.0", "sslcertmode": "disable"}  # "" is refused

_lock = threading.Lock()
_users = 0  # how many connect at this moment
_removed: dict[str, str] = {}  # the variables that are out of the environment meanwhile


def is_own(parameters: Mapping[str, Any]) -> bool:
    """Whether these parameters lead to the socket of an embedded server."""
    host = Path(str(parameters.get("host") or ""))
    return host.is_absolute() and host.name.startswith(SOCKET_PREFIX)


def explicit(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with libpq's own default for each that the environment sets."""
    from psycopg.pq import Conninfo

    defaults = {}
    for option in Conninfo.get_defaults():
        name = option.keyword.decode()
        if option.envvar and option.envvar.decode() in os.environ and name not in ("service", *_HARMLESS):
            defaults[name] = _VALUES.get(name, (option.compiled or b"").decode())
    return defaults | dict(parameters)


@contextmanager
def private() -> Iterator[None]:
    """Connect inside the block: the variables that no parameter overrides are out of the environment meanwhile."""
    global _users
    with _lock:
        _users += 1
        for name in _NO_PARAMETER:
            if name in os.environ:
                _removed[name] = os.environ.pop(name)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                for name, value in _removed.items():
                    os.environ.setdefault(name, value)
                _removed.clear()


def environment() -> dict[str, str]:
    """The environment for a client program on a socket of our own: without PG*, except for the terminal's encoding."""
    return {name: value for name, value in os.environ.items() if not _is_libpqs(name)}


def _is_libpqs(name: str) -> bool:
    return name.startswith("PG") and not name.startswith("PG_") and name != "PGCLIENTENCODING"
