"""An event loop whose time jumps to the next timer when nothing else is to do: hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from datetime import UTC, datetime, timedelta

from framework.stream.timing import Timing

EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class _Selector(selectors.SelectSelector):
    """Never waits: instead of sleeping, the loop's time goes on, after `patience` (real seconds) for what is under way
    between two sockets.
    """

    def __init__(self, patience: float) -> None:
        super().__init__()
        self.now = 0.0
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout == 0 else self._patience)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # nothing will ever happen: let a real event (or the test's time limit) end it
            return super().select(None)
        self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: no wall clock, timers in exact order. `patience` is for loops with sockets in them: see above."""

    def __init__(self, patience: float = 0.0) -> None:
        self._virtual = _Selector(patience)
        super().__init__(self._virtual)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._virtual.now


def virtual_timing() -> Timing:
    """The wall clock of a virtual loop; no jitter."""

    def now() -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic() -> float:
        return asyncio.get_running_loop().time()

    return Timing(now=now, monotonic=monotonic, sleep=asyncio.sleep, uniform=lambda low, high: (low + high) / 2)
