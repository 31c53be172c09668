"""What is planned for a time, and waking up for it."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from framework.sandbox.kernel.store.record import Record
from framework.sandbox.kernel.store.table import Derived, Table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from framework.sandbox.kernel.clock import Clock
    from framework.sandbox.kernel.store.store import RecordStore


@dataclass(slots=True)
class Scheduled(Record):
    """One thing to do. `kind` says which, `subject` is the key of the record that it is about."""

    KEY = ("kind", "subject")

    kind: str
    subject: str
    at: datetime


class Schedule:
    """What is planned, by time. A cancelled plan stays in the heap until its time: removing it would cost a search."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str]] = []
        self._alive: dict[str, Scheduled] = {}

    def added(self, due: Scheduled) -> None:
        """File something planned."""
        self._alive[due.key] = due
        heapq.heappush(self._heap, (due.at, due.key))

    def removed(self, due: Scheduled) -> None:
        """Forget something planned."""
        self._alive.pop(due.key, None)

    def first(self) -> Scheduled | None:
        """What comes first."""
        while self._heap:
            at, key = self._heap[0]
            due = self._alive.get(key)
            if due is not None and due.at == at:
                return due
            heapq.heappop(self._heap)
        return None


SCHEDULED = Table("dues", Scheduled)
SCHEDULE: Derived[Scheduled, Schedule] = Derived(SCHEDULED, Schedule)


_LONGEST = timedelta(days=1)
"""The event loop's timers do not reach far; what is planned for later is looked at again each day."""


class Scheduler:
    """Keeps what is planned, and wakes up for it.

    Tests with a clock of their own need no timer: each call looks, too.
    """

    def __init__(self, store: RecordStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._perform: Callable[[], Awaitable[None]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[None] | None = None

    def plan(self, kind: str, subject: str, at: datetime | None) -> None:
        """Do `kind` to `subject` at a time instead of at any time planned before; None only cancels."""
        self.cancel(kind, subject)
        if at is not None:
            self._store[SCHEDULED].put(Scheduled(kind, subject, at))
            self.set()

    def cancel(self, kind: str, subject: str) -> None:
        """Drop what was planned."""
        self._store[SCHEDULED].remove(f"{kind}/{subject}")

    def watch(self, perform: Callable[[], Awaitable[None]]) -> None:
        """Start watching: `perform` does what is due. What is left from before the start is due now or later."""
        self._perform = perform
        self.set()

    def set(self) -> None:
        """Wake up for the earliest time. Without an event loop there is nothing to wake."""
        self.stop()
        first = self._store.index(SCHEDULE).first()
        if first is None or self._perform is None:
            return
        with contextlib.suppress(RuntimeError):
            wait = max(timedelta(), min(first.at - self._clock.now(), _LONGEST))
            self._timer = asyncio.get_running_loop().call_later(wait.total_seconds(), self._wake)

    def stop(self) -> None:
        """Stop waking up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def is_due(self) -> bool:
        """Return whether something is to be done now."""
        first = self._store.index(SCHEDULE).first()
        return first is not None and first.at <= self._clock.now()

    def take(self) -> Scheduled | None:
        """Take what is due first off the plan, and return it. None if nothing is due."""
        first = self._store.index(SCHEDULE).first()
        if first is None or first.at > self._clock.now():
            return None
        return self._store[SCHEDULED].remove(first.key)

    async def run(self) -> None:
        """Do what is due."""
        if self._perform is not None:
            await self._perform()
            self.set()

    def _wake(self) -> None:
        self._timer = None
        if self.is_due():
            self._running = asyncio.ensure_future(self.run())
        else:
            self.set()
