"""The rate budget: never more than the service allows, and what must happen first."""

from __future__ import annotations

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.net.limits import Bucket, Rank
from framework.stream.budget import CallBudget, Endpoint
from framework.stream.timing import Timing


class Clock:
    """Time passes only by sleeping, or as a test says."""

    def __init__(self) -> None:
        self.time = 5000.0
        self.timing = Timing(monotonic=lambda: self.time, sleep=self.sleep, uniform=lambda low, _high: low)

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


@settings(deadline=None, max_examples=40)
@given(pauses=st.lists(st.floats(0, 20), max_size=40), limit=st.sampled_from([60, 300, 1000]))
def test_never_exceeds_the_limits_of_a_minute_and_a_second(pauses: list[float], limit: int) -> None:
    clock = Clock()
    bucket = Bucket(limit, clock.timing)
    calls: list[float] = []

    async def spend() -> None:
        for pause in pauses:
            clock.time += pause
            for _ in range(limit // 20):
                await bucket.take()
                calls.append(clock.time)

    asyncio.run(spend())
    for window, most in ((60, limit), (1, limit / 30)):
        for place, start in enumerate(calls):
            assert bisect_left(calls, start + window - 1e-6) - place <= most


async def test_a_thousand_updates_take_a_minute_but_the_first_ones_no_time() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    for _ in range(6):
        await bucket.take()
    assert clock.time == 5000.0
    for _ in range(194):
        await bucket.take()
    assert clock.time - 5000 < 8
    for _ in range(800):
        await bucket.take()
    assert clock.time - 5000 == pytest.approx(60, abs=1)


async def test_what_must_happen_goes_first_then_first_texts_then_refreshes() -> None:
    clock, everyone, served = Clock(), asyncio.Event(), list[str]()

    async def sleep(seconds: float) -> None:
        await everyone.wait()
        await clock.sleep(seconds)

    bucket = Bucket(1000, Timing(monotonic=lambda: clock.time, sleep=sleep, uniform=lambda low, _high: low))
    bucket.close(5)

    async def take(rank: Rank, name: str) -> None:
        await bucket.take(rank)
        served.append(name)

    async with asyncio.TaskGroup() as tasks:
        for number in range(2):
            for rank in (Rank.REFRESH, Rank.FIRST, Rank.MUST):
                tasks.create_task(take(rank, f"{rank.name}-{number}"))
                await asyncio.sleep(0)
        everyone.set()
    assert served == ["MUST-0", "MUST-1", "FIRST-0", "FIRST-1", "REFRESH-0", "REFRESH-1"]


async def test_refreshes_leave_a_part_of_every_minute_for_what_must_happen() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    while clock.time < 5060:
        await bucket.take(Rank.REFRESH)
    began = clock.time
    for _ in range(100):
        await bucket.take()
    assert clock.time - began < 4.5


async def test_one_that_gives_up_waiting_lets_the_others_pass() -> None:
    clock = Clock()
    bucket = Bucket(60, clock.timing)
    await bucket.take()
    first, second = asyncio.create_task(bucket.take()), asyncio.create_task(bucket.take())
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert bucket.waiting == 0


async def test_what_may_be_left_out_does_not_overtake_what_waits() -> None:
    waiting = asyncio.Event()
    clock = Clock()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    bucket = Bucket(600, Timing(monotonic=lambda: clock.time, sleep=sleep))
    bucket.close(30)
    task = asyncio.create_task(bucket.take())
    await waiting.wait()
    clock.time += 60
    assert not bucket.try_take()
    task.cancel()
    await asyncio.wait({task})
    assert bucket.try_take()


async def test_a_closed_bucket_opens_when_the_service_said() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    bucket.close(12)
    assert not bucket.try_take()
    await bucket.take()
    assert clock.time - 5000 == pytest.approx(12, abs=0.2)


async def test_those_who_wait_for_the_same_end_of_a_limit_come_back_spread() -> None:
    clock = Clock()
    chances = iter((0.1, 0.9))
    timing = Timing(monotonic=lambda: clock.time, sleep=clock.sleep, uniform=lambda _low, high: high * next(chances))
    waits = []
    for _ in range(2):
        clock.time = 5000.0
        bucket = Bucket(1000, timing)
        bucket.close(12)
        await bucket.take()
        waits.append(clock.time - 5000)
    assert waits[1] - waits[0] == pytest.approx(0.8, abs=0.05)


async def test_takes_over_the_services_own_count() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    bucket.observe(limit=10_000, remaining=9_000, seconds=30)
    clock.time += 1
    assert sum(bucket.try_take(Rank.FIRST) for _ in range(2000)) == 60
    bucket.observe(limit=10_000, remaining=1_500, seconds=29)
    clock.time += 28
    assert not bucket.try_take(Rank.REFRESH)
    assert bucket.try_take(Rank.FIRST)
    clock.time += 2
    assert bucket.try_take(Rank.REFRESH)


async def test_what_others_used_up_is_waited_for_without_being_refused() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    await bucket.take()
    bucket.observe(limit=1000, remaining=2, seconds=20)
    for _ in range(2):
        await bucket.take()
    assert clock.time < 5001
    await bucket.take()
    assert 5020 <= clock.time < 5022


async def test_a_refusal_halves_the_pace_which_comes_back_slowly() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)

    async def seconds_for(calls: int) -> float:
        began = clock.time
        for _ in range(calls):
            await bucket.take()
        return clock.time - began

    bucket.close(1)
    bucket.close(1)  # on its way at the same time: the same refusal
    clock.time += 1
    assert 1.7 < await seconds_for(25) < 2
    clock.time += 60
    await seconds_for(6)
    assert await seconds_for(25) == pytest.approx(1, abs=0.05)


async def test_a_user_token_is_counted_apart() -> None:
    clock = Clock()
    budget = CallBudget(clock.timing)
    mine = budget.bucket(Endpoint.QUERY_CHANNELS, as_user=True)
    await mine.take()
    await mine.take()
    assert clock.time > 5000.6
    assert budget.bucket(Endpoint.QUERY_CHANNELS, as_user=False).try_take()
    assert budget.bucket(Endpoint.QUERY_CHANNELS, as_user=True) is mine
    mine.open()
    now = clock.time
    for _ in range(50):
        await mine.take()
    assert clock.time == now


async def test_where_the_service_does_not_count_nothing_waits_or_is_left_out() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    await bucket.take()
    bucket.observe(limit=1000, remaining=1000, seconds=30)
    for _ in range(5000):
        await bucket.take()
        assert bucket.try_take()
    assert clock.time == 5000.0
    bucket.observe(limit=1000, remaining=999, seconds=30)
    assert sum(bucket.try_take(Rank.FIRST) for _ in range(100)) <= 6
