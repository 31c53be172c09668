"""The rate budget: never more than the service allows, and what must happen first."""

from __future__ import annotations

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.stream.budget import Bucket, Budget, Endpoint
from framework.stream.timing import Timing


class Clock:
    """Time passes only by sleeping, or as a test says."""

    def __init__(self) -> None:
        self.time = 5000.0
        self.timing = Timing(monotonic=lambda: self.time, sleep=self.sleep)

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
    for _ in range(16):
        await bucket.take()
    assert clock.time == 5000.0
    for _ in range(984):
        await bucket.take()
    assert clock.time - 5000 == pytest.approx(60, abs=0.5)


async def test_what_may_be_left_out_leaves_a_reserve_for_what_must_happen() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    taken = 0
    while bucket.try_take():
        taken += 1
    assert taken == 11
    for _ in range(5):
        await bucket.take()
    assert clock.time == 5000.0
    assert not bucket.try_take()


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


async def test_takes_over_the_services_own_count() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    bucket.observe(limit=60_000, remaining=59_000, seconds=30)
    clock.time += 1
    assert sum(bucket.try_take() for _ in range(2000)) > 600
    bucket.observe(limit=60_000, remaining=100, seconds=30)
    clock.time += 29
    assert not bucket.try_take()
    clock.time += 2
    assert bucket.try_take()


async def test_a_user_token_is_counted_apart() -> None:
    clock = Clock()
    budget = Budget(clock.timing)
    mine = budget.bucket(Endpoint.QUERY_CHANNELS, as_user=True)
    await mine.take()
    await mine.take()
    assert clock.time > 5000.9
    assert budget.bucket(Endpoint.QUERY_CHANNELS, as_user=False).try_take()
    assert budget.bucket(Endpoint.QUERY_CHANNELS, as_user=True) is mine
    mine.open()
    now = clock.time
    for _ in range(50):
        await mine.take()
    assert clock.time - now < 1.2


async def test_where_the_service_does_not_count_nothing_waits_or_is_left_out() -> None:
    clock = Clock()
    bucket = Bucket(1000, clock.timing)
    await bucket.take()
    bucket.open()
    for _ in range(100):
        await bucket.take()
        assert bucket.try_take()
    assert clock.time == 5000.0
