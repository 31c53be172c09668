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

    def every(self, seconds: float, action: Action, *, name: str) -> None:
        """See `Timers.every`."""
        self._jobs.append((seconds, action, name))

    def start(self) -> None:
        """See `Timers.start`."""
        self._tasks = [asyncio.create_task(_repeat(seconds, action), name=name) for seconds, action, name in self._jobs]

    def stop(self) -> None:
        """See `Timers.stop`."""
        for task in self._tasks:
            task.cancel()


async def _repeat(seconds: float, action: Action) -> None:
    while True:
        await asyncio.sleep(seconds)
        await action()
