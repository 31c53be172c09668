"""Limits of calls: so many a minute, so many a second, shared by all that call, the most important first."""

from __future__ import annotations

import asyncio
import itertools
import math
from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from framework.net.clockwork import Clockwork

# The part of a minute's calls that refreshing what is shown leaves alone.
RESERVE = 0.2
# The part that a turn's first text leaves alone.
FIRST_RESERVE = 0.1
# Calls a minute where the service does not count, or has not said yet.
UNCOUNTED = 60_000
MINUTE = 60.0
# The part of a minute's limit that is used: what is on its way when a minute begins counts for the next one.
USED = 0.98
# A second's cap is a thirtieth of the minute's limit. Of that: calls at once, and calls a second on top. What is left
# is for calls that take longer on their way than those after them.
BURST, PACE = 0.18, 0.75
# Replicas share a limit without knowing of each other. A refusal halves a process's pace, and each second brings back
# this part of it: so they come to share what there is.
LEAST_SHARE, REGAINED = 0.05, 0.02
# Seconds over which those spread that wait for the same end of a limit.
SPREAD = 1.0


class Rank(IntEnum):
    """Who goes first: what must happen, then a turn that has shown nothing yet, then one that shows more."""

    MUST = 0
    FIRST = 1
    REFRESH = 2


@dataclass(order=True)
class _Waiter:
    rank: Rank
    number: int
    called: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class Bucket:
    """The calls to one endpoint, within the service's two caps: L calls in any minute, L/30 in any second.

    Whoever waits is served by rank, and first come first served among equals: with n turns that show their text, each
    shows it every n-th time, however many they are. The service's own count, which others may share, is taken over.
    """

    def __init__(self, limit: int, timing: Clockwork) -> None:
        self._timing = timing
        self._limit = limit
        self._share = 1.0
        self._level = self._burst
        now = self._filled_at = self._closed_until = self._refresh_at = timing.monotonic()
        # What the service said last: so many calls are left until then.
        self._left, self._window_ends = math.inf, now
        self._taken: deque[float] = deque()
        self._queue: list[_Waiter] = []
        self._numbers = itertools.count()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn: for metrics."""
        return len(self._queue)

    @property
    def _burst(self) -> float:
        return max(1.0, self._limit / 30 * BURST)

    @property
    def _pace(self) -> float:
        """Calls a second."""
        return self._limit / 30 * PACE * self._share

    def try_take(self, rank: Rank = Rank.REFRESH) -> bool:
        """Take one call if nobody waits and nothing has to be waited for; False leaves it out."""
        if self._queue or self._wait(rank) > 0:
            return False
        self._use(rank)
        return True

    async def take(self, rank: Rank = Rank.MUST) -> None:
        """Take one call; waits until it may, behind those of a higher rank and those that came before."""
        waiter = _Waiter(rank, next(self._numbers))
        insort(self._queue, waiter)
        try:
            while True:
                if self._queue[0] is not waiter:
                    await waiter.called.wait()
                    waiter.called.clear()
                elif (wait := self._wait(rank)) > 0:
                    await self._timing.sleep(wait)
                else:
                    self._use(rank)
                    return
        finally:
            self._queue.remove(waiter)
            if self._queue:
                self._queue[0].called.set()

    def put_back(self) -> None:
        """A call that was taken is not made."""
        self._level = min(self._burst, self._level + 1)
        self._left += 1
        if self._taken:
            self._taken.pop()

    def close(self, seconds: float) -> None:
        """The service refused: nothing more for this long."""
        now = self._fill()
        if now >= self._closed_until:
            # What was on its way at the same time is refused as well: that is one refusal, not many.
            self._share = max(LEAST_SHARE, self._share / 2)
        self._shut(now + seconds)

    def open(self) -> None:
        """The service does not count these calls at all: nothing has to be waited for."""
        self._limit = UNCOUNTED
        self._level = self._burst
        self._left = math.inf
        self._taken.clear()

    def observe(self, limit: int, remaining: int, seconds: float) -> None:
        """Take over the service's own count: `remaining` of `limit` calls for the next `seconds`."""
        if remaining >= limit:
            # It has just been called, and has not counted that.
            self.open()
            return
        now = self._fill()
        if limit != self._limit:
            self._limit = limit
            self._level = min(self._level, self._burst)
        ends = now + seconds
        # Answers overtake each other, and calls are on their way: of one minute, whose end is rounded, the least holds.
        self._left = min(self._left, remaining) if ends < self._window_ends + SPREAD else remaining
        self._window_ends = max(ends, self._window_ends)
        if self._left <= 0:
            self._shut(self._window_ends)

    def _shut(self, until: float) -> None:
        """With jitter: everyone who shares the limit reads the same end."""
        if until > self._closed_until:
            self._level = 0.0
            self._closed_until = until + self._timing.uniform(0, SPREAD)

    def _use(self, rank: Rank) -> None:
        now = self._filled_at
        self._level -= 1
        self._left -= 1
        if self._left <= 0:
            self._shut(self._window_ends)
        if self._limit != UNCOUNTED:
            self._taken.append(now)
        if rank is Rank.REFRESH:
            self._refresh_at = now + 1 / self._refresh_pace(now)

    def _wait(self, rank: Rank) -> float:
        """Seconds until a call of this rank may be made, if none is made meanwhile; then look again."""
        now = self._fill()
        if self._limit == UNCOUNTED:
            return max(0.0, self._closed_until - now)
        # Rounding: a waiting time this short could become zero, and the loop would spin.
        waits = [self._closed_until - now, (1 - self._level) / self._pace if self._level < 1 - 1e-6 else 0.0]
        reserved = {Rank.MUST: 0.0, Rank.FIRST: FIRST_RESERVE, Rank.REFRESH: RESERVE}[rank] * self._limit
        waits.append(self._minute_wait(now, max(1, int(self._limit * USED - reserved))))
        waits.append(self._count_wait(now, reserved))
        if rank is Rank.REFRESH:
            waits.append(self._refresh_at - now)
        return max(0.0, *waits)

    def _minute_wait(self, now: float, most: int) -> float:
        """Until fewer than `most` calls were made within a minute."""
        while self._taken and self._taken[0] <= now - MINUTE:
            self._taken.popleft()
        return self._taken[len(self._taken) - most] + MINUTE - now if len(self._taken) >= most else 0.0

    def _count_wait(self, now: float, reserved: float) -> float:
        """Until the service's own count leaves room."""
        if now >= self._window_ends:
            self._left = math.inf
        if self._left > reserved:
            return 0.0
        return self._window_ends - now

    def _refresh_pace(self, now: float) -> float:
        """Calls a second that make what may be left out last for the whole minute."""
        pace = self._limit / MINUTE * (1 - RESERVE) * self._share
        if math.isinf(self._left):
            return pace
        left = max(1.0, self._left - self._limit * RESERVE)
        return min(pace, left / max(1.0, self._window_ends - now))

    def _fill(self) -> float:
        now = self._timing.monotonic()
        since = max(self._filled_at, self._closed_until)
        if now > since:
            self._share = min(1.0, self._share + (now - since) * REGAINED)
            self._level = min(self._burst, self._level + (now - since) * self._pace)
        self._filled_at = now
        return now
