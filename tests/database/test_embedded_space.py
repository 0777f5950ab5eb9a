"""A full disk under the embedded server is StorageFull, keeps what was committed, and goes on once there is room."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.embedded import bootstrap
from open_analytic.errors import StorageFull
from open_analytic.store.connection import Database
from tests.database.homes import eventually, gone, grown, keep, rows

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: a small file system cannot be mounted.")


class Disk:
    """A small file system of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self._filler = folder, folder / "home", folder / "filler"

    def mount(self, options: str) -> None:
        command = ["/bin/mount", "-t", "tmpfs", "-o", f"mode=755,{options}", "open_analytic-test", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"NO MOUNT: a small file system cannot be mounted here: {done.stderr}")

    def grow(self, seed: Path) -> None:
        """The home gets this data folder."""
        grown(seed, self.home)

    def resize(self, options: str) -> None:
        subprocess.run(["/bin/mount", "-o", f"remount,{options}", self.folder], check=True)

    def fill(self, spare_bytes: int = 0) -> None:
        """Leave so many bytes free."""
        room = os.statvfs(self.folder)
        with self._filler.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), room.f_bavail * room.f_frsize - spare_bytes)

    def free(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are deleted by other runs
    disk = Disk(folder)
    try:
        yield disk
        if disk.home.is_dir():
            embedded.stop(disk.home)
            eventually("all has ended", lambda: gone(disk.home))
    finally:
        subprocess.run(["/bin/umount", "-l", folder], check=False, capture_output=True)
        folder.rmdir()


@pytest.mark.parametrize("small", ["size=8m", "size=200m,nr_inodes=300"], ids=["bytes", "inodes"])
def test_a_first_start_without_room(disk: Disk, small: str) -> None:
    disk.mount(small)
    with pytest.raises(StorageFull, match="no space left"):
        embedded.start(disk.home)
    disk.resize("size=300m,nr_inodes=10000")
    with embedded.start(disk.home) as server:
        keep(server.dsn, 1)
        assert rows(server.dsn) == [1]


def test_a_start_without_a_byte(disk: Disk, seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk.mount("size=200m")
    disk.grow(seed)
    with embedded.start(disk.home) as server:
        keep(server.dsn, 1)
    embedded.stop(disk.home)
    disk.fill()
    sockets = Path(tempfile.mkdtemp())
    sockets.chmod(0o711)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "tempdir", str(sockets))
        with pytest.raises(StorageFull, match="no space left"):
            embedded.start(disk.home)
    sockets.rmdir()  # nothing was left in it
    disk.free()
    with embedded.start(disk.home) as server:
        assert rows(server.dsn) == [1]


def test_another_client_of_a_running_server_needs_no_room(disk: Disk, seed: Path) -> None:
    disk.mount("size=200m")
    disk.grow(seed)
    with embedded.start(disk.home) as first:
        keep(first.dsn, 1)
        disk.fill()
        with embedded.start(disk.home) as second:
            assert rows(second.dsn) == [1]


def insert(database: Database, rows: int) -> None:
    with database.transaction() as connection:
        connection.execute("INSERT INTO public.kept SELECT n FROM generate_series(2, %s) AS n", [rows])


def test_a_disk_that_fills_under_work(disk: Disk, seed: Path, settings: Settings) -> None:
    """PostgreSQL itself ends when the log of its changes has no room: that is no matter of host, port or user."""
    disk.mount("size=250m")
    disk.grow(seed)
    settings = dataclasses.replace(settings, service_start=0)
    with embedded.start(disk.home) as server:
        bootstrap.prepare(server, settings)
        keep(server.dsn, 1)
        database = Database(bootstrap.Address(server, settings), settings)
        disk.fill(20 << 20)
        with pytest.raises(StorageFull, match="no space left"):
            insert(database, 2_000_000)
        with pytest.raises(StorageFull, match="no space left"):
            insert(database, 2_000_000)
        disk.free()
        eventually("it goes on", lambda: _count(database) == 1)
        insert(database, 10)
        assert _count(database) == 10
        database.close()


def _count(database: Database) -> int:
    with database.transaction() as connection:
        row = connection.execute("SELECT count(*) FROM public.kept").fetchone()
    assert row
    return int(row[0])


def test_settings_that_have_not_changed_are_not_written(disk: Disk, seed: Path) -> None:
    disk.mount("size=200m")
    disk.grow(seed)
    names = ("open_analytic.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.conf")
    embedded.start(disk.home).close()
    embedded.stop(disk.home)
    before = {name: (disk.home / "data" / name).stat().st_ino for name in names}
    (disk.home / "data" / "pg_ident.conf").write_text("# somebody's\n")
    with embedded.start(disk.home) as server, psycopg.connect(server.dsn):
        after = {name: (disk.home / "data" / name).stat().st_ino for name in names}
    assert after.pop("pg_ident.conf") != before.pop("pg_ident.conf")
    assert after == before
