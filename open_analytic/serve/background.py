"""The service in the background of an embedded server: one process; two where root started it."""

import logging
import pwd
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from open_analytic.config import Settings
from open_analytic.embedded import monitor, privileges
from open_analytic.embedded.account import Account
from open_analytic.embedded.background_service import ServiceLock
from open_analytic.models.lending import Borrower, lend
from open_analytic.models.library import Library

logger = logging.getLogger(__name__)


def run(settings: Settings, lock: int, *, started: Callable[[Sequence[str]], object]) -> None:
    """Serve for the embedded server that runs in ``settings.home``; for its successor when one is there at the end.

    Root does not decode pictures: a worker does, which becomes the server's account before it takes a call.
    """
    service_lock = ServiceLock.inherit(settings.home, lock)
    try:
        if has_name(service_lock.account):
            worker = partial(_work, settings, service_lock, started)
            library = Library(settings)
            _ = library.cards  # read once, for every process that lends
            monitor.run(service_lock, worker, partial(lend, library), drain_s=settings.service_drain_s)
        else:
            _serve(settings, service_lock, Library(settings), service_lock.should_run, started)
    finally:
        if service_lock.leave():
            logger.info("the server was restarted: serving it")
            service_lock.succeed()


def has_name(account: Account) -> bool:
    """Whether it is another account, and one that PostgreSQL lets in: a number without a name it refuses."""
    if account.borrowed:
        try:
            pwd.getpwuid(account.uid)
        except KeyError:
            logger.warning("The account number %d has no name, so the service runs as root.", account.uid)
            return False
    return account.borrowed


def _work(
    settings: Settings,
    service_lock: ServiceLock,
    started: Callable[[Sequence[str]], object],
    link: socket.socket,
    monitor_lives: Callable[[], bool],
) -> None:
    """In the worker: import everything as root, then give up root and serve."""
    privileges.no_new()  # before the first thread
    from open_analytic.serve import application

    application.preload()
    with closing(Borrower(link)) as borrower:
        library = Library(settings, borrower)
        _ = library.cards
        privileges.give_up(service_lock.account)
        _serve(settings, service_lock, library, monitor_lives, started)


def _serve(
    settings: Settings,
    service_lock: ServiceLock,
    library: Library,
    should_run: Callable[[], bool],
    started: Callable[[Sequence[str]], object],
) -> None:
    from open_analytic.serve import application  # loads numpy, OpenCV and ONNX Runtime: not into a monitor

    application.in_background(settings, service_lock, library, should_run=should_run, started=started)
