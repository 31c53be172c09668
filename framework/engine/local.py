"""The engine inside the process: nothing is kept on disk; recovery comes from the log of record."""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from functools import partial

import structlog

from framework.engine.port import Handler, Job, Verdict

_log = structlog.get_logger(__name__)


@dataclass
class _Lane:
    """The jobs of a channel or thread that wait, a heap by (order, key), and the one that runs."""

    waiting: list[tuple[str, str, Job]] = field(default_factory=list)
    running: str | None = None


class LocalEngine:
    """An `Engine` of asyncio tasks, at most `concurrency` at once. Remembers the last `memory` settled keys."""

    def __init__(self, *, concurrency: int = 64, memory: int = 50_000) -> None:
        self._concurrency = concurrency
        self._memory = memory
        self._handler: Handler | None = None
        self._lanes: dict[str, _Lane] = {}
        self._turnstile: deque[str] = deque()  # lanes with a job waiting and none running, first come first served
        self._held: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[Verdict]] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def start(self, handler: Handler) -> None:
        """See `Engine.start`."""
        self._handler = handler
        self._pump()

    async def accept(self, job: Job) -> bool:
        """See `Engine.accept`."""
        if self._draining or job.key in self._held or job.key in self._settled:
            return False
        self._held[job.key] = job
        self._idle.clear()
        lane = self._lanes.setdefault(job.lane, _Lane())
        heapq.heappush(lane.waiting, (job.order, job.key, job))
        if lane.running is None and len(lane.waiting) == 1:
            self._turnstile.append(job.lane)
        self._pump()
        return True

    def holds(self, key: str) -> bool:
        """See `Engine.holds`."""
        return key in self._held

    async def cancel(self, key: str) -> bool:
        """See `Engine.cancel`."""
        job = self._held.get(key)
        if job is None:
            return False
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            return True
        lane = self._lanes[job.lane]
        lane.waiting = [entry for entry in lane.waiting if entry[1] != key]
        heapq.heapify(lane.waiting)
        if not lane.waiting and lane.running is None:
            self._turnstile.remove(job.lane)
            del self._lanes[job.lane]
        self._release(key)
        return True

    async def settled(self) -> None:
        """See `Engine.settled`."""
        await self._idle.wait()

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """See `Engine.drain`."""
        self._draining = True
        left = {key: job for key, job in self._held.items() if key not in self._tasks}
        for key in left:
            await self.cancel(key)
        if self._tasks:
            running = {key: self._held[key] for key in self._tasks}
            _, late = await asyncio.wait(set(self._tasks.values()), timeout=seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            left |= {key: job for key, job in running.items() if key not in self._settled}
        return tuple(left.values())

    def _pump(self) -> None:
        """Start what may start: one job of each lane in turn, up to the bound."""
        handler = self._handler
        if handler is None or self._draining:
            return
        while self._turnstile and len(self._tasks) < self._concurrency:
            lane = self._lanes[self._turnstile.popleft()]
            _, key, job = heapq.heappop(lane.waiting)
            lane.running = key
            task = asyncio.create_task(_verdict(handler, job), name=f"job {key}")
            self._tasks[key] = task
            # A callback, not a `finally` in the task: a task cancelled before its first step runs no code of its own.
            task.add_done_callback(partial(self._finish, job))

    def _finish(self, job: Job, task: asyncio.Task[Verdict]) -> None:
        del self._tasks[job.key]
        if not task.cancelled() and _outcome(job, task) == "done":
            self._settled[job.key] = None
            if len(self._settled) > self._memory:
                self._settled.popitem(last=False)
        lane = self._lanes[job.lane]
        lane.running = None
        if lane.waiting:
            self._turnstile.append(job.lane)
        else:
            del self._lanes[job.lane]
        self._release(job.key)
        self._pump()

    def _release(self, key: str) -> None:
        del self._held[key]
        if not self._held:
            self._idle.set()


async def _verdict(handler: Handler, job: Job) -> Verdict:
    """A coroutine around whatever awaitable the handler gives."""
    return await handler(job)


def _outcome(job: Job, task: asyncio.Task[Verdict]) -> Verdict:
    """The boundary of a job: a handler that raised is logged, and its key may be accepted again."""
    error = task.exception()
    if error is not None:
        _log.error("job.crashed", key=job.key, lane=job.lane, exc_info=error)
        return "again"
    return task.result()
