"""How often each person may have a tool called: a window that slides, in this process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 60.0
"""Seconds that a limit counts over."""

_SWEEP = 1_000


class Window:
    """Counts calls of the last minute by key. `clock` measures seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def take(self, tool: str, user_id: str, limit: int) -> float:
        """Count a call and return 0; or, where the person has had `limit` of them, the seconds until the next one."""
        now = self._clock()
        if len(self._calls) > _SWEEP:
            self._sweep(now)
        calls = self._calls.setdefault((tool, user_id), deque())
        while calls and calls[0] <= now - WINDOW:
            calls.popleft()
        if len(calls) >= limit:
            return calls[0] + WINDOW - now
        calls.append(now)
        return 0.0

    def _sweep(self, now: float) -> None:
        self._calls = {key: calls for key, calls in self._calls.items() if calls and calls[-1] > now - WINDOW}
