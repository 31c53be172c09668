"""Waiting until something holds, on a machine as slow as it may be: never for a span of time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE = 90.0
"""Seconds after which a test gives up. It costs nothing when things go well, and comes before pytest's own limit."""
_PAUSE = 0.01


async def until(look: Callable[[], Any], *, otherwise: Callable[[], str] | None = None) -> Any:
    """What `look` gives, awaited if need be, once that is true. `otherwise` adds to the words of a failure."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"It did not happen within {PATIENCE:.0f} seconds. {otherwise() if otherwise else ''}")
        await asyncio.sleep(_PAUSE)
