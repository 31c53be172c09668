"""The engine that outlives its process: jobs in a SQLite file or a Postgres server, shared by all replicas."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import structlog

from framework.engine.erasure import left_of
from framework.engine.job_results import SHORTEST_PREFIX, draining, job_result_of
from framework.engine.port import (
    DeadLetter,
    Discard,
    Done,
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
from framework.errors import EngineError, UsageError
from framework.values import Json, Untyped

if TYPE_CHECKING:
    from framework.engine.job_admin import Retention
    from framework.engine.liveness import Rhythm
    from framework.engine.replica import Replica
    from framework.engine.store import Claim, Token
    from framework.engine.worker import Ask, Question, Worker

_log = structlog.get_logger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_MOST_LEFT = 1_000
_LOOK = 0.25
_LONGEST_NOTE = 7_000  # what Postgres takes is 8,000 bytes
_UNSETTLED = DeadLetter("The result could not be stored; see the log.")


def open_engine(
    url: str,
    *,
    replica: str | None = None,
    concurrency: int = 64,
    rhythm: Rhythm | None = None,
    retention: Retention | None = None,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] | None = None,
    uniform: Callable[[float, float], float] = random.Random().uniform,  # noqa: B008 - one for the process is meant
) -> DurableEngine:
    """Open the database and join it as a replica. Blocks for about a second: call it on a thread beside other work.

    `url`: `sqlite:///file` or `postgresql://user:password@host/database`. `replica`: a name that no other process
    uses; one is chosen without it. `concurrency`: how many jobs run in this process at once. `clock`: seconds since
    1970, for SQLite; Postgres has its own. Raises SettingsError for a wrong address, UsageError for a name that cannot
    be one, EngineError when the database cannot be used or another process has this name.
    """
    from framework.storage import connection as database

    address = database.address(url)
    if replica is not None and not _NAME.fullmatch(replica):
        raise UsageError(
            f"{replica!r} cannot be the name of a replica.",
            hint="Use letters, digits, dots, dashes and underscores: 63 at most.",
        )
    from sqlalchemy.exc import SQLAlchemyError

    from framework.engine.job_admin import Retention
    from framework.engine.liveness import Rhythm
    from framework.engine.replica import Replica, enduring_monotonic
    from framework.engine.worker import Worker

    try:
        here = Replica(
            address,
            replica or uuid4().hex[:12],
            rhythm or Rhythm(),
            retention or Retention(),
            clock=clock,
            monotonic=monotonic or enduring_monotonic,
            uniform=uniform,
        )
    except SQLAlchemyError as error:
        raise database.failure(error, address) from None
    try:
        here.open()
    except SQLAlchemyError as error:
        here.abandon()
        raise database.failure(error, address) from None
    except EngineError:
        here.abandon()
        raise
    worker = Worker(here, concurrency)
    worker.run()
    return DurableEngine(here, worker)


class DurableEngine:
    """An `Engine`. Get one from `open_engine`."""

    def __init__(self, replica: Replica, worker: Worker) -> None:
        self._replica = replica
        self._worker = worker
        self._waits = replica.rhythm
        self._handler: Handler | None = None
        self._on_broadcast: OnBroadcast | None = None
        self._tasks: dict[str, asyncio.Task[JobResult]] = {}
        self._executions: dict[str, _Execution] = {}
        self._endings: dict[str, asyncio.Task[None]] = {}
        self._unwanted: set[str] = set()
        self._draining = False
        self._closed = False
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return f"DurableEngine({self._replica.address.shown!r}, replica={self._replica.name!r})"

    @property
    def replica(self) -> str:
        """The name of this replica."""
        return self._replica.name

    async def start(
        self, handler: Handler, *, scopes: Collection[str] | None = None, on_broadcast: OnBroadcast | None = None
    ) -> None:
        """See `Engine.start`."""
        self._handler, self._on_broadcast = handler, on_broadcast
        self._worker.begin(asyncio.get_running_loop(), self, scopes)

    async def broadcast(self, scope: str, note: Mapping[str, Any]) -> None:
        """See `Engine.broadcast`. Raises ValueError for a note of more than 7,000 characters."""
        text = json.dumps([scope, dict(note)], separators=(",", ":"))
        if len(text) > _LONGEST_NOTE:
            raise ValueError(f"A note is something small; this one has {len(text)} characters.")
        await self._ask(lambda connection, now: self._replica.broadcast(connection, text, now), self._waits.enqueue)

    async def enqueue(self, job: Job) -> bool:
        """See `Engine.enqueue`. Kept for 7 days after it is settled.

        Raises EngineError after 5 s without a database.
        """
        if self._draining:
            raise draining()
        return bool(await self._ask(job, self._waits.enqueue))

    async def holds(self, key: str) -> bool:
        """See `Engine.holds`."""
        return bool(await self._read(lambda connection, _: self._replica.jobs.holds(connection, key)))

    async def cancel(self, key: str) -> bool:
        """See `Engine.cancel`."""
        jobs = self._replica.jobs
        found = await self._ask(lambda connection, now: jobs.cancel(connection, key, now), self._waits.save, stirs=True)
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
        load: Load = await self._read(
            lambda connection, now: self._replica.jobs.load(connection, now, self._replica.scopes)
        )
        return load

    async def records(self, states: Sequence[State], *, limit: int = 100) -> Sequence[Record]:
        """See `Engine.records`."""
        found: list[Record] = await self._read(
            lambda connection, _: self._replica.jobs.records(connection, states, limit)
        )
        return found

    async def record(self, key: str) -> Record | None:
        """See `Engine.record`."""
        found: Record | None = await self._read(
            lambda connection, _: self._replica.jobs.record(connection, key, SHORTEST_PREFIX)
        )
        return found

    async def retry(self, key: str) -> bool:
        """See `Engine.retry`."""
        jobs = self._replica.jobs
        return bool(
            await self._ask(lambda connection, now: jobs.retry(connection, key, now), self._waits.save, stirs=True)
        )

    async def drain(self, seconds: float) -> tuple[Job, ...]:
        """See `Engine.drain`. Where other replicas live, what waits is theirs to do and is not returned."""
        self._draining = True
        self._worker.hold()
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
        await asyncio.to_thread(self._worker.stop)

    def claimed(self, claims: list[Claim]) -> None:
        """See `Listener.claimed`."""
        for claim in claims:
            if self._handler is None or self._draining:
                self._end(claim.token, None)
                continue
            execution = _Execution(self, claim)
            task = asyncio.create_task(_result(self._handler, execution), name=f"job {claim.token.key}")
            self._tasks[claim.token.key] = task
            self._executions[claim.token.key] = execution
            # A callback, not a `finally` in the task: a task cancelled before its first step runs no code of its own.
            task.add_done_callback(partial(self._finish, execution))

    def fenced(self, owner: str) -> None:
        """See `Listener.fenced`."""
        for key, execution in self._executions.items():
            if execution.token.owner == owner:
                execution.lost = True
                self._tasks[key].cancel()

    def told(self, text: str) -> None:
        """See `Listener.told`."""
        scope, note = json.loads(text)
        scopes = self._replica.scopes
        if self._on_broadcast is not None and (scopes is None or scope in scopes):
            self._on_broadcast(scope, note)

    def trusts(self, token: Token) -> bool:
        """Whether this replica has beaten so lately that nobody can have taken this job over."""
        return self._replica.trusts(token.owner)

    async def save(self, token: Token, step: str, value: str) -> bool:
        """Keep a step. False: the job is another's."""
        from framework.engine.store import Saving

        return bool(await self._ask(Saving(token, step, value), self._waits.save))

    async def held(self, token: Token) -> bool:
        """Ask the database whether a job is still this try's."""
        return bool(await self._read(lambda connection, _: self._replica.jobs.held(connection, token)))

    def _finish(self, execution: _Execution, task: asyncio.Task[JobResult]) -> None:
        """The job's boundary: whatever became of its task, the database is told."""
        key = execution.token.key
        del self._tasks[key], self._executions[key]
        unwanted = key in self._unwanted
        self._unwanted.discard(key)
        if task.cancelled():
            result: JobResult | None = Discard() if unwanted else None
            self._end(execution.token, result, quiet=execution.lost)
        elif isinstance(task.exception(), FencedError):
            self._end(execution.token, None, quiet=True)
        else:
            left = json.dumps(left_of(execution.job.payload), separators=(",", ":"))
            self._end(execution.token, job_result_of(execution.job, task), quiet=execution.lost, left=left)

    def _end(self, token: Token, result: JobResult | None, *, quiet: bool = False, left: str | None = None) -> None:
        settling = self._settle(token, result, quiet=quiet, left=left)
        ending = asyncio.create_task(settling, name=f"end of job {token.key}")
        self._endings[token.key] = ending
        ending.add_done_callback(partial(self._ended, token.key))

    def _ended(self, key: str, ending: asyncio.Task[None]) -> None:
        if self._endings.get(key) is ending:
            del self._endings[key]
        self._changed.set()

    async def _settle(self, token: Token, result: JobResult | None, *, quiet: bool, left: str | None = None) -> None:
        from framework.engine.store import Settling

        try:
            kept = await self._ask(Settling(token, _printable(result), left), None)
        except EngineError as error:
            _log.error("engine.not_settled", key=token.key, lane=token.lane, error=error.what)
            if not self._closed and result != _UNSETTLED:  # refused for what it says: it must not run for ever
                await self._settle(token, _UNSETTLED, quiet=quiet)
            return
        if not kept and not quiet:
            _log.warning("engine.settled_elsewhere", key=token.key, lane=token.lane, attempt=token.attempt)

    async def _left_waiting(self) -> dict[str, Job]:
        try:
            jobs = await self._read(lambda connection, _: self._replica.left_waiting(connection, _MOST_LEFT))
        except EngineError as error:
            _log.warning("engine.left_unknown", error=error.what)
            return {}
        return {job.key: job for job in jobs}

    async def _read(self, question: Question) -> Untyped:
        return await self._ask(question, self._waits.enqueue, reads=True)

    async def _ask(self, work: Untyped, seconds: float | None, *, stirs: bool = False, reads: bool = False) -> Untyped:
        from framework.engine.worker import Ask

        ask: Ask = Ask(work, asyncio.get_running_loop().create_future(), stirs=stirs, reads=reads)
        self._worker.submit(ask)
        try:
            async with asyncio.timeout(seconds):
                return await ask.future
        except TimeoutError:
            raise self._replica.trouble or EngineError(
                f"The database did not answer within {seconds:.0f} s.", where=self._replica.address.shown
            ) from None


class _Execution:
    """See `Execution`. `lost`: this replica was declared dead, and knows it."""

    def __init__(self, engine: DurableEngine, claim: Claim) -> None:
        self.job = claim.job
        self.token = claim.token
        self.lost = False
        self._engine = engine
        self._tries = claim.tries
        self._crashes = claim.crashes
        self._steps = claim.steps

    @property
    def attempt(self) -> int:
        """See `Execution.attempt`."""
        return self._tries

    @property
    def crashes(self) -> int:
        """See `Execution.crashes`."""
        return self._crashes

    def saved(self, step: str) -> Json | None:
        """See `Execution.saved`."""
        return json.loads(self._steps.get(step, "null"))

    async def save(self, step: str, value: Json) -> None:
        """See `Execution.save`. Waits for a database that is away, 30 s at most; then raises EngineError."""
        if value is None:
            raise ValueError("None says that nothing was saved")
        text = json.dumps(value, separators=(",", ":"))
        if self.lost or not await self._engine.save(self.token, step, text):
            raise self._fenced()
        self._steps[step] = text

    async def check(self) -> None:
        """See `Execution.check`. Raises EngineError when it cannot be told: the database is away."""
        if self.lost:
            raise self._fenced()
        if not self._engine.trusts(self.token) and not await self._engine.held(self.token):
            raise self._fenced()

    def _fenced(self) -> FencedError:
        self.lost = True
        return FencedError(f"Another replica has taken the job {self.token.key} over.")


async def _result(handler: Handler, execution: _Execution) -> JobResult:
    """A coroutine around whatever awaitable the handler gives."""
    return await handler(execution.job, execution)


def _printable(result: JobResult | None) -> JobResult | None:
    """Texts for people as every database takes them."""
    match result:
        case Done(outcome):
            return Done(_clean(outcome))
        case DeadLetter(error):
            return DeadLetter(_clean(error))
        case Retry(seconds, error):
            return Retry(seconds, _clean(error))
        case _:
            return result


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
