"""What a turn writes to NATS: the job, its steps, its result. Each write but the first names the partition's epoch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from framework.engine.nats.messages import Stored
from framework.engine.nats.partitions import Owned, step_at
from framework.engine.nats.records import STREAMS, Held, JobRecord, at, owner_at
from framework.engine.orders import Answer, Appending, Order, Partition, Saving, Settling, Starting, Token
from framework.engine.owners import partition_of
from framework.engine.port import DeadLetter, Discard, Done, Job, JobResult, Retry
from framework.errors import EngineError, FrameworkError

if TYPE_CHECKING:
    from framework.engine.journal import Retention
    from framework.engine.nats.members import Members
    from framework.engine.nats.partitions import Partitions
    from framework.engine.nats.store import NatsStore


class Writes:
    """Fulfils orders. `starts`: jobs may be started. `tell` lets the owner of a job know of it, by its sequence."""

    def __init__(
        self,
        store: NatsStore,
        members: Members,
        partitions: Partitions,
        retention: Retention,
        *,
        clock: Callable[[], float],
        tell: Callable[[Job, int], Awaitable[None]],
    ) -> None:
        self.starts = False
        self.running: dict[str, Token] = {}
        self._appending: dict[Partition, asyncio.Lock] = {}
        self._store = store
        self._members = members
        self._partitions = partitions
        self._retention = retention
        self._clock = clock
        self._tell = tell

    async def fulfil(self, order: Order) -> Answer:
        """Do what was ordered. Raises EngineError where it cannot be."""
        match order:
            case Appending():
                return await self._append(order)
            case Starting():
                return await self._start(order)
            case Saving():
                return await self._save(order)
            case Settling():
                return await self._settle(order)

    async def _append(self, order: Appending) -> Answer:
        job, now = order.job, self._clock()
        partition, me = partition_of(job), self._members.identity
        owned = self._partitions.owned.get(partition)
        runs = self.starts and owned is not None and order.owner == me
        record = JobRecord(job, now, now, wait=job.delay)
        if runs:
            record.state, record.owner, record.attempt, record.wait = "running", me, 1, 0.0
        subject = at(partition, "jobs", record.key)
        # One after the other, as they came: where NATS is away, a later message of a lane must not be kept first.
        async with self._appending.setdefault(partition, asyncio.Lock()):
            # Nothing of this key may be kept: neither a job, nor one that has ended.
            sequence = await self._store.put(subject, record.as_bytes(), expect=0, of=at(partition, "*", record.key))
            if sequence is None:
                await self._partitions.catch_up(job.key, partition)
                return "known"
        if owned is None or not self._partitions.mine(owned):
            await self._tell(job, sequence)
            return "waits"
        if not runs and not owned.ready:
            owned.seen.append(Stored(subject, sequence, record.as_bytes(), now))
            return "waits"
        self._partitions.hold(record, sequence)
        if not runs:
            return "waits"
        token = self.running[job.key] = Token(job.key, job.place, me, 1)
        return token

    async def _start(self, order: Starting) -> Answer:
        me = self._members.identity
        if not self.starts or order.owner != me:
            return "later"
        held = self._partitions.held.get(order.key)
        if held is None or held.record.state != "waiting":
            return "gone"
        record = held.record
        after = replace(
            record, state="running", owner=me, attempt=record.attempt + 1, updated=self._clock(), wait=0.0, error=""
        )
        owned = self._partitions.owned.get(record.partition)
        if owned is None or not await self._rewrite(owned, held, after):
            return "later"
        token = self.running[order.key] = Token(order.key, order.lane, me, after.attempt)
        return token

    async def _save(self, order: Saving) -> Answer:
        held, owned = self._of(order.token)
        if held is None or owned is None:
            return False
        try:
            sequence = await self._fenced(owned, step_at(held, order.step), order.value.encode(), self._retention.dead)
        except EngineError as error:
            if "bytes" in error.what:  # asking once more would not make it smaller
                raise FrameworkError(f"A step's result: {error.what}", where=error.where, hint=error.hint) from None
            raise
        if sequence is None:
            return False
        held.steps[order.step] = (sequence, order.value)
        return True

    async def _settle(self, order: Settling) -> Answer:
        held, owned = self._of(order.token)
        if held is None or owned is None:
            return False
        result = order.result
        if isinstance(result, Discard):
            done = await self._discard(owned, held)
        elif isinstance(result, Done | DeadLetter):
            done = await self._end(owned, held, result, order.payload)
        else:
            done = await self._rewrite(owned, held, self._waiting(held.record, result))
        if done:
            self.running.pop(order.token.key, None)
        return done

    def _waiting(self, record: JobRecord, result: JobResult | None) -> JobRecord:
        again = replace(record, state="waiting", updated=self._clock(), wait=0.0)
        if isinstance(result, Retry):
            again.wait, again.error = max(0.0, result.seconds), result.error
        return again

    async def _end(self, owned: Owned, held: Held, result: Done | DeadLetter, payload: str | None) -> bool:
        record = replace(held.record, updated=self._clock(), steps=tuple(sorted(held.steps)), error="")
        settled = isinstance(result, Done)
        if isinstance(result, Done):
            record.state, record.outcome = "settled", result.outcome
        else:
            record.state, record.error = "dead", result.error
        kept = self._retention.settled if settled else self._retention.dead
        left = json.loads(payload) if settled and payload is not None else None
        subject = at(owned.partition, "done" if settled else "dead", record.key)
        if await self._fenced(owned, subject, record.as_bytes(left), kept) is None:
            return False
        self._partitions.drop(held)
        number = owned.partition.number % STREAMS
        self._partitions.forget_later(number, held.sequence)
        if settled:
            self._partitions.forget_later(number, *(sequence for sequence, _ in held.steps.values()))
        return True

    async def _discard(self, owned: Owned, held: Held) -> bool:
        if not await self.still_ours(owned):
            return False
        await self.forget(held)
        return True

    async def forget(self, held: Held) -> None:
        """Delete a job and its steps, as if it had never been accepted."""
        number = held.record.partition.number % STREAMS
        self._partitions.drop(held)
        for sequence, _ in held.steps.values():
            await self._store.delete(number, sequence)
        await self._store.delete(number, held.sequence)

    async def still_ours(self, owned: Owned) -> bool:
        """Ask NATS whether a partition is ours."""
        if not self._partitions.mine(owned):
            return False
        found = await self._store.last(owner_at(owned.partition))
        if found is not None and found.sequence == owned.epoch:
            return True
        async with owned.lock:
            return await self._partitions.refused(owned)

    def holding(self, token: Token) -> Owned | None:
        """The partition of a try that has its job, as far as is known here."""
        return self._of(token)[1]

    def _of(self, token: Token) -> tuple[Held | None, Owned | None]:
        held = self._partitions.held.get(token.key)
        if held is None or token.owner != self._members.identity or held.record.attempt != token.attempt:
            return None, None
        if held.record.state != "running":
            return None, None
        return held, self._partitions.owned.get(held.record.partition)

    async def _rewrite(self, owned: Owned, held: Held, record: JobRecord) -> bool:
        sequence = await self._fenced(owned, at(owned.partition, "jobs", record.key), record.as_bytes(), 0.0)
        if sequence is None:
            return False
        held.record, held.sequence = record, sequence
        return True

    async def _fenced(self, owned: Owned, subject: str, data: bytes, ttl: float) -> int | None:
        """Write as the owner; one at a time in a partition, as NATS refuses a second one under the same expectation."""
        async with owned.lock:
            while self._partitions.mine(owned):
                sequence = await self._store.put(
                    subject, data, expect=owned.epoch, of=owner_at(owned.partition), ttl=ttl, final=True
                )
                if sequence is not None:
                    return sequence if self._partitions.mine(owned) else None
                if not await self._partitions.refused(owned):
                    return None
        return None
