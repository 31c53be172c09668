"""The engine inside the process: nothing is kept on disk; recovery comes from the log of record."""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from framework.engine.job_results import SHORTEST_PREFIX, draining, job_result_of
from framework.engine.port import (
    DeadLetter,
    Discard,
    Done,
    Handler,
    Job,
    JobResult,
    Load,
    OnBroadcast,
    Record,
    Retry,
    State,
)
from framework.values import Json


@dataclass
class _Row:
    """A job and what is known of it. `due` is a time of the loop's clock. It is the `Execution` of its try as well."""

    job: Job
    due: float
    accepted_at: datetime
    updated_at: datetime
    state: State = "waiting"
    attempt: int = 0
    crashes: int = 0  # what dies with the process is never tried here again
    outcome: str = ""
    error: str = ""
    steps: dict[str, str] = field(default_factory=dict)

    def saved(self, step: str) -> Json | None:
        """See `Execution.saved`."""
        return json.loads(self.steps.get(step, "null"))

    async def save(self, step: str, value: Json) -> None:
        """See `Execution.save`."""
        if value is None:
            raise ValueError("None says that nothing was saved")
        self.steps[step] = json.dumps(value)

    async def check(self) -> None:
        """See `Execution.check`. Nobody else has it."""


@dataclass
class _Lane:
    """The jobs of a channel or thread that wait, a heap by (order, key), and whether one runs or is in line."""

    waiting: list[tuple[str, str]] = field(default_factory=list)
    busy: bool = False
    alarm: asyncio.TimerHandle | None = None


class LocalEngine:
    """An `Engine` of asyncio tasks, at most `concurrency` at once. Remembers the last `memory` settled or dead ones."""

    def __init__(
        self,
        *,
        concurrency: int = 64,
        memory: int = 50_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._concurrency = concurrency
        self._memory = memory
        self._now = now
        self._handler: Handler | None = None
        self._scopes: Collection[str] | None = None
        self._lanes: dict[str, _Lane] = {}
        self._turnstile: deque[str] = deque()  # lanes whose head is due and of which none runs, first come first served
        self._held: dict[str, _Row] = {}
        self._ended: OrderedDict[str, _Row] = OrderedDict()
        self._tasks: dict[str, asyncio.Task[JobResult]] = {}
        self._unwanted: set[str] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(
        self,
        handler: Handler,
        *,
        scopes: Collection[str] | None = None,
        on_broadcast: OnBroadcast | None = None,
        hears: bool = True,
    ) -> None:
        """See `Engine.start`."""
        self._handler = handler
        self._scopes = None if scopes is None else frozenset({*scopes, ""})
        for name in list(self._lanes):
            self._offer(name)
        self._idle.clear()
        self._pump()
        self._look_whether_idle()

    async def broadcast(self, scope: str, note: Mapping[str, Any]) -> None:
        """See `Engine.broadcast`: there are no other replicas."""

    async def enqueue(self, job: Job) -> bool:
        """See `Engine.enqueue`."""
        if self._draining:
            raise draining()
        if await self.holds(job.key):
            return False
        now = self._now()
        self._wait(_Row(job, asyncio.get_running_loop().time() + job.delay, now, now))
        return True

    def answered(self, key: str) -> None:
        """See `Engine.answered`. Nothing is left to others here."""

    async def holds(self, key: str) -> bool:
        """See `Engine.holds`."""
        return key in self._held or key in self._ended

    async def cancel(self, key: str) -> bool:
        """See `Engine.cancel`."""
        row = self._held.get(key)
        if row is None:
            return False
        task = self._tasks.get(key)
        if task is None:
            self._forget(row)
            return True
        self._unwanted.add(key)
        task.cancel()
        await asyncio.wait({task})
        return True

    async def settled(self) -> None:
        """See `Engine.settled`."""
        await self._idle.wait()

    async def load(self) -> Load:
        """See `Engine.load`."""
        since = [row.accepted_at for row in self._held.values() if row.state == "waiting" and self._serves(row.job)]
        return Load(
            waiting=len(since),
            running=len(self._tasks),
            dead=sum(row.state == "dead" and self._serves(row.job) for row in self._ended.values()),
            oldest=max(0.0, (self._now() - min(since)).total_seconds()) if since else 0.0,
        )

    async def records(self, states: Sequence[State], *, limit: int = 100) -> Sequence[Record]:
        """See `Engine.records`."""
        rows = [row for row in (*self._ended.values(), *self._held.values()) if row.state in states]
        rows.sort(key=lambda row: row.updated_at, reverse=True)
        return tuple(_record(row) for row in rows[:limit])

    async def record(self, key: str) -> Record | None:
        """See `Engine.record`."""
        rows = {**self._ended, **self._held}
        if key in rows:
            return _record(rows[key])
        found = [row for name, row in rows.items() if len(key) >= SHORTEST_PREFIX and name.startswith(key)]
        return _record(found[0]) if len(found) == 1 else None

    async def retry(self, key: str) -> bool:
        """See `Engine.retry`."""
        row = self._ended.get(key)
        if row is None or row.state != "dead" or self._draining:
            return False
        del self._ended[key]
        row.attempt, row.error, row.due = 0, "", asyncio.get_running_loop().time()
        self._wait(row)
        return True

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """See `Engine.drain`."""
        self._draining = True
        running = set(self._tasks.values())
        if running:
            _, late = await asyncio.wait(running, timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self._look_whether_idle()
        return tuple(row.job for row in self._held.values())

    async def close(self) -> None:
        """See `Engine.close`."""
        await self.drain(0)
        for lane in self._lanes.values():
            if lane.alarm is not None:
                lane.alarm.cancel()

    def _wait(self, row: _Row) -> None:
        """Put a job into its lane."""
        row.state, row.updated_at = "waiting", self._now()
        self._held[row.job.key] = row
        if self._serves(row.job):
            self._idle.clear()
        lane = self._lanes.setdefault(row.job.place, _Lane())
        heapq.heappush(lane.waiting, (row.job.order, row.job.key))
        self._offer(row.job.place)
        self._pump()

    def _serves(self, job: Job) -> bool:
        return self._scopes is None or job.scope in self._scopes

    def _offer(self, name: str) -> None:
        """Put a lane in line, now or when its head is due; forget it where nothing is left."""
        lane = self._lanes[name]
        if lane.alarm is not None:
            lane.alarm.cancel()
            lane.alarm = None
        if lane.busy or self._draining:
            return
        if not lane.waiting:
            del self._lanes[name]
            return
        if not self._serves(self._held[lane.waiting[0][1]].job):
            return
        loop = asyncio.get_running_loop()
        due = self._held[lane.waiting[0][1]].due
        if due > loop.time():
            lane.alarm = loop.call_at(due, self._ring, name)
            return
        lane.busy = True
        self._turnstile.append(name)

    def _ring(self, name: str) -> None:
        self._offer(name)
        self._pump()

    def _pump(self) -> None:
        """Start what may start: one job of each lane in turn, up to the bound."""
        handler = self._handler
        while handler is not None and not self._draining and self._turnstile and len(self._tasks) < self._concurrency:
            name = self._turnstile.popleft()
            lane = self._lanes[name]
            head = self._held[lane.waiting[0][1]] if lane.waiting else None
            if head is None or head.due > asyncio.get_running_loop().time() or not self._serves(head.job):
                lane.busy = False  # its head was cancelled, or is none of ours, or an earlier one came that is not due
                self._offer(name)
                continue
            _, key = heapq.heappop(lane.waiting)
            self._run(handler, self._held[key])

    def _run(self, handler: Handler, row: _Row) -> None:
        row.state, row.updated_at, row.attempt = "running", self._now(), row.attempt + 1
        task = asyncio.create_task(_result(handler, row), name=f"job {row.job.key}")
        self._tasks[row.job.key] = task
        # A callback, not a `finally` in the task: a task cancelled before its first step runs no code of its own.
        task.add_done_callback(partial(self._finish, row))

    def _finish(self, row: _Row, task: asyncio.Task[JobResult]) -> None:
        del self._tasks[row.job.key]
        self._lanes[row.job.place].busy = False
        row.updated_at = self._now()
        if task.cancelled():
            result: JobResult = Discard() if row.job.key in self._unwanted else Retry(0)
        else:
            result = job_result_of(row.job, task)
        self._unwanted.discard(row.job.key)
        match result:
            case Done(outcome):
                row.outcome = outcome
                self._end(row, "settled")
            case DeadLetter(error):
                row.error = error
                self._end(row, "dead")
            case Retry(seconds, error):
                row.due, row.error = asyncio.get_running_loop().time() + seconds, error
                self._wait(row)
            case Discard():
                del self._held[row.job.key]
        if row.job.place in self._lanes:
            self._offer(row.job.place)
        self._look_whether_idle()
        self._pump()

    def _end(self, row: _Row, state: State) -> None:
        row.state = state
        del self._held[row.job.key]
        self._ended[row.job.key] = row
        if len(self._ended) > self._memory:
            self._ended.popitem(last=False)

    def _forget(self, row: _Row) -> None:
        del self._held[row.job.key]
        lane = self._lanes[row.job.place]
        lane.waiting.remove((row.job.order, row.job.key))
        heapq.heapify(lane.waiting)
        self._offer(row.job.place)
        self._look_whether_idle()

    def _look_whether_idle(self) -> None:
        if self._tasks:
            return
        left = self._held if self._scopes is None else any(self._serves(row.job) for row in self._held.values())
        if self._draining or not left:
            self._idle.set()


async def _result(handler: Handler, row: _Row) -> JobResult:
    """A coroutine around whatever awaitable the handler gives."""
    return await handler(row.job, row)


def _record(row: _Row) -> Record:
    return Record(
        job=row.job,
        state=row.state,
        attempts=row.attempt,
        accepted_at=row.accepted_at,
        updated_at=row.updated_at,
        outcome=row.outcome,
        error=row.error,
        steps=tuple(row.steps),
    )
