"""What NATS keeps of a person, and how it is let go."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from framework.engine.erasure import Erased, is_of
from framework.engine.journal import Retention
from framework.engine.nats.messages import Stored
from framework.engine.nats.records import STREAMS, JobRecord, at, call_at, everywhere, owner_at, partition_in
from framework.engine.nats.store import NatsStore

if TYPE_CHECKING:
    from framework.engine.nats.address import NatsAddress

_PAGE = 500
_ANSWERS = 2.0


async def erase_in_nats(address: NatsAddress, user_id: str, now: float) -> Erased:
    """Empty the jobs of a person, as `erase` does in a database. Raises EngineError."""
    store = NatsStore(address, created=lambda _: None, cut=lambda: None)
    await store.open()
    try:
        return await _Erasure(store, user_id, now).everything()
    finally:
        await store.close()


class _Erasure:
    def __init__(self, store: NatsStore, user_id: str, now: float) -> None:
        self._store = store
        self._user = user_id
        self._now = now
        self._jobs = self._waiting = self._running = 0

    async def everything(self) -> Erased:
        for number in range(STREAMS):
            for kind in ("jobs", "dead", "done"):
                start, left = 1, 1
                while left:
                    found, start, left = await self._store.page(number, everywhere(number, kind), start, _PAGE)
                    for message in found:
                        await self._look_at(number, kind, message)
        return Erased(self._jobs, self._waiting, self._running)

    async def _look_at(self, number: int, kind: str, message: Stored) -> None:
        if not partition_in(message.subject)[1]:
            return
        record = JobRecord.read(message.data)
        if not is_of(record.job.payload, self._user):
            return
        if record.state == "running":
            self._running += 1
            return
        self._jobs += 1
        self._waiting += record.state == "waiting"
        if kind == "jobs":
            await self._forget_waiting(record, message)
        emptied = replace(record, state="settled", error="", wait=0.0, updated=self._now)
        if kind != "done":
            emptied.outcome = "erased"
        subject = at(record.partition, "done", record.key)
        await self._store.put(subject, emptied.as_bytes({}), ttl=Retention().settled, final=True)
        if kind == "dead":
            await self._store.delete(number, message.sequence)
        await self._forget_steps(number, record)

    async def _forget_waiting(self, record: JobRecord, message: Stored) -> None:
        """By its owner, who has it in memory, or where nobody owns it."""
        owner = await self._store.last(owner_at(record.partition))
        identity = json.loads(owner.data)["owner"] if owner is not None else ""
        body = json.dumps({"cancel": record.job.key}).encode()
        if identity:
            # Where it does not answer, it has ended: whoever takes its partition finds that the job has, too.
            with suppress(NatsError, TimeoutError, OSError):
                await self._store.client.request(call_at(identity), body, timeout=_ANSWERS)
        await self._store.delete(record.partition.number % STREAMS, message.sequence)

    async def _forget_steps(self, number: int, record: JobRecord) -> None:
        for step in await self._store.newest(number, [at(record.partition, "steps", record.key, "*")]):
            await self._store.delete(number, step.sequence)
