"""Work beside a block, and races: what is cancelled, what is waited for, whose error is raised."""

import asyncio
from contextlib import suppress

import pytest

from framework.aio import background, cancel, cancel_repeatedly, race, together


class Work:
    """Work that goes on until it is cancelled, and takes a while to end even then."""

    def __init__(self) -> None:
        self.state = "new"

    async def run(self) -> str:
        self.state = "going"
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.state = "ended"
        return "never"


async def _value(value: str) -> str:
    return value


async def _fail(error: Exception) -> str:
    raise error


async def test_work_goes_on_for_as_long_as_the_block_and_has_ended_after_it() -> None:
    work = Work()
    async with background(work.run(), name="beside") as task:
        await asyncio.sleep(0)
        assert (work.state, task.get_name()) == ("going", "beside")
    assert work.state == "ended"


async def test_work_has_ended_after_a_block_that_fails_and_the_error_is_that_of_the_block() -> None:
    work = Work()

    async def block() -> None:
        async with background(work.run()):
            await asyncio.sleep(0)
            raise KeyError("block")

    with pytest.raises(KeyError, match="block"):
        await block()
    assert work.state == "ended"


async def test_what_the_work_raised_on_its_own_is_raised_after_the_block() -> None:
    reached = asyncio.Event()

    async def block() -> None:
        async with background(_fail(ValueError("beside"))):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            reached.set()

    with pytest.raises(ValueError, match="beside"):
        await block()
    assert reached.is_set()


async def test_a_block_that_is_cancelled_ends_its_work() -> None:
    work, inside = Work(), asyncio.Event()

    async def block() -> None:
        async with background(work.run()):
            await asyncio.sleep(0)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await inside.wait()
    await cancel(task)
    assert task.cancelled()
    assert work.state == "ended"


async def test_a_race_returns_what_was_first_and_the_others_have_ended() -> None:
    slow = Work()
    assert await race(slow.run(), _value("first")) == "first"
    assert slow.state in {"new", "ended"}


async def test_an_error_comes_before_a_result() -> None:
    with pytest.raises(ValueError, match="broken"):
        await race(_value("first"), _fail(ValueError("broken")))


async def test_a_task_of_somebody_else_outlives_the_race() -> None:
    work = Work()
    task = asyncio.create_task(work.run())
    assert await race(task, _value("first")) == "first"
    assert not task.done()
    await cancel(task)
    assert work.state == "ended"


async def test_a_race_that_is_cancelled_ends_its_own_coroutines_alone() -> None:
    own, foreign = Work(), Work()
    task = asyncio.create_task(foreign.run())
    racing = asyncio.create_task(race(own.run(), task))
    while "new" in (own.state, foreign.state):
        await asyncio.sleep(0)
    await cancel(racing)
    assert (own.state, foreign.state) == ("ended", "going")
    await cancel(task)


async def test_results_and_errors_stay_in_cancelled_tasks() -> None:
    done, failed = asyncio.create_task(_value("kept")), asyncio.create_task(_fail(ValueError("kept")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancel(done, failed)
    assert done.result() == "kept"
    with pytest.raises(ValueError, match="kept"):
        failed.result()


async def test_results_of_work_at_the_same_time_are_in_order() -> None:
    first = asyncio.Event()

    async def slow() -> str:
        await first.wait()
        return "slow"

    async def quick() -> str:
        first.set()
        return "quick"

    assert await together(slow(), quick()) == ["slow", "quick"]
    assert await together() == []


async def test_one_that_fails_ends_the_others_and_its_error_is_raised_as_it_is() -> None:
    work = Work()
    with pytest.raises(ValueError, match="broken"):
        await together(work.run(), _fail(ValueError("broken")))
    assert work.state == "ended"


async def test_a_loop_that_loses_cancellations_ends_all_the_same() -> None:
    lost = 0

    async def loop() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                lost += 1
                if lost > 3:
                    raise

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    assert await cancel_repeatedly(task, every=0.01)
    assert task.cancelled()
    assert lost == 4


async def test_one_that_cannot_be_cancelled_is_not_waited_for_without_end() -> None:
    stop = asyncio.Event()

    async def stubborn() -> None:
        while not stop.is_set():
            with suppress(asyncio.CancelledError):
                await stop.wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert not await cancel_repeatedly(task, every=0.01, tries=3)
    stop.set()
    await task
