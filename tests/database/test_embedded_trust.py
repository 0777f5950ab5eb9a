"""Root in a home of another account's: what that account wrote there is not believed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from open_analytic import embedded
from open_analytic.embedded import account, watchdog
from open_analytic.embedded.home import Home
from open_analytic.errors import EmbeddedServerFailed
from tests.database.homes import eventually, gone
from tests.database.test_embedded import NOBODY

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: homes of another account are met by root only.")


@contextmanager
def home_of_nobody(seed: Path | None = None) -> Iterator[Path]:
    """A home that belongs to nobody; with a copy of this data folder, initdb is done in it."""
    folder = Path(tempfile.mkdtemp())
    if seed:
        subprocess.run(["/bin/cp", "-a", seed, folder / "data"], check=True)
    subprocess.run(["/bin/chown", "-R", ":".join(map(str, NOBODY)), folder], check=True)
    yield folder
    embedded.stop(folder)
    eventually("all has ended", lambda: gone(folder))
    shutil.rmtree(folder)


@pytest.fixture
def theirs(seed: Path) -> Iterator[Path]:
    with home_of_nobody(seed) as folder:
        yield folder


@pytest.fixture(scope="module")
def their_server(seed: Path) -> Iterator[Path]:
    """One whose server was started again after each test, and runs."""
    with home_of_nobody(seed) as folder:
        yield folder


@pytest.fixture
def empty() -> Iterator[Path]:
    """One without data."""
    with home_of_nobody() as folder:
        yield folder


def rewrite(home: Path, **changed: object) -> None:
    state = json.loads((home / watchdog.STATE).read_text())
    (home / watchdog.STATE).write_text(json.dumps(state | changed))


def test_psql_is_never_the_one_that_the_home_names(theirs: Path, tmp_path: Path) -> None:
    trap, mark = tmp_path / "bin", tmp_path / "mark"
    trap.mkdir()
    for name in ("psql", "postgres", "initdb"):
        (trap / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (trap / name).chmod(0o755)
    with embedded.start(theirs):
        rewrite(theirs, bin=str(trap))
        command = [sys.executable, "-m", "open_analytic", "--home", str(theirs), "db", "psql", "--", "-XAtc"]
        done = subprocess.run([*command, "SELECT 41 + 1"], capture_output=True, text=True, check=False, timeout=120)
        with embedded.start(theirs) as server:
            assert trap not in server.bin.parents
            assert server.bin != trap
    assert (done.returncode, done.stdout) == (0, "42\n")
    assert not mark.exists()


@pytest.mark.parametrize(
    "socket", ["{other}", "nowhere", "/etc", "/var/open_analytic-x,evil.invalid", "@open_analytic-x", 7, None, "a\0b"]
)
def test_a_socket_that_is_not_the_server_s_is_not_used(their_server: Path, tmp_path: Path, socket: object) -> None:
    other = tmp_path / "open_analytic-other"
    other.mkdir(mode=0o700)
    os.chown(other, 12345, 12345)
    with embedded.start(their_server) as first:
        name = socket.format(other=other) if isinstance(socket, str) else socket
        rewrite(their_server, socket=name)
        assert not embedded.status(their_server).running
        with pytest.raises(EmbeddedServerFailed, match="its socket is gone"):
            embedded.start(their_server)
        assert embedded.stop(their_server)
        with embedded.start(their_server) as second:
            assert second.socket != first.socket
    assert other.exists()


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(theirs: Path) -> None:
    embedded.start(theirs).close()
    embedded.stop(theirs)
    for name in (watchdog.STATE, "data/postmaster.pid"):
        (theirs / name).unlink(missing_ok=True)
        os.mkfifo(theirs / name)
    assert not embedded.status(theirs).running
    with embedded.start(theirs):
        assert embedded.status(theirs).running


def test_a_link_in_the_place_of_the_log_s_folder_is_refused(theirs: Path, tmp_path: Path) -> None:
    Home.open(theirs)
    shutil.rmtree(theirs / "log")
    (theirs / "log").symlink_to(tmp_path)
    with pytest.raises(EmbeddedServerFailed, match="log"):
        embedded.start(theirs)
    assert list(tmp_path.iterdir()) == []
    (theirs / "log").unlink()


def test_data_of_a_third_account_is_not_started(empty: Path, tmp_path: Path) -> None:
    """A link by which one account would have root start, and configure, a server of another's."""
    victim = tmp_path / "data"
    victim.mkdir()
    os.chown(victim, 12345, 12345)
    (empty / "data").symlink_to(victim)
    os.chown(empty / "data", *NOBODY, follow_symlinks=False)
    with pytest.raises(EmbeddedServerFailed, match="belongs to the account number 65534, but the data to 12345"):
        account.choose(empty)
    (empty / "data").unlink()
