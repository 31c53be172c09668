"""A socket that listens, before the server that reads from it is imported."""

from __future__ import annotations

import socket
import sys
from urllib.parse import urlsplit

from framework.errors import SettingsError


class TakenError(SettingsError):
    """The address cannot be listened at: another program does, or it is not this machine's."""


def listen(where: str, *, what: str, variable: str) -> socket.socket:
    """Return a socket that listens at HOST:PORT. `what` cannot be done, and `variable` is to be set, if it fails.

    Raises TakenError.
    """
    parts = urlsplit(f"//{where}")
    host, port = parts.hostname or "", parts.port or 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off; without, each answer waits 40 ms for an ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise TakenError(
            f"{what} at {where}: {error.strerror}.",
            where=variable,
            hint="Choose another HOST:PORT, or end what uses it.",
        ) from None
    bound.setblocking(False)
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address of a socket that listens: `http://127.0.0.1:8080`."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"
