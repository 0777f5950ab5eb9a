"""Behind pgbouncer, which gives each transaction, or each client, any session it has: everything is as without it."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import open_analytic
from open_analytic import embedded
from open_analytic.config import Settings
from open_analytic.store import schema
from open_analytic.store.connection import connect
from tests.database.test_session import usual as usual  # a fixture
from tests.database.test_session import work
from tests.databases import database as new_database

CONFIGURATION = """
[databases]
{dbname} = host={host} port={port} dbname={dbname} user={user}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = {mode}
default_pool_size = 4
logfile = {folder}/log
pidfile = {folder}/pid
"""


@pytest.fixture(params=["session", "transaction"])
def pooled_dsn(request: pytest.FixtureRequest, server: embedded.Server, template: str) -> Iterator[str]:
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if program is None:
        reason = "PGBOUNCER MISSING: run as root: scripts/test_tools.sh install"
        if os.environ.get("OPEN_ANALYTIC_REQUIRE_TOOLS"):
            pytest.fail(reason)
        pytest.skip(reason)
    direct = conninfo_to_dict(new_database(server, template))
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        for setting in ("search_path = nothing, public", "datestyle = 'German, DMY'"):
            name = sql.Identifier(str(direct["dbname"]))
            admin.execute(sql.SQL("ALTER DATABASE {} SET ").format(name) + sql.SQL(setting))
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer"))
    folder.chmod(0o777)
    file = folder / "pgbouncer.ini"
    file.write_text(CONFIGURATION.format(**direct, folder=folder, mode=request.param))
    owner = pwd.getpwuid(Path(str(direct["host"])).stat().st_uid).pw_name  # the only account that reaches the socket
    process = subprocess.Popen([program, "-u", owner, str(file)], stderr=subprocess.DEVNULL)
    while not (folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None
        time.sleep(0.01)
    yield f"host={folder} port=6432 dbname={direct['dbname']} user={direct['user']}"
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


def test_a_pooler_changes_nothing(pooled_dsn: str, settings: Settings, usual: dict[str, object]) -> None:
    for _ in range(2):  # the second time in sessions that we have set up before
        with connect(pooled_dsn) as connection:
            assert (connection.pooled, connection.path) == (True, "nothing, public")
        with open_analytic.connect(pooled_dsn, settings=settings) as db:
            assert work(db) == usual
    schema.downgrade(pooled_dsn, "base")
    schema.upgrade(pooled_dsn)
    schema.check(pooled_dsn)
