"""The virtual clock of conversation tests, for tests of single rooms: their loop begins at `EPOCH`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from framework.stream.timing import Timing
from framework.testing.clock import VirtualLoop

__all__ = ["EPOCH", "VirtualLoop", "virtual_timing"]

EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def virtual_timing() -> Timing:
    """The clocks of whichever virtual loop runs when they are asked; no jitter."""

    def now() -> datetime:
        return EPOCH + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic() -> float:
        return asyncio.get_running_loop().time()

    return Timing(now=now, monotonic=monotonic, sleep=asyncio.sleep, uniform=lambda low, high: (low + high) / 2)
