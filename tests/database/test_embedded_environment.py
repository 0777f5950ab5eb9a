"""PG* variables are for the user's own servers: the embedded one is reached, and answers the same, with any of them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.embedded import watchdog
from open_analytic.store.connection import Database, connect
from open_analytic.util import libpq

VARIABLES = {
    "PGSERVICE": "nosuch",
    "PGSERVICEFILE": "/nowhere",
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1",
    "PGUSER": "nobody-here",
    "PGDATABASE": "nothing-here",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nowhere",
    "PGREQUIREPEER": "nobody-here",
    "PGREQUIREAUTH": "scram-sha-256",
    "PGCHANNELBINDING": "require",
    "PGSSLMODE": "verify-full",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLROOTCERT": "/nowhere",
    "PGSSLCERT": "/nowhere",
    "PGSSLCERTMODE": "require",
    "PGSSLMINPROTOCOLVERSION": "TLSv9",
    "PGSSLMAXPROTOCOLVERSION": "TLSv9",
    "PGGSSENCMODE": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "random",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGMAXPROTOCOLVERSION": "none",
    "PGCONNECT_TIMEOUT": "soon",
    "PGCLIENTENCODING": "LATIN1",
    "PGOPTIONS": "-c statement_timeout=1",
    "PGTZ": "Nowhere/Atall",
    "PGDATESTYLE": "nonsense",
    "PGGEQO": "nonsense",
}
SETTINGS = ("statement_timeout", "DateStyle", "TimeZone", "geqo", "client_encoding")


@pytest.fixture(autouse=True, params=[*VARIABLES, "all"])
def variable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    for each, value in VARIABLES.items() if name == "all" else [(name, VARIABLES[name])]:
        monkeypatch.setenv(each, value)
    return name


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    with pytest.MonkeyPatch.context() as plain:
        for name in VARIABLES:
            plain.delenv(name, raising=False)
        with embedded.start(tmp_path_factory.mktemp("environment")) as server:
            with psycopg.connect(server.dsn) as connection:
                connection.execute("CREATE EXTENSION vector")
            yield server


def test_another_client_a_pool_and_a_connection_get_through(
    running: embedded.Server, settings: Settings, variable: str
) -> None:
    before = dict(os.environ)
    with embedded.start(running.home) as server, connect(server.dsn) as connection:
        alone = [connection.execute(f"SHOW {name}").fetchone() for name in SETTINGS]
        database = Database(server.dsn, settings)
        with database.transaction() as pooled:
            shared = [pooled.execute(f"SHOW {name}").fetchone() for name in SETTINGS]
        database.close()
    assert alone == shared
    assert alone[0] == ("0",)
    assert alone[1] == ("ISO, MDY",)
    assert alone[3:] == [("on",), ("UTF8",)]
    assert dict(os.environ) == before


@pytest.mark.parametrize("variable", ["PGSERVICE", "PGOPTIONS", "all"], indirect=True)
def test_psql_gets_through(running: embedded.Server, variable: str) -> None:
    command = [sys.executable, "-m", "open_analytic", "--home", str(running.home), "db", "psql", "--", "-XAtc"]
    done = subprocess.run(
        [*command, "SHOW statement_timeout"], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


@pytest.mark.parametrize("variable", ["all"], indirect=True)
def test_a_first_start_is_made_without_them(tmp_path: Path, variable: str) -> None:
    with embedded.start(tmp_path / "home") as server:
        assert embedded.status(server.home).running
    embedded.stop(tmp_path / "home")


@pytest.mark.parametrize("variable", ["PGHOST"], indirect=True)
def test_the_socket_is_known_by_its_folder(variable: str) -> None:
    assert libpq.SOCKET_PREFIX == watchdog.SOCKET_PREFIX
    assert libpq.is_own({"host": "/somewhere/open_analytic-abc"})
    assert not libpq.is_own({"host": "open_analytic-abc"})
    assert not libpq.is_own({})
