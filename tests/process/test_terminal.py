"""On a terminal there are bars and tables with lines; in a pipe beside it there is plain text."""

import os
import pty
import signal
import subprocess
from pathlib import Path

from tests.process.runner import Cli


def on_a_terminal(cli: Cli, *words: object, both: bool) -> tuple[str, str]:
    """What a command says on a terminal, and what into a pipe when only its errors go to the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        cli.words(*words), cwd=cli.folder, env={**cli.environment, "TERM": "xterm", "COLUMNS": "100"}, text=True,
        stdin=subprocess.DEVNULL, stdout=theirs if both else subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    with process:
        piped = process.stdout.read() if process.stdout else ""
        screen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            screen += part
    os.close(ours)
    return screen.decode(), piped


def test_an_import_shows_a_bar_and_prints_a_plain_report(cli: Cli, collection: str, pictures: Path) -> None:
    screen, piped = on_a_terminal(cli, "import", pictures, "--collection", collection, both=False)
    assert "import" in screen
    assert "of 5" in screen
    assert piped.startswith(f"{collection}: 5 added")
    assert "\x1b" not in piped


def test_a_table_on_a_terminal_has_a_line_below_its_names(cli: Cli) -> None:
    screen, _ = on_a_terminal(cli, "pipeline", "list", both=True)
    assert "mean_colour" in screen
    assert "───" in screen


def test_json_on_a_terminal_is_indented(cli: Cli) -> None:
    screen, _ = on_a_terminal(cli, "models", "show", "mean_colour", "--json", both=True)
    assert '\n  "name": "mean_colour"' in screen.replace("\r", "")


def test_dropping_asks_on_a_terminal(cli: Cli, collection: str) -> None:
    screen, _ = on_a_terminal(cli, "collection", "drop", collection, both=True)
    assert "--yes" in screen  # standard input is no terminal here, so nobody is asked
    assert cli("collection", "show", collection).code == 0


def test_serve_says_what_to_open_and_how_to_stop_it(cli: Cli) -> None:
    ours, theirs = pty.openpty()
    words = cli.words("serve", "--web-tcp", "127.0.0.1:0", "--wire-tcp", "127.0.0.1:0", "--token-file", "token")
    (cli.folder / "token").write_text("open-sesame-12345")
    (cli.folder / "token").chmod(0o600)
    with subprocess.Popen(words, cwd=cli.folder, env=cli.environment, stdout=theirs) as process:
        os.close(theirs)
        screen = b""
        while b"stops" not in screen:
            screen += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    os.close(ours)
    lines = screen.decode().splitlines()
    (page,) = [line for line in lines if line.startswith("http://")]
    assert lines[-1] == f"Open {page} in a browser. Ctrl-C stops the service."
