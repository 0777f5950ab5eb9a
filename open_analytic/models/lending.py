"""Model files for a process that cannot read them: it names a card, and a process that can opens the file.

A request is the name of a card and of one of its files, never a path. The answer is a descriptor over a Unix socket.
"""

import json
import os
import shutil
import socket
import tempfile
import threading
from io import BufferedReader
from pathlib import Path
from typing import IO, TYPE_CHECKING

from open_analytic.errors import ModelUnavailable, OpenAnalyticError, from_dict
from open_analytic.models import external

if TYPE_CHECKING:
    from open_analytic.models.card import ModelCard
    from open_analytic.models.library import Library

READY, SOURCE = "ready", "source"  # as the library has it, pulled and checked; as it lies beside the card
ANSWER_BYTES = 65_536


def lend(library: "Library", request: bytes, channel: socket.socket) -> None:
    """Answer one request: the file, pulled when it is missing, or why it cannot be had."""
    try:
        with _opened(library, request) as file:
            socket.send_fds(channel, [b"{}"], [file.fileno()])
    except OpenAnalyticError as error:
        channel.sendall(json.dumps(error.as_dict()).encode())


def _opened(library: "Library", request: bytes) -> IO[bytes]:
    kind, name, file = _parsed(request)
    card = library.card(name)
    if file in card.sources:
        if kind == SOURCE and card.local(file):
            return card.open_source(file)
        if kind == READY:
            return _readable(_ready(library, card, file))
    raise ModelUnavailable(f"{kind!r} {file!r} of the model {name!r} is not lent.", hint="Ask for a file of its card.")


def _ready(library: "Library", card: "ModelCard", file: str) -> IO[bytes]:
    path = library.path(card.name)
    if file != card.network:
        return library.files(card.name)[file].open("rb")
    return external.whole(path) if card.files or card.in_place else path.open("rb")


def _readable(file: IO[bytes]) -> IO[bytes]:
    """The file, or a copy when its rights let only its owner open it: the borrower opens it once more by its number."""
    if os.fstat(file.fileno()).st_mode & 0o004:
        return file
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with file:
        shutil.copyfileobj(file, copy)
    copy.flush()
    os.fchmod(copy.fileno(), 0o444)
    return copy


def _parsed(request: bytes) -> tuple[str, str, str]:
    try:
        kind, name, file = json.loads(request)
    except (ValueError, TypeError, RecursionError) as error:
        raise ModelUnavailable("The request names no model.", hint="Send a kind, a card and a file.") from error
    return str(kind), str(name), str(file)


class Borrower:
    """Asks over a link for files. Threads can share it: each request has a channel of its own."""

    def __init__(self, link: socket.socket) -> None:
        self._link, self._lock = link, threading.Lock()
        self._files: dict[tuple[str, str], BufferedReader] = {}

    def file(self, name: str, file: str) -> Path:
        """A path of this file of the model; it leads to the file until the next call for the same one."""
        handle = self._borrow(READY, name, file)
        with self._lock:
            old, self._files[name, file] = self._files.get((name, file)), handle
        if old:
            old.close()
        return Path(f"/dev/fd/{handle.fileno()}")

    def source(self, name: str, file: str) -> BufferedReader:
        """The file as it lies beside the card."""
        return self._borrow(SOURCE, name, file)

    def close(self) -> None:
        """Close the files; paths that it gave lead nowhere then."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()

    def _borrow(self, kind: str, name: str, file: str) -> BufferedReader:
        channel, theirs = socket.socketpair()
        with channel:
            try:
                with theirs, self._lock:
                    socket.send_fds(self._link, [json.dumps([kind, name, file]).encode()], [theirs.fileno()])
                answer, files, _, _ = socket.recv_fds(channel, ANSWER_BYTES, 1)
            except OSError as error:
                raise _lost(name) from error
        if files:
            return os.fdopen(files[0], "rb")
        raise from_dict(json.loads(answer)) if answer else _lost(name)


def _lost(name: str) -> ModelUnavailable:
    return ModelUnavailable(
        f"The process that opens models for the service has ended before it sent {name!r}.",
        hint="Run it again; the log of the service says why.",
    )
