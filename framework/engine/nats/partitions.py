"""The partitions that a replica owns in NATS: claiming, reading what waits in them, releasing, and losing them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

import structlog

from framework.engine.nats.records import (
    STREAMS,
    Held,
    JobRecord,
    at,
    decoded,
    encoded,
    everywhere,
    owner_at,
    owners_in,
    partition_in,
)
from framework.engine.orders import Kept, News, Partition

if TYPE_CHECKING:
    from framework.engine.nats.members import Members
    from framework.engine.nats.messages import Stored
    from framework.engine.nats.store import NatsStore

T = TypeVar("T")
_log = structlog.get_logger(__name__)

_PAGE = 500
_AT_ONCE = 32
_READS_TAKE = 60.0  # seconds at most, from the asking to the last answer
_LAG = 0.02  # seconds until a server that lags behind is asked again


class Told(Protocol):
    """Who hears of changes; see `Listener`."""

    def owned(self, news: News) -> None:
        """See `Listener.owned`."""

    def found(self, news: News) -> None:
        """See `Listener.found`."""

    def fenced(self) -> None:
        """Others own what was ours."""


@dataclass(eq=False)
class Owned:
    """A partition of ours. `epoch`: the sequence of our claim, which each write names. `ready`: it was read. `seen`:
    jobs that were kept while it was not, and may be missing in what was read.
    """

    partition: Partition
    epoch: int
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ready: bool = False
    seen: list[Stored] = field(default_factory=list)


@dataclass(frozen=True)
class _Owner:
    """Who owns a partition, by which message."""

    identity: str
    sequence: int


class Partitions:
    """What is ours, with its jobs. On the journal's event loop alone."""

    def __init__(self, store: NatsStore, members: Members, clock: Callable[[], float]) -> None:
        self.told: Told | None = None
        self.owned: dict[Partition, Owned] = {}
        self.held: dict[str, Held] = {}
        self.scopes: set[str] = {""}
        self._store = store
        self._members = members
        self._clock = clock
        self._owners: dict[Partition, _Owner] = {}
        self._next: dict[int, int] = {}
        self._looking: dict[int, asyncio.Lock] = {number: asyncio.Lock() for number in range(STREAMS)}
        self._gone: list[tuple[int, int]] = []
        self._claiming: dict[Partition, list[Stored]] = {}
        self._ended: dict[str, tuple[int, float]] = {}

    async def learn(self) -> None:
        """Read who owns what."""

        async def one(number: int) -> None:
            start, left = 1, 1
            while left:
                found, start, left = await self._store.page(number, owners_in(number), start, _PAGE)
                for message in found:
                    self._note_owner(message)
            self._next[number] = start

        await asyncio.gather(*(one(number) for number in range(STREAMS)))

    async def learn_scopes(self) -> None:
        """Read whose jobs there are."""
        for number in range(STREAMS):
            for subject in await self._store.subjects(number, everywhere(number, "jobs")):
                self.scopes.add(partition_in(subject)[0].scope)

    def owners_in(self, number: int, scopes: Collection[str] | None) -> int:
        """How many partitions of a stream have an owner's record."""
        return sum(one.number % STREAMS == number and (scopes is None or one.scope in scopes) for one in self._owners)

    async def claim(self, wanted: Iterable[Partition]) -> None:
        """Take those of these that are nobody's, and read what waits in them."""
        wanted = list(wanted)
        known = {self._owners[one].identity for one in wanted if one in self._owners} - {"", self._members.identity}
        alive = {identity for identity in known if not await self._members.is_dead(identity)}
        free = [one for one in wanted if one not in self._owners or self._owners[one].identity not in alive]
        await _each(_AT_ONCE, self._claim, free)

    async def release(self, partitions: Collection[Partition]) -> None:
        """Let others take these. What they held is written already."""
        await _each(_AT_ONCE, self._release, [self.owned.pop(one) for one in partitions if one in self.owned])

    def lose(self) -> None:
        """All is others'."""
        self.owned.clear()
        self.held.clear()

    def mine(self, owned: Owned) -> bool:
        """Whether this is ours still."""
        return self.owned.get(owned.partition) is owned

    def hold(self, record: JobRecord, sequence: int) -> None:
        """Have a job that was just written, unless what came of it is known already."""
        key = record.job.key
        before = self.held.get(key)
        if (before is None or before.sequence < sequence) and not self._is_past(key, sequence):
            self.held[key] = Held(record, sequence)

    def drop(self, held: Held) -> None:
        """A job has ended, or is forgotten."""
        key = held.record.job.key
        self.held.pop(key, None)
        self._ended[key] = (held.sequence, self._clock())

    def _is_past(self, key: str, sequence: int) -> bool:
        """Whether a job ended after this message about it was written: a read may bring it late."""
        return self._ended.get(key, (0, 0.0))[0] >= sequence

    def forget_later(self, number: int, *sequences: int) -> None:
        """Delete messages that nobody needs any more, when there is time."""
        self._gone.extend((number, sequence) for sequence in sequences)

    async def clean(self) -> None:
        """Do what `forget_later` put off."""
        gone, self._gone = self._gone, []
        old = self._clock() - _READS_TAKE
        self._ended = {key: one for key, one in self._ended.items() if one[1] > old}
        await _each(_AT_ONCE, self._delete, gone)

    async def look(self, number: int) -> None:
        """Find what others wrote to a stream since the last look: jobs of ours, and other owners."""
        async with self._looking[number]:
            fresh: dict[Partition, list[Kept]] = {}
            left = 1
            while left:
                start = self._next.get(number, 1)
                found, self._next[number], left = await self._store.page(
                    number, everywhere(number, "jobs"), start, _PAGE
                )
                for message in found:
                    await self._see(message, fresh)
        if fresh and self.told is not None:
            self.told.found(News(list(fresh), [kept for jobs in fresh.values() for kept in jobs]))

    async def catch_up(self, key: str, partition: Partition) -> None:
        """Another replica kept this job of ours: see it before what comes after it in its lane."""
        if partition in self.owned and key not in self.held and key not in self._ended:
            await self.look(partition.number % STREAMS)

    async def _see(self, message: Stored, fresh: dict[Partition, list[Kept]]) -> None:
        partition, key = partition_in(message.subject)
        self.scopes.add(partition.scope)
        if not key:
            self._note_owner(message)
            return
        owned = self.owned.get(partition)
        if owned is None:
            if partition in self._claiming:
                self._claiming[partition].append(message)
            return
        if message.sequence <= owned.epoch:
            return  # what was written before the claim is read with it
        if not owned.ready:
            owned.seen.append(message)
            return
        kept = await self._adopt(owned, message, message.at)
        if kept is not None:
            fresh.setdefault(partition, []).append(kept)

    async def _claim(self, partition: Partition) -> None:
        known = self._owners.get(partition)
        subject, me = owner_at(partition), self._members.identity
        seen = self._claiming.setdefault(partition, [])
        try:
            epoch = await self._store.put(subject, _owner(me), expect=known.sequence if known else 0)
        finally:
            self._claiming.pop(partition, None)
        if epoch is None or me != self._members.identity:
            await self._refresh(partition)  # somebody was faster, or it is released meanwhile: at the next look
            return
        self._owners[partition] = _Owner(me, epoch)
        owned = self.owned[partition] = Owned(partition, epoch, seen=seen)
        await self._read(owned)

    async def _refresh(self, partition: Partition) -> None:
        found = await self._store.last(owner_at(partition))
        self._owners.pop(partition, None)
        if found is not None:
            self._note_owner(found)

    async def _read(self, owned: Owned) -> None:
        """What waits in a partition that was claimed. An answer that holds the claim holds all before it, and what was
        kept later was seen.
        """
        await self._tell_of(owned, await self._all(owned))
        while owned.seen and self.mine(owned):
            seen, owned.seen = owned.seen, []
            await self._tell_of(owned, seen)

    async def _tell_of(self, owned: Owned, found: list[Stored]) -> None:
        now = max((one.at for one in found), default=0.0)
        jobs = []
        for message in found:
            if partition_in(message.subject)[1]:
                kept = await self._adopt(owned, message, now)
                if kept is not None:
                    jobs.append(kept)
        if not self.mine(owned):
            return
        if self.told is not None:
            (self.told.found if owned.ready else self.told.owned)(News([owned.partition], jobs))
        owned.ready = True

    async def _all(self, owned: Owned) -> list[Stored]:
        number = owned.partition.number % STREAMS
        while self.mine(owned):
            found: list[Stored] = []
            start, left = 1, 1
            while left:
                some, start, left = await self._store.page(number, at(owned.partition, "jobs", "*"), start, _PAGE)
                found.extend(some)
            if any(one.sequence >= owned.epoch for one in found):
                return found
            if await self._store.last(owner_at(owned.partition)) is None:
                return found  # the stream was lost: the next write finds out
            await asyncio.sleep(_LAG)
        return []

    async def _adopt(self, owned: Owned, message: Stored, now: float) -> Kept | None:
        """Hold a job that others wrote. One that ran elsewhere was interrupted, or has ended without being deleted."""
        record = JobRecord.read(message.data)
        before = self.held.get(record.job.key)
        if before is not None and before.sequence >= message.sequence:
            return None
        if self._is_past(record.job.key, message.sequence):
            return None
        if record.state == "running" and record.owner == self._members.identity:
            return None  # ours, on its way
        held = Held(record, message.sequence)
        if record.state == "running" or record.attempt:
            ended = await self._past(owned, held)
            if ended:
                return None
        if record.state == "running":
            record.state, record.wait = "waiting", 0.0
            record.crashes += record.owner not in self._members.former
        if not self.mine(owned):
            return None
        self.held[record.job.key] = held
        return held.kept(max(0.0, message.at + record.wait - now))

    async def _past(self, owned: Owned, held: Held) -> bool:
        """Read a job's steps. Whether it has ended: then its record only waits to be deleted."""
        partition, key = owned.partition, held.record.key
        number = partition.number % STREAMS
        wanted = [at(partition, "done", key), at(partition, "dead", key), owner_at(partition)]
        while self.mine(owned):
            found = await self._store.newest(number, [*wanted, at(partition, "steps", key, "*")])
            if not any(one.sequence >= owned.epoch for one in found):
                if await self._store.last(owner_at(partition)) is None:
                    return False
                await asyncio.sleep(_LAG)
                continue
            for one in found:
                if one.subject in wanted[:2] and one.sequence > held.sequence:
                    self.forget_later(number, held.sequence)
                    return True
                if one.subject not in wanted:
                    name = decoded(one.subject.rpartition(".")[2])
                    held.steps[name] = (one.sequence, one.data.decode())
            return False
        return False

    async def _release(self, owned: Owned) -> None:
        for key in [key for key, held in self.held.items() if held.record.partition == owned.partition]:
            del self.held[key]
        subject = owner_at(owned.partition)
        sequence = await self._store.put(subject, _owner(""), expect=owned.epoch)
        if sequence is not None:
            self._owners[owned.partition] = _Owner("", sequence)

    async def refused(self, owned: Owned) -> bool:
        """A write that named our epoch was refused. True: the partition was lost by NATS and is kept anew, so that the
        write may be tried again. False: it is another's. The caller holds the partition's lock.
        """
        if not self.mine(owned):
            return False
        found = await self._store.last(owner_at(owned.partition))
        if found is None:
            return await self._restore(owned)
        if json.loads(found.data)["owner"] == self._members.identity:
            owned.epoch = found.sequence
            return True
        self._note_owner(found)
        if self.mine(owned) and self.told is not None:
            self.told.fenced()
        return False

    async def restore(self, number: int) -> None:
        """A stream was made anew: keep there what we have of it in memory."""
        for owned in list(self.owned.values()):
            if owned.partition.number % STREAMS == number:
                async with owned.lock:
                    await self.refused(owned)

    async def _restore(self, owned: Owned) -> bool:
        epoch = await self._store.put(owner_at(owned.partition), _owner(self._members.identity), expect=0)
        if epoch is None:
            return await self.refused(owned)
        owned.epoch = epoch
        self._owners[owned.partition] = _Owner(self._members.identity, epoch)
        self._next[owned.partition.number % STREAMS] = 1
        for held in [one for one in self.held.values() if one.record.partition == owned.partition]:
            subject = at(owned.partition, "jobs", held.record.key)
            held.sequence = await self._store.put(subject, held.record.as_bytes(), final=True) or 0
            for name, (_, text) in held.steps.items():
                sequence = await self._store.put(step_at(held, name), text.encode(), final=True)
                held.steps[name] = (sequence or 0, text)
        return True

    def _note_owner(self, message: Stored) -> None:
        partition, _ = partition_in(message.subject)
        self.scopes.add(partition.scope)
        known = self._owners.get(partition)
        if known is None or known.sequence < message.sequence:
            self._owners[partition] = _Owner(json.loads(message.data)["owner"], message.sequence)

    async def _delete(self, message: tuple[int, int]) -> None:
        await self._store.delete(*message)


def step_at(held: Held, name: str) -> str:
    """The subject of a step."""
    return at(held.record.partition, "steps", held.record.key, encoded(name))


def _owner(identity: str) -> bytes:
    return json.dumps({"owner": identity}).encode()


async def _each(most: int, work: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Do it with each of these, so many at once."""
    room = asyncio.Semaphore(most)

    async def one(item: T) -> None:
        async with room:
            await work(item)

    await asyncio.gather(*(one(item) for item in items))
