"""The engine that outlives its process: jobs in a journal, which all replicas share."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from framework.engine.erasure import left_of
from framework.engine.further_jobs import FurtherJobs
from framework.engine.job_results import draining, job_result_of, printable
from framework.engine.lanes import Lanes
from framework.engine.left_jobs import LeftJobs
from framework.engine.liveness import Rhythm
from framework.engine.orders import Appending, Kept, Saving, Settling, Starting, Token
from framework.engine.owners import partition_of
from framework.engine.port import (
    DeadLetter,
    Discard,
    FencedError,
    Handler,
    Job,
    JobResult,
    Load,
    OnBroadcast,
    Record,
    Retry,
    State,
)
from framework.engine.running_job import RunningJob
from framework.errors import EngineError

if TYPE_CHECKING:
    from framework.engine.journal import Journal
    from framework.engine.orders import Answer, News, Partition

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_MOST_LEFT = 1_000
_LOOK = 0.25
_LONGEST_NOTE = 7_000  # what Postgres takes is 8,000 bytes
_GAINED = 1.5  # seconds in which what others left to the owner before us is kept, and goes before what we hear
_SOON = 0.5  # seconds until a start is tried again that was not possible
_UNSETTLED = DeadLetter("The result could not be stored; see the log.")


class DurableEngine:
    """An `Engine`. Get one from `open_engine`."""

    def __init__(self, journal: Journal, concurrency: int, waits: Rhythm, monotonic: Callable[[], float]) -> None:
        self._journal = journal
        self._waits = waits
        self._monotonic = monotonic
        self._gained: dict[Partition, float] = {}
        self._handler: Handler | None = None
        self._on_broadcast: OnBroadcast | None = None
        self._lanes = Lanes(concurrency, self._start, monotonic)
        self._left_jobs = LeftJobs(self._append)
        self._further = FurtherJobs(journal, self._lanes, self._beside)
        self._owner = journal.owner  # as whom we own what is in the lanes
        self._tasks: dict[str, asyncio.Task[JobResult]] = {}
        self._executions: dict[str, RunningJob] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}
        self._unwanted: set[str] = set()
        self._draining = False
        self._closed = False
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"DurableEngine({self._journal.shown!r}, replica={self._journal.name!r})"

    @property
    def replica(self) -> str:
        """The name of this replica."""
        return self._journal.name

    async def start(
        self,
        handler: Handler,
        *,
        scopes: Collection[str] | None = None,
        on_broadcast: OnBroadcast | None = None,
        hears: bool = True,
    ) -> None:
        """See `Engine.start`."""
        self._handler, self._on_broadcast = handler, on_broadcast
        served = None if scopes is None else frozenset(scopes)
        self._journal.begin(self)
        await self._journal.serve(served, hears=hears)

    async def broadcast(self, scope: str, note: Mapping[str, Any]) -> None:
        """See `Engine.broadcast`. Raises ValueError for a note of more than 7,000 characters."""
        text = json.dumps([scope, dict(note)], separators=(",", ":"))
        if len(text) > _LONGEST_NOTE:
            raise ValueError(f"A note is something small; this one has {len(text)} characters.")
        await self._within(self._journal.say(text), self._waits.enqueue)

    async def enqueue(self, job: Job) -> bool:
        """See `Engine.enqueue`. Kept for 7 days after it is settled.

        Raises EngineError after 5 s without a database.
        """
        if self._draining:
            raise draining()
        if job.heard_everywhere and self._journal.has_others and not self._lanes.owns(job):
            self._left_jobs.leave(job)
            return False
        return await self._within(self._append(job), self._waits.enqueue) != "known"

    def _append(self, job: Job) -> asyncio.Future[Answer]:
        reserved = not self._others_may_have_earlier(job) and self._lanes.reserve(job)
        return self._journal.order(
            Appending(job, self._owner if reserved else ""), partial(self._appended, job, reserved)
        )

    def _others_may_have_earlier(self, job: Job) -> float:
        """For how many seconds another replica may still keep an earlier job of this lane, which the lane's owner
        before us did not: it died, and we did not hear of it.
        """
        if not job.heard_everywhere or not self._journal.has_others:
            return 0.0
        gained = self._gained.get(partition_of(job))
        return 0.0 if gained is None else max(0.0, gained + _GAINED - self._monotonic())

    def answered(self, key: str) -> None:
        """See `Engine.answered`. What was left to others need not be kept here any more."""
        self._left_jobs.forget(key)

    async def holds(self, key: str) -> bool:
        """See `Engine.holds`."""
        return await self._read(self._journal.holds(key))

    async def cancel(self, key: str) -> bool:
        """See `Engine.cancel`."""
        found = await self._within(self._journal.cancel(key), self._waits.save)
        if isinstance(found, bool):
            return found
        execution, task = self._executions.get(key), self._tasks.get(key)
        if execution is None or task is None or execution.token != found:
            return False
        self._unwanted.add(key)
        task.cancel()
        await asyncio.wait({task})
        await asyncio.sleep(0)  # the task's callback names what follows
        ending = self._endings.get(key)
        if ending is not None:
            await asyncio.wait({ending})
        return True

    async def settled(self) -> None:
        """See `Engine.settled`: of all replicas, or of this one alone once it drains."""
        while self._tasks or self._endings or not self._draining:
            self._changed.clear()
            if not (self._draining or self._tasks or self._endings) and await self._nothing_left():
                return
            try:
                async with asyncio.timeout(_LOOK):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _nothing_left(self) -> bool:
        try:
            load = await self.load()
        except EngineError:
            if self._closed:
                raise
            return False  # the database is away: it will come back, with what is left
        return not load.waiting and not load.running

    async def load(self) -> Load:
        """See `Engine.load`."""
        return await self._read(self._journal.load())

    async def records(self, states: Sequence[State], *, limit: int = 100) -> Sequence[Record]:
        """See `Engine.records`."""
        return await self._read(self._journal.records(states, limit))

    async def record(self, key: str) -> Record | None:
        """See `Engine.record`."""
        return await self._read(self._journal.record(key))

    async def retry(self, key: str) -> bool:
        """See `Engine.retry`."""
        return await self._within(self._journal.retry(key), self._waits.save)

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """See `Engine.drain`. Where other replicas live, what waits is theirs to do and is not returned.

        Each partition goes over to them as soon as nothing of it runs here.
        """
        self._draining = True
        self._left_jobs.keep_all()
        self._journal.hold()
        self._lanes.hold()
        if not self._closed:
            self._journal.withdraw()
            self._release(self._lanes.leave(self._lanes.partitions))
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks.values()), timeout=seconds)
        else:
            late = set()
        jobs = [self._executions[key].job for key, task in self._tasks.items() if task in late]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            await asyncio.sleep(0)
        if self._endings:
            await asyncio.wait(set(self._endings.values()), timeout=self._waits.enqueue)
        left = {job.key: job for job in jobs}
        if not self._closed:
            left |= await self._left_waiting()
        self._changed.set()
        return tuple(left.values())

    async def close(self) -> None:
        """See `Engine.close`. The replica is no longer known afterwards; its unfinished jobs are anybody's."""
        if self._closed:
            return
        self._closed = True
        await self.drain(0)
        await self._journal.close()

    def owned(self, news: News) -> None:
        """See `Listener.owned`."""
        self._lanes.own(news.partitions, news.bound)
        now = self._monotonic()
        self._gained.update(dict.fromkeys(news.partitions, now))
        for kept in news.jobs:
            if not kept.attempt:
                kept.wait = max(kept.wait, self._others_may_have_earlier(kept.job))
        self.found(news)
        self._left_jobs.keep_in(set(news.partitions))  # what is heard next must not go before it

    def found(self, news: News) -> None:
        """See `Listener.found`."""
        self._lanes.add(news.jobs)

    def audited(self, keys: list[str]) -> None:
        """See `Listener.audited`."""
        self._further.look_for(keys)

    def unowned(self, partitions: Collection[Partition]) -> None:
        """See `Listener.unowned`."""
        self._release(self._lanes.leave(partitions))

    def _release(self, partitions: Sequence[Partition]) -> None:
        if partitions:
            self._journal.release(self._owner, partitions)

    def _appended(self, job: Job, reserved: bool, answer: Answer | None) -> None:
        if isinstance(answer, Token):
            self._run(Kept(job), answer)
            return
        if reserved:
            self._release(self._lanes.settled(job))
        if answer == "waits":
            wait = _SOON if reserved else max(job.delay, self._others_may_have_earlier(job))
            self._lanes.add([Kept(job, wait=wait)])

    def _start(self, kept: Kept) -> None:
        """See `Lanes`: it is this job's turn."""
        self._journal.order(Starting(kept.job.key, kept.job.place, self._owner), partial(self._started, kept))

    def _started(self, kept: Kept, answer: Answer | None) -> None:
        if isinstance(answer, Token):
            self._run(kept, answer)
            return
        kept.wait = _SOON
        self._release(self._lanes.settled(kept.job, None if answer == "gone" else kept))
        self._load_more()

    def _run(self, kept: Kept, token: Token) -> None:
        if self._handler is None or self._draining:
            self._end(kept, token, None)
            return
        execution = RunningJob(self, kept, token)
        task = asyncio.create_task(_result(self._handler, execution), name=f"job {token.key}")
        self._tasks[token.key] = task
        self._executions[token.key] = execution
        # A callback, not a `finally` in the task: a task cancelled before its first step runs no code of its own.
        task.add_done_callback(partial(self._finish, execution))
        self._load_more()

    def _load_more(self) -> None:
        if not self._draining:
            self._further.load()

    def _beside(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Have something done that the end of the engine waits for."""
        task = asyncio.create_task(work, name=f"engine {name}")
        self._endings[f"\0{name}"] = task
        task.add_done_callback(partial(self._ended, f"\0{name}"))

    def fenced(self, owner: str, rejoined: str) -> None:
        """See `Listener.fenced`."""
        for key, execution in self._executions.items():
            if execution.token.owner == owner:
                execution.lost = True
                self._tasks[key].cancel()
        self._lanes.lose()
        self._owner = rejoined

    def told(self, text: str) -> None:
        """See `Listener.told`."""
        scope, note = json.loads(text)
        scopes = self._journal.scopes
        if self._on_broadcast is not None and (scopes is None or scope in scopes):
            self._on_broadcast(scope, note)

    def trusts(self, token: Token) -> bool:
        """Whether this replica has beaten so lately that nobody can have taken this job over."""
        return self._journal.trusts(token.owner)

    async def save(self, token: Token, step: str, value: str) -> bool:
        """Keep a step. False: the job is another's."""
        return bool(await self._within(self._journal.order(Saving(token, step, value)), self._waits.save))

    async def held(self, token: Token) -> bool:
        """Ask the journal whether a job is still this try's."""
        return await self._read(self._journal.held(token))

    def _finish(self, execution: RunningJob, task: asyncio.Task[JobResult]) -> None:
        """The job's boundary: whatever became of its task, the database is told."""
        key, kept, token = execution.token.key, execution.kept, execution.token
        del self._tasks[key], self._executions[key]
        unwanted = key in self._unwanted
        self._unwanted.discard(key)
        if task.cancelled():
            result: JobResult | None = Discard() if unwanted else None
            self._end(kept, token, result, quiet=execution.lost)
        elif isinstance(task.exception(), FencedError):
            self._end(kept, token, None, quiet=True)
        else:
            left = json.dumps(left_of(execution.job.payload), separators=(",", ":"))
            self._end(kept, token, job_result_of(execution.job, task), quiet=execution.lost, left=left)

    def _end(
        self, kept: Kept, token: Token, result: JobResult | None, *, quiet: bool = False, left: str | None = None
    ) -> None:
        kept.attempt = token.attempt
        ending = asyncio.create_task(
            self._settle(kept, token, result, quiet=quiet, left=left), name=f"end of {token.key}"
        )
        self._endings[token.key] = ending
        ending.add_done_callback(partial(self._ended, token.key))
        self._lanes.ended(token.key)

    def _ended(self, key: str, ending: asyncio.Task[None]) -> None:
        if self._endings.get(key) is ending:
            del self._endings[key]
        self._changed.set()

    async def _settle(
        self, kept: Kept, token: Token, result: JobResult | None, *, quiet: bool, left: str | None = None
    ) -> None:
        try:
            done = await self._journal.order(Settling(token, printable(result), left))
        except EngineError as error:
            _log.error("engine.not_settled", key=token.key, lane=token.lane, error=error.what)
            if not self._closed and result != _UNSETTLED:  # refused for what it says: it must not run for ever
                await self._settle(kept, token, _UNSETTLED, quiet=quiet)
            return
        if not done and not quiet:
            _log.warning("engine.settled_elsewhere", key=token.key, lane=token.lane, attempt=token.attempt)
        again = done and isinstance(result, Retry | None)
        kept.wait = max(0.0, result.seconds) if isinstance(result, Retry) else 0.0
        self._release(self._lanes.settled(kept.job, kept if again else None))

    async def _left_waiting(self) -> dict[str, Job]:
        try:
            jobs = await self._read(self._journal.left_waiting(_MOST_LEFT))
        except EngineError as error:
            _log.warning("engine.left_unknown", error=error.what)
            return {}
        return {job.key: job for job in jobs}

    async def _read(self, question: Awaitable[T]) -> T:
        return await self._within(question, self._waits.enqueue)

    async def _within(self, question: Awaitable[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                return await question
        except TimeoutError:
            raise self._journal.trouble or EngineError(
                f"The journal did not answer within {seconds:.0f} s.", where=self._journal.shown
            ) from None


async def _result(handler: Handler, execution: RunningJob) -> JobResult:
    """A coroutine around whatever awaitable the handler gives."""
    return await handler(execution.job, execution)
