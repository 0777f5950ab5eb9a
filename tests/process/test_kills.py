"""Whatever is killed, in whatever order: it comes back while somebody needs it, and nothing stays behind afterwards."""

import os
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
from open_analytic.embedded import background_service, keeper, watchdog
from open_analytic.errors import OpenAnalyticError
from tests import homes
from tests.database.homes import free, kill_at_once
from tests.process.runner import Cli, make
from tests.process.serving import answers, companions, eventually, parent, served
from tests.process.test_background_service import address

CLIENT = """
import sys, open_analytic
with open_analytic.connect(home=sys.argv[1]):
    print("open", flush=True)
    sys.stdin.read()
"""
LOCKS = (watchdog.SERVER, watchdog.WATCHDOG, background_service.SERVICE, keeper.KEEPER)
PAIRS = {"watchdog": watchdog.__file__, "keeper": keeper.__file__}


@pytest.fixture
def own(tmp_path: Path, cards: Path, used_home: Path) -> Iterator[Cli]:
    """A command line with a home of its own, with the pipeline registered."""
    cli = make(tmp_path, cards)
    homes.copy(used_home, home_of(cli))
    yield cli
    embedded.stop(home_of(cli))
    eventually("nothing is left", lambda: gone(home_of(cli)))


def home_of(cli: Cli) -> Path:
    return cli.folder / ".open_analytic"


def complete(home: Path) -> bool:
    """Whether all locks are held, and by those they are for: who starts a keeper or a service holds its lock first."""
    watchers = (running(home, watchdog.__file__), running(home, keeper.__file__))
    held = not any(free(home, name) for name in LOCKS)
    return held and all(len(pids) == 2 for pids in watchers) and len(companions(home)) == 1


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


def running(home: Path, file: str) -> list[int]:
    """The pids of the watchdog or the keeper, by their command line: parent and child."""
    pids = []
    for entry in Path("/proc").glob("[0-9]*"):
        words = command_line(int(entry.name)).split(b"\0")
        if file.encode() in words and os.fsencode(home) in words and b"-c" not in words:
            pids.append(int(entry.name))
    return sorted(pids, key=lambda pid: parent(pid) in pids)


def command_line(pid: int) -> bytes:
    """Empty once the process has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def has_ended(pid: int) -> bool:
    """Whether all of its threads are gone or zombies: its files are closed then, and not before."""
    try:
        return all(state(task) in "ZX" for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return True


def state(task: Path) -> str:
    """The thread's state as the kernel names it; X, dead, when it is gone."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def kill(home: Path, what: str, *, can_have_ended: bool = False) -> None:
    """Kill the postmaster, the service, both processes of watchdog or keeper, or one: as in ``watchdog's child``."""
    who, _, one = what.partition("'s ")
    whole = 2 if who in PAIRS else 1  # a service is one process once the shell that starts it is gone
    if not can_have_ended:
        eventually(f"the {who} is complete", lambda: len(processes(home, who)) == whole)
    pids = processes(home, who)
    killed = {"": pids, "parent": pids[:1], "child": pids[1:]}[one]
    kill_at_once(killed)
    eventually(f"the {what} has died, and let its locks go", lambda: all(has_ended(pid) for pid in killed))


def kill_in_order(home: Path, process: subprocess.Popen[str], order: list[str]) -> None:
    """Kill them one after the other. Without the postmaster or the client the others end by themselves."""
    ending = False
    for what in order:
        if what == "client":
            process.kill()
            process.wait()
        else:
            kill(home, what, can_have_ended=ending)
        ending = ending or what in ("client", "postmaster")


def processes(home: Path, who: str) -> list[int]:
    if who in PAIRS:
        return running(home, PAIRS[who])
    if who == "service":
        return companions(home)
    pid = watchdog.recorded(home / "data")
    return [pid] if pid else []


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
            eventually("all of it is gone", lambda: free(home_of(own), watchdog.SERVER))
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


@pytest.mark.parametrize(
    "order", ["service service", "keeper service", "service keeper", "watchdog service", "service watchdog keeper"]
)
def test_sql_finds_a_service_again_that_was_killed(own: Cli, pictures: Path, order: str) -> None:
    picture = (pictures / "red.png").read_bytes()
    with client(own):
        dsn = embedded.status(home_of(own)).dsn or ""
        expected = run_in_sql(dsn, picture)
        for what in order.split():
            kill(home_of(own), what)
            eventually("they are all there", lambda: complete(home_of(own)), 120)
        assert run_in_sql(dsn, picture) == expected


@pytest.mark.parametrize(
    "order",
    [
        "keeper's parent, service",
        "keeper's child, service",
        "service, keeper's parent",
        "watchdog, keeper's child, service",
    ],
)
def test_sql_finds_a_service_again_that_was_killed_with_its_watchers(own: Cli, pictures: Path, order: str) -> None:
    picture = (pictures / "red.png").read_bytes()
    with client(own):
        dsn = embedded.status(home_of(own)).dsn or ""
        expected = run_in_sql(dsn, picture)
        for what in order.split(", "):
            kill(home_of(own), what)
        eventually("another answers", lambda: answers(address(home_of(own))), 120)
        assert run_in_sql(dsn, picture) == expected


@pytest.mark.parametrize("order", ["watchdog's parent, client", "watchdog's child, client", "client, watchdog's child"])
def test_without_a_service_nothing_stays_behind_either(own: Cli, order: str) -> None:
    home = home_of(own)
    environment = {**own.environment, "OPEN_ANALYTIC_SERVICE_START": "0"}
    eventually("the first server has ended", lambda: gone(home))
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(home)], cwd=own.folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        kill_in_order(home, process, order.split(", "))
    eventually("nothing is left", lambda: gone(home), 90)


@pytest.mark.parametrize(
    "order",
    [
        "watchdog client",
        "client watchdog",
        "keeper client",
        "service client",
        "postmaster client",
        "postmaster watchdog client",
        "watchdog postmaster client",
        "watchdog postmaster keeper client",
        "keeper watchdog client postmaster",
        "service keeper client",
        "client service keeper",
    ],
)
def test_nothing_stays_behind(own: Cli, order: str) -> None:
    home = home_of(own)
    with client(own) as process:
        socket = embedded.status(home).socket
        assert socket
        kill_in_order(home, process, order.split())
    eventually("nothing is left", lambda: gone(home) and not companions(home) and not socket.exists(), 90)
    assert own("pipeline", "list", "--json").json[0]["name"] == "mean_colour"


def test_serve_says_so_when_its_server_dies(own: Cli) -> None:
    with served(own) as server:
        kill(home_of(own), "postmaster")
        _, log = server.process.communicate(timeout=60)
    assert server.process.returncode == 7
    assert "Error: The embedded server of" in log
    assert "Traceback" not in log
