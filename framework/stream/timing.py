"""Time and chance, injected so that tests control both."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Timing:
    """A clock, sleep and chance.

    `now` returns the time (aware, UTC). `monotonic` returns seconds, and `sleep` takes seconds. `uniform(a, b)` returns
    a random number between two bounds.
    """

    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[float, float], float] = random.Random().uniform
