"""Questions about the jobs in NATS, for people and for figures, and trying a dead one again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from framework.engine.job_results import SHORTEST_PREFIX
from framework.engine.nats.records import STREAMS, JobRecord, any_kind, at, decoded, encoded, everywhere, partition_in
from framework.engine.port import Job, Load, Record, State

if TYPE_CHECKING:
    from framework.engine.nats.members import Members
    from framework.engine.nats.messages import Stored
    from framework.engine.nats.partitions import Partitions
    from framework.engine.nats.store import NatsStore

_PAGE = 500
_MOST_READ = 100_000
_KINDS: dict[State, str] = {"waiting": "jobs", "running": "jobs", "settled": "done", "dead": "dead"}
_WINDOW = 5_000
_SAMPLE = 1_000


class Questions:
    """See `Journal` for what is asked."""

    def __init__(
        self,
        store: NatsStore,
        members: Members,
        partitions: Partitions,
        *,
        clock: Callable[[], float],
        tell: Callable[[Job, int], Awaitable[None]],
    ) -> None:
        self._store = store
        self._members = members
        self._partitions = partitions
        self._clock = clock
        self._tell = tell

    async def found(self, key: str) -> tuple[Stored, JobRecord] | None:
        """What is kept of a key: the newest record."""
        name = encoded(key)
        pages = await asyncio.gather(
            *(self._store.newest(number, [any_kind(number, name)]) for number in range(STREAMS))
        )
        found = max((one for page in pages for one in page), key=lambda one: one.sequence, default=None)
        return None if found is None else (found, JobRecord.read(found.data))

    async def load(self, scopes: Collection[str] | None, running: int) -> Load:
        """How much there is to do. `running`: how many run here."""
        names: Sequence[str | None] = [None] if scopes is None else sorted({*scopes, ""})
        places = [(number, scope) for number in range(STREAMS) for scope in names]
        firsts = await asyncio.gather(*(self._first(*place) for place in places))
        dead = sum(await asyncio.gather(*(self._count(number, "dead", scope) for number, scope in places)))
        unsettled = sum(len(jobs) + more for jobs, more in firsts)
        since = [one.accepted for jobs, _ in firsts for one in jobs if one.state == "waiting"]
        at_work = min(unsettled, running + self._members.running_elsewhere)
        waiting = unsettled - at_work
        oldest = max(0.0, self._clock() - min(since)) if since and waiting else 0.0
        return Load(waiting=waiting, running=at_work, dead=dead, oldest=oldest)

    async def records(self, states: Sequence[State], limit: int) -> list[Record]:
        """Jobs in these states, the latest change first."""
        found: list[JobRecord] = []
        kinds = sorted({_KINDS[state] for state in states})
        for kind in kinds:
            pages = await asyncio.gather(*(self._newest(number, kind, limit) for number in range(STREAMS)))
            found.extend(one for page in pages for one in page)
        found = [one for one in found if one.state in states]
        found.sort(key=lambda one: (one.updated, one.accepted, one.job.key), reverse=True)
        return [one.shown() for one in found[:limit]]

    async def record(self, key: str) -> Record | None:
        """One job by its key, or by the only key that begins so."""
        found = await self.found(key)
        if found is None and len(key) >= SHORTEST_PREFIX:
            names = {
                decoded(subject.rpartition(".")[2])
                for number in range(STREAMS)
                for kind in ("jobs", "done", "dead")
                for subject in await self._store.subjects(number, everywhere(number, kind))
            }
            begun = [name for name in names if name.startswith(key)]
            found = await self.found(begun[0]) if len(begun) == 1 else None
        if found is None:
            return None
        record = found[1]
        if record.state not in {"settled", "dead"}:
            partition = record.partition
            steps = await self._store.newest(partition.number % STREAMS, [at(partition, "steps", record.key, "*")])
            record.steps = tuple(sorted(decoded(one.subject.rpartition(".")[2]) for one in steps))
        return record.shown()

    async def retry(self, key: str) -> bool:
        """Have a dead job wait once more."""
        found = await self.found(key)
        if found is None or found[1].state != "dead":
            return False
        stored, dead = found
        now, partition = self._clock(), dead.partition
        again = replace(
            dead, state="waiting", updated=now, crashes=0, error="", forgiven=dead.attempt, wait=0.0, steps=()
        )
        subject = at(partition, "jobs", dead.key)
        sequence = await self._store.put(subject, again.as_bytes(), expect=0)
        if sequence is None:
            return False
        await self._store.delete(partition.number % STREAMS, stored.sequence)
        await self._tell(dead.job, sequence)
        return True

    async def waiting(self, limit: int, scopes: Collection[str] | None) -> list[Job]:
        """The jobs of these scopes that wait, in the order in which they were accepted."""
        found: list[JobRecord] = []
        for number in range(STREAMS):
            found.extend(one for one in await self._newest(number, "jobs", _MOST_READ) if one.state == "waiting")
        found = [one for one in found if scopes is None or one.job.scope in {*scopes, ""}]
        found.sort(key=lambda one: (one.accepted, one.job.key))
        return [one.job for one in found[:limit]]

    async def _count(self, number: int, kind: str, scope: str | None) -> int:
        found, _, left = await self._store.page(number, everywhere(number, kind, scope), 1, 1)
        return len(found) + left

    async def _first(self, number: int, scope: str | None) -> tuple[list[JobRecord], int]:
        """The jobs that were written first, and about how many more there are."""
        found, _, left = await self._store.page(number, everywhere(number, "jobs", scope), 1, _SAMPLE)
        jobs = [JobRecord.read(one.data) for one in found if partition_in(one.subject)[1]]
        owners = self._partitions.owners_in(number, None if scope is None else {scope})
        return jobs, max(0, left - max(0, owners - (len(found) - len(jobs))))

    async def _newest(self, number: int, kind: str, most: int) -> list[JobRecord]:
        """Records of a kind that were written last: at least so many, if there are."""
        first, last = await self._store.last_sequence(number)
        window = _WINDOW
        while True:
            start = max(first, last - window)
            found: list[JobRecord] = []
            left = 1
            while left and len(found) < _MOST_READ:
                some, start, left = await self._store.page(number, everywhere(number, kind), start, _PAGE)
                found.extend(JobRecord.read(one.data) for one in some if partition_in(one.subject)[1])
            if len(found) >= most or last - window <= first:
                return found
            window *= 8
