"""What the watchdog does without a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from open_analytic.embedded import keeper, watchdog

OLD = str(Path(watchdog.__file__).with_name("reaper.py"))


@pytest.mark.parametrize("file", [watchdog.__file__, OLD, keeper.__file__], ids=["watchdog", "reaper", "keeper"])
def test_who_watches_needs_the_standard_library_only(file: str) -> None:
    script = f"import sys, runpy; runpy.run_path({file!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()} - {"__main__", "watchdog"}
    assert loaded <= sys.stdlib_module_names


def test_the_path_that_earlier_versions_start_is_the_watchdog(tmp_path: Path) -> None:
    """A keeper that was started before an upgrade starts ``reaper.py``; here without a server, so it ends at once."""
    (tmp_path / "data").mkdir()
    lock = watchdog.open_lock(tmp_path / watchdog.WATCHDOG)
    with watchdog.prepared(tmp_path, 0.0, lock) as (command, inherited):
        assert command[3] == watchdog.__file__
        command[3] = OLD
        subprocess.run(command, pass_fds=inherited, check=True, timeout=60)
    os.close(lock)


def test_a_long_log_keeps_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOG_BYTES", 100)
    monkeypatch.setattr(watchdog, "LOG_KEPT_BYTES", 10)
    path = tmp_path / "log"
    path.write_bytes(b"x" * 95 + b"the end")
    log = os.open(path, os.O_RDWR | os.O_APPEND)
    watchdog.cut_log(log)
    watchdog.cut_log(log)
    os.write(log, b"!")
    os.close(log)
    assert path.read_bytes() == b"xxxthe end!"


def test_a_folder_that_is_not_ours_is_never_taken_for_the_sockets(tmp_path: Path) -> None:
    home = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / watchdog.STATE).write_text('{"socket": "/etc"}')
    assert watchdog.socket_folder(home) is None
    (tmp_path / watchdog.STATE).write_text("[]")
    assert watchdog.socket_folder(home) is None
    os.close(home)


def test_a_lock_dies_with_the_last_process_that_inherited_it(tmp_path: Path) -> None:
    ours, asking = watchdog.open_lock(tmp_path / "lock"), watchdog.open_lock(tmp_path / "lock")
    assert watchdog.try_lock(ours)
    with subprocess.Popen(["/bin/sleep", "600"], pass_fds=[ours]) as heir:
        os.close(ours)
        assert not watchdog.is_free(asking)
        heir.kill()
    assert watchdog.is_free(asking)
    os.close(asking)


def test_a_link_in_the_place_of_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        watchdog.open_lock(tmp_path / "lock")
    assert not (tmp_path / "elsewhere").exists()
