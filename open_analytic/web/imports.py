"""Imports from a browser: pictures come one request each, and go through one import that can be stopped."""

import asyncio
import hashlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from open_analytic.collection import Collection
from open_analytic.errors import (
    Conflict,
    DeadlineExceeded,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    UnknownImport,
)
from open_analytic.importer import Named, Tally
from open_analytic.service.http_io import outward
from open_analytic.store.sources import UPLOAD
from open_analytic.types import OnConflict

logger = logging.getLogger(__name__)

State: TypeAlias = Literal["receiving", "finishing", "done", "stopped", "failed"]
Order: TypeAlias = OnConflict | Literal["commit"]  # a decision for the pictures after it, or only to commit

MOST_RUNNING, MOST_KEPT = 4, 100
MOST_WAITING_BYTES = 64_000_000  # a browser that is quicker than the models waits
MOST_FAILURES = 1_000  # listed in a report
QUIET_S = 1.0  # after so long without a picture those that came are worked on and committed
IDLE_S = 300.0  # after so long without one, or a question of its page, the import is ended: the page is closed
CLOSING_S = 10.0  # for what is under way when the process ends


@dataclass(slots=True)
class Job:
    """One import. Pictures are given to it on the event loop, a thread of its own takes them."""

    collection: Collection
    on_conflict: OnConflict = "error"  # of pictures whose names others have
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    state: State = "receiving"
    tally: Tally = field(default_factory=lambda: Tally(outward=_outward_error))
    error: OpenAnalyticError | None = None
    _received: int = 0  # pictures that came or are known, without those that have to come again
    _came: dict[str, set[bytes]] = field(default_factory=dict)  # their hashes by name; of errors an empty one
    _waiting_bytes: int = 0
    _over: bool = False  # no more will be taken
    _seen: float = field(default_factory=time.monotonic)  # when its page was last heard of
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _coming: "queue.SimpleQueue[Named | Order | None]" = field(default_factory=queue.SimpleQueue)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to take pictures."""
        self._room.set()
        self._thread = threading.Thread(target=self._work, name=f"open_analytic-import-{self.id}", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for what is under way."""
        if self._thread:
            self._thread.join(timeout_s)

    async def room(self) -> None:
        """Wait while too many wait: before a picture is read, so that it stays in the browser and takes no place."""
        while not self._room.is_set():
            await self._room.wait()

    def put(self, name: str, data: bytes | OpenAnalyticError) -> None:
        """Hand a picture over. The same bytes under this name are not taken twice; others are another picture."""
        self.put_all([(name, data)])

    def put_all(self, pictures: Sequence[tuple[str, bytes | OpenAnalyticError]]) -> None:
        """Hand several over: all of them, or none when the import takes no more."""
        hashed = [(name, data, _digest(data)) for name, data in pictures]
        with self._lock:
            self._check_open()
            for name, data, digest in hashed:
                if not self._is_new(name, digest):
                    continue
                self._waiting_bytes += len(data) if isinstance(data, bytes) else 0
                self._coming.put((name, data))
            if self._waiting_bytes > MOST_WAITING_BYTES:
                self._room.clear()

    def decide(self, on_conflict: OnConflict) -> list[str]:
        """What happens to pictures whose names others have, also to those that wait; the names to send again."""
        with self._lock:
            self._check_open()
            names = self.tally.take_back(Conflict)
            if on_conflict == "skip":
                self.tally.count("skipped", len(names))
                names = []
            self._received -= len(names)
            for name in names:
                self._came.pop(name, None)
            waiting = self._taken_back()
            self._coming.put(on_conflict)
            for picture in waiting:
                self._coming.put(picture)
        return names

    def _taken_back(self) -> list[Named]:
        """The pictures that wait, out of the queue; decisions before this one hold no more."""
        items: list[Named | Order | None] = []
        with suppress(queue.Empty):
            while True:
                items.append(self._coming.get_nowait())
        return [item for item in items if isinstance(item, tuple)]

    def known(self, digests: Mapping[str, bytes]) -> None:
        """These pictures are there already: they need not come."""
        with self._lock:
            self._check_open()
            self._seen = time.monotonic()
            fresh = sum(self._is_new(name, digest) for name, digest in digests.items())
        self.tally.count("unchanged", fresh)

    def _is_new(self, name: str, digest: bytes) -> bool:
        """Whether this picture did not come before; it is counted then."""
        came = self._came.setdefault(name, set())
        if digest in came:
            return False
        came.add(digest)
        self._received += 1
        return True

    def commit(self) -> None:
        """Work on what came and commit it, without waiting for more. Others can still come."""
        with self._lock:
            if self.state == "receiving":
                self._coming.put("commit")

    def finish(self) -> None:
        """No more will come. What came is worked on."""
        with self._lock:
            if self.state == "receiving":
                self.state = "finishing"
                self._coming.put(None)
        self._wake()

    def stop(self) -> None:
        """Leave out what waits; what was committed stays."""
        with self._lock:
            if self.state in ("receiving", "finishing"):
                self.state, self.tally.stopped = "stopped", True
                self._coming.put(None)
        self._wake()

    def waiting(self) -> int:
        """Pictures that were taken and nothing became of yet: they are not stored."""
        with self._lock, self.tally.lock:
            return self._waiting()

    def _waiting(self) -> int:
        under_way = self.state in ("receiving", "finishing")
        return max(0, self._received - self.tally.done()) if under_way else 0

    def status(self) -> dict[str, Any]:
        """How it stands, with the failures so far."""
        with self.tally.lock:
            failed = self.tally.failed[:MOST_FAILURES]
        return self.counts() | {"failures": [{"name": one.name, "error": _error_json(one.error)} for one in failed]}

    def counts(self) -> dict[str, Any]:
        """How it stands."""
        tally = self.tally
        with self._lock, tally.lock:
            self._seen = time.monotonic()
            done = tally.done()
            return {
                "id": self.id, "collection": self.collection.name, "state": self.state,
                "waiting": self._waiting(),
                "done": done - len(tally.failed), "added": tally.added, "updated": tally.updated,
                "unchanged": tally.unchanged, "skipped": tally.skipped, "without_face": tally.without_regions,
                "failed": len(tally.failed),
                "conflicts": sum(type(failure.error) is Conflict for failure in tally.failed),
                "seconds": round(tally.seconds, 3), "error": self.error.as_dict() if self.error else None,
            }  # fmt: skip

    def _check_open(self) -> None:
        if self.state != "receiving":
            raise Conflict(f"The import takes no more pictures: it is {self.state}.", hint="Begin another one.")

    def _work(self) -> None:
        try:
            while not self._over:
                self.collection.import_pictures(
                    self._pictures(), source=UPLOAD, on_conflict=self.on_conflict, tally=self.tally
                )
        except OpenAnalyticError as error:
            self.state, self.error = "failed", outward(error)
        except Exception as error:
            if self.state == "stopped":  # the process ends, and could not wait any longer
                logger.warning("an import into %s was cut short: %s", self.collection.name, error)
                return
            logger.exception("An import into %s failed", self.collection.name)
            self.state, self.error = "failed", OpenAnalyticError("The import failed.", hint="The log says why.")
        else:
            self.state = "stopped" if self.state == "stopped" else "done"
        finally:
            self._let_go()

    def _pictures(self) -> Iterator[Named]:
        """Those that come without a pause: after one they are committed, and the import goes on with the next."""
        item = self._next()
        while item is not None and self.state != "stopped":
            if isinstance(item, str):
                if item != "commit":  # a decision: it holds for the pictures after it
                    self.on_conflict = item
                return
            self._took(item)
            yield item
            try:
                item = self._coming.get(timeout=QUIET_S)
            except queue.Empty:
                return
        self._over = True

    def _next(self) -> Named | Order | None:
        """The next one, however long it takes; None when none will come."""
        while True:
            try:
                return self._coming.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._coming.empty() and time.monotonic() - self._seen >= IDLE_S:
                        logger.info("an import into %s was left by its page", self.collection.name)
                        self.state = "finishing"
                        return None

    def _let_go(self) -> None:
        """Pictures that were not taken are not kept, and callers that wait to hand one over get an error."""
        self.tally.end()
        with self._lock, suppress(queue.Empty):
            while True:
                self._coming.get_nowait()
        self._wake()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended, and all who waited with it
            self._loop.call_soon_threadsafe(self._open_room)

    def _open_room(self) -> None:
        if self.state != "receiving" or self._waiting_bytes <= MOST_WAITING_BYTES // 2:  # still: others can have come
            self._room.set()

    def _took(self, item: Named) -> None:
        with self._lock:
            self._waiting_bytes -= len(item[1]) if isinstance(item[1], bytes) else 0
            if self._waiting_bytes <= MOST_WAITING_BYTES // 2:
                self._wake()


class Jobs:
    """The imports of this process by their ids; ended ones are kept for a while, to be looked at."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._ending = False

    def begin(self, collection: Collection, on_conflict: OnConflict = "error") -> Job:
        """A new import."""
        if self._ending:
            raise ServiceUnavailable("The service is shutting down.", hint="Try again in a moment.")
        running = [job for job in self._jobs.values() if job.tally.ended is None]  # a stopped one ends a little later
        if len(running) >= MOST_RUNNING:
            raise ServiceBusy(f"{len(running)} imports are under way.", hint="Wait for one to end, or stop it.")
        while len(self._jobs) >= MOST_KEPT:
            del self._jobs[next(id_ for id_, job in self._jobs.items() if job not in running)]
        job = Job(collection, on_conflict)
        self._jobs[job.id] = job
        job.start()
        return job

    def get(self, id_: str) -> Job:
        """The import of this id, or UnknownImport."""
        if id_ not in self._jobs:
            raise UnknownImport(f"There is no import {id_!r:.40}.", hint="It perhaps ended long ago: begin another.")
        return self._jobs[id_]

    def drain(self, timeout_s: float) -> None:
        """Take nothing more, and store the pictures taken so far; a log line counts what is not stored in time."""
        self._ending = True
        until = time.monotonic() + timeout_s
        jobs = [job for job in self._jobs.values() if job.tally.ended is None]
        for job in jobs:
            job.finish()
        for job in jobs:
            job.join(max(0.0, until - time.monotonic()))
            if count := job.waiting():
                logger.warning("%d pictures that came for %s are not stored", count, job.collection.name)

    def stop(self) -> None:
        """Stop all of them, and wait a little for what is under way."""
        for job in self._jobs.values():
            job.stop()
        until = time.monotonic() + CLOSING_S
        for job in self._jobs.values():
            job.join(max(0.0, until - time.monotonic()))


def _digest(data: bytes | OpenAnalyticError) -> bytes:
    return hashlib.sha256(data).digest() if isinstance(data, bytes) else b""


def _outward_error(name: str, error: OpenAnalyticError) -> OpenAnalyticError:
    """A picture's error as a page shows it. Messages of failures behind the service name this machine's parts."""
    if type(error) is Conflict:
        return Conflict(f"The name {name!r:.200} is taken by another picture.", hint=error.hint)
    if error.http_status < 500 or isinstance(error, ServiceBusy | DeadlineExceeded):
        return error
    logger.warning("picture %r of an import failed with %s: %s", name[:200], type(error).__name__, error.message)
    return type(error)(hint="The service's log says more.")


def _error_json(error: Exception) -> dict[str, Any]:
    return (error if isinstance(error, OpenAnalyticError) else OpenAnalyticError()).as_dict()
