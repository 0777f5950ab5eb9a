"""``open-analytic serve`` as a process, and ways to ask it."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from open_analytic.service.client import Client
from tests.process.runner import Cli


@dataclass(frozen=True)
class Served:
    """A service that has said it is ready."""

    process: subprocess.Popen[str]
    addresses: list[str]

    def http(self, scheme: str = "unix") -> str:
        """Its address of this kind."""
        return next(address for address in self.addresses if address.startswith(f"{scheme}:"))

    def wire(self) -> str:
        """Where it speaks PostgreSQL's protocol over TCP."""
        return next(address for address in self.addresses if address.startswith("host=127"))

    def stopped(self, patience_s: float = 90) -> tuple[int, str]:
        """Its exit code and log, once it has been told to stop."""
        self.process.terminate()
        _, log = self.process.communicate(timeout=patience_s)
        return self.process.returncode, log


@contextmanager
def served(cli: Cli, *words: object) -> Iterator[Served]:
    """A service in the foreground, killed at the end unless it was stopped."""
    with cli.start("serve", *words) as process:
        try:
            yield Served(process, list(_lines(process)))
        finally:
            process.kill()


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout
    for line in process.stdout:
        if line == "ready\n":
            return
        yield line.strip()
    raise AssertionError(f"It ended before it was ready: {process.communicate()}")


def client(address: str, **options: Any) -> httpx.Client:
    """An HTTP client for an address of the service."""
    if address.startswith("unix:"):
        transport = httpx.HTTPTransport(uds=address.removeprefix("unix:"))
        return httpx.Client(transport=transport, base_url="http://localhost", **options)
    return httpx.Client(base_url=address, **options)


def ask(address: str, path: str, content: bytes | None = None, **options: Any) -> httpx.Response:
    """One answer: of a POST when there is something to send."""
    with client(address, **options) as http:
        return http.get(path) if content is None else http.post(path, content=content)


def companions(home: Path) -> list[int]:
    """The services of a home's embedded server in the background: of monitor and worker, the monitor."""
    pids = serving(home)
    return [pid for pid in pids if parent(pid) not in pids]


def workers(home: Path) -> list[int]:
    """The workers of those that root started."""
    pids = serving(home)
    return [pid for pid in pids if parent(pid) in pids]


def parent(pid: int) -> int:
    """The pid of its parent; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def serving(home: Path) -> list[int]:
    """The processes that serve a home's embedded server in the background."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"--companion" in words and b"open_analytic" in words and os.fsencode(home.resolve()) in words:
                pids.append(int(entry.name))
    return pids


def eventually(what: str, holds: Callable[[], bool], patience_s: float = 30.0) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        time.sleep(0.05)


def answers(address: str) -> bool:
    """Whether a service takes calls there."""
    with contextlib.closing(Client(address)) as asking:
        return asking.ready()
