"""Circuit breakers: a service that is down is not called, except by one call at a time that tries whether it is up.

No maintained library for asyncio admits a single probe after a pause with jitter and lets other calls wait for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal
from weakref import WeakSet

import structlog

from framework.aio import race
from framework.net.clockwork import Clockwork

State = Literal["closed", "open", "half_open"]
"""`closed`: calls are made. `open`: none is made. `half_open`: one is made, and its outcome decides."""

FAILURES = 5
"""Failures in a row that open a breaker."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first probe, and the most before any. Each probe that fails doubles the pause."""

_log = structlog.get_logger(__name__)
_breakers: WeakSet[Breaker] = WeakSet()


@dataclass(frozen=True, eq=False)
class Ticket:
    """The right to make one call."""

    probe: bool = False


class Breaker:
    """The state of one service, shared by all calls of the process. `name` is for people: an address or a model.

    A caller claims a ticket, makes its call, and reports what came of it.
    """

    def __init__(self, name: str, clockwork: Clockwork) -> None:
        self.name = name
        self._clockwork = clockwork
        self._failures = self._openings = 0
        self._due: float | None = None
        self._probe: Ticket | None = None
        self._changed = asyncio.Event()
        _breakers.add(self)

    @property
    def state(self) -> State:
        """Return the state, for metrics."""
        if self._due is None:
            return "closed"
        return "half_open" if self._probe is not None else "open"

    @property
    def seconds(self) -> float:
        """Return the seconds until the next probe; 0 if a call may be made now."""
        return 0.0 if self._due is None else max(0.0, self._due - self._clockwork.monotonic())

    def claim(self) -> Ticket | None:
        """Return a ticket, or None while the service must not be called. The first one after the pause is the probe."""
        if self._due is None:
            return Ticket()
        if self._probe is not None or self.seconds > 0:
            return None
        self._probe = Ticket(probe=True)
        return self._probe

    async def passable(self) -> None:
        """Wait until a claim may succeed. It can still fail, because another caller may be quicker."""
        while self._probe is not None or self.seconds > 0:
            if self._probe is not None:
                await self._changed.wait()
            else:
                await race(self._changed.wait(), self._clockwork.sleep(self.seconds))

    async def closed(self) -> None:
        """Wait until another call has found the service up, without a probe of one's own."""
        while self._due is not None:
            await self._changed.wait()

    def report(self, ticket: Ticket, *, up: bool | None) -> None:
        """Report that the service is up (even if it refused the call) or down; None if the call has shown neither."""
        probing = ticket is self._probe
        if probing:
            self._probe = None
        if up:
            self._close()
        elif up is False and (probing or self._due is None):
            self._failures += 1
            if probing or self._failures >= FAILURES:
                self._open()
        if probing:
            self._change()

    def _open(self) -> None:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._openings, 20))
        # Replicas see the same service fail at the same time. Jitter keeps their probes apart.
        pause = self._clockwork.uniform(longest / 2, longest)
        if self._due is None:
            _log.warning("breaker.opened", service=self.name, failures=self._failures, seconds=round(pause, 2))
        else:
            _log.info("breaker.still_open", service=self.name, failures=self._failures, seconds=round(pause, 2))
        self._openings += 1
        self._due = self._clockwork.monotonic() + pause

    def _close(self) -> None:
        self._failures = self._openings = 0
        if self._due is not None:
            self._due = self._probe = None
            _log.info("breaker.closed", service=self.name)
            self._change()

    def _change(self) -> None:
        """Wake all waiting calls. Calls that come later wait for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()


def breakers() -> list[Breaker]:
    """Return all breakers of this process, by name, for metrics."""
    return sorted(_breakers, key=lambda breaker: breaker.name)
