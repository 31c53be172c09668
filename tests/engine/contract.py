"""What every engine keeps, whatever executes its jobs. An implementation's test inherits `EngineContract`."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from framework.engine.port import DeadLetter, Discard, Done, Engine, Execution, Job, JobResult, Retry
from framework.errors import DrainingError, EngineError
from tests.support.waiting import until


def job(key: str, lane: str = "a", order: str | None = None, delay: float = 0.0, scope: str = "") -> Job:
    return Job(key=key, lane=lane, order=key if order is None else order, payload={"n": 1}, delay=delay, scope=scope)


class Recorder:
    """A handler that notes what ran, and holds each job until its gate opens."""

    def __init__(self, *verdicts: JobResult, held: bool = False) -> None:
        self.started: list[str] = []
        self.finished: list[str] = []
        self.cancelled: list[str] = []
        self.attempts: list[int] = []
        self.most_at_once = 0
        self.verdicts = list(verdicts)
        self.gate = asyncio.Event()
        self._running: Counter[str] = Counter()
        self.overlapped = False
        if not held:
            self.gate.set()

    async def __call__(self, job: Job, execution: Execution) -> JobResult:
        self.started.append(job.key)
        self.attempts.append(execution.attempt)
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
        return self.verdicts.pop(0) if self.verdicts else Done()


@dataclass
class Stepper:
    """A handler that saves two steps, and is asked once more between them."""

    seen: list[tuple[int, Any, Any]] = field(default_factory=list)

    async def __call__(self, job: Job, execution: Execution) -> JobResult:
        first, second = execution.saved("first"), execution.saved("second")
        self.seen.append((execution.attempt, first, second))
        await execution.check()
        if first is None:
            await execution.save("first", {"text": "grüße \x00", "list": [1, None]})
            assert execution.saved("first") == {"text": "grüße \x00", "list": [1, None]}
            return Retry(0, "not yet")
        await execution.save("second", "b")
        return Done("replied")


class EngineContract:
    """Inherit, and give an `engine` fixture with a concurrency of 4."""

    @pytest.fixture
    def engine(self) -> Any:
        raise NotImplementedError

    async def test_executes_a_job_accepted_before_and_after_the_start(self, engine: Engine) -> None:
        done = Recorder()
        assert await engine.enqueue(job("1"))
        await engine.start(done)
        assert await engine.enqueue(job("2"))
        await engine.settled()
        assert done.finished == ["1", "2"]

    async def test_a_job_comes_as_it_was_accepted(self, engine: Engine) -> None:
        seen: list[Job] = []

        async def handler(job: Job, execution: Execution) -> JobResult:
            seen.append(job)
            return Done()

        payload = {"text": "a \x00 b \ud83d ☂", "n": None}
        sent = [
            Job("1", "läne", "001", payload, 0.01),
            Job("2", "läne", "001", payload, 0.05, "bot@app"),
            Job("3", "l\x1fne", "001", payload, 0.1, "bot@app"),
            Job("4", "l\x1fne", "001", payload, 0.15),
        ]
        await engine.start(handler)
        for one in sent:
            await engine.enqueue(one)
        await engine.settled()
        assert sorted(seen, key=lambda one: one.key) == sent  # lanes have no order among them

    async def test_a_key_is_accepted_once_while_waiting_running_and_settled(self, engine: Engine) -> None:
        done = Recorder(held=True)
        assert not await engine.holds("1")
        assert await engine.enqueue(job("1"))
        assert not await engine.enqueue(job("1"))
        assert await engine.holds("1")
        await engine.start(done)
        await until(lambda: done.started == ["1"])
        assert not await engine.enqueue(job("1"))
        assert await engine.holds("1")
        done.gate.set()
        await engine.settled()
        assert not await engine.enqueue(job("1"))
        assert await engine.holds("1")
        assert done.finished == ["1"]

    async def test_of_equal_jobs_at_the_same_moment_one_is_accepted(self, engine: Engine) -> None:
        done = Recorder()
        await engine.start(done)
        accepted = await asyncio.gather(*(engine.enqueue(job("1")) for _ in range(20)))
        await engine.settled()
        assert accepted.count(True) == 1
        assert done.finished == ["1"]

    async def test_a_dropped_key_may_be_accepted_again(self, engine: Engine) -> None:
        done = Recorder(Discard())
        await engine.start(done)
        await engine.enqueue(job("1"))
        await engine.settled()
        assert not await engine.holds("1")
        assert await engine.enqueue(job("1"))
        await engine.settled()
        assert done.finished == ["1", "1"]
        assert done.attempts == [1, 1]
        assert not await engine.enqueue(job("1"))

    async def test_a_lane_runs_in_order_and_never_twice_at_once(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        keys = [f"{n:03d}" for n in range(50)]
        for key in [keys[0], *reversed(keys[1:])]:
            await engine.enqueue(job(key))
        done.gate.set()
        await engine.settled()
        assert done.finished == keys
        assert not done.overlapped

    async def test_the_same_order_is_broken_by_the_key_and_both_by_code_point(self, engine: Engine) -> None:
        done = Recorder()
        for key in ["d", "b", "ä", "B", "c", "-a", "a"]:
            await engine.enqueue(job(key, order="same"))
        await engine.start(done)
        await engine.settled()
        assert done.finished == ["-a", "B", "a", "b", "c", "d", "ä"]

    async def test_lanes_run_side_by_side_up_to_the_bound(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for n in range(10):
            await engine.enqueue(job(str(n), lane=str(n)))
        await until(lambda: len(done.started) == 4)
        done.gate.set()
        await engine.settled()
        assert done.most_at_once == 4
        assert len(done.finished) == 10

    async def test_a_busy_lane_does_not_keep_others_waiting(self, engine: Engine) -> None:
        done = Recorder()
        for lane in "abcd":
            for n in range(25):
                await engine.enqueue(job(f"{lane}{n:02d}", lane=lane))
        await engine.enqueue(job("late", lane="late"))
        await engine.start(done)
        await engine.settled()
        assert done.started.index("late") <= 8
        assert len(done.finished) == 101

    async def test_a_job_with_a_delay_lets_an_earlier_one_that_comes_late_go_first(self, engine: Engine) -> None:
        done = Recorder()
        await engine.start(done)
        await engine.enqueue(job("2", delay=1.0))  # longer than the two after it take to come
        await engine.enqueue(job("3"))
        await engine.enqueue(job("1", delay=0.05))
        await engine.settled()
        assert done.finished == ["1", "2", "3"]

    async def test_a_job_to_be_tried_again_keeps_its_lane_waiting_and_no_other(self, engine: Engine) -> None:
        done = Recorder(Retry(0.2, "busy"), held=True)
        await engine.start(done)
        await engine.enqueue(job("1", lane="a"))
        await until(lambda: done.started == ["1"])  # so that it is the one that is told to come again
        for key, lane in (("2", "a"), ("3", "b")):
            await engine.enqueue(job(key, lane=lane))
        await until(lambda: len(done.started) == 2)
        done.gate.set()
        await engine.settled()
        assert done.finished[-2:] == ["1", "2"]
        assert done.finished.count("1") == 2
        assert done.finished.index("3") < 2

    async def test_steps_are_there_for_the_next_try(self, engine: Engine) -> None:
        done = Stepper()
        await engine.start(done)
        await engine.enqueue(job("1"))
        await engine.settled()
        text = {"text": "grüße \x00", "list": [1, None]}
        assert done.seen == [(1, None, None), (2, text, None)]
        record = await engine.record("1")
        assert record is not None
        assert (record.state, record.attempts, record.outcome) == ("settled", 2, "replied")
        assert sorted(record.steps) == ["first", "second"]

    async def test_a_step_without_a_result_is_refused(self, engine: Engine) -> None:
        seen: list[BaseException] = []

        async def handler(job: Job, execution: Execution) -> JobResult:
            try:
                await execution.save("first", None)
            except ValueError as error:
                seen.append(error)
            return Done()

        await engine.start(handler)
        await engine.enqueue(job("1"))
        await engine.settled()
        assert len(seen) == 1

    async def test_a_dead_job_is_kept_for_a_person_and_tried_again_with_its_steps(self, engine: Engine) -> None:
        seen: list[tuple[int, Any]] = []

        async def handler(job: Job, execution: Execution) -> JobResult:
            seen.append((execution.attempt, execution.saved("model")))
            if execution.saved("model") is None:
                await execution.save("model", "text")
                return DeadLetter("the channel is gone")
            return Done("replied")

        await engine.start(handler)
        await engine.enqueue(job("12345678-1"))
        await engine.settled()
        assert (await engine.load()).dead == 1
        assert not await engine.enqueue(job("12345678-1"))
        (dead,) = await engine.records(["dead"])
        assert (dead.job.key, dead.error, dead.attempts) == ("12345678-1", "the channel is gone", 1)
        assert await engine.retry("12345678-1")
        await engine.settled()
        assert seen == [(1, None), (1, "text")]
        assert not await engine.retry("12345678-1")
        assert not await engine.retry("none")
        assert await engine.records(["dead"]) in ((), [])

    async def test_a_job_whose_handler_raises_goes_to_the_dead_letters_and_stops_no_other(self, engine: Engine) -> None:
        async def handler(job: Job, execution: Execution) -> JobResult:
            if job.key == "1":
                raise ZeroDivisionError
            return Done()

        await engine.start(handler)
        await engine.enqueue(job("1"))
        await engine.enqueue(job("2"))
        await engine.settled()
        (dead,) = await engine.records(["dead"])
        assert dead.job.key == "1"
        assert dead.error.startswith("ZeroDivisionError")
        (settled,) = await engine.records(["settled"])
        assert settled.job.key == "2"

    async def test_a_job_interrupted_by_the_engine_is_tried_again(self, engine: Engine) -> None:
        attempts: list[int] = []

        async def handler(job: Job, execution: Execution) -> JobResult:
            attempts.append(execution.attempt)
            if execution.attempt == 1:
                raise EngineError("The database is away.")
            return Done()

        await engine.start(handler)
        await engine.enqueue(job("1"))
        await engine.settled()
        assert attempts == [1, 2]

    async def test_records_are_found_by_the_beginning_of_their_key(self, engine: Engine) -> None:
        for key in ("aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb%1", "short"):
            await engine.enqueue(job(key))
        for prefix, found in (("aaaaaaaa-1", True), ("bbbbbbbb", True), ("aaaaaaaa", False), ("bbbb", False)):
            assert ((await engine.record(prefix)) is not None) is found, prefix
        assert await engine.record("short") is not None
        assert await engine.record("aaaaaaa_") is None
        newest = await engine.records(["waiting", "running"], limit=2)
        assert [record.job.key for record in newest] == ["short", "bbbbbbbb%1"]
        assert newest[0].accepted_at.tzinfo is not None
        assert newest[0].job.payload == {"n": 1}

    async def test_tells_how_much_there_is_to_do(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for key, lane in (("1", "a"), ("2", "a"), ("3", "b")):
            await engine.enqueue(job(key, lane=lane))
        await until(lambda: len(done.started) == 2)
        load = await engine.load()
        assert (load.waiting, load.running, load.dead) == (1, 2, 0)
        assert load.oldest >= 0
        done.gate.set()
        await engine.settled()
        load = await engine.load()
        assert (load.waiting, load.running, load.oldest) == (0, 0, 0.0)

    async def test_cancels_a_running_and_a_waiting_job(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for key in "123":
            await engine.enqueue(job(key))
        await until(lambda: done.started == ["1"])
        assert await engine.cancel("2")
        assert await engine.cancel("1")
        assert not await engine.cancel("9")
        done.gate.set()
        await engine.settled()
        assert done.cancelled == ["1"]
        assert done.finished == ["3"]
        assert await engine.enqueue(job("1"))
        await engine.settled()
        assert done.finished == ["3", "1"]
        assert not await engine.cancel("1")

    async def test_cancelling_at_once_leaves_the_lane_free(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        await engine.enqueue(job("1"))
        assert await engine.cancel("1")
        done.gate.set()
        await engine.enqueue(job("2"))
        await engine.settled()
        assert done.finished == ["2"]

    async def test_drain_lets_running_jobs_finish_and_starts_no_more(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        for key in "12":
            await engine.enqueue(job(key))
        await until(lambda: done.started == ["1"])
        asyncio.get_running_loop().call_soon(done.gate.set)
        left = await engine.drain(5)
        assert done.finished == ["1"]
        assert [job.key for job in left] == ["2"]
        with pytest.raises(DrainingError):
            await engine.enqueue(job("3"))

    async def test_drain_cancels_what_outlasts_the_deadline(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        await engine.enqueue(job("1"))
        await until(lambda: done.started == ["1"])
        left = await engine.drain(0.01)
        assert done.cancelled == ["1"]
        assert [job.key for job in left] == ["1"]
        await engine.settled()

    async def test_closes_without_a_drain_and_twice(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done)
        await engine.enqueue(job("1"))
        await until(lambda: done.started == ["1"])
        await engine.close()
        await engine.close()
        assert done.cancelled == ["1"]

    async def test_executes_the_jobs_of_its_scopes_alone_and_those_of_nobody(self, engine: Engine) -> None:
        done = Recorder()
        for key, scope in (("1", "a"), ("2", "b"), ("3", ""), ("4", "a"), ("5", "b")):
            await engine.enqueue(job(key, scope=scope))
        await engine.start(done, scopes=["a"])
        await engine.enqueue(job("6", scope="c"))
        await engine.enqueue(job("7", scope="a"))
        await engine.settled()
        assert sorted(done.finished) == ["1", "3", "4", "7"]
        assert (await engine.load()).waiting == 0
        assert [record.job.key for record in await engine.records(["waiting"])] == ["6", "5", "2"]
        await engine.start(done, scopes=["a", "b"])
        await engine.settled()
        assert sorted(done.finished) == ["1", "2", "3", "4", "5", "7"]
        assert await engine.cancel("6")

    async def test_lanes_of_different_scopes_do_not_wait_for_each_other(self, engine: Engine) -> None:
        done = Recorder(held=True)
        await engine.start(done, scopes=["a", "b"])
        for key, scope in (("1", "a"), ("2", "a"), ("3", "b")):
            await engine.enqueue(job(key, scope=scope))
        await until(lambda: len(done.started) == 2)
        assert sorted(done.started) == ["1", "3"]
        done.gate.set()
        await engine.settled()
        assert sorted(done.finished) == ["1", "2", "3"]

    async def test_does_not_hear_what_it_says(self, engine: Engine) -> None:
        heard: list[Any] = []
        await engine.start(Recorder(), on_broadcast=lambda scope, note: heard.append((scope, note)))
        await engine.broadcast("a", {"kind": "stop"})
        await asyncio.sleep(0.05)
        assert heard == []
