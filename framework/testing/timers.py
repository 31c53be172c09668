"""Periodic work on the loop's own clock, so that virtual time drives it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Action = Callable[[], Awaitable[None]]


class LoopTimers:
    """The runtime's `Timers`, by sleeping."""

    def __init__(self) -> None:
        self._jobs: list[tuple[float, Action, str]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False

    def every(self, seconds: float, action: Action, *, name: str) -> None:
        """See `Timers.every`."""
        self._jobs.append((seconds, action, name))
        if self._started:
            self._begin(seconds, action, name)

    def start(self) -> None:
        """See `Timers.start`."""
        self._started = True
        for job in self._jobs:
            self._begin(*job)

    def stop(self) -> None:
        """See `Timers.stop`."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, seconds: float, action: Action, name: str) -> None:
        self._tasks.append(asyncio.create_task(_repeat(seconds, action), name=name))


async def _repeat(seconds: float, action: Action) -> None:
    while True:
        await asyncio.sleep(seconds)
        await action()
