"""Databases of versions before are taken over with their jobs, and their programs may still run meanwhile.

The files under data/ are dumps of what these programs left when they were killed: a settled job, a dead one, two that
ran with a saved step, one that waited behind them, and one that is due an hour later.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from framework.engine.durable import DurableEngine
from framework.engine.locks import FileLock
from framework.engine.opening import open_engine
from framework.engine.port import Execution, Job, JobResult
from tests.engine.contract import Recorder, job
from tests.support.engines import UNHURRIED
from tests.support.waiting import until

DATA = Path(__file__).parent / "data"


DUMPED_AT = 1_796_072_260.0
_TIME = re.compile(r"1\.79607\d+e\+09")


def restored(folder: Path, version: int) -> Path:
    """The database as if its program had been killed just now: every time in the dump is moved on by as much."""
    since = time.time() - DUMPED_AT
    dump = (DATA / f"version_{version}.sql").read_text(encoding="utf-8")
    file = folder / "engine.sqlite"
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(_TIME.sub(lambda found: repr(float(found[0]) + since), dump))
    return file


@pytest.fixture(params=[1, 2])
async def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return await asyncio.to_thread(restored, tmp_path, request.param)


async def opened(file: Path) -> DurableEngine:
    return await asyncio.to_thread(open_engine, f"sqlite:///{file}", concurrency=4, rhythm=UNHURRIED)


class Continued(Recorder):
    """Notes which steps were there."""

    def __init__(self) -> None:
        super().__init__()
        self.saved: dict[str, object] = {}

    async def __call__(self, job: Job, execution: Execution) -> JobResult:
        self.saved[job.key] = execution.saved("context")
        return await super().__call__(job, execution)


async def test_what_ran_and_waited_goes_on_with_its_steps_and_what_had_ended_stays(file: Path) -> None:
    engine = await opened(file)
    done = Continued()
    try:
        await engine.start(done)
        await until(lambda: len(done.finished) == 3)
        assert sorted(done.finished) == ["run-1", "run-2", "wait"]
        assert done.finished.index("run-1") < done.finished.index("run-2")
        assert done.saved == {"run-1": {"read": 1}, "run-2": None, "wait": {"read": 1}}
        assert not await engine.enqueue(job("settled"))
        record = await engine.record("settled")
        assert record is not None
        assert (record.state, record.outcome, record.job.payload["text"]) == ("settled", "replied", "grüße")
        assert [one.job.key for one in await engine.records(["waiting"])] == ["late"]
        (dead,) = await engine.records(["dead"])
        assert dead.error == "the channel is gone"
        assert await engine.retry("dead")
        await until(lambda: "dead" in done.finished)
        assert await engine.cancel("late")
        assert await engine.enqueue(job("new", lane="c"))
        await engine.settled()
        assert done.finished[-1] == "new"
    finally:
        await engine.close()


async def test_nothing_runs_while_a_program_of_the_version_before_lives(tmp_path: Path) -> None:
    file = await asyncio.to_thread(restored, tmp_path, 2)
    engine = await opened(file)
    await engine.close()  # the tables are of this version; the replica that was killed is evicted
    with closing(sqlite3.connect(file, isolation_level=None)) as older:
        row = "('older', 'older', 'host', 1, 0, 0)"
        older.execute(f"INSERT INTO engine_replicas (id, name, host, pid, beat, seen) VALUES {row}")
        lock = FileLock(file, "older")
        assert lock.take()
        engine = await opened(file)
        done = Recorder()
        try:
            await engine.start(done)
            assert await engine.enqueue(job("new"))
            older.execute("UPDATE engine_replicas SET beat = beat + 1 WHERE id = 'older'")
            await asyncio.sleep(0.3)
            assert done.started == []
            # What the older program accepted and left:
            older.execute(
                "INSERT INTO engine_jobs SELECT 'left', 'e', 'left', payload, 0, 'waiting', 0, 0, 0, 0, '', accepted,"
                " updated, '', '', NULL, '', NULL FROM engine_jobs WHERE key = 'wait'"
            )
            older.execute("DELETE FROM engine_replicas WHERE id = 'older'")
            lock.release()
            await until(lambda: {"new", "left", "wait", "run-1", "run-2"} <= set(done.finished))
        finally:
            await engine.close()
            lock.release()
        tables = older.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert ("engine_lanes",) not in tables
