"""Which replica runs a lane: each partition has one owner, and goes over to another without a turn in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from framework.engine.durable import DurableEngine
from framework.engine.opening import open_engine
from framework.engine.orders import Partition
from framework.engine.owners import PARTITIONS
from tests.engine.contract import Recorder, job
from tests.support.engines import UNHURRIED
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.waiting import until

Open = Callable[..., Awaitable[DurableEngine]]
ALL = {Partition("", number) for number in range(PARTITIONS)}


@pytest.fixture(params=["sqlite", "postgres", "nats"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    url = f"sqlite:///{tmp_path / 'engine.sqlite'}"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.database()
    if request.param == "nats":
        nats: Nats = request.getfixturevalue("nats")
        url = nats.journal()
    async with AsyncExitStack() as stack:

        async def opened(*, version: int = 1) -> DurableEngine:
            engine = await asyncio.to_thread(open_engine, url, concurrency=8, rhythm=UNHURRIED, version=version)
            stack.push_async_callback(engine.close)
            return engine

        yield opened


def owned(*engines: DurableEngine) -> list[set[Partition]]:
    return [set(engine._lanes.partitions) for engine in engines]


def shared(*engines: DurableEngine) -> bool:
    """Whether each owns some, and all own each once."""
    parts = owned(*engines)
    return all(parts) and set().union(*parts) == ALL and sum(map(len, parts)) == len(ALL)


async def test_partitions_are_shared_by_those_who_live_and_each_has_one_owner(opened: Open) -> None:
    first = await opened()
    await first.start(Recorder())
    assert owned(first) == [ALL]
    second, idle = await opened(), await opened()
    await second.start(Recorder())
    await until(lambda: shared(first, second))
    assert owned(idle) == [set()]
    await second.drain(0)
    await until(lambda: owned(first) == [ALL])


async def test_a_partition_goes_over_once_its_turn_has_ended(opened: Open) -> None:
    first, second = await opened(), await opened()
    held, done = Recorder(held=True), Recorder()
    await first.start(held)
    for n in range(8):
        await first.enqueue(job(f"a{n}", lane=f"lane {n}"))
        await first.enqueue(job(f"b{n}", lane=f"lane {n}"))
    await until(lambda: len(held.started) == 8)
    await second.start(done)
    await until(lambda: owned(second)[0])
    assert done.started == []
    held.gate.set()
    await first.settled()
    assert sorted(held.finished + done.finished) == [f"{name}{n}" for name in "ab" for n in range(8)]
    assert not held.overlapped
    assert set(held.attempts + done.attempts) == {1}
    assert shared(first, second)


async def test_of_different_versions_the_newest_runs_the_jobs(opened: Open) -> None:
    older = await opened(version=1)
    await older.start(Recorder())
    newer = await opened(version=2)
    done = Recorder()
    await newer.start(done)
    await until(lambda: owned(older, newer) == [set(), ALL])
    for n in range(20):
        await older.enqueue(job(str(n), lane=str(n)))
    await newer.settled()
    assert len(done.finished) == 20
    await newer.drain(0)
    await until(lambda: owned(older) == [ALL])


async def test_what_everybody_hears_is_kept_by_the_owner_and_run_once(opened: Open) -> None:
    first, second = await opened(), await opened()
    one, other = Recorder(), Recorder()
    await first.start(one)
    await second.start(other)
    await until(lambda: shared(first, second))
    jobs = [replace(job(f"{n:02d}", lane=str(n)), heard_everywhere=True) for n in range(40)]
    kept = await asyncio.gather(*(engine.enqueue(each) for each in jobs for engine in (first, second)))
    assert kept.count(True) == 40
    await asyncio.sleep(1.5)  # the others ask after a second whether somebody has it
    await first.settled()
    assert sorted(one.finished + other.finished) == [each.key for each in jobs]
    assert one.finished
    assert other.finished


async def test_what_the_owner_did_not_keep_another_one_keeps(opened: Open) -> None:
    first, second = await opened(), await opened()
    one, other = Recorder(), Recorder()
    await first.start(one)
    await second.start(other)
    await until(lambda: shared(first, second))
    jobs = [replace(job(f"{n:02d}", lane=str(n)), heard_everywhere=True) for n in range(20)]
    kept = [await first.enqueue(each) for each in jobs]
    assert 0 < kept.count(True) < 20
    await until(lambda: len(one.finished + other.finished) == 20)
    assert len(one.finished) == kept.count(True)


async def test_what_was_left_to_an_owner_that_went_is_not_overtaken(opened: Open) -> None:
    first, second = await opened(), await opened()
    done = Recorder()
    await first.start(Recorder())
    await second.start(done)
    await until(lambda: shared(first, second))
    lane = next(str(n) for n in range(1_000) if first._lanes.owns(job("1", lane=str(n))))
    one, two = (replace(job(key, lane=lane), heard_everywhere=True) for key in "12")
    assert not await second.enqueue(one)
    await first.drain(0)
    await until(lambda: second._lanes.owns(two))
    assert await second.enqueue(two)
    await until(lambda: len(done.finished) == 2)
    assert done.finished == ["1", "2"]


@pytest.mark.parametrize("opened", ["sqlite", "postgres"], indirect=True)  # NATS has all that waits in memory
async def test_what_waits_is_loaded_piece_by_piece_and_keeps_its_order(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framework.engine.loading.MOST", 10)
    monkeypatch.setattr("framework.engine.further_jobs._FEW", 5)
    first, done = await opened(), Recorder()
    keys = [f"{n:03d}" for n in range(100)]
    for n, key in enumerate(keys):
        await first.enqueue(job(key, lane=str(n % 5)))
    await first.start(done)
    assert first._lanes.waiting <= 10
    await first.enqueue(job("last", lane="0"))
    await first.settled()
    assert sorted(done.finished) == [*keys, "last"]
    for lane in range(5):
        ours = [key for n, key in enumerate(keys) if n % 5 == lane]
        assert [key for key in done.finished if key in ours] == ours
    assert not done.overlapped


async def test_who_does_not_hear_of_events_yet_leaves_the_lanes_to_those_who_do(opened: Open) -> None:
    """A replica that was just started would answer what it hears first before an older message that it did not hear."""
    first, second = await opened(), await opened()
    await first.start(Recorder())
    late = Recorder()
    await second.start(late, hears=False)
    await first.enqueue(job("1"))
    await until(lambda: set(owned(first)[0]) == ALL)
    await asyncio.sleep(0.5)  # the plan is made anew within it
    assert owned(second) == [set()]
    await second.start(late)
    await until(lambda: shared(first, second))


async def test_where_nobody_hears_of_events_what_waits_is_run_all_the_same(opened: Open) -> None:
    first, second = await opened(), await opened()
    done = Recorder()
    await first.enqueue(job("1"))
    await first.start(done, hears=False)
    await second.start(done, hears=False)
    await until(lambda: shared(first, second))
    await until(lambda: done.finished == ["1"])
    await second.start(Recorder())
    await until(lambda: owned(first, second) == [set(), ALL])


async def test_what_was_left_to_its_owner_is_not_kept_once_its_reply_was_seen(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody keeps the two jobs here. Of one a reply was seen, so its owner had it; of the other none was."""
    monkeypatch.setattr("framework.engine.left_jobs._OTHERS_HAVE", 0.2)
    first, second = await opened(), await opened()
    done = Recorder()
    await first.start(done)
    await second.start(Recorder())
    await until(lambda: shared(first, second))
    foreign = [one for n in range(40) if not first._lanes.owns(one := replace(job(str(n), lane=str(n))))]
    answered, other = (replace(one, heard_everywhere=True) for one in foreign[:2])
    assert [await first.enqueue(one) for one in (answered, other)] == [False, False]
    first.answered(answered.key)
    await until(lambda: second.holds(other.key))
    assert not await second.holds(answered.key)
