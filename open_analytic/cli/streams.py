"""The three standard streams as a program can be started with them: closed, full, or a pipe that nobody reads."""

import contextlib
import io
import os
import signal
import sys
from types import FrameType

from open_analytic.errors import BadParameter, OpenAnalyticError

INTERRUPTED = 130  # as a shell has it: 128 + SIGINT


def prepare() -> None:
    """Have three streams, whatever the caller closed.

    A closed one gets /dev/null beneath, so that no other file takes its number. Names that are not valid text are
    printed with escapes, whatever the terminal can show.
    """
    _occupy()
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_ClosedInput()))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(_ClosedOutput(), write_through=True)
    elif type(sys.stdout) is io.TextIOWrapper:
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.stderr is None or type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _lenient(sys.stderr)


def _occupy() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gives the lowest free number


class _ClosedInput(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        raise BadParameter("Standard input is closed.", hint="Name a file, or send something to standard input.")


class _ClosedOutput(io.RawIOBase, io.BufferedIOBase):  # type: ignore[misc]
    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        raise OpenAnalyticError(
            "Standard output is closed, so the result could not be printed.",
            hint="Leave it open, or send it to a file or to /dev/null.",
        )


class _Lenient(io.TextIOWrapper):
    """Standard error: where a message cannot be written, the exit code still tells what happened."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError:
            give_up(2)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            give_up(2)
            with contextlib.suppress(OSError):
                super().flush()


def _lenient(stream: io.TextIOWrapper | None) -> _Lenient:
    encoding = stream.encoding if stream else "utf-8"
    buffer = stream.detach() if stream else io.BufferedWriter(io.FileIO(os.devnull, "w"))
    return _Lenient(buffer, encoding=encoding, errors="backslashreplace", line_buffering=True)


def give_up(number: int) -> None:
    """What is still to be printed there goes nowhere, so that the end of the program does not stumble over it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def interrupt_at_once() -> None:
    """While nothing is under way, as while modules are imported, Ctrl-C ends the program at once.

    A process that was started with Ctrl-C ignored, as in the background, goes on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def interrupt_in_order() -> None:
    """From here Ctrl-C is a KeyboardInterrupt: work is rolled back."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED)
