"""What is promised when processes die, freeze and lose their database: with real processes and a real server."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from framework.engine.durable import DurableEngine
from framework.engine.journal import Retention
from framework.engine.liveness import Rhythm
from framework.engine.nats.journal import NatsJournal
from framework.engine.opening import open_engine
from framework.engine.orders import Appending, Sighting, Starting
from framework.engine.port import Done, Execution, FencedError, Job, JobResult, Retry
from framework.engine.replica import Replica
from framework.errors import EngineError
from framework.storage.connection import address
from tests.engine.contract import Recorder, job
from tests.engine.replica import QUICK, SHORT_LEASE, Child, Journal, Options, handler_of
from tests.support.engines import database_of
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.waiting import until

on_databases = pytest.mark.parametrize("url", ["sqlite", "postgres"], indirect=True)
Open = Callable[..., Awaitable[DurableEngine]]
Start = Callable[..., Awaitable[Child]]


@pytest.fixture(params=["sqlite", "postgres", "nats"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "nats":
        nats: Nats = request.getfixturevalue("nats")
        return nats.journal()
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


@pytest.fixture
def started(url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts replicas in processes of their own; none outlives the test."""
    children: list[Child] = []

    async def start(**options: float | str) -> Child:
        children.append(Child(Options(url=url, journal=str(tmp_path / "journal"), **options)))  # type: ignore[arg-type]
        return await asyncio.to_thread(children[-1].ready)

    yield start
    for child in children:
        child.kill()


async def test_what_was_accepted_outlives_a_kill(opened: Open, started: Start) -> None:
    child = await started(keys=100_000)
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
    opened: Open, tmp_path: Path, journal: Journal, started: Start
) -> None:
    child = await started(gate=str(tmp_path / "never"))
    engine = await opened()
    await engine.enqueue(job("1"))
    await engine.enqueue(job("2"))
    await until(lambda: len(journal.entries("step model")) == 1)
    await asyncio.to_thread(child.end)
    await engine.start(handler_of(journal, "survivor", 0.01))
    await engine.settled()
    assert [entry.key for entry in journal.entries("step context")] == ["1", "2"]
    assert [(entry.key, entry.attempt, entry.crashes) for entry in journal.entries("post")] == [
        ("1", 2, 1),
        ("2", 1, 0),
    ]
    assert [entry.key for entry in journal.entries("step model")] == ["1", "1", "2"]


async def test_what_a_dead_owner_did_not_keep_goes_before_what_its_heir_hears(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replica beside it heard the older one, and the heir started after it."""
    monkeypatch.setattr("framework.engine.durable._GAINED", 60.0)
    done = Recorder()
    beside, heir = await opened("beside"), await opened("heir")
    await beside.start(done)
    await heir.start(done)
    lanes = [replace(job("1", f"lane {number}"), heard_everywhere=True) for number in range(64)]
    await until(lambda: [one for one in lanes if heir._lanes.owns(one)])
    older = next(one for one in lanes if heir._lanes.owns(one))
    await until(lambda: not beside._lanes.owns(older))
    assert not await beside.enqueue(older)
    assert await heir.enqueue(replace(older, key="2"))
    await until(lambda: done.started)
    assert done.started == ["1"]


async def test_a_frozen_replica_that_wakes_up_late_can_neither_save_nor_settle_and_goes_on_as_another(
    opened: Open, tmp_path: Path, journal: Journal, started: Start
) -> None:
    gate = tmp_path / "gate"
    child = await started(name="zombie", gate=str(gate), lease=SHORT_LEASE)
    engine = await opened(rhythm=replace(QUICK, lease=SHORT_LEASE))
    await engine.enqueue(job("1"))
    await until(lambda: len(journal.entries("step model")) == 1)
    child.send(signal.SIGSTOP)
    await engine.start(handler_of(journal, "survivor", 0.01))
    await engine.settled()
    gate.touch()
    child.send(signal.SIGCONT)
    await until(lambda: journal.entries("fenced") or journal.entries("cancelled"))
    assert [(entry.key, entry.replica) for entry in journal.entries("post")] == [("1", "survivor")]
    await engine.drain(1)
    helper = await opened()
    await helper.enqueue(job("2"))
    await until(lambda: len(journal.entries("settle")) == 2)
    assert journal.entries("settle")[-1].replica == "zombie"
    await asyncio.to_thread(child.end, signal.SIGTERM)
    record = await helper.record("1")
    assert record is not None
    assert record.state == "settled"
    assert record.attempts == journal.entries("post")[0].attempt > 1


@on_databases
async def test_a_write_of_an_older_attempt_changes_nothing(opened: Open) -> None:
    first, second = await opened("first"), await opened("second")
    holding = asyncio.Event()
    seen: list[object] = []

    async def zombie(job: Job, execution: Execution) -> JobResult:
        await holding.wait()
        for write in (execution.save("model", "old"), first.held(execution.token)):  # type: ignore[attr-defined]
            try:
                seen.append(await write)
            except FencedError:
                seen.append("fenced")
        return Done("old")

    await first.start(zombie)
    await first.enqueue(job("1"))
    await until(lambda: bool(first._tasks))
    # As if `first` had been silent: the others evict it, while it believes to live.
    replica = database_of(second).replica
    database_of(first).replica.next_heartbeat = float("inf")
    database_of(first).worker.hold()
    await database_of(second).ask(lambda c, now: evict(c, replica, now), stirs=True)
    done = Recorder(Retry(0.3), Done("new"))
    await second.start(done)
    await until(lambda: done.finished)
    holding.set()
    await until(lambda: len(seen) == 2)
    await second.settled()
    assert seen == ["fenced", False]
    record = await second.record("1")
    assert record is not None
    assert (record.outcome, record.steps, done.attempts) == ("new", (), [2, 3])


def evict(connection: Connection, replica: Replica, now: float) -> None:
    (first,) = [one for one in replica._replicas.all(connection) if one.name == "first"]
    assert replica._replicas.evict(connection, first, now) == ["1"]


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def joined(url: str, name: str, clock: Clock) -> Replica:
    """A replica whose heartbeats the test sends."""
    rhythm, no_jitter = Rhythm(), random.Random(0).uniform
    one = Replica(address(url), name, rhythm, Retention(), clock=clock, monotonic=clock, uniform=no_jitter)
    one.open()
    return one


@on_databases
async def test_a_database_that_stood_still_gets_no_replica_evicted_but_one_that_stays_silent_does(url: str) -> None:
    clock = Clock()
    here, other = joined(url, "here", clock), joined(url, "other", clock)
    try:
        for one in (here, other, here):
            one.heartbeat()
        clock.now += 6.5  # neither could write meanwhile; whoever comes first sees the other's old heartbeat
        assert [one.heartbeat() for one in (here, other, here)] == [None, None, None]
        for _ in range(5):
            clock.now += 1.0
            here.heartbeat()
        assert {one.name for one in known(here)} == {"here", "other"}
        clock.now += 1.0
        here.heartbeat()
        assert {one.name for one in known(here)} == {"here"}
    finally:
        for one in (here, other):
            one.leave()


def known(replica: Replica) -> list[Sighting]:
    found: list[Sighting] = replica.ask(lambda connection, _: replica._replicas.all(connection), reads=True)
    return found


@on_databases
async def test_an_evicted_replica_s_jobs_go_on_before_the_backlog(opened: Open) -> None:
    first, second = await opened("first", concurrency=1), await opened("second", concurrency=1)
    held, done = Recorder(held=True), Recorder()
    for n in range(1, 30):
        await first.enqueue(job(f"waits {n}", lane=f"lane {n}"))
    await first.start(held)
    await until(lambda: held.started)
    replica = database_of(second).replica
    database_of(first).replica.next_heartbeat = float("inf")
    database_of(first).worker.hold()
    running = held.started[0]

    def evict(connection: Connection, now: float) -> None:
        (dead,) = [one for one in replica._replicas.all(connection) if one.name == "first"]
        assert replica._replicas.evict(connection, dead, now) == [running]

    await database_of(second).ask(evict, stirs=True)
    await second.start(done)
    await second.settled()
    assert done.started[0] == running
    held.gate.set()


def evict_first(connection: Connection, replica: Replica, now: float) -> None:
    (dead,) = [one for one in replica._replicas.all(connection) if one.name == "first"]
    assert replica._replicas.evict(connection, dead, now) is not None


@on_databases
async def test_a_job_whose_lost_try_ends_late_is_run_again_where_it_ran(opened: Open) -> None:
    rhythm = replace(QUICK, audit=1e6)
    first, second = await opened("first", rhythm=rhythm), await opened("second", rhythm=rhythm)
    attempts: list[int] = []

    async def handler(job: Job, execution: Execution) -> JobResult:
        attempts.append(execution.attempt)
        try:
            await asyncio.sleep(0 if execution.attempt > 1 else 60)
        except asyncio.CancelledError:
            await asyncio.sleep(1.0)  # longer than it takes to own the lane again
            raise
        return Done()

    await first.start(handler)
    await first.enqueue(job("1"))
    await until(lambda: attempts)
    await database_of(second).ask(
        lambda connection, now: evict_first(connection, database_of(second).replica, now), stirs=True
    )
    await until(lambda: len(attempts) == 2)
    await first.settled()
    assert attempts == [1, 2]


@on_databases
async def test_nothing_is_started_as_the_owner_that_one_was_before_an_eviction(opened: Open) -> None:
    engine = await opened()
    await engine.enqueue(job("1", scope="served elsewhere"))
    await engine.start(Recorder(), scopes=["another"])
    for order in (Starting("1", "a", "who we were"), Appending(job("2", scope="served elsewhere"), "who we were")):
        answer = await engine._journal.order(order)
        assert answer == ("later" if isinstance(order, Starting) else "waits")
    assert (await engine.record("1")).state == "waiting"  # type: ignore[union-attr]


@on_databases
async def test_what_was_overlooked_is_found(opened: Open) -> None:
    engine, done = await opened(rhythm=replace(QUICK, audit=0.2)), Recorder()
    await engine.start(done)
    await engine.enqueue(job("1"))
    await engine.settled()
    overlooked = "UPDATE engine_jobs SET state = 'waiting', updated = 0 WHERE key = '1'"
    await database_of(engine).ask(lambda connection, _: connection.exec_driver_sql(overlooked).rowcount)
    await until(lambda: done.finished == ["1", "1"])
    # One that runs here by a commit whose answer never came:
    me = database_of(engine).owner
    late = f"UPDATE engine_jobs SET state = 'running', owner = '{me}', updated = 0 WHERE key = '1'"
    await engine.settled()
    await database_of(engine).ask(lambda connection, _: connection.exec_driver_sql(late).rowcount)
    await until(lambda: done.finished == ["1", "1", "1"])


async def test_two_processes_with_one_name_do_not_run_side_by_side(url: str, opened: Open) -> None:
    await opened("bot-0")
    # On a server, whoever comes second waits for a lease: it may be the same process, started again.
    with pytest.raises(EngineError, match="bot-0"):
        await opened("bot-0", rhythm=replace(QUICK, lease=SHORT_LEASE))


async def test_replicas_killed_at_random_lose_nothing_and_keep_every_lane_in_order(
    opened: Open, journal: Journal, started: Start
) -> None:
    chance = random.Random(4)
    engine = await opened(rhythm=replace(QUICK, lease=SHORT_LEASE))
    jobs = [job(f"{lane:02d}-{n}", lane=f"lane {lane}") for lane in range(25) for n in range(8)]
    chance.shuffle(jobs)
    assert all(await asyncio.gather(*(engine.enqueue(one) for one in jobs)))
    work = {"work": 0.02, "lease": SHORT_LEASE}
    children = list(await asyncio.gather(*(started(**work) for _ in range(2))))
    for _ in range(2):
        await asyncio.sleep(chance.uniform(0.1, 0.5))
        victim = children.pop(chance.randrange(len(children)))
        await asyncio.to_thread(victim.end)
        children.append(await started(**work))
    frozen = children[0]
    frozen.send(signal.SIGSTOP)
    await asyncio.sleep(SHORT_LEASE + 0.5)
    frozen.send(signal.SIGCONT)
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
    assert len(await engine.records(["settled"], limit=1000)) == len(jobs)
    assert (await engine.load()).dead == 0


async def test_a_job_that_kills_its_process_is_told_so(
    opened: Open, tmp_path: Path, journal: Journal, started: Start
) -> None:
    engine = await opened()
    await engine.enqueue(job("1"))
    for crashes in range(2):
        child = await started(gate=str(tmp_path / "never"))
        await until(lambda crashes=crashes: len(journal.entries("start")) == crashes + 1)  # type: ignore[misc]
        await asyncio.to_thread(child.end)
    await engine.start(handler_of(journal, "survivor", 0.0))
    await engine.settled()
    assert [(entry.attempt, entry.crashes) for entry in journal.entries("start")] == [(1, 0), (2, 1), (3, 2)]


async def test_a_drained_replica_leaves_its_jobs_to_others_at_once(opened: Open) -> None:
    first, second = await opened(rhythm=Rhythm(beat=60, poll=0.05)), await opened(rhythm=Rhythm(beat=60, poll=0.05))
    held, done = Recorder(held=True), Recorder()
    await first.start(held)
    await first.enqueue(job("1"))
    await until(lambda: held.started == ["1"])
    await first.enqueue(job("2"))
    await second.start(done)
    left = await first.drain(0)
    await until(lambda: done.finished == ["1", "2"])
    assert [one.key for one in left] == ["1"]
    assert done.attempts == [2, 1]
    await first.close()
    if isinstance(second._journal, NatsJournal):
        await until(lambda: not second._journal.has_others)
        return
    journal = database_of(second)
    assert [one.name for one in await journal.ask(lambda c, _: journal.replica._replicas.all(c))] == [second.replica]


async def test_rides_out_a_killed_database(postgres: Postgres) -> None:
    rhythm = replace(QUICK, lease=SHORT_LEASE, enqueue=5.0)
    engine = await asyncio.to_thread(open_engine, postgres.database(), concurrency=4, rhythm=rhythm)
    try:
        saved = asyncio.Event()
        gate = asyncio.Event()

        async def handler(job: Job, execution: Execution) -> JobResult:
            await execution.save("context", 1)
            saved.set()
            await gate.wait()
            await execution.save("model", 2)
            return Done("replied")

        await engine.start(handler)
        await engine.enqueue(job("1"))
        await saved.wait()
        await asyncio.to_thread(postgres.kill)
        with pytest.raises(EngineError) as refused:
            await engine.enqueue(job("2"))
        assert "cannot be reached" in refused.value.what
        gate.set()
        await asyncio.sleep(SHORT_LEASE)
        await asyncio.to_thread(postgres.start)
        await until(lambda: _accepted(engine, job("3")))
        await engine.settled()
        record = await engine.record("1")
        assert record is not None
        assert (record.state, record.attempts, record.steps) == ("settled", 1, ("context", "model"))
        assert {one.job.key for one in await engine.records(["settled"])} >= {"1", "3"}
    finally:
        await engine.close()


async def _accepted(engine: DurableEngine, one: Job) -> bool:
    try:
        await engine.enqueue(one)
    except EngineError:
        return False
    return True
