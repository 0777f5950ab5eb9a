"""Imports of the pages without HTTP: room for what waits, pages that are gone, memory that is let go."""

from __future__ import annotations

import asyncio
import io
import logging
from typing import TYPE_CHECKING

import psycopg
import pytest
from PIL import Image

from open_analytic.errors import (
    BadImage,
    CannotConnect,
    Conflict,
    ModelUnavailable,
    OpenAnalyticError,
    ServiceBusy,
    ServiceUnavailable,
    StorageFull,
    UnknownImport,
)
from open_analytic.web import imports
from open_analytic.web.imports import Job, Jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from open_analytic import OpenAnalytic
    from open_analytic.collection import Collection


def picture(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), (shade, 0, 0)).save(file, "BMP")
    return file.getvalue()


SIZE = len(picture(0))


@pytest.fixture
def collection(tiny_db: OpenAnalytic) -> Iterator[Collection]:
    yield tiny_db.create_collection("imported", pipeline="mean_colour")
    tiny_db.drop_collection("imported")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


def ended(job: Job) -> bool:
    return job.tally.ended is not None


def test_a_page_that_is_gone_ends_its_import(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "QUIET_S", 0.05)
    monkeypatch.setattr(imports, "IDLE_S", 0.2)

    async def walk() -> None:
        job = Jobs().begin(collection)
        job.put("a", picture(1))
        await until(lambda: ended(job))
        assert (job.status()["state"], job.status()["added"]) == ("done", 1)
        with pytest.raises(Conflict):
            job.put("b", picture(2))

    asyncio.run(walk())


def test_what_came_is_committed_at_once_when_its_page_says_so(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "QUIET_S", 1000)

    async def walk() -> None:
        job = Jobs().begin(collection)
        for number, name in enumerate("ab", start=1):
            job.put(name, picture(number))
            job.commit()
            await until(lambda number=number: job.status()["added"] == number)  # type: ignore[misc]
        assert (job.status()["state"], [name for name, _ in collection.names()]) == ("receiving", ["a", "b"])
        job.finish()
        await until(lambda: ended(job))
        job.commit()
        assert (job.status()["state"], job.status()["added"]) == ("done", 2)

    asyncio.run(walk())


def test_a_page_that_only_asks_is_there(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of files that are known take a while, in which none is sent."""
    monkeypatch.setattr(imports, "QUIET_S", 0.02)
    monkeypatch.setattr(imports, "IDLE_S", 0.3)

    async def walk() -> None:
        job = Jobs().begin(collection)
        for number in range(30):
            job.known({f"{number}": b"digest"})
            await asyncio.sleep(0.05)
        job.put("a", picture(1))
        job.finish()
        await until(lambda: ended(job))
        assert (job.status()["state"], job.status()["added"], job.status()["unchanged"]) == ("done", 1, 30)

    asyncio.run(walk())


def test_who_is_quicker_than_the_models_waits(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_WAITING_BYTES", 4 * SIZE)

    async def walk() -> None:
        job = Jobs().begin(collection)
        for number in range(60):
            await job.room()
            assert job._waiting_bytes <= 4 * SIZE
            job.put(f"{number}", picture(number))
        job.finish()
        await until(lambda: ended(job))
        assert job.status()["added"] == 60

    asyncio.run(walk())


@pytest.mark.parametrize("end", ["stop", "fail"])
def test_nobody_waits_for_an_import_that_has_ended(
    collection: Collection, tiny_db: OpenAnalytic, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(imports, "MOST_WAITING_BYTES", SIZE)

    async def walk() -> None:
        job = Job(collection)  # not begun: nobody takes what it is given
        job._room.set()
        for number in range(3):
            job.put(f"{number}", picture(number))
        waiting = [asyncio.create_task(job.room()) for _ in range(5)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        if end == "stop":
            job.stop()
        else:
            tiny_db.drop_collection(collection.name)
            job.start()
        async with asyncio.timeout(30):
            await asyncio.gather(*waiting)
        if end == "fail":
            await until(lambda: ended(job))
            assert (job.state, type(job.error).__name__) == ("failed", "UnknownCollection")
            tiny_db.create_collection(collection.name, pipeline="mean_colour")
        with pytest.raises(Conflict):
            job.put("late", picture(9))

    asyncio.run(walk())


def test_pictures_that_were_not_taken_are_not_kept(collection: Collection) -> None:
    async def walk() -> None:
        job = Job(collection)
        job._room.set()
        for number in range(50):
            job.put(f"{number}", picture(number))
        job.stop()
        job.start()
        await until(lambda: ended(job))
        job.join(30)
        assert job._coming.empty()
        assert (job.status()["state"], job.status()["waiting"], collection.count()) == ("stopped", 0, 0)

    asyncio.run(walk())


def test_what_was_taken_is_stored_when_the_process_ends(collection: Collection) -> None:
    async def walk() -> None:
        jobs = Jobs()
        job = jobs.begin(collection)
        for number in range(50):
            job.put(f"{number:02}", picture(number))
        assert job.waiting() > 0
        await asyncio.to_thread(jobs.drain, 30)
        assert (job.status()["state"], job.status()["added"], job.waiting()) == ("done", 50, 0)
        assert collection.count() == 50
        with pytest.raises(Conflict):
            job.put("late", picture(9))
        with pytest.raises(ServiceUnavailable):
            jobs.begin(collection)

    asyncio.run(walk())


def test_what_cannot_be_stored_in_time_is_counted_in_the_log(
    collection: Collection, tiny_db: OpenAnalytic, caplog: pytest.LogCaptureFixture
) -> None:
    async def walk() -> None:
        jobs = Jobs()
        job = jobs.begin(collection)
        for number in range(5):
            job.put(f"{number}", picture(number))
        with psycopg.connect(tiny_db.dsn) as other:
            other.execute("LOCK TABLE imported")  # until it is rolled back nothing can be written
            with caplog.at_level(logging.WARNING, "open_analytic"):
                await asyncio.to_thread(jobs.drain, 0.1)
        assert caplog.messages == ["5 pictures that came for imported are not stored"]
        await until(lambda: ended(job))

    asyncio.run(walk())


def test_ended_imports_are_kept_for_a_while(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_KEPT", 5)

    async def walk() -> None:
        jobs = Jobs()
        first = jobs.begin(collection)
        others = []
        for _ in range(8):
            others.append(jobs.begin(collection))
            others[-1].finish()
            await until(lambda: ended(others[-1]))
        assert jobs.get(first.id) is first  # under way
        assert jobs.get(others[-1].id) is others[-1]
        with pytest.raises(UnknownImport):
            jobs.get(others[0].id)
        more = [jobs.begin(collection) for _ in range(imports.MOST_RUNNING - 1)]
        with pytest.raises(ServiceBusy):
            jobs.begin(collection)
        await asyncio.to_thread(jobs.stop)
        assert all(ended(job) for job in (first, *more))

    asyncio.run(walk())


def test_stopped_imports_count_until_they_have_ended(collection: Collection, tiny_db: OpenAnalytic) -> None:
    """Who begins and stops for ever does not get a thread and a batch for each."""

    async def walk() -> None:
        jobs = Jobs()
        with psycopg.connect(tiny_db.dsn) as other:
            other.execute("LOCK TABLE imported IN ACCESS EXCLUSIVE MODE")
            begun = [jobs.begin(collection) for _ in range(imports.MOST_RUNNING)]
            for job in begun:
                job.put("a", picture(1))
                job.finish()
            await until(lambda: all(job._coming.empty() for job in begun))  # they are at the table
            for job in begun:
                job.stop()
            with pytest.raises(ServiceBusy):
                jobs.begin(collection)
        await until(lambda: all(ended(job) for job in begun))
        assert {job.status()["state"] for job in begun} == {"stopped"}
        jobs.begin(collection).finish()
        await asyncio.to_thread(jobs.stop)

    asyncio.run(walk())


def test_it_ends_also_when_the_loop_is_gone(collection: Collection) -> None:
    """As when the process is told to stop."""
    jobs = Jobs()

    async def begin() -> Job:
        job = jobs.begin(collection)
        for number in range(5):
            job.put(f"{number}", picture(number))
        return job

    job = asyncio.run(begin())
    jobs.stop()
    assert (job.state, ended(job)) == ("stopped", True)


INNER = [
    StorageFull("There is no space left in /var/lib/models.", hint="Free some space in /var/lib/models."),
    CannotConnect("connection to server at db.internal, port 5432 failed: refused", hint="Start db.internal."),
    ModelUnavailable("Model 'm': its file /srv/m.onnx cannot be read.", hint="Correct source in /srv/m.toml."),
    ServiceUnavailable("The inference service at /run/oa.sock ended the connection.", hint="See /run/oa.sock."),
]


@pytest.mark.parametrize("error", INNER, ids=lambda error: type(error).__name__)
def test_the_failure_of_a_picture_names_no_host_or_folder(
    collection: Collection, caplog: pytest.LogCaptureFixture, error: OpenAnalyticError
) -> None:
    """The log has what the page does not show, once, however often the page asks."""

    async def walk() -> None:
        job = Jobs().begin(collection)
        job.put("a.png", error)
        job.put("b.png", BadImage("It is no picture.", hint="Send a picture."))
        job.finish()
        await until(lambda: ended(job))
        bare = type(error)(hint="The service's log says more.").as_dict()
        bad = {"type": "BadImage", "sqlstate": "OA011", "message": "It is no picture.", "hint": "Send a picture."}
        expected = [{"name": "a.png", "error": bare}, {"name": "b.png", "error": bad}]
        assert [job.status()["failures"], job.status()["failures"]] == [expected, expected]

    with caplog.at_level(logging.WARNING, "open_analytic"):
        asyncio.run(walk())
    assert caplog.messages == [f"picture 'a.png' of an import failed with {type(error).__name__}: {error.message}"]
