"""Periodic work. The only module that knows APScheduler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

Action = Callable[[], Awaitable[None]]


class Timers(Protocol):
    """Calls actions again and again. An action that still runs is not started a second time; it must not raise."""

    def every(self, seconds: float, action: Action, *, name: str) -> None:
        """Call this action every so many seconds, the first time after as many."""

    def start(self) -> None:
        """Begin, on the running loop."""

    def stop(self) -> None:
        """Call nothing more. Safe to call twice."""


class SchedulerTimers:
    """`Timers` by APScheduler."""

    def __init__(self) -> None:
        from datetime import UTC

        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def every(self, seconds: float, action: Action, *, name: str) -> None:
        """See `Timers.every`."""
        self._scheduler.add_job(
            action, "interval", seconds=seconds, name=name, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        """See `Timers.start`."""
        self._scheduler.start()

    def stop(self) -> None:
        """See `Timers.stop`."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
