"""The service that comes with the embedded database: there for its users, gone with it, one a home."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.embedded import background_service
from open_analytic.embedded.home import Home
from tests import homes
from tests.process.runner import Cli, make
from tests.process.serving import answers, ask, companions, eventually, served

RUN = "/api/v1/pipelines/mean_colour/run"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home whose server is stopped afterwards, with nothing left."""
    folder = tmp_path / ".open_analytic"
    yield folder
    embedded.stop(folder)
    eventually("its service has ended", lambda: not companions(folder))


@pytest.fixture
def own(home: Path, cards: Path, used_home: Path) -> Cli:
    """A command line with a home of its own, with the pipeline registered."""
    homes.copy(used_home, home)
    return make(home.parent, cards)


def create(cli: Cli, cards: Path) -> None:
    cli("pipeline", "create", "mean_colour", "--definition", cards / "pipeline.json")


def address(home: Path) -> str:
    socket = embedded.status(home).socket
    assert socket
    return f"unix:{socket}/http.sock"


def node(dsn: str) -> tuple[str, str, int]:
    """Where the database believes the service is."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT http, wire, wait_ms FROM open_analytic.nodes WHERE name = 'embedded'"
        ).fetchone()
    assert row
    return row


@contextmanager
def psql(cli: Cli) -> Iterator[subprocess.Popen[str]]:
    """psql, waiting for its standard input."""
    with cli.start("db", "psql") as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_first_user_starts_it_the_second_shares_it_and_it_ends_with_the_server(
    own: Cli, home: Path, pictures: Path
) -> None:
    with embedded.start(home) as server:
        own("pipeline", "list")
        eventually("it answers", lambda: answers(address(home)))
        first = companions(home)
        own("pipeline", "list")
        assert companions(home) == first
        assert len(first) == 1
        assert node(server.dsn) == (address(home), f"host={server.socket} port=5433", 10000)
        expected = own("pipeline", "run", "mean_colour", pictures / "red.png", "--json").json
        assert ask(address(home), RUN, (pictures / "red.png").read_bytes()).json() == expected
        assert own("db", "status", "--json").json["service"] is True
    eventually("it ends with the server", lambda: not companions(home), 20)
    assert not server.socket.exists()
    assert own("db", "status", "--json").json["service"] is False


def test_its_sockets_are_the_server_s_and_its_role_reads(own: Cli, home: Path) -> None:
    with embedded.start(home) as server:
        own("pipeline", "list")
        eventually("it answers", lambda: answers(address(home)))
        files = {path.name: path.lstat() for path in server.socket.iterdir()}
        assert {".s.PGSQL.5432", ".s.PGSQL.5433", "http.sock"} <= set(files)
        assert {entry.st_uid for entry in files.values()} == {server.socket.stat().st_uid}
        assert {files[name].st_mode & 0o777 for name in (".s.PGSQL.5433", "http.sock")} == {0o600}
        with psycopg.connect(server.dsn) as connection:
            row = connection.execute(
                "SELECT rolsuper, rolcreaterole, pg_has_role(oid, 'open_analytic_user', 'USAGE'),"
                " pg_has_role(oid, 'open_analytic_admin', 'USAGE'), rolconfig"
                " FROM pg_roles WHERE rolname = 'open_analytic_service'"
            ).fetchone()
        assert row == (False, False, True, False, ["default_transaction_read_only=on"])


def test_it_survives_the_one_who_started_it(own: Cli, home: Path) -> None:
    with embedded.start(home):
        with psql(own) as starter:
            eventually("it answers", lambda: answers(address(home)))
            starter.send_signal(signal.SIGKILL)
            starter.wait()
        time.sleep(1.5)
        assert answers(address(home))
        (pid,) = companions(home)
        os.kill(pid, signal.SIGKILL)  # and when it is killed itself, the next user starts another
        eventually("it is gone", lambda: pid not in companions(home))
        own("pipeline", "list")
        eventually("another answers", lambda: answers(address(home)))


def test_a_server_that_is_started_anew_at_once_is_served(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        for _ in range(4):
            eventually("it answers", lambda: answers(address(home)))
            before = address(home)
            os.kill(int((home / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            own("pipeline", "list")
            assert address(home) != before
        eventually("the last one is served", lambda: answers(address(home)))
        assert len(companions(home)) == 1


def test_db_stop_stops_it_too(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        eventually("it answers", lambda: answers(address(home)))
        own("db", "stop")
        assert not background_service.running(Home.open(home))


def test_two_homes_have_two(own: Cli, home: Path, cards: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make(tmp_path_factory.mktemp("other"), cards)
    second = other.folder / ".open_analytic"
    with embedded.start(home), embedded.start(second):
        own("pipeline", "list")
        create(other, cards)
        eventually("both answer", lambda: answers(address(home)) and answers(address(second)))
        assert len({*companions(home), *companions(second)}) == 2
        other("db", "stop")
        assert not background_service.running(Home.open(second))
        assert answers(address(home))


def test_it_ends_when_its_home_is_gone(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        eventually("it answers", lambda: answers(address(home)))
        assert len(companions(home)) == 1
        shutil.rmtree(home)
    eventually("it ends", lambda: not companions(home), 90)  # PostgreSQL looks for its folder once a minute


def test_a_setting_forbids_it(home: Path, cards: Path) -> None:
    cli = make(home.parent, cards, OPEN_ANALYTIC_SERVICE_START="0")
    with embedded.start(home):
        create(cli, cards)
        cli("db", "psql", "--", "-c", "SELECT 1")
        assert companions(home) == []
        assert not background_service.running(Home.open(home))


def test_serve_takes_its_place_and_nobody_starts_another(own: Cli, home: Path) -> None:
    with embedded.start(home):
        own("pipeline", "list")
        eventually("it answers", lambda: answers(address(home)))
        with served(own) as serving:
            assert serving.http() == address(home)
            own("pipeline", "list")
            assert companions(home) == []
            assert "Another" in own("serve", code=7).err
            assert answers(address(home))
            code, _ = serving.stopped()
            assert code == 0
        own("pipeline", "list")
        eventually("the next user starts one", lambda: answers(address(home)))
        assert len(companions(home)) == 1


def test_serve_in_another_folder_is_beside_it(own: Cli, home: Path, tmp_path: Path) -> None:
    with served(own, "--folder", tmp_path / "s") as serving:
        eventually("both answer", lambda: answers(serving.http()) and answers(address(home)))
        assert serving.http() != address(home)
        assert len(companions(home)) == 1


def test_serve_keeps_the_embedded_server_and_ends_when_that_is_stopped(own: Cli, home: Path) -> None:
    with served(own) as serving:
        time.sleep(4)  # longer than a server without users lives
        assert answers(serving.http())
        own("db", "stop")
        assert serving.process.wait(timeout=20) == 0


def test_settings_and_folders_of_the_user_reach_it(home: Path, cards: Path, pictures: Path) -> None:
    """Relative paths, and a database of the environment, mean nothing where it runs."""
    relative = {"OPEN_ANALYTIC_CARDS": os.path.relpath(cards, home.parent), "OPEN_ANALYTIC_MAX_BYTES": "500"}
    cli = make(home.parent, cards, OPEN_ANALYTIC_DSN="host=nowhere.invalid", **relative)
    with embedded.start(home):
        cli("pipeline", "create", "mean_colour", "--definition", cards / "pipeline.json", "--home", home)
        eventually("it answers", lambda: answers(address(home)))
        assert ask(address(home), RUN, (pictures / "red.png").read_bytes()).status_code == 200
        assert ask(address(home), RUN, bytes(501)).status_code == 413
