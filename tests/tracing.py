"""Runs a program under strace with all of its children: which files they make, which hosts they turn to."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

# What makes or changes a file by its name, and what sends anything to an address.
CALLS = (
    "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,rename,renameat,renameat2,"
    "connect,sendto,sendmsg,sendmmsg"
)
_CREATES = re.compile(r"(?:mkdir|mknod|link|symlink|rename)\w*\(|(?:open\w*|creat)\(.*(?:O_CREAT|O_TMPFILE)")
_FOLDER = re.compile(r"\w+\((?:AT_FDCWD|\d+)<([^>]*)>")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ADDRESS = re.compile(r'sin6?_port=htons\((\d+)\).*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
_RESOLVERS = re.compile(r'sun_path="([^"]*(?:resolve|mdns|avahi)[^"]*)"')


@dataclass(frozen=True, slots=True)
class Trace:
    """What a program and its children did."""

    code: int
    out: str
    err: str
    files: frozenset[Path]  # made, whether they are still there or not
    addresses: frozenset[str]  # host:port of the network, and the sockets of resolvers


def strace() -> str:
    """The program; without it the test is skipped, and fails where it has to be there."""
    path = shutil.which("strace")
    if path is None:
        reason = "STRACE MISSING: run as root: scripts/test_tools.sh install"
        if os.environ.get("OPEN_ANALYTIC_REQUIRE_TOOLS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def run(command: Sequence[str], *, log: Path, cwd: Path, environment: Mapping[str, str], timeout_s: int = 300) -> Trace:
    """Run the command, and wait for every process that came of it."""
    tracer = [strace(), "-f", "-qq", "-y", "-s", "4096", "--seccomp-bpf", f"--trace={CALLS}", "-o", str(log), "--"]
    done = subprocess.run(
        [*tracer, *command], cwd=cwd, env=environment, timeout=timeout_s, check=False, capture_output=True, text=True
    )
    lines = log.read_text(errors="replace").splitlines()
    files = frozenset(path for line in lines if " = -1 " not in line and (path := _created_path(line)))
    addresses = frozenset(address for line in lines for address in _addresses(line))
    return Trace(done.returncode, done.stdout, done.stderr, files, addresses)


def _created_path(line: str) -> Path | None:
    """The file that a call has made. mkdir and rename do not say which folder a relative name starts from: left out."""
    call = line.partition(" ")[2].lstrip()
    names = _NAME.findall(call)
    if not names or not _CREATES.match(call):
        return None
    name, folder = names[-1], _FOLDER.match(call)
    if not folder and not name.startswith("/"):
        return None
    return Path(os.path.normpath(Path(folder[1] if folder else "/", name)))


def _addresses(line: str) -> list[str]:
    return [f"{host}:{port}" for port, host in _ADDRESS.findall(line)] + _RESOLVERS.findall(line)
