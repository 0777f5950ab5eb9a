"""The sockets' files: for their owner and one group, whatever else is in the folder."""

from __future__ import annotations

import grp
import os
import threading
from pathlib import Path

import pytest

from open_analytic.errors import ServiceError
from open_analytic.service import server
from open_analytic.service.server import ListenOptions

GROUP = grp.getgrgid(os.getegid()).gr_name


@pytest.mark.parametrize(("group", "mode"), [(None, 0o600), (GROUP, 0o660)])
def test_the_file_is_for_its_owner_and_the_group(sockets: Path, group: str | None, mode: int) -> None:
    with server._unix(sockets / "s", ListenOptions(group=group)):
        status = (sockets / "s").lstat()
        assert (status.st_mode & 0o777, status.st_uid, status.st_gid) == (mode, os.geteuid(), os.getegid())
    assert list(sockets.iterdir()) == []


def test_a_link_in_the_socket_s_place_leads_to_no_rights(sockets: Path) -> None:
    """Somebody who may write to the folder too is quick between our bind and what we do to the file."""
    (target := sockets / "target").write_text("the victim's")
    target.chmod(0o600)
    (path := sockets / "s").symlink_to(target)
    server._give_away(path, ListenOptions(group=GROUP, owner=os.geteuid()))
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_link_is_never_bound_over(sockets: Path) -> None:
    (sockets / "s").symlink_to(sockets / "elsewhere")
    with pytest.raises(ServiceError, match="cannot listen"), server._unix(sockets / "s", ListenOptions(group=GROUP)):
        pass
    assert not (sockets / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another group")
def test_another_group_gets_the_link_not_its_target(sockets: Path) -> None:
    other = next(entry for entry in grp.getgrall() if entry.gr_gid != os.getegid())
    (target := sockets / "target").touch()
    (sockets / "s").symlink_to(target)
    server._give_away(sockets / "s", ListenOptions(group=other.gr_name))
    assert (target.stat().st_gid, (sockets / "s").lstat().st_gid) == (os.getegid(), other.gr_gid)


def test_no_moment_leaves_the_file_to_everybody(sockets: Path) -> None:
    seen, done = set(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            try:
                seen.add((sockets / "s").lstat().st_mode & 0o007)
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(50):
        with server._unix(sockets / "s", ListenOptions(group=GROUP)):
            pass
    done.set()
    watcher.join()
    assert seen <= {0}
