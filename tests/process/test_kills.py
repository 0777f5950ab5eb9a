"""Whatever is killed, in whatever order: it comes back while somebody needs it, and nothing stays behind afterwards."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.embedded import companion, keeper, reaper
from open_analytic.errors import OpenAnalyticError
from tests.database.homes import free
from tests.process.runner import Cli, make
from tests.process.serving import answers, companions, eventually, served
from tests.process.test_companion import address, create

CLIENT = """
import sys, open_analytic
with open_analytic.connect(home=sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""
LOCKS = (reaper.SERVER, reaper.REAPER, companion.SERVICE, keeper.KEEPER)


@pytest.fixture
def own(tmp_path: Path, cards: Path) -> Iterator[Cli]:
    """A command line with a home of its own, with the pipeline registered."""
    cli = make(tmp_path, cards)
    create(cli, cards)
    yield cli
    embedded.stop(home_of(cli))
    eventually("nothing is left", lambda: gone(home_of(cli)))


def home_of(cli: Cli) -> Path:
    return cli.folder / ".open_analytic"


def gone(home: Path) -> bool:
    return all(free(home, name) for name in LOCKS)


@contextmanager
def client(cli: Cli) -> Iterator[subprocess.Popen[str]]:
    """Another process with a ``db``."""
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(home_of(cli))], cwd=cli.folder, env=cli.environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            assert process.stdout
            assert process.stdout.readline() == "open\n"
            eventually("the service answers", lambda: answers(address(home_of(cli))), 60)
            yield process
        finally:
            process.kill()


def running(home: Path, file: str) -> int:
    """The pid of the reaper or the keeper, by its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        words = command_line(int(entry.name)).split(b"\0")
        if file.encode() in words and os.fsencode(home) in words and b"-c" not in words:
            return int(entry.name)
    raise AssertionError(f"{file} does not run")


def command_line(pid: int) -> bytes:
    """Empty once the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def has_ended(pid: int) -> bool:
    """Whether it is gone or a zombie: its files are closed then."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def kill(home: Path, what: str) -> None:
    if what == "postmaster":
        pid = reaper.recorded(home / "data")
    elif what == "service":
        (pid,) = companions(home)
    else:
        pid = running(home, {"reaper": reaper.__file__, "keeper": keeper.__file__}[what])
    assert pid
    os.kill(pid, signal.SIGKILL)
    eventually(f"the {what} has died, and let its locks go", lambda: has_ended(pid))


def run_in_sql(dsn: str, picture: bytes) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT open_analytic.pipeline_run('mean_colour', %s)", [picture]).fetchone()
    assert row
    return row[0]


@pytest.mark.parametrize("others", ["nobody", "another process"])
def test_a_live_db_finds_its_server_again(own: Cli, settings: Settings, others: str) -> None:
    with open_analytic.connect(home=home_of(own), settings=settings) as db:
        names = [info.name for info in db.pipelines()]
        for _ in range(3):
            kill(home_of(own), "postmaster")
            eventually("all of it is gone", lambda: free(home_of(own), reaper.SERVER))
            if others == "another process":
                own("pipeline", "list")
            assert [info.name for info in db.pipelines()] == names
            assert db.dsn == embedded.status(home_of(own)).dsn
        own("db", "stop")
        assert [info.name for info in db.pipelines()] == names


def lose(cli: Cli, db: open_analytic.OpenAnalytic) -> None:
    """Kill the server in a transaction of the db's."""
    with db._database.transaction() as connection:
        kill(home_of(cli), "postmaster")
        eventually("it is gone", lambda: not embedded.status(home_of(cli)).running)
        while True:
            connection.execute("SELECT 1")


def test_a_call_under_way_when_the_server_dies_fails_with_a_next_step(own: Cli, settings: Settings) -> None:
    with open_analytic.connect(home=home_of(own), settings=settings) as db:
        with pytest.raises(OpenAnalyticError) as caught:
            lose(own, db)
        assert "host, port" not in (caught.value.hint or "")
        assert db.pipelines()


def test_sql_finds_a_service_again_that_was_killed(own: Cli, pictures: Path) -> None:
    picture = (pictures / "red.png").read_bytes()
    with client(own):
        dsn = embedded.status(home_of(own)).dsn or ""
        expected = run_in_sql(dsn, picture)
        for first in ("service", "keeper", "reaper"):
            for what in {first, "service"}:
                kill(home_of(own), what)
                eventually("they are all there", lambda: not any(free(home_of(own), name) for name in LOCKS), 120)
            assert run_in_sql(dsn, picture) == expected


@pytest.mark.parametrize(
    "order",
    [
        "reaper client",
        "client reaper",
        "keeper client",
        "service client",
        "postmaster client",
        "postmaster reaper client",
        "reaper postmaster client",
        "reaper postmaster keeper client",
        "keeper reaper client postmaster",
        "service keeper client",
        "client service keeper",
    ],
)
def test_nothing_stays_behind(own: Cli, order: str) -> None:
    home = home_of(own)
    with client(own) as process:
        socket = embedded.status(home).socket
        assert socket
        for what in order.split():
            if what == "client":
                process.kill()
                process.wait()
            else:
                kill(home, what)
    eventually("nothing is left", lambda: gone(home) and not companions(home) and not socket.exists(), 90)
    assert own("pipeline", "list", "--json").json[0]["name"] == "mean_colour"


def test_serve_says_so_when_its_server_dies(own: Cli) -> None:
    with served(own) as found:
        kill(home_of(own), "postmaster")
        _, log = found.process.communicate(timeout=60)
    assert found.process.returncode == 7
    assert "Error: The embedded server of" in log
    assert "Traceback" not in log
