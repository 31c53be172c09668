"""How a stream of bytes is read: in batches once it flows quickly, and not for ever when it stands still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.net.clockwork import Clockwork

BATCH_SECONDS = 0.03
"""Pieces that come within this time travel on together. Each piece costs processor time in all that stands above."""


@dataclass
class Pacing:
    """Paces the reading of one answer. `seconds`: the longest silence between two parts of it."""

    clock: Clockwork
    seconds: float
    _deadline: float = 0.0

    async def batches(self, pieces: AsyncIterator[bytes], flows: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        """Yield the bytes as they come. While `flows` says so and they come quickly, wait a moment before each read:
        what came meanwhile is read at once. Raises TimeoutError if `heard` was not called for too long.
        """
        self.heard()
        arrived = float("-inf")
        while True:
            now = self.clock.monotonic()
            quick, arrived = now - arrived < 2 * BATCH_SECONDS, now
            if quick and flows():
                await self.clock.sleep(BATCH_SECONDS)
            async with asyncio.timeout_at(self._deadline):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield piece

    def heard(self) -> None:
        """Note that a part of the answer came. A comment that keeps the connection open is not one."""
        self._deadline = asyncio.get_running_loop().time() + self.seconds
