"""WebSocket frames, made once for all their receivers.

A server's frames are not masked and, without compression, the same bytes for every client: writing ready bytes to a
thousand connections costs a fraction of framing a thousand times.
"""

from __future__ import annotations

from typing import Protocol


class Link(Protocol):
    """The wire of one open WebSocket, as the server lends it to the app (`sandbox.link` in the ASGI extensions)."""

    def write(self, frame: bytes) -> None:
        """Send a ready frame; nothing happens once the link is closing."""
        ...

    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        ...

    def close(self, code: int) -> None:
        """Send a close frame after what was written, and end."""
        ...

    def abort(self) -> None:
        """Cut the link without a word."""
        ...


def text_frame(text: bytes) -> bytes:
    """One whole, final text frame."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 1 << 16:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), text)
