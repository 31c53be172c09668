"""What the durable engine says and does when its database refuses, and how long it keeps what has ended."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from framework.engine.durable import DurableEngine
from framework.engine.journal import Retention
from framework.engine.liveness import Rhythm, Watch
from framework.engine.opening import open_engine
from framework.engine.orders import Sighting
from framework.engine.port import DeadLetter, Done, Execution, Job, JobResult
from framework.errors import EngineError, SettingsError, UsageError
from framework.storage.connection import address
from tests.engine.contract import Recorder, job
from tests.support.engines import database_of
from tests.support.postgres import Postgres
from tests.support.waiting import until


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'engine.sqlite'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


@pytest.fixture
async def on_file(tmp_path: Path) -> AsyncIterator[DurableEngine]:
    engine = await asyncio.to_thread(open_engine, f"sqlite:///{tmp_path / 'engine.sqlite'}", rhythm=Rhythm(enqueue=5.0))
    yield engine
    await engine.close()


@pytest.mark.parametrize(
    "wrong",
    ["", "engine.sqlite", "sqlite://", "sqlite:///", "sqlite:///:memory:", "mysql://root:hunter2@h/d", "postgres://h",
     "postgresql://u:hunter2@h:port/d"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_with_what_to_write(wrong: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_engine(wrong)
    assert "sqlite:///" in str(refused.value)
    assert "postgresql://" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_password_is_in_no_error_and_no_representation(scheme: str) -> None:
    url = f"{scheme}://user:hunter2@127.0.0.1:1/db?sslmode=disable"
    assert "hunter2" not in repr(address(url))
    with pytest.raises(EngineError) as refused:
        open_engine(url)
    assert "hunter2" not in str(refused.value)
    assert "postgresql://127.0.0.1:1/db" in str(refused.value)
    assert refused.value.__suppress_context__


async def test_a_representation_names_the_database_and_the_replica(postgres: Postgres) -> None:
    url = postgres.database().replace("postgres@", "postgres:hunter2@")
    engine = await asyncio.to_thread(open_engine, url, replica="bot-1")
    assert "hunter2" not in repr(engine)
    assert "bot-1" in repr(engine)
    await engine.close()


def test_a_name_that_cannot_be_one_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_engine(f"sqlite:///{tmp_path / 'engine.sqlite'}", replica="../bot")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "engine.sqlite"
    file.write_bytes(b"not a database at all" * 100)
    with pytest.raises(EngineError, match="not a database"):
        open_engine(f"sqlite:///{file}")


async def test_a_newer_schema_is_refused(url: str) -> None:
    engine = await asyncio.to_thread(open_engine, url)
    await engine.close()
    statement = "UPDATE engine_schema SET version = 99"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
        connection.close()
    else:
        with psycopg.connect(url) as server:
            server.execute(statement)
    with pytest.raises(EngineError, match="newer version"):
        await asyncio.to_thread(open_engine, url)


async def test_a_full_disk_refuses_a_job_and_loses_none(on_file: DurableEngine) -> None:
    await on_file.enqueue(job("1"))
    await database_of(on_file).ask(lambda c, _: c.exec_driver_sql("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(EngineError, match="full"):
        await on_file.enqueue(Job("big", "b", "1", {"text": "x" * 1_000_000}))
    await until(lambda: _lifted(on_file))
    done = Recorder()
    await on_file.start(done)
    await until(lambda: _accepted(on_file, job("2")))
    await on_file.settled()
    assert {"1", "2"} <= set(done.finished)


async def test_a_job_that_ends_while_the_disk_is_full_is_settled_once_there_is_room(on_file: DurableEngine) -> None:
    attempts: list[int] = []

    async def handler(job: Job, execution: Execution) -> JobResult:
        attempts.append(execution.attempt)
        await database_of(on_file).ask(lambda c, _: c.exec_driver_sql("PRAGMA max_page_count = 1").fetchall())
        later = until(lambda: database_of(on_file).replica.trouble and _lifted(on_file))
        tasks.append(asyncio.create_task(later))
        return Done("x" * 100_000)

    tasks: list[asyncio.Task[object]] = []
    await on_file.start(handler)
    await on_file.enqueue(job("1"))
    await on_file.settled()
    record = await on_file.record("1")
    assert record is not None
    assert record.state == "settled"
    assert attempts == [1]


async def _lifted(engine: DurableEngine) -> bool:
    try:
        await database_of(engine).ask(lambda c, _: c.exec_driver_sql("PRAGMA max_page_count = 1000000").fetchall())
    except EngineError:
        return False
    return True


async def _accepted(engine: DurableEngine, one: Job) -> bool:
    try:
        return await engine.enqueue(one)
    except EngineError:
        return False


async def test_a_file_that_another_program_holds_is_said_and_waited_for(on_file: DurableEngine, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "engine.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(EngineError, match="locked by another program"):
        await on_file.enqueue(job("1"))
    waiting = asyncio.create_task(on_file.enqueue(job("2")))
    await asyncio.sleep(0.1)
    other.execute("ROLLBACK")
    other.close()
    assert await waiting


async def test_a_job_that_cannot_be_kept_fails_alone(postgres: Postgres) -> None:
    engine = await asyncio.to_thread(open_engine, postgres.database())
    done = Recorder()
    await engine.start(done)
    jobs = [job(str(n), lane=str(n)) for n in range(20)]
    jobs[7] = job("nul \x00", lane="7")
    answers = await asyncio.gather(*(engine.enqueue(one) for one in jobs), return_exceptions=True)
    await engine.settled()
    assert isinstance(answers[7], EngineError)
    assert [answer for n, answer in enumerate(answers) if n != 7] == [True] * 19
    assert len(done.finished) == 19
    await engine.close()


async def test_what_has_ended_is_kept_as_long_as_promised(tmp_path: Path) -> None:
    skew = 0.0
    engine = await asyncio.to_thread(
        open_engine,
        f"sqlite:///{tmp_path / 'engine.sqlite'}",
        retention=Retention(batch=2),
        clock=lambda: 1.8e9 + skew,
    )

    async def handler(job: Job, execution: Execution) -> JobResult:
        await execution.save("model", "text")
        return DeadLetter("gone") if job.key == "dead" else Done("replied")

    async def pruned() -> int:
        jobs = database_of(engine).replica.jobs
        rounds = 0
        while await database_of(engine).ask(jobs.prune):
            rounds += 1
        return rounds

    await engine.start(handler)
    for key in ("1", "2", "3", "dead"):
        await engine.enqueue(job(key, lane=key))
    await engine.settled()
    skew = 3_000
    assert await pruned() == 0
    skew = 7_200
    assert await pruned() > 1
    assert await database_of(engine).ask(
        lambda c, _: c.exec_driver_sql("SELECT key FROM engine_steps").scalars().all()
    ) == ["dead"]
    record = await engine.record("1")
    assert record is not None
    assert (record.outcome, record.steps, record.job.payload) == ("replied", ("model",), {"n": 1})
    skew = 8 * 86_400
    await pruned()
    assert not await engine.holds("1")
    assert await engine.holds("dead")
    skew = 91 * 86_400
    await pruned()
    assert not await engine.holds("dead")
    await engine.close()


async def test_checking_asks_the_database_only_after_a_silence(tmp_path: Path) -> None:
    late = 0.0
    engine = await asyncio.to_thread(
        open_engine, f"sqlite:///{tmp_path / 'engine.sqlite'}", rhythm=Rhythm(beat=1e6), monotonic=lambda: late
    )
    asked: list[bool] = []
    held = engine.held

    async def counting(token: object) -> bool:
        asked.append(await held(token))  # type: ignore[arg-type]
        return asked[-1]

    engine.held = counting  # type: ignore[method-assign]

    async def handler(job: Job, execution: Execution) -> JobResult:
        nonlocal late
        await execution.check()
        assert asked == []
        late = 6.0
        await execution.check()
        return Done()

    await engine.start(handler)
    await engine.enqueue(job("1"))
    await engine.settled()
    assert asked == [True]
    await engine.close()


class TestWatch:
    def test_who_is_silent_longer_than_the_lease_is_dead(self) -> None:
        now = 0.0
        watch = Watch(Rhythm(lease=5, grace=2), lambda: now)
        quiet, lively = Sighting("a", "a", 1), Sighting("b", "b", 1)
        assert watch.dead([quiet, lively]) == []
        now = 4.9
        assert watch.dead([quiet, Sighting("b", "b", 2)]) == []
        now = 5.1
        assert watch.dead([quiet, Sighting("b", "b", 2)]) == [quiet]

    def test_who_lost_its_lock_is_dead_sooner_and_who_is_known_to_be_gone_at_once(self) -> None:
        now = 0.0
        watch = Watch(Rhythm(lease=5, grace=2), lambda: now)
        one, other = Sighting("a", "a", 1), Sighting("b", "b", 1)
        assert watch.dead([one, other], certainly={"b"}, unlocked={"a"}) == [other]
        now = 2.1
        assert watch.dead([one], unlocked={"a"}) == [one]

    def test_nobody_is_dead_because_the_database_was_away(self) -> None:
        now = 0.0
        watch = Watch(Rhythm(lease=5, grace=2), lambda: now)
        one = Sighting("a", "a", 1)
        watch.dead([one])
        watch.forget()
        now = 60.0
        assert watch.dead([one]) == []
