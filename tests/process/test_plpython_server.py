"""scripts/plpython.sh for real: what it puts in is a PostgreSQL our launcher runs, with plpython3u and pgvector."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from open_analytic import embedded
from open_analytic.errors import UnknownPipeline
from tests import plpython

SYSTEM = ("/etc/apt", "/etc/postgresql", "/etc/postgresql-common", "/var/lib/apt/lists", "/var/lib/dpkg/status")
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="NOT ROOT: the server runs as our own account, nothing is closed.")
SQLSTATE = """
CREATE FUNCTION sqlstate_of(folder text, name text) RETURNS text LANGUAGE plpython3u AS $$
import sys
sys.path.append(folder)
from open_analytic import errors
return getattr(errors, name).sqlstate
$$
"""


@pytest.fixture(scope="module")
def programs() -> Path:
    return plpython.require()


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> Iterator[embedded.Server]:
    """A server of its own with both extensions."""
    with embedded.start(tmp_path_factory.mktemp("plpython"), pg_bin=programs) as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE EXTENSION vector; CREATE EXTENSION plpython3u")
            connection.execute(SQLSTATE)
        yield server


@pytest.fixture
def connection(private: embedded.Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(private.dsn) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def closed() -> Iterator[Path]:
    """A copy of the package in a folder that only we can enter, in one that all can."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        shutil.copytree(plpython.REPOSITORY / "open_analytic", Path(folder) / "open_analytic")
        yield Path(folder)


def times(*tops: str) -> dict[str, int]:
    """When each file and folder there was last changed."""
    paths = [path for top in map(Path, tops) for path in (top, *sorted(top.rglob("*")))]
    return {str(path): path.lstat().st_mtime_ns for path in paths if path.exists() or path.is_symlink()}


def sqlstate(connection: psycopg.Connection, folder: Path) -> tuple[object, ...] | None:
    return connection.execute("SELECT sqlstate_of(%s, 'UnknownPipeline')", [str(folder)]).fetchone()


def test_bin_prints_the_folder_with_postgres(programs: Path) -> None:
    answer = plpython.ask("bin")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"{programs}\n", "")
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    assert version.startswith(f"postgres (PostgreSQL) {programs.parent.name}.")


def test_a_second_install_touches_nothing(programs: Path) -> None:
    watched = (*SYSTEM, str(programs), f"{programs.parent}/lib", f"/usr/share/postgresql/{programs.parent.name}")
    before = times(*watched)
    answer = plpython.ask("install")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert times(*watched) == before


def test_another_word_is_refused() -> None:
    answer = plpython.ask("remove")
    assert (answer.returncode, answer.stdout, answer.stderr) == (2, "", "plpython.sh: say install or bin\n")


def test_a_function_runs_in_the_systems_python(connection: psycopg.Connection) -> None:
    body = "import sys; return sys.version"
    connection.execute(f"CREATE FUNCTION version_of_python() RETURNS text LANGUAGE plpython3u AS '{body}'")
    row = connection.execute("SELECT version_of_python()").fetchone()
    assert row
    assert row[0].startswith("3.")


def test_a_function_imports_our_code(connection: psycopg.Connection, private: embedded.Server) -> None:
    with plpython.code_folder(private.home) as folder:
        assert sqlstate(connection, folder) == (UnknownPipeline.sqlstate,)


@ROOT
def test_a_function_imports_a_copy_of_closed_code(private: embedded.Server, closed: Path) -> None:
    modules = sorted(str(path.relative_to(closed)) for path in closed.rglob("*.py"))
    with plpython.code_folder(private.home, repository=closed) as folder:
        assert folder != closed
        assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == modules
        with psycopg.connect(private.dsn) as connection:
            assert sqlstate(connection, folder) == (UnknownPipeline.sqlstate,)
    assert not folder.exists()


@ROOT
def test_open_code_is_used_as_it_is_and_one_closed_module_is_enough_for_a_copy(closed: Path) -> None:
    closed.chmod(0o755)
    with plpython.code_folder(repository=closed) as folder:
        assert folder == closed
    (closed / "open_analytic" / "errors.py").chmod(0o600)
    with plpython.code_folder(repository=closed) as folder:
        assert folder != closed


def test_an_index_over_halfvec_finds_the_nearest(connection: psycopg.Connection) -> None:
    connection.execute(
        "CREATE TABLE points AS SELECT n, ARRAY[n, n % 7, n % 11]::vector::halfvec(3) AS place "
        "FROM generate_series(1, 2000) AS n"
    )
    connection.execute("CREATE INDEX points_place ON points USING hnsw (place halfvec_l2_ops)")
    connection.execute("SET LOCAL enable_seqscan = off")
    nearest = "SELECT n FROM points ORDER BY place <-> '[5,5,5]' LIMIT 3"
    plan = [line for (line,) in connection.execute(f"EXPLAIN {nearest}")]
    assert any("Index Scan using points_place" in line for line in plan), plan
    # Distances: 5 is (5,5,5) itself; 4 is (4,4,4) and 6 is (6,6,6), both at sqrt(3).
    assert sorted(n for (n,) in connection.execute(nearest)) == [4, 5, 6]


def test_pgvector_is_new_enough_for_iterative_scans(connection: psycopg.Connection) -> None:
    connection.execute("SET LOCAL hnsw.iterative_scan = relaxed_order")
    assert connection.execute("SHOW hnsw.iterative_scan").fetchone() == ("relaxed_order",)


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)], ids=["skips", "fails"]
)
def test_a_machine_without_it_is_told_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    script = tmp_path / "plpython.sh"
    script.write_text("#!/bin/sh\necho '  | a log' >&2\necho 'plpython.sh: it is missing; do this' >&2\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv(plpython.REQUIRED, required)
    with pytest.raises(outcome) as message:
        plpython.require(script=script)
    assert str(message.value) == "PLPYTHON3U MISSING: plpython.sh: it is missing; do this"
