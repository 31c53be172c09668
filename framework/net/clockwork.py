"""Time and chance, as breakers and limits need them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Clockwork(Protocol):
    """A clock, sleep and chance, as `framework.stream.timing.Timing` has them."""

    @property
    def monotonic(self) -> Callable[[], float]:
        """Return seconds on a clock that only goes forward."""

    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]:
        """Wait for so many seconds."""

    @property
    def uniform(self) -> Callable[[float, float], float]:
        """Return a number between two bounds."""
