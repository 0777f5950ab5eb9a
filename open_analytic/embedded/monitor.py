"""Two processes of a service that root starts: the monitor stays root, the worker becomes the server's account.

The worker decodes pictures and runs models. The monitor opens model files for it, and does what needs root.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, Protocol, TypeAlias

from open_analytic.embedded import privileges
from open_analytic.embedded.account import Account
from open_analytic.errors import OpenAnalyticError

logger = logging.getLogger(__name__)

POLL_S, LAST_POLL_S = 1.0, 0.05
END_S = 30.0  # beyond the time that calls under way can take
LENDERS = 8  # processes that open files for the worker, at most
REQUEST_BYTES = 4096
STDERR, LOW = 2, 1024  # without /dev/fd, descriptors below that are looked for
ANSWER_S = 10.0  # until the worker takes the answer

Work: TypeAlias = Callable[[socket.socket, Callable[[], bool]], None]  # its link, and whether the monitor lives
Lend: TypeAlias = Callable[[bytes, socket.socket], None]  # a request, and where its answer goes


class Place(Protocol):
    """What is served, as the monitor sees it; ``background_service.ServiceLock`` is one."""

    @property
    def account(self) -> Account: ...

    @property
    def lock(self) -> int: ...

    def should_run(self) -> bool: ...


def run(place: Place, work: Work, lend: Lend, *, drain_s: float) -> None:
    """Run ``work`` in a worker until it ends, or until ``place.should_run`` is false.

    The worker calls ``privileges.give_up`` once it has imported what it needs; until then it is root. It holds the
    place's lock as well: nobody takes the place before both processes have ended.
    """
    ours, theirs = socket.socketpair()
    monitor = os.getpid()
    worker = os.fork()
    if worker == 0:
        _work(work, theirs, monitor, place.lock)
    theirs.close()
    with ours:
        _Monitor(place, worker, ours, lend, END_S + drain_s).watch()


def _work(work: Work, link: socket.socket, monitor: int, lock: int) -> NoReturn:
    """The worker: it never returns into the monitor's code."""
    code = 1
    try:
        _close_others(link.fileno(), lock)
        privileges.end_with_parent()
        work(link, lambda: os.getppid() == monitor)
        code = 0
    except OpenAnalyticError as error:
        logger.error("%s", error)  # noqa: TRY400 - the message says it all
        code = error.exit_code
    except BaseException:
        logger.exception("The service failed.")
    finally:
        logging.shutdown()
        os._exit(code)


def _close_others(*keep: int) -> None:
    """Close every descriptor but the standard ones and these."""
    folder = Path("/dev/fd")
    numbers = [int(path.name) for path in folder.iterdir()] if folder.is_dir() else range(LOW)
    for descriptor in set(numbers) - {*range(STDERR + 1), *keep}:
        with contextlib.suppress(OSError):  # that of the listing itself is closed by now
            os.close(descriptor)


def _report(code: int) -> None:
    """Log by which signal the worker has ended; errors it has logged itself."""
    if code < 0:
        names = {number.value: number.name for number in signal.Signals}
        logger.error("The service ended by %s.", names.get(-code, f"the signal {-code}"))


class _Monitor:
    """The loop of the monitor."""

    def __init__(self, place: Place, worker: int, link: socket.socket, lend: Lend, end_s: float) -> None:
        self._place, self._worker, self._link, self._lend = place, worker, link, lend
        self._end_s, self._deadline = end_s, float("inf")
        self._lenders: set[int] = set()
        self._silent = False  # the worker has closed its end
        self._checked = time.monotonic()

    def watch(self) -> None:
        """Lend files until the worker has ended."""
        with contextlib.ExitStack() as undo:
            for number in (signal.SIGTERM, signal.SIGINT):
                undo.callback(signal.signal, number, signal.signal(number, lambda *_: self._end()))
            try:
                while not self._has_ended():
                    self._turn()
            except BaseException:
                if self._worker:
                    os.kill(self._worker, signal.SIGKILL)
                    os.waitpid(self._worker, 0)
                raise

    def _turn(self) -> None:
        """Wait for a request, and check whether the service should still run."""
        readers = [] if self._silent or len(self._lenders) >= LENDERS else [self._link]
        ready, _, _ = select.select(readers, [], [], LAST_POLL_S if not readers else POLL_S)
        if ready:
            self._accept()
        now = time.monotonic()
        if now > self._deadline:
            os.kill(self._worker, signal.SIGKILL)
        elif self._deadline == float("inf") and now - self._checked >= POLL_S:
            self._checked = now
            if not self._place.should_run():
                logger.info("the server ended, or another process serves: ending")
                self._end()

    def _end(self) -> None:
        """Ask the worker to end: calls under way are finished."""
        self._deadline = min(self._deadline, time.monotonic() + self._end_s)
        if self._worker:  # not yet waited for, so the pid is still its own
            os.kill(self._worker, signal.SIGTERM)

    def _has_ended(self) -> bool:
        """Whether the worker has; processes that have lent their file are cleared away."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            self._lenders.discard(pid)
            if pid == self._worker:
                self._worker = 0
                _report(os.waitstatus_to_exitcode(status))
                return True
            if pid == 0:
                return False

    def _accept(self) -> None:
        """Start a process that answers one request: what it loads, it takes with it."""
        try:
            request, channels, _, _ = socket.recv_fds(self._link, REQUEST_BYTES, 1)
        except OSError:
            request, channels = b"", []
        self._silent = not request
        for descriptor in channels:
            with contextlib.suppress(OSError):  # no process can be had
                pid = os.fork()
                if pid == 0:
                    self._answer(request, descriptor)
                self._lenders.add(pid)
            os.close(descriptor)

    def _answer(self, request: bytes, channel: int) -> NoReturn:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            _close_others(channel)
            with socket.socket(fileno=channel) as answer:
                answer.settimeout(ANSWER_S)
                self._lend(request, answer)
            code = 0
        except BaseException:
            logger.exception("A model could not be lent.")
        finally:
            logging.shutdown()
            os._exit(code)
