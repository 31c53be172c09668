"""What every engine keeps, whatever executes its jobs. An implementation's test inherits `EngineContract`."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from framework.engine.port import Engine, Job, Verdict


def job(key: str, lane: str = "a", order: str | None = None) -> Job:
    return Job(key=key, lane=lane, order=key if order is None else order, payload={"n": 1})


class Recorder:
    """A handler that notes what ran, and holds each job until its gate opens."""

    def __init__(self, verdict: Verdict = "done", *, held: bool = False) -> None:
        self.started: list[str] = []
        self.finished: list[str] = []
        self.cancelled: list[str] = []
        self.most_at_once = 0
        self.verdict: Verdict = verdict
        self.gate = asyncio.Event()
        self._running: Counter[str] = Counter()
        self.overlapped = False
        if not held:
            self.gate.set()

    async def __call__(self, job: Job) -> Verdict:
        self.started.append(job.key)
        self._running[job.lane] += 1
        self.overlapped |= self._running[job.lane] > 1
        self.most_at_once = max(self.most_at_once, self._running.total())
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(job.key)
            raise
        finally:
            self._running[job.lane] -= 1
        self.finished.append(job.key)
        return self.verdict


class EngineContract:
    """Inherit, and give an `engine` fixture with a concurrency of 4."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    async def test_executes_a_job_accepted_before_and_after_the_start(self, engine: Engine) -> None:
        done = Recorder()
        assert await engine.accept(job("1"))
        await engine.start(done)
        assert await engine.accept(job("2"))
        await engine.settled()
        assert done.finished == ["1", "2"]

    async def test_a_key_is_accepted_once_while_waiting_running_and_settled(self, engine: Engine) -> None:
        done = Recorder(held=True)
        assert await engine.accept(job("1"))
        assert not await engine.accept(job("1"))
        await engine.start(done)
        await asyncio.sleep(0)
        assert not await engine.accept(job("1"))
        done.gate.set()
        await engine.settled()
        assert not await engine.accept(job("1"))
        assert done.finished == ["1"]

    async def test_a_key_that_was_not_settled_may_be_accepted_again(self, engine: Engine) -> None:
        done = Recorder("again")
        await engine.start(done)
        await engine.accept(job("1"))
        await engine.settled()
        done.verdict = "done"
        assert await engine.accept(job("1"))
        await engine.settled()
        assert done.finished == ["1", "1"]
        assert not await engine.accept(job("1"))

    async def test_a_lane_runs_in_order_and_never_twice_at_once(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        keys = [f"{n:03d}" for n in range(50)]
        for key in [keys[0], *reversed(keys[1:])]:
            await engine.accept(job(key))
        done.gate.set()
        await engine.settled()
        assert done.finished == keys
        assert not done.overlapped

    async def test_the_same_order_is_broken_by_the_key(self, engine: Engine) -> None:
        done = Recorder()
        for key in "dbca":
            await engine.accept(job(key, order="same"))
        await engine.start(done)
        await engine.settled()
        assert done.finished == ["a", "b", "c", "d"]

    async def test_lanes_run_side_by_side_up_to_the_bound(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for n in range(10):
            await engine.accept(job(str(n), lane=str(n)))
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(done.started) == 4
        done.gate.set()
        await engine.settled()
        assert done.most_at_once == 4
        assert len(done.finished) == 10

    async def test_a_busy_lane_does_not_keep_others_waiting(self, engine: Engine) -> None:
        done = Recorder()
        for lane in "abcd":
            for n in range(25):
                await engine.accept(job(f"{lane}{n:02d}", lane=lane))
        await engine.accept(job("late", lane="late"))
        await engine.start(done)
        await engine.settled()
        assert done.started.index("late") <= 8
        assert len(done.finished) == 101

    async def test_a_crash_of_one_job_stops_no_other_and_may_be_tried_again(self, engine: Engine) -> None:
        finished: list[str] = []

        async def handler(job: Job) -> Verdict:
            if job.key == "1":
                raise ZeroDivisionError
            finished.append(job.key)
            return "done"

        await engine.start(handler)
        await engine.accept(job("1"))
        await engine.accept(job("2"))
        await engine.settled()
        assert finished == ["2"]
        assert await engine.accept(job("1"))
        await engine.settled()

    async def test_holds_what_waits_or_runs(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        await engine.accept(job("1"))
        await engine.accept(job("2"))
        await asyncio.sleep(0)
        assert engine.holds("1")
        assert engine.holds("2")
        done.gate.set()
        await engine.settled()
        assert not engine.holds("1")

    async def test_cancels_a_running_and_a_waiting_job(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for key in "123":
            await engine.accept(job(key))
        await asyncio.sleep(0)
        assert await engine.cancel("2")
        assert await engine.cancel("1")
        assert not await engine.cancel("9")
        done.gate.set()
        await engine.settled()
        assert done.cancelled == ["1"]
        assert done.finished == ["3"]
        assert await engine.accept(job("1"))
        await engine.settled()
        assert done.finished == ["3", "1"]

    async def test_cancelling_before_the_first_step_leaves_the_lane_free(self, engine: Engine) -> None:
        done = Recorder()
        await engine.start(done)
        await engine.accept(job("1"))
        assert await engine.cancel("1")
        await engine.accept(job("2"))
        await engine.settled()
        assert done.finished == ["2"]

    async def test_drain_lets_running_jobs_finish_and_starts_no_more(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for key in "12":
            await engine.accept(job(key))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(done.gate.set)
        left = await engine.drain(5)
        assert done.finished == ["1"]
        assert [job.key for job in left] == ["2"]
        assert not await engine.accept(job("3"))

    async def test_drain_cancels_what_outlasts_the_deadline(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        await engine.accept(job("1"))
        await asyncio.sleep(0)
        left = await engine.drain(0.01)
        assert done.cancelled == ["1"]
        assert [job.key for job in left] == ["1"]
        await engine.settled()
