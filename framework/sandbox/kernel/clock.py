"""Time and identity, injected so that tests can hold both still."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Protocol

_TICK = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """Return the current time, time-zone aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the current time in UTC, with microseconds."""
        return datetime.now(UTC)


class IncreasingClock:
    """Never tells the same time twice, nor an earlier one: the order of messages is the order of their times."""

    def __init__(self, source: Clock) -> None:
        self._source = source
        self._last = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Return the source's time, or a microsecond after the last one told, whichever is later."""
        self._last = max(self._source.now(), self._last + _TICK)
        return self._last

    def catch_up(self, at: datetime) -> None:
        """Continue after `at`: data that was read back must stay in the past."""
        self._last = max(self._last, at)


class IdGenerator(Protocol):
    """Makes unique ids."""

    def new(self) -> str:
        """Return a fresh id, unique for good."""
        ...


class RandomIds:
    """Version 4 UUIDs."""

    def new(self) -> str:
        """Return a fresh UUID in its canonical form."""
        return str(uuid.uuid4())
