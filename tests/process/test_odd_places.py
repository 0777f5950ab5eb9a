"""Closed and full streams, deleted folders, narrow terminals, early Ctrl-C: a sentence, an exit code, no traceback."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from open_analytic.cli import output
from tests.process.runner import Cli

CLOSED = "Error: Standard output is closed, so the result could not be printed.\n"
FULL = "Error: There is no space left for what is printed.\n"
MISSING = "Error: No pipeline is named 'nope'.\n"


def shell(cli: Cli, redirected: str, cwd: Path | None = None) -> tuple[int, str, str]:
    """A command with its streams as the shell leaves them."""
    words = f"{sys.executable} -m open_analytic {redirected}"
    done = subprocess.run(
        ["/bin/bash", "-c", words], cwd=cwd or cli.folder, env=cli.environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("command", "code", "first"),
    [
        ("pipeline list >&-", 1, CLOSED),
        ("--help >&-", 1, CLOSED),
        ("--version >&-", 1, CLOSED),
        ("pipeline list >/dev/full", 8, FULL),
        ("--version >/dev/full", 8, FULL),
        ("--help >/dev/full", 8, FULL),
        ("sql - <&-", 3, "Error: Standard input is closed.\n"),
        ("pipeline run mean_colour - <&-", 3, "Error: Standard input is closed.\n"),
        ("pipeline show nope 2>&-", 4, ""),
        ("pipeline show nope 2>/dev/full", 4, ""),
        ("pipeline show --bad 2>/dev/full", 2, ""),
        ("pipeline show nope <&- >&-", 4, "Error: No pipeline"),
        ("pipeline show nope <&- >&- 2>&-", 4, ""),
    ],
)
def test_streams_that_are_closed_or_full(cli: Cli, command: str, code: int, first: str) -> None:
    done = shell(cli, command)
    assert (done[0], done[1]) == (code, "")
    assert done[2].startswith(first)
    assert bool(done[2]) == bool(first)


def test_errors_do_not_stop_the_data(cli: Cli) -> None:
    assert shell(cli, "pipeline list --json 2>/dev/full")[:2] == shell(cli, "pipeline list --json")[:2]


@pytest.mark.parametrize("command", ["doctor", "pipeline list", "collection list"])
def test_in_a_folder_that_was_deleted(cli: Cli, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    home = str(cli.folder / ".open_analytic")
    gone = f"cd {folder}; rmdir {folder}; {sys.executable} -m open_analytic"
    done = subprocess.run(
        ["/bin/bash", "-c", f"{gone} {command}; {gone} --home {shlex.quote(home)} {command} >&2"],
        env=cli.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Error: The current folder has been deleted.\n  Change to another folder: cd FOLDER.\n" in done.stderr
    assert done.stderr.count("Error:") == 1


def test_a_home_whose_path_has_a_line_end(cli: Cli, tmp_path: Path) -> None:
    home = tmp_path / "two\nlines"
    assert cli("--home", home, "pipeline", "list", "--json").json == []
    assert cli("--home", home, "db", "psql", "--", "-XAtc", "SELECT 1").out == "1\n"
    cli("--home", home, "db", "stop")


def test_a_data_folder_that_others_can_enter(cli: Cli, tmp_path: Path) -> None:
    home = tmp_path / "open"
    cli("--home", home, "pipeline", "list")
    cli("--home", home, "db", "stop")
    (home / "data").chmod(0o755)
    failed = cli("--home", home, "pipeline", "list", code=7)
    assert failed.err.splitlines()[-1].strip() == (
        f"Others can enter the data folder. Close it to them: chmod 700 {home / 'data'}"
    )


@pytest.mark.parametrize("seen", ["typer", "open_analytic.cli.collection", "psycopg"])
def test_an_interrupt_while_modules_are_imported(cli: Cli, seen: str) -> None:
    words = [sys.executable, "-X", "importtime", "-m", "open_analytic", "pipeline", "list"]
    with subprocess.Popen(
        words, cwd=cli.folder, env=cli.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr
        lines: list[str] = []
        for line in process.stderr:
            if line.startswith("import time:") and line.rsplit("|", 1)[1].strip().startswith(seen) and not lines:
                process.send_signal(signal.SIGINT)
                lines.append(line)
            elif not line.startswith("import time:"):
                lines.append(line)
    assert process.returncode == 130
    assert len(lines) == 2
    assert lines[1].startswith("Interrupted.")


def test_a_terminal_too_narrow_for_a_table_loses_no_column(cli: Cli) -> None:
    process, terminal = pty.fork()
    if not process:
        os.chdir(cli.folder)
        environment = {**cli.environment, "COLUMNS": "12", "TERM": "xterm"}
        os.execve(sys.executable, cli.words("pipeline", "list"), environment)  # noqa: S606 - our own command
    printed = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            printed += os.read(terminal, 4096)
        except OSError:  # its end, on Linux
            break
    os.waitpid(process, 0)
    header, row, *_ = printed.decode().splitlines()
    assert header.split()[0] == "name"
    assert row.split()[0] == "mean_colour"
    assert len(row.split()) >= len(header.split())
    assert output.LEAST_WIDTH == 4
