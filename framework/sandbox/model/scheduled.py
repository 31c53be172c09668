"""What is to happen at a set time: a timed ban ends, a campaign starts."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import datetime

from framework.sandbox.store.record import Record
from framework.sandbox.store.table import Derived, Table


@dataclass(slots=True)
class Scheduled(Record):
    """One thing to do. `kind` says which, `subject` is the key of the record that it is about."""

    kind: str
    subject: str
    at: datetime

    @property
    def key(self) -> str:
        """Kind and subject: a thing is planned once; to move it, it is removed and put again."""
        return f"{self.kind}/{self.subject}"


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
