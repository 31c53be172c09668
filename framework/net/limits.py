"""Limits of calls a minute and a second, shared by all callers. Important calls go first."""

from __future__ import annotations

import asyncio
import itertools
import math
from bisect import insort
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from framework.net.clockwork import Clockwork

# The part of a minute's calls that updates of unfinished texts do not use.
RESERVE = 0.2
# The part that the first text of a turn does not use.
FIRST_RESERVE = 0.1
# Calls a minute if the service does not count, or has not told its limit yet.
UNCOUNTED = 60_000
MINUTE = 60.0
# The part of a minute's limit that is used: a call on its way when a minute begins may count for the next one.
USED = 0.98
# The cap of a second is a thirtieth of the minute's limit. Of that: calls at once, and calls a second after them. The
# rest is for calls that overtake each other on their way.
BURST, PACE = 0.18, 0.75
# Replicas share a limit without knowing of each other. A refusal halves the pace of a process, and each second gives it
# back this part. So the replicas come to share the limit.
LEAST_SHARE, REGAINED = 0.05, 0.02
# Callers that wait for the same end of a limit spread over so many seconds.
SPREAD = 1.0


class Rank(IntEnum):
    """Which call goes first: one that must happen, then the first text of a turn, then an update of a text."""

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

    Waiting calls are served by rank, and in the order of their arrival within a rank. So n turns that show their text
    take turns. The service's own count, in which other processes may share, is taken over.
    """

    def __init__(self, limit: int, timing: Clockwork) -> None:
        self._timing = timing
        self._limit = limit
        self._share = 1.0
        self._level = self._burst
        now = self._filled_at = self._closed_until = self._refresh_at = timing.monotonic()
        # What the service told last: so many calls are left until this time.
        self._left, self._window_ends = math.inf, now
        self._taken: deque[float] = deque()
        self._queue: list[_Waiter] = []
        self._numbers = itertools.count()

    @property
    def left(self) -> int | None:
        """Calls that the service allows until its window ends, as it said last; None if it does not count."""
        return None if math.isinf(self._left) else max(0, int(self._left))

    @property
    def waiting(self) -> int:
        """Return how many calls wait, for metrics."""
        return len(self._queue)

    @property
    def _burst(self) -> float:
        return max(1.0, self._limit / 30 * BURST)

    @property
    def _pace(self) -> float:
        """Return calls a second."""
        return self._limit / 30 * PACE * self._share

    def try_take(self, rank: Rank = Rank.REFRESH) -> bool:
        """Take one call and return True if that needs no waiting and nobody waits."""
        if self._queue or self._wait(rank) > 0:
            return False
        self._use(rank)
        return True

    async def take(self, rank: Rank = Rank.MUST) -> None:
        """Wait until a call may be made, behind those of a higher rank and earlier ones of the same rank; take it."""
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
        """Give back a call that was taken and not made."""
        self._level = min(self._burst, self._level + 1)
        self._left += 1
        if self._taken:
            self._taken.pop()

    def close(self, seconds: float) -> None:
        """Make no calls for so many seconds: the service refused one."""
        now = self._fill()
        if now >= self._closed_until:
            # Other calls on their way are refused as well: together they count as one refusal.
            self._share = max(LEAST_SHARE, self._share / 2)
        self._shut(now + seconds)

    def open(self) -> None:
        """Stop limiting: the service does not count these calls."""
        self._limit = UNCOUNTED
        self._level = self._burst
        self._left = math.inf
        self._taken.clear()

    def observe(self, limit: int, remaining: int, seconds: float) -> None:
        """Take over the service's own count: `remaining` of `limit` calls for the next `seconds`."""
        if remaining >= limit:
            # It did not count the call that it answers.
            self.open()
            return
        now = self._fill()
        if limit != self._limit:
            self._limit = limit
            self._level = min(self._level, self._burst)
        ends = now + seconds
        # Answers overtake each other. Of those about the same minute (its end is rounded) the lowest count holds.
        self._left = min(self._left, remaining) if ends < self._window_ends + SPREAD else remaining
        self._window_ends = max(ends, self._window_ends)
        if self._left <= 0:
            self._shut(self._window_ends)

    def _shut(self, until: float) -> None:
        """Make no calls until a time, plus jitter: all who share the limit read the same time."""
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
        """Return the seconds after which a call of this rank may be possible."""
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
        """Return the seconds until fewer than `most` calls were made within a minute."""
        while self._taken and self._taken[0] <= now - MINUTE:
            self._taken.popleft()
        return self._taken[len(self._taken) - most] + MINUTE - now if len(self._taken) >= most else 0.0

    def _count_wait(self, now: float, reserved: float) -> float:
        """Return the seconds until the service's own count has room."""
        if now >= self._window_ends:
            self._left = math.inf
        if self._left > reserved:
            return 0.0
        return self._window_ends - now

    def _refresh_pace(self, now: float) -> float:
        """Return the updates a second that last for the whole minute."""
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
