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
from open_analytic.embedded.companion import Post
from open_analytic.models.lending import Borrower, lend
from open_analytic.models.library import Library

logger = logging.getLogger(__name__)


def run(settings: Settings, lock: int, *, started: Callable[[Sequence[str]], object]) -> None:
    """Serve for the embedded server that runs in ``settings.home``; for its successor when one is there at the end.

    Root does not decode pictures: a worker does, which becomes the server's account before it takes a call.
    """
    post = Post.inherit(settings.home, lock)
    try:
        if has_name(post.account):
            worker = partial(_work, settings, post, started)
            library = Library(settings)
            _ = library.cards  # read once, for every process that lends
            monitor.run(post, worker, partial(lend, library), drain_s=settings.service_drain_s)
        else:
            _serve(settings, post, Library(settings), post.wanted, started)
    finally:
        if post.leave():
            logger.info("the server was restarted: serving it")
            post.succeed()


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
    post: Post,
    started: Callable[[Sequence[str]], object],
    link: socket.socket,
    monitor_lives: Callable[[], bool],
) -> None:
    """In the worker: import everything as root, then give up root and serve."""
    privileges.no_new()  # before the first thread
    from open_analytic import serving

    serving.preload()
    with closing(Borrower(link)) as borrower:
        library = Library(settings, borrower)
        _ = library.cards
        privileges.give_up(post.account)
        _serve(settings, post, library, monitor_lives, started)


def _serve(
    settings: Settings,
    post: Post,
    library: Library,
    wanted: Callable[[], bool],
    started: Callable[[Sequence[str]], object],
) -> None:
    from open_analytic import serving  # numpy, OpenCV and ONNX Runtime: a monitor does without them

    serving.in_background(settings, post, library, wanted=wanted, started=started)
