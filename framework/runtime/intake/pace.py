"""An even pace for work that has time, so that work that has none finds the budget of calls unspent."""

from __future__ import annotations

from framework.stream.timing import Timing


class EvenPace:
    """Lets at most `per_second` through, after `burst` that need not wait."""

    def __init__(self, per_second: float, timing: Timing, *, burst: int = 100) -> None:
        self._gap = 1 / per_second
        self._slack = burst * self._gap
        self._timing = timing
        self._next = timing.monotonic()

    async def keep(self) -> None:
        """Return when the next one may go."""
        now = self._timing.monotonic()
        self._next = max(self._next, now - self._slack) + self._gap
        if self._next - self._gap > now:
            await self._timing.sleep(self._next - self._gap - now)
