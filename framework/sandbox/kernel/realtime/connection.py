"""What is sent to one WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.sandbox.kernel.realtime.frames import Link

MAX_WAITING = 16 * 1024 * 1024
"""Bytes that may wait for a slow client before it is cut off."""
CLOSED_BY_SERVER = 1001


class Connection:
    """A live WebSocket of a user."""

    def __init__(self, link: Link, connection_id: str, user_id: str) -> None:
        self.id = connection_id
        self.user_id = user_id
        self.silent = False
        """Set by a fault: frames are dropped, as on a link that is half open."""
        self._link = link

    def send(self, frame: bytes) -> None:
        """Send a frame made by `text_frame`; a client too slow to take its frames is cut off."""
        if self.silent:
            return
        self._link.write(frame)
        if self._link.waiting() > MAX_WAITING:
            self._link.abort()

    def close(self, code: int = CLOSED_BY_SERVER) -> None:
        """Close after what was sent."""
        self._link.close(code)

    def abort(self) -> None:
        """Cut the link without a word."""
        self._link.abort()
