"""What happens in a turn, on its way from the agent's loop to whoever reads the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

JOIN_SECONDS = 0.03
"""Pieces of text that come within this time after one was handed on are joined to one."""


@dataclass(frozen=True)
class TextPiece:
    """More text of the model's answer, as it came."""

    text: str


class TurnEvents:
    """Events of one turn, in their order. The first text is handed on at once, like everything that is not text."""

    def __init__(self) -> None:
        self._items: list[object] = []
        self._pieces: list[str] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._next_text = 0.0
        self._ended = False

    def put(self, event: object) -> None:
        """Hand an event on, after all text before it."""
        self._flush()
        self._items.append(event)
        self._wake.set()

    def say(self, text: str) -> None:
        """Hand on more text of the answer, now or within JOIN_SECONDS."""
        if not text:
            return
        self._pieces.append(text)
        loop = asyncio.get_running_loop()
        if loop.time() >= self._next_text:
            self._wake.set()
        elif self._timer is None:
            self._timer = loop.call_at(self._next_text, self._wake.set)

    def end(self) -> None:
        """Let `all` end once everything before was read."""
        self._ended = True
        self._wake.set()

    async def all(self) -> AsyncGenerator[object, None]:
        """Yield the events: `TextPiece` for text, and what `put` was given, until `end` is called."""
        while True:
            self._wake.clear()
            self._flush()
            items, self._items = self._items, []
            for item in items:
                yield item
            if self._ended and not self._items and not self._pieces:
                return
            await self._wake.wait()

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._items.append(TextPiece("".join(self._pieces)))
            self._pieces.clear()
            self._next_text = asyncio.get_running_loop().time() + JOIN_SECONDS
