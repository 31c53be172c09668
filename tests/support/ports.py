"""Ports of loopback for processes that must be told one."""

from __future__ import annotations

import socket
from random import SystemRandom

# Below those that the system gives to outgoing connections (32768 and above): none of these takes it meanwhile. And
# below those that begin with 3030, in place of which Stream's JavaScript client calls 8800.
_FIRST, _LAST = 20_000, 30_000


def free_port() -> int:
    """A port of loopback that nobody listens at now."""
    chance = SystemRandom()  # two runs of the tests, side by side, must not choose alike
    for _ in range(100):
        port = chance.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No port between {_FIRST} and {_LAST} is free.")
