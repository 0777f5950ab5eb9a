"""An import that is interrupted, or loses its server, leaves whole rows; the same command again completes it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from PIL import Image

from open_analytic import embedded
from open_analytic.embedded import ServerStatus
from tests import homes
from tests.process.runner import Cli, make

COUNT = 400
WHOLE = (
    "SELECT count(*), count(*) FILTER (WHERE image_data IS NULL OR feature IS NULL OR image_sha256 IS NULL) FROM many"
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures under different names: decoding them takes some seconds."""
    folder = tmp_path_factory.mktemp("many")
    noise = Image.effect_noise((900, 700), 90).convert("RGB")
    noise.save(folder / "0000.jpg", quality=80)
    for number in range(1, COUNT):
        os.link(folder / "0000.jpg", folder / f"{number:04}.jpg")
    return folder


@pytest.fixture
def cli(tmp_path: Path, cards: Path, used_home: Path) -> Cli:
    """A home of the test's own, one thread, small batches."""
    cli = make(tmp_path, cards, OPEN_ANALYTIC_DECODE_THREADS="1", OPEN_ANALYTIC_BATCH_SIZE="4")
    homes.copy(used_home, tmp_path / ".open_analytic")
    cli("collection", "create", "many", "--pipeline", "mean_colour")
    return cli


@contextmanager
def under_way(cli: Cli, folder: Path) -> Iterator[tuple[subprocess.Popen[str], ServerStatus]]:
    """An import that has committed some rows and is not done, and the server it writes to."""
    with cli.start("import", folder, "--collection", "many") as process:
        try:
            yield process, _wait(cli, process)
        finally:
            process.kill()


def _wait(cli: Cli, process: subprocess.Popen[str]) -> ServerStatus:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psycopg.OperationalError):  # the server of the command before can be stopping
            status = embedded.status(cli.folder / ".open_analytic")
            if status.dsn and 0 < rows(status.dsn)[0] < COUNT:
                return status
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"The import was never seen under way: {process.communicate()}")


def rows(dsn: str) -> tuple[int, int]:
    """Rows, and those that are not whole."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(WHOLE).fetchone()
    assert row
    return row[0], row[1]


def rerun(cli: Cli, folder: Path) -> tuple[int, int]:
    """The same command again: how many were added, and how many were there."""
    report = cli("import", folder, "--collection", "many", "--json").json
    assert report["failed"] == []
    assert cli("collection", "show", "many", "--json").json["pictures"] == COUNT
    return report["added"], report["unchanged"]


def test_ctrl_c_leaves_whole_rows_and_the_rerun_completes(cli: Cli, many: Path) -> None:
    home = cli.folder / ".open_analytic"
    with embedded.start(home), under_way(cli, many) as (process, status):  # its server outlives the import
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert status.dsn
        stored, broken = rows(status.dsn)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines() == ["Interrupted. What was committed is kept; the same command goes on from there."]
    assert 0 < stored < COUNT
    assert broken == 0
    assert rerun(cli, many) == (COUNT - stored, stored)


def test_after_a_killed_server_the_import_goes_on_or_its_rerun_completes(cli: Cli, many: Path) -> None:
    """Rows on their way are a typed error; where none were, the server is started again and takes the rest."""
    with under_way(cli, many) as (process, status):
        assert status.pid
        os.kill(status.pid, signal.SIGKILL)
        _, err = process.communicate(timeout=240)
    lines = [line for line in err.splitlines() if " waiting" not in line]
    assert (process.returncode, bool(lines)) in {(0, False), (7, True)}, err
    if lines:
        assert lines[0].startswith("Error: ")
        assert len(lines) == 2
    added, unchanged = rerun(cli, many)
    assert unchanged > 0
    assert added + unchanged == COUNT
    assert process.returncode or added == 0


def test_a_killed_import_leaves_whole_rows(cli: Cli, many: Path) -> None:
    with under_way(cli, many) as (process, _):
        process.kill()
        process.communicate(timeout=60)
    added, unchanged = rerun(cli, many)
    assert unchanged > 0
    assert added + unchanged == COUNT
