"""Errors as a user meets them: one line, a hint, an exit code; never a password, and a traceback only when asked."""

import errno
import json
import logging
import os
import re
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import typer

from open_analytic.cli.streams import INTERRUPTED, give_up
from open_analytic.errors import BadParameter, EmbeddedServerFailed, OpenAnalyticError, StorageFull

if TYPE_CHECKING:
    from open_analytic.cli.context import Context

USAGE = 2  # Typer's: the command line itself is wrong
SOME_FAILED = 9  # some of the files failed, the others are done
PIPE_CLOSED = 141  # 128 + SIGPIPE

# Hints are written for Python; here the next step is a command.
AS_COMMANDS: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"pipeline_create\('([^'\\]*)'\)", lambda match: f"`open-analytic pipeline create {shlex.quote(match[1])}`"),
    (r"connect\(home=\.\.\.\)", "--home FOLDER"),
    (r"open_analytic\.embedded\.stop\(home\)", "`open-analytic db stop`"),
    (r"There are: none yet\.", "`open-analytic collection create NAME --pipeline PIPELINE` makes one."),
    (r"create_collection\(\.\.\., exist_ok=True\)", "`open-analytic collection create --exist-ok`"),
    (r"overwrite=True", "--overwrite"),
    (r"db\.collection\('([^'\\]*)'\)", lambda match: f"`open-analytic collection show {shlex.quote(match[1])}`"),
    (r"create_collection\([^)]*\)", "`open-analytic collection create`"),
    (r"on_conflict='(\w+)'", lambda match: f"--on-conflict {match[1]}"),
    (r"with params", "with --param NAME=VALUE"),
    (r"create_index\(\)", "`open-analytic collection index`"),
    (r"Library\.pull\([^)]*\)", "`open-analytic models pull`"),
)


@contextmanager
def handled(context: "Context") -> Iterator[None]:
    """Run a command: whatever happens inside becomes what the user should see of it."""
    try:
        yield
        sys.stdout.flush()
    except OpenAnalyticError as error:
        report(context, error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        _say("Interrupted. What was committed is kept; the same command goes on from there.")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        give_up(1)
        raise typer.Exit(PIPE_CLOSED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort; --debug shows all of it
        known = _full(error) or _homeless(error) or _bug(context, error)
        report(context, known)
        raise typer.Exit(known.exit_code) from None


def report(context: "Context", error: OpenAnalyticError, before: str = "") -> None:
    """The error on standard error: a line and a hint, or the JSON it is everywhere."""
    if context.debug:
        _say(hide("".join(traceback.format_exception(error)).rstrip(), context.dsn))
    if context.json:
        _say(hide(json.dumps(error.as_dict(), ensure_ascii=False), context.dsn))
        return
    message = before + error.message
    # The end of a server's log has lines of its own; elsewhere a line end can only be in a name.
    lines = message.splitlines() if isinstance(error, EmbeddedServerFailed) else [message]
    _say(hide("Error: " + "\n  ".join(map(printable, lines)), context.dsn))
    if error.hint:
        _say(hide(f"  {printable(as_command(error.hint))}", context.dsn))


def as_command(hint: str) -> str:
    """A hint that names calls of Python, naming commands instead."""
    for call, words in AS_COMMANDS:
        hint = re.sub(call, words, hint)
    return hint


def printable(text: str) -> str:
    """The text on one line: what would move the cursor or colour the terminal is shown as its escape."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def hide(text: str, dsn: str | None) -> str:
    """The text without the passwords of the DSN in use."""
    for password in passwords(dsn or os.environ.get("OPEN_ANALYTIC_DSN", "")):
        text = text.replace(password, "***")
    return text


def passwords(dsn: str) -> set[str]:
    """What can be a password in a DSN, also in one that is not well formed."""
    matches = re.findall(r"://[^:/?#]*:(.*)@", dsn) + re.findall(r"password\s*=\s*'((?:[^'\\]|\\.)*)'", dsn)
    matches += re.findall(r"password\s*=\s*([^'\s&][^\s&]*)", dsn)
    return {form for text in matches for form in (text, unquote(text), text.replace("\\", "")) if form}


def _full(error: Exception) -> OpenAnalyticError | None:
    """No space for what we print, say into a file."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    give_up(1)
    place = error.filename or "what is printed"
    return StorageFull(f"There is no space left for {place}.", hint="Free some space and try again.")


def _homeless(error: Exception) -> OpenAnalyticError | None:
    """A program can be started in a folder that was deleted: then no relative path leads anywhere."""
    if not isinstance(error, FileNotFoundError):
        return None
    try:
        Path.cwd()
    except FileNotFoundError:
        return BadParameter("The current folder has been deleted.", hint="Change to another folder: cd FOLDER.")
    return None


def unwritten(error: OSError) -> int:
    """The exit code when something was printed outside of a command, as --version, and did not arrive."""
    give_up(1)
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED
    known = _full(error) or OpenAnalyticError(f"The output cannot be written: {error.strerror or error}.")
    _say(f"Error: {known.message}")
    return known.exit_code


def _bug(context: "Context", error: Exception) -> OpenAnalyticError:
    wrapped = OpenAnalyticError(
        f"An unexpected {type(error).__name__}: {error}".rstrip(": ") + ".",
        hint="This is a bug in open_analytic."
        + (
            ""
            if context.debug
            else " Run it again with --debug and report what it prints, with `open-analytic doctor`."
        ),
    )
    wrapped.__cause__ = error
    return wrapped


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class _Handler(logging.Handler):
    """Log lines on standard error, above a progress bar when one is shown."""

    def __init__(self, context: "Context") -> None:
        super().__init__()
        self._dsn = context.dsn
        self._ours = logging.DEBUG if context.verbose > 1 else logging.INFO if context.verbose else logging.WARNING
        self._others = logging.DEBUG if context.verbose > 1 else logging.ERROR

    def emit(self, record: logging.LogRecord) -> None:
        from open_analytic.cli.output import stderr

        if record.levelno < (self._ours if record.name.startswith("open_analytic") else self._others):
            return
        line = hide(printable(record.getMessage()), self._dsn)
        stderr().print(f"{record.levelname.lower()}: {line}", markup=False, highlight=False, soft_wrap=True)


def listen(context: "Context") -> None:
    """Our warnings are always shown; -v adds what is done, -vv what others say as well."""
    top = logging.getLogger()
    top.handlers = [_Handler(context)]
    top.setLevel(logging.DEBUG if context.verbose > 1 else logging.INFO if context.verbose else logging.WARNING)
