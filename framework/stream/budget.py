"""How often each endpoint may be called: one budget, shared by all turns of the process."""

from __future__ import annotations

import asyncio
from enum import Enum

from framework.stream.timing import Timing

# The part of a full bucket, and of the service's own count, that calls which may be left out must leave alone.
RESERVE = 0.3
# What a user token may do, each endpoint.
USER_LIMIT = 60
# Calls a minute where the service does not count, or has not said yet.
UNCOUNTED = 60_000


class Endpoint(Enum):
    """Calls a minute that the service allows an app. Where Stream publishes no figure, what its answers say counts."""

    def __init__(self, title: str, limit: int) -> None:
        self.title = title
        self.limit = limit

    SEND_MESSAGE = ("SendMessage", 1000)
    UPDATE_MESSAGE = ("UpdateMessagePartial", 1000)
    EPHEMERAL_UPDATE = ("EphemeralMessageUpdate", 1000)
    DELETE_MESSAGE = ("DeleteMessage", UNCOUNTED)
    GET_MESSAGE = ("GetMessage", UNCOUNTED)
    GET_MESSAGES = ("GetManyMessages", UNCOUNTED)
    GET_REPLIES = ("GetReplies", UNCOUNTED)
    SEND_EVENT = ("SendEvent", 10_000)
    MARK_READ = ("MarkRead", UNCOUNTED)
    QUERY_CHANNELS = ("QueryChannels", 10_000)
    GET_CHANNEL = ("GetOrCreateChannel", UNCOUNTED)
    UPDATE_CHANNEL = ("UpdateChannel", UNCOUNTED)
    QUERY_USERS = ("QueryUsers", UNCOUNTED)
    UPDATE_USERS = ("UpdateUsers", UNCOUNTED)


class Bucket:
    """A token bucket for one endpoint.

    With L calls a minute it holds L/60 and refills by 59 L/3600 a second: then no minute sees more than L calls and
    no second more than L/30, the two caps that the service sets.
    """

    def __init__(self, limit: int, timing: Timing) -> None:
        self._timing = timing
        self._limit = limit
        self._level = self._capacity
        self._filled_at = timing.monotonic()
        self._closed_until = self._filled_at
        self._scarce_until = self._filled_at
        self._queue = asyncio.Lock()

    @property
    def _capacity(self) -> float:
        return max(1.0, self._limit / 60)

    @property
    def _rate(self) -> float:
        return self._limit * 59 / 3600

    def try_take(self) -> bool:
        """Take one call that may be left out; False leaves it out. Never at the cost of one that must happen."""
        now = self._fill()
        if self._queue.locked() or now < self._closed_until or now < self._scarce_until:
            return False
        reserve = self._capacity * RESERVE if self._capacity > 1 else 0.0
        if self._level - 1 < reserve:
            return False
        self._level -= 1
        return True

    async def take(self) -> None:
        """Take one call that must happen; waits, first come first served, until it may."""
        async with self._queue:
            while (wait := self._wait()) > 0:
                await self._timing.sleep(wait)
            self._level -= 1

    def close(self, seconds: float) -> None:
        """The service said: nothing more for this long."""
        self._fill()
        self._level = 0.0
        self._closed_until = max(self._closed_until, self._timing.monotonic() + seconds)

    def open(self) -> None:
        """The service does not count these calls at all: nothing has to be waited for."""
        if self._limit != UNCOUNTED:
            self._limit = UNCOUNTED
            self._level = self._capacity

    def observe(self, limit: int, remaining: int, seconds: float) -> None:
        """Take over the service's own count: `remaining` of `limit` calls for the next `seconds`."""
        now = self._fill()
        if limit > 0 and limit != self._limit:
            self._limit = limit
            self._level = min(self._level, self._capacity)
        # Others may share the app's limit: what they use is seen only here.
        if remaining < limit * RESERVE:
            self._scarce_until = now + seconds

    def _wait(self) -> float:
        now = self._fill()
        # A hair's breadth less than one is one: waiting for it could round to no time at all.
        missing = (1 - self._level) / self._rate if self._level < 1 - 1e-6 else 0.0
        return max(self._closed_until - now, missing)

    def _fill(self) -> float:
        now = self._timing.monotonic()
        since = max(self._filled_at, self._closed_until)
        self._level = min(self._capacity, self._level + max(0.0, now - since) * self._rate)
        self._filled_at = now
        return now


class Budget:
    """The buckets of one app: one for each endpoint, and another for the same endpoint with a user token."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._buckets: dict[tuple[Endpoint, bool], Bucket] = {}

    def bucket(self, endpoint: Endpoint, *, as_user: bool) -> Bucket:
        """The bucket for calls to this endpoint with this kind of token."""
        key = (endpoint, as_user)
        if key not in self._buckets:
            self._buckets[key] = Bucket(USER_LIMIT if as_user else endpoint.limit, self._timing)
        return self._buckets[key]
