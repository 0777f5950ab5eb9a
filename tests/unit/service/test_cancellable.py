"""Work that somebody else may stop."""

import asyncio

import pytest

from open_analytic.service.work import Cancellable, Cancelled


def test_work_that_is_stopped_is_told_apart_from_a_task_that_is_cancelled() -> None:
    async def scene() -> None:
        cancellable = Cancellable()
        asyncio.get_running_loop().call_soon(cancellable.stop)
        with pytest.raises(Cancelled):
            await cancellable.run(asyncio.sleep(60))
        await asyncio.sleep(0)  # the task itself goes on

        task = asyncio.create_task(Cancellable().run(asyncio.sleep(60)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())


def test_a_stop_that_comes_when_the_work_is_done_does_nothing() -> None:
    async def scene() -> int:
        cancellable = Cancellable()
        result = await cancellable.run(asyncio.sleep(0, 7))
        cancellable.stop()
        await asyncio.sleep(0)
        return result

    assert asyncio.run(scene()) == 7


def test_a_deadline_within_the_work_stays_a_deadline() -> None:
    async def work() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        asyncio.run(Cancellable().run(work()))
