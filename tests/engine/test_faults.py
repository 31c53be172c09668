"""What is promised when processes die, freeze and lose their database: with real processes and a real server."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from framework.engine.durable import DurableEngine, open_engine
from framework.engine.liveness import Rhythm
from framework.engine.member import Member
from framework.engine.port import Again, Done, Execution, FencedError, Job, Verdict
from framework.errors import EngineError
from tests.engine.contract import Recorder, eventually, job
from tests.engine.replica import QUICK, Child, Journal, Options, handler_of
from tests.support.postgres import Postgres

Open = Callable[..., Awaitable[DurableEngine]]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.sqlite'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
async def opened(url: str) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(name: str | None = None, *, concurrency: int = 8, rhythm: Rhythm = QUICK) -> DurableEngine:
            engine = await asyncio.to_thread(open_engine, url, replica=name, concurrency=concurrency, rhythm=rhythm)
            stack.push_async_callback(engine.close)
            return engine

        yield opened


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


async def started(url: str, tmp_path: Path, **options: float | str) -> Child:
    child = Child(Options(url=url, journal=str(tmp_path / "journal"), **options))  # type: ignore[arg-type]
    return await asyncio.to_thread(child.ready)


async def test_what_was_accepted_outlives_a_kill(url: str, opened: Open, tmp_path: Path) -> None:
    child = await started(url, tmp_path, keys=100_000)
    printed = [await asyncio.to_thread(child.line) for _ in range(150)]
    printed += await asyncio.to_thread(child.end)
    engine = await opened()
    done = Recorder()
    for key in printed:
        assert await engine.holds(key), key
    load = await engine.load()
    assert len(printed) <= load.waiting <= len(printed) + 1
    await engine.start(done)
    await engine.settled()
    assert len(done.finished) == load.waiting


async def test_a_killed_replica_s_job_goes_on_elsewhere_after_its_last_saved_step(
    url: str, opened: Open, tmp_path: Path, journal: Journal
) -> None:
    child = await started(url, tmp_path, work=0.5)
    engine = await opened()
    await engine.accept(job("1"))
    await engine.accept(job("2"))
    await eventually(lambda: len(journal.entries("step model")) == 1)
    await asyncio.to_thread(child.end)
    await engine.start(handler_of(journal, "survivor", 0.01))
    await engine.settled()
    assert [entry.key for entry in journal.entries("step context")] == ["1", "2"]
    assert [(entry.key, entry.attempt, entry.crashes) for entry in journal.entries("post")] == [
        ("1", 2, 1),
        ("2", 1, 0),
    ]
    assert [entry.key for entry in journal.entries("step model")] == ["1", "1", "2"]


async def test_a_frozen_replica_that_wakes_up_late_can_neither_save_nor_settle_and_goes_on_as_another(
    url: str, opened: Open, tmp_path: Path, journal: Journal
) -> None:
    child = await started(url, tmp_path, name="zombie", work=0.3)
    engine = await opened()
    await engine.accept(job("1"))
    await eventually(lambda: len(journal.entries("step model")) == 1)
    child.send(signal.SIGSTOP)
    await engine.start(handler_of(journal, "survivor", 0.01))
    await engine.settled()
    child.send(signal.SIGCONT)
    await eventually(lambda: bool(journal.entries("fenced") or journal.entries("cancelled")))
    assert [(entry.key, entry.replica, entry.attempt) for entry in journal.entries("post")] == [("1", "survivor", 2)]
    await engine.drain(1)
    helper = await opened()
    await helper.accept(job("2"))
    await eventually(lambda: len(journal.entries("settle")) == 2)
    assert journal.entries("settle")[-1].replica == "zombie"
    await asyncio.to_thread(child.end, signal.SIGTERM)
    record = await helper.record("1")
    assert record is not None
    assert (record.state, record.attempts) == ("settled", 2)


async def test_a_write_of_an_older_attempt_changes_nothing(opened: Open) -> None:
    first, second = await opened("first"), await opened("second")
    holding = asyncio.Event()
    seen: list[object] = []

    async def zombie(job: Job, execution: Execution) -> Verdict:
        await holding.wait()
        for write in (execution.save("model", "old"), first.held(execution.token)):  # type: ignore[attr-defined]
            try:
                seen.append(await write)
            except FencedError:
                seen.append("fenced")
        return Done("old")

    await first.start(zombie)
    await first.accept(job("1"))
    await eventually(lambda: bool(first._tasks))
    # As if `first` had been silent: the others bury it, while it believes to live.
    member = second._member
    first._member.next_beat = float("inf")
    first._worker.hold()
    await second._ask(lambda c, now: bury(c, member, now), 5, stirs=True)
    done = Recorder(Again(0.3), Done("new"))
    await second.start(done)
    await eventually(lambda: done.finished == ["1"])
    holding.set()
    await eventually(lambda: len(seen) == 2)
    await second.settled()
    assert seen == ["fenced", False]
    record = await second.record("1")
    assert record is not None
    assert (record.outcome, record.steps, done.attempts) == ("new", (), [2, 3])


def bury(connection: Connection, member: Member, now: float) -> None:
    (first,) = [one for one in member._replicas.all(connection) if one.name == "first"]
    assert member._replicas.bury(connection, first, now) == ["1"]


async def test_two_processes_with_one_name_do_not_run_side_by_side(url: str, opened: Open) -> None:
    await opened("bot-0")
    with pytest.raises(EngineError, match="bot-0"):
        await opened("bot-0")


async def test_replicas_killed_at_random_lose_nothing_and_keep_every_lane_in_order(
    url: str, opened: Open, tmp_path: Path, journal: Journal
) -> None:
    chance = random.Random(4)
    engine = await opened()
    jobs = [job(f"{lane:02d}-{n}", lane=f"lane {lane}") for lane in range(40) for n in range(10)]
    chance.shuffle(jobs)
    assert all(await asyncio.gather(*(engine.accept(one) for one in jobs)))
    children = list(await asyncio.gather(*(started(url, tmp_path, work=0.02) for _ in range(3))))
    for _ in range(3):
        await asyncio.sleep(chance.uniform(0.1, 0.5))
        victim = children.pop(chance.randrange(len(children)))
        await asyncio.to_thread(victim.end)
        children.append(await started(url, tmp_path, work=0.02))
    frozen = children[0]
    frozen.send(signal.SIGSTOP)
    await asyncio.sleep(QUICK.lease + 0.5)
    frozen.send(signal.SIGCONT)
    async with asyncio.timeout(40):
        await engine.settled()
    for child in children:
        await asyncio.to_thread(child.end, signal.SIGTERM)
    posts = defaultdict(list)
    for entry in journal.entries("post"):
        posts[entry.key[:2]].append(entry)
    assert sorted({entry.key for lane in posts.values() for entry in lane}) == sorted(one.key for one in jobs)
    for lane in posts.values():
        # A replica may die between its post and settling it: the same job may then post again, and no other before it.
        assert [entry.key for entry in lane] == sorted(entry.key for entry in lane)
        attempts = [(entry.key, entry.attempt) for entry in lane]
        assert attempts == sorted(set(attempts))
    assert len(await engine.records(["settled"], limit=1000)) == 400
    assert (await engine.load()).dead == 0


async def test_a_job_that_kills_its_process_is_told_so(
    url: str, opened: Open, tmp_path: Path, journal: Journal
) -> None:
    engine = await opened()
    await engine.accept(job("1"))
    for crashes in range(2):
        child = await started(url, tmp_path, work=30)
        await eventually(lambda crashes=crashes: len(journal.entries("start")) == crashes + 1)  # type: ignore[misc]
        await asyncio.to_thread(child.end)
    await engine.start(handler_of(journal, "survivor", 0.0))
    await engine.settled()
    assert [(entry.attempt, entry.crashes) for entry in journal.entries("start")] == [(1, 0), (2, 1), (3, 2)]


async def test_a_drained_replica_leaves_its_jobs_to_others_at_once(opened: Open) -> None:
    first, second = await opened(rhythm=Rhythm(beat=60, poll=0.05)), await opened(rhythm=Rhythm(beat=60, poll=0.05))
    held, done = Recorder(held=True), Recorder()
    await first.start(held)
    await first.accept(job("1"))
    await eventually(lambda: held.started == ["1"])
    await first.accept(job("2"))
    await second.start(done)
    left = await first.drain(0)
    await eventually(lambda: done.finished == ["1", "2"])
    assert [one.key for one in left] == ["1"]
    assert done.attempts == [2, 1]
    await first.close()
    assert [one.name for one in await second._read(lambda c, _: second._member._replicas.all(c))] == [second.replica]


async def test_rides_out_a_killed_database(postgres: Postgres) -> None:
    engine = await asyncio.to_thread(open_engine, postgres.database(), concurrency=4, rhythm=QUICK)
    try:
        saved = asyncio.Event()
        gate = asyncio.Event()

        async def handler(job: Job, execution: Execution) -> Verdict:
            await execution.save("context", 1)
            saved.set()
            await gate.wait()
            await execution.save("model", 2)
            return Done("replied")

        await engine.start(handler)
        await engine.accept(job("1"))
        await saved.wait()
        await asyncio.to_thread(postgres.kill)
        with pytest.raises(EngineError) as refused:
            await engine.accept(job("2"))
        assert "cannot be reached" in refused.value.what
        gate.set()
        await asyncio.sleep(QUICK.lease)
        await asyncio.to_thread(postgres.start)
        assert await _accepted(engine, job("3"))
        await engine.settled()
        record = await engine.record("1")
        assert record is not None
        assert (record.state, record.attempts, record.steps) == ("settled", 1, ("context", "model"))
        assert {one.job.key for one in await engine.records(["settled"])} >= {"1", "3"}
    finally:
        await engine.close()


async def _accepted(engine: DurableEngine, one: Job) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            await engine.accept(one)
        except EngineError:
            continue
        return True
    return False
