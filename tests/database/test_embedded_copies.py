"""A home that was copied while its server ran is a home of its own: the original is never asked, changed or stopped."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from open_analytic import embedded
from open_analytic.embedded import watchdog
from open_analytic.errors import EmbeddedServerFailed
from tests.database.homes import eventually, gone, grown, keep, pid_of, rows


@pytest.fixture
def home(tmp_path: Path, seed: Path) -> Iterator[Path]:
    folder = grown(seed, tmp_path / "home")
    yield folder
    embedded.stop(folder)


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "copy"
    yield folder
    embedded.stop(folder)


def copied(home: Path, copy: Path) -> Path:
    """As a backup does it: with owners, modes and times."""
    subprocess.run(["/bin/cp", "-a", home, copy], check=True)
    return copy


def socket_of(home: Path) -> Path:
    folder = embedded.status(home).socket
    assert folder
    return folder


def test_the_copy_of_a_running_home_has_a_server_of_its_own(home: Path, copy: Path) -> None:
    with embedded.start(home) as original:
        keep(original.dsn, 1)
        copied(home, copy)
        assert not embedded.status(copy).running
        with embedded.start(copy) as second:
            assert second.socket != original.socket
            keep(second.dsn, 2)
            keep(original.dsn, 3)
            assert (rows(original.dsn), rows(second.dsn)) == ([1, 3], [1, 2])
        eventually("the copy's server ends", lambda: gone(copy))
        assert not second.socket.exists()
        assert rows(original.dsn) == [1, 3]
        with embedded.start(home) as another:
            assert another.dsn == original.dsn


def test_stopping_the_copy_leaves_the_original(home: Path, copy: Path) -> None:
    with embedded.start(home) as original:
        copied(home, copy)
        assert embedded.stop(copy) is False
        embedded.start(copy).close()
        assert embedded.stop(copy) is True
        keep(original.dsn, 1)
        assert rows(original.dsn) == [1]


def test_the_original_stops_and_the_copy_stays(home: Path, copy: Path) -> None:
    with embedded.start(home) as original:
        keep(original.dsn, 1)
        copied(home, copy)
    eventually("the original's server ends", lambda: gone(home))
    with embedded.start(copy) as second:
        keep(second.dsn, 2)
        with embedded.start(home) as original:
            assert (rows(original.dsn), rows(second.dsn)) == ([1], [1, 2])


def test_a_copy_at_the_path_of_the_original_is_a_copy(home: Path, tmp_path: Path) -> None:
    """As on another machine: the same path, and a state that names a server of elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    with embedded.start(home) as original:
        keep(original.dsn, 1)
        home.rename(elsewhere)
        copied(elsewhere, home)
        with embedded.start(home) as second:
            keep(second.dsn, 2)
            assert (rows(original.dsn), rows(second.dsn)) == ([1], [1, 2])
        eventually("the copy's server ends", lambda: gone(home))
        assert rows(original.dsn) == [1]
    embedded.stop(elsewhere)


def test_a_home_that_moves_keeps_its_server(home: Path, copy: Path) -> None:
    with embedded.start(home) as original:
        keep(original.dsn, 1)
        home.rename(copy)
        assert original.address() == original.dsn
        with embedded.start(copy) as same:
            assert same.dsn == original.dsn
            assert rows(same.dsn) == [1]


def test_a_copy_made_of_hard_links_is_refused(home: Path, copy: Path) -> None:
    """Two servers would write to the same files."""
    embedded.start(home).close()
    embedded.stop(home)
    subprocess.run(["/bin/cp", "-al", home, copy], check=True)
    with pytest.raises(EmbeddedServerFailed, match=r"hard links.*cp -a"):
        embedded.start(copy)
    embedded.start(home).close()


def test_the_socket_of_a_living_server_is_never_removed(home: Path) -> None:
    with embedded.start(home):
        folder = socket_of(home)
        watchdog.remove_socket(folder, folder.stat().st_uid)
        assert (folder / watchdog.SOCKET).exists()
        os.kill(pid_of(home), signal.SIGKILL)
        eventually("it is gone", lambda: not embedded.status(home).running)
        watchdog.remove_socket(folder, folder.stat().st_uid + 1)
        assert folder.exists()
        watchdog.remove_socket(folder, folder.stat().st_uid)
        assert not folder.exists()


@pytest.mark.parametrize("fate", ["moved", "replaced"])
def test_a_home_that_went_away_under_a_client_is_not_made_anew(home: Path, copy: Path, fate: str) -> None:
    with embedded.start(home) as original:
        keep(original.dsn, 1)
        os.kill(pid_of(home), signal.SIGKILL)
        eventually("it is gone", lambda: not embedded.status(home).running)
        home.rename(copy)
        if fate == "replaced":
            copied(copy, home)
        with pytest.raises(EmbeddedServerFailed, match="was moved, deleted or replaced"):
            original.address()
        assert home.exists() is (fate == "replaced")
    with embedded.start(copy) as moved:
        assert rows(moved.dsn) == [1]
