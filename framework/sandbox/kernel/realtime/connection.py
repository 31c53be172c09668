"""What is sent to one WebSocket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.websockets import WebSocketDisconnect

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.websockets import WebSocket

MAX_WAITING = 16 * 1024 * 1024
"""Characters that may wait for a slow client before it is cut off."""
CLOSED_BY_SERVER = 1001


class Connection:
    """A live WebSocket of a user. `abort` cuts it without a word."""

    def __init__(self, connection_id: str, user_id: str, abort: Callable[[], None]) -> None:
        self.id = connection_id
        self.user_id = user_id
        self.silent = False
        """Set by a fault: what is sent is dropped, as on a link that is half open."""
        self._abort = abort
        self._waiting = 0
        self._outbox: asyncio.Queue[str | int] = asyncio.Queue()

    def send(self, text: str) -> None:
        """Send a message; a client too slow to take its messages is cut off."""
        if self.silent:
            return
        self._waiting += len(text)
        if self._waiting > MAX_WAITING:
            self._abort()
            return
        self._outbox.put_nowait(text)

    def close(self, code: int = CLOSED_BY_SERVER) -> None:
        """Close after what was sent."""
        self._outbox.put_nowait(code)

    async def write(self, socket: WebSocket) -> None:
        """Write what is sent, until the WebSocket is closed from either side."""
        try:
            while isinstance(item := await self._outbox.get(), str):
                await socket.send_text(item)
                self._waiting -= len(item)
            await socket.close(item)
        except WebSocketDisconnect:
            return  # the reader learns of it, too, and ends the connection
