"""The lanes of the partitions that this replica owns, in memory: which job runs next. On the event loop alone."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from framework.engine.orders import Kept, Partition, Rank
from framework.engine.owners import partition_of
from framework.engine.port import SUSPECTED_AFTER, Job


@dataclass
class _Lane:
    """The jobs of a channel or thread that wait, a heap by (order, key). `busy`: the key that runs, starts or ends."""

    partition: Partition
    waiting: list[Rank] = field(default_factory=list)
    busy: str | None = None
    in_line: bool = False
    alarm: asyncio.TimerHandle | None = None


@dataclass
class _Entry:
    kept: Kept
    due: float


class Lanes:
    """Starts one job a lane, in order, at most `slots` at once, by calling `start`; lanes take turns.

    A job whose process died again and again is started while no other such job runs here.
    """

    def __init__(self, slots: int, start: Callable[[Kept], None], clock: Callable[[], float]) -> None:
        self._slots = slots
        self._start = start
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._entries: dict[str, _Entry] = {}
        self._line: deque[str] = deque()
        self._suspects: deque[str] = deque()
        self._taken: dict[str, bool] = {}  # keys that hold a slot, and whether they are suspected
        self._bounds: dict[Partition, Rank | None] = {}  # owned; of jobs behind the bound, the database alone knows
        self._leaving: set[Partition] = set()
        self._held = False

    @property
    def waiting(self) -> int:
        """How many jobs wait here."""
        return len(self._entries)

    @property
    def truncated(self) -> dict[Rank, list[Partition]]:
        """Partitions of which more jobs wait in the database, by the rank of the last one that is here."""
        found: dict[Rank, list[Partition]] = {}
        for partition, bound in self._bounds.items():
            if bound is not None and partition not in self._leaving:
                found.setdefault(bound, []).append(partition)
        return found

    @property
    def partitions(self) -> Collection[Partition]:
        """Those that are ours."""
        return self._bounds.keys()

    def own(self, partitions: Iterable[Partition], bound: Rank | None) -> None:
        """Have these partitions from now on. `bound`: jobs of a higher rank are not here yet; None: all are."""
        for partition in partitions:
            self._bounds[partition] = bound
            self._leaving.discard(partition)

    def owns(self, job: Job) -> bool:
        """Whether the job's partition is ours, and stays so."""
        partition = partition_of(job)
        return partition in self._bounds and partition not in self._leaving

    def unknown(self, keys: Collection[str]) -> list[str]:
        """Those of these keys whose jobs neither wait here nor are at work."""
        if self.truncated:
            return []  # what is not here will be loaded
        busy = {lane.busy for lane in self._lanes.values()}
        return [key for key in keys if key not in self._entries and key not in busy]

    def hold(self) -> None:
        """Start nothing more."""
        self._held = True

    def leave(self, partitions: Iterable[Partition]) -> list[Partition]:
        """Start nothing more in these partitions. Returns those in which nothing runs: they are no longer ours."""
        self._leaving |= self._bounds.keys() & set(partitions)
        return self._let_go(self._leaving)

    def lose(self) -> None:
        """Forget everything but what holds a slot: the partitions are others'."""
        self._drop(set(self._bounds))

    def reserve(self, job: Job) -> bool:
        """Whether this job may run as soon as it is kept. Its slot and its lane are taken then."""
        place = job.place
        if self._held or job.delay > 0 or not self.owns(job) or place in self._lanes or self._line:
            return False
        if len(self._taken) >= self._slots or not self._is_here(job):
            return False
        self._lanes[place] = _Lane(partition_of(job), busy=job.key)
        self._taken[job.key] = False
        return True

    def add(self, jobs: Iterable[Kept], *, first: bool = False) -> None:
        """Jobs that wait. Those that are known, not ours or behind the bound are left out. `first`: before the rest."""
        now = self._clock()
        for kept in jobs:
            job = kept.job
            if job.key in self._entries or not self.owns(job) or not self._is_here(job):
                continue  # one that is busy here may wait all the same: then this try was lost, and is about to end
            self._entries[job.key] = _Entry(kept, now + kept.wait)
            lane = self._lanes.setdefault(job.place, _Lane(partition_of(job)))
            heapq.heappush(lane.waiting, kept.rank)
            self._offer(job.place, first=first or kept.attempt > kept.forgiven)
        self.pump()

    def ended(self, key: str) -> None:
        """The job runs no more: its slot is free. Its lane is, too, once `settled` says so."""
        self._taken.pop(key, None)
        self.pump()

    def settled(self, job: Job, again: Kept | None = None) -> list[Partition]:
        """What the job came to is kept: its lane goes on, with the job itself where it is to be tried `again`.

        Returns partitions that were to be left, and are now.
        """
        self._taken.pop(job.key, None)
        lane = self._lanes.get(job.place)
        if lane is not None and lane.busy == job.key:
            lane.busy = None
        if again is not None:
            self.forget(job.key)
            self.add([again])
        if job.place in self._lanes:
            self._offer(job.place)
        self.pump()
        return self._let_go({partition_of(job)} & self._leaving)

    def forget(self, key: str) -> None:
        """A job that waited is gone."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            lane = self._lanes[entry.kept.job.place]
            lane.waiting.remove(entry.kept.rank)
            heapq.heapify(lane.waiting)
            self._offer(entry.kept.job.place)

    def pump(self) -> None:
        """Start what may start."""
        while not self._held and len(self._taken) < self._slots and (name := self._next()) is not None:
            lane = self._lanes.get(name)
            if lane is None or not lane.in_line:
                continue  # given up meanwhile
            lane.in_line = False
            entry = self._entries[lane.waiting[0][1]] if lane.waiting else None
            suspected = entry is not None and entry.kept.crashes >= SUSPECTED_AFTER
            if entry is None or entry.due > self._clock() or (suspected and any(self._taken.values())):
                self._offer(name)  # its head is another one than when it got in line
                continue
            _, key = heapq.heappop(lane.waiting)
            del self._entries[key]
            lane.busy = key
            self._taken[key] = suspected
            self._start(entry.kept)

    def close(self) -> None:
        """Let no alarm ring any more."""
        for lane in self._lanes.values():
            if lane.alarm is not None:
                lane.alarm.cancel()

    def _is_here(self, job: Job) -> bool:
        """Whether jobs of this rank are kept in memory."""
        bound = self._bounds.get(partition_of(job))
        return bound is None or (job.order, job.key) <= bound

    def _next(self) -> str | None:
        """The lane whose turn it is."""
        if self._suspects and not any(self._taken.values()):
            return self._suspects.popleft()
        return self._line.popleft() if self._line else None

    def _offer(self, name: str, *, first: bool = False) -> None:
        """Put a lane in line, now or when its head is due; forget it where nothing is left."""
        lane = self._lanes[name]
        if lane.alarm is not None:
            lane.alarm.cancel()
            lane.alarm = None
        if lane.busy is not None or lane.in_line or lane.partition in self._leaving:
            return
        if not lane.waiting:
            del self._lanes[name]
            return
        head = self._entries[lane.waiting[0][1]]
        if head.due > self._clock():
            lane.alarm = asyncio.get_running_loop().call_later(head.due - self._clock(), self._ring, name)
            return
        lane.in_line = True
        line = self._suspects if head.kept.crashes >= SUSPECTED_AFTER else self._line
        if first:
            line.appendleft(name)
        else:
            line.append(name)

    def _ring(self, name: str) -> None:
        self._offer(name)
        self.pump()

    def _let_go(self, partitions: Collection[Partition]) -> list[Partition]:
        """Give up those of these partitions in which nothing runs."""
        if not partitions:
            return []
        busy = {lane.partition for lane in self._lanes.values() if lane.busy is not None}
        free = [partition for partition in partitions if partition not in busy]
        self._drop(set(free))
        return free

    def _drop(self, partitions: Collection[Partition]) -> None:
        for partition in partitions:
            self._bounds.pop(partition, None)
            self._leaving.discard(partition)
        for name, lane in list(self._lanes.items()):
            if lane.partition not in partitions:
                continue
            for _, key in lane.waiting:
                del self._entries[key]
            lane.waiting.clear()
            lane.in_line = False
            if lane.alarm is not None:
                lane.alarm.cancel()
            if lane.busy is None:
                del self._lanes[name]
