"""What was spent on a day, and by whom: reserved before it is spent, counted once for each turn.

A turn reserves what it may cost before its model is asked, and settles what it did cost afterwards. Between the two it
counts in full, so that many turns at once cannot pass a limit that each of them alone would keep.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

LEASE = timedelta(minutes=15)
"""After so long a reservation that nobody settled is forgotten: its process died, and nobody tried the turn again."""

MINUTE = timedelta(minutes=1)
AHEAD = timedelta(seconds=5)
"""Turns run a little out of order: so much later messages count for a message's minute as well."""

_TURNS_REMEMBERED = 100_000
_TOLERANCE = 1e-9  # sums of money are not exact to the last digit
_TYPICAL_TOKENS = 5_000  # of a turn, until the first one of the day was counted


@dataclass(frozen=True)
class Usage:
    """Tokens in and out, money in the currency of the definition's price, answered turns."""

    tokens: int = 0
    money: float = 0.0
    turns: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.tokens + other.tokens, self.money + other.money, self.turns + other.turns)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.tokens - other.tokens, self.money - other.money, self.turns - other.turns)


@dataclass(frozen=True)
class Bound:
    """What a scope (whatever its name means to the caller) may come to on a day. None is not bounded."""

    scope: str
    tokens: int | None = None
    money: float | None = None
    turns: int | None = None

    def is_reached(self, usage: Usage) -> bool:
        """Whether nothing is left."""
        pairs = ((usage.tokens, self.tokens), (usage.money, self.money), (usage.turns, self.turns))
        return any(limit is not None and amount >= limit - _TOLERANCE for amount, limit in pairs)


@dataclass(frozen=True)
class BudgetClaim:
    """What a turn wants to spend. `bounds` names each scope that it counts in, whether it is bounded or not.

    `at` is when the message was written, `day` the day that it counts on. `most` is what the turn may cost at most;
    None where that is not known: then it is what a turn of the day cost on average, or a typical one. `price` is what
    a token costs at most. `person` is the scope whose turns are counted by the minute and at once.
    """

    turn: str
    at: datetime
    day: date
    bounds: tuple[Bound, ...]
    person: str = ""
    per_minute: int | None = None
    at_once: int | None = None
    most: Usage | None = None
    price: float = 0.0

    @property
    def scopes(self) -> tuple[str, ...]:
        """In one order for all turns, so that two transactions never wait for each other."""
        return tuple(sorted({bound.scope for bound in self.bounds}))

    def reserved(self, so_far: Usage) -> Usage:
        """What is set aside for the turn, where turns came to so much in the widest scope on this day."""
        if self.most is not None:
            return replace(self.most, turns=1)
        if so_far.turns > 0 and so_far.tokens > 0:
            return Usage(so_far.tokens // so_far.turns, so_far.money / so_far.turns, 1)
        return Usage(_TYPICAL_TOKENS, _TYPICAL_TOKENS * self.price, 1)


@dataclass(frozen=True)
class Refused:
    """Why a claim was refused: `spent` names the scope with nothing left, `minute` and `at_once` the person."""

    why: Literal["spent", "minute", "at_once"]
    scope: str


class UsageBook(Protocol):
    """Keeps usage by scope and day. Raises EngineError where it cannot."""

    async def reserve(self, claim: BudgetClaim, now: datetime) -> Refused | None:
        """Set aside what a turn may cost, in one transaction, or say why not. None too for a turn that holds a
        reservation, or was counted: a turn that is tried again pays once.
        """

    async def settle(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """Count what this turn cost in each scope, in place of its reservation. False: it was counted before, and is
        not again.
        """

    async def release(self, turn: str, *, spent: bool = False) -> None:
        """Give up a turn's reservation, if it holds one. `spent`: it is counted as it was reserved."""

    async def take(self, scope: str, key: str, limit: int, window: timedelta, at: datetime) -> float:
        """Count a call of a scope and return 0; or the seconds until the next one, if it had `limit` of them in the
        window before. A key that was counted is not counted again.
        """

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """What each of these scopes came to on a day, reservations included."""

    async def forget(self, scopes: Sequence[str]) -> int:
        """Delete what is known of these scopes, but for their sums' share in wider ones. Returns how many entries."""

    async def close(self) -> None:
        """Let go of whatever is held. Safe to call twice."""


@dataclass(frozen=True)
class _Reservation:
    claim: BudgetClaim
    usage: Usage
    at: datetime


@dataclass
class _Calls:
    """Calls of one scope, by key."""

    at: dict[str, datetime] = field(default_factory=dict)

    def within(self, since: datetime, until: datetime) -> list[datetime]:
        return sorted(at for at in self.at.values() if since < at <= until)


class MemoryUsageBook:
    """A `UsageBook` for one process, which forgets with it. Remembers the last two days."""

    def __init__(self) -> None:
        self._days: dict[date, dict[str, Usage]] = {}
        self._counted: OrderedDict[str, None] = OrderedDict()
        self._reserved: dict[str, _Reservation] = {}
        self._calls: OrderedDict[str, _Calls] = OrderedDict()

    async def reserve(self, claim: BudgetClaim, now: datetime) -> Refused | None:
        """See the port."""
        if claim.turn in self._counted:
            return None
        for turn in [turn for turn, held in self._reserved.items() if held.at < now - LEASE]:
            self._give_up(turn)
        if claim.turn in self._reserved:
            return None
        calls = self._calls.setdefault(claim.person, _Calls())
        recent = calls.within(claim.at - MINUTE, claim.at + AHEAD)
        if claim.person and claim.per_minute is not None and len(recent) >= claim.per_minute:
            return Refused("minute", claim.person)
        sums = self._days.get(claim.day, {})
        for bound in claim.bounds:
            if bound.is_reached(sums.get(bound.scope, Usage())):
                return Refused("spent", bound.scope)
        at_once = sum(held.claim.person == claim.person for held in self._reserved.values())
        if claim.person and claim.at_once is not None and at_once >= claim.at_once:
            return Refused("at_once", claim.person)
        usage = claim.reserved(sums.get(claim.scopes[0], Usage()) if claim.scopes else Usage())
        self._reserved[claim.turn] = _Reservation(claim, usage, now)
        self._add(claim.scopes, claim.day, usage)
        self._note(claim.person, claim.turn, claim.at)
        return None

    async def settle(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """See the port."""
        self._give_up(turn)
        if turn in self._counted:
            return False
        self._counted[turn] = None
        if len(self._counted) > _TURNS_REMEMBERED:
            self._counted.popitem(last=False)
        self._add(scopes, day, usage)
        for old in sorted(self._days)[:-2]:
            del self._days[old]
        return True

    async def release(self, turn: str, *, spent: bool = False) -> None:
        """See the port."""
        held = self._reserved.get(turn)
        if held is None:
            return
        if spent:
            await self.settle(turn, held.claim.scopes, held.claim.day, held.usage)
        else:
            self._give_up(turn)

    async def take(self, scope: str, key: str, limit: int, window: timedelta, at: datetime) -> float:
        """See the port."""
        calls = self._calls.setdefault(scope, _Calls())
        if key in calls.at:
            return 0.0
        recent = calls.within(at - window, at + AHEAD)
        if len(recent) >= limit:
            return max(0.0, (recent[-limit] + window - at).total_seconds())
        self._note(scope, key, at)
        return 0.0

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """See the port."""
        sums = self._days.get(day, {})
        return {scope: sums.get(scope, Usage()) for scope in scopes}

    async def forget(self, scopes: Sequence[str]) -> int:
        """See the port."""
        gone = sum(sums.pop(scope, None) is not None for sums in self._days.values() for scope in scopes)
        return gone + sum(len(self._calls.pop(scope, _Calls()).at) for scope in scopes)

    async def close(self) -> None:
        """See the port."""

    def _add(self, scopes: Sequence[str], day: date, usage: Usage) -> None:
        sums = self._days.setdefault(day, {})
        for scope in scopes:
            sums[scope] = sums.get(scope, Usage()) + usage

    def _give_up(self, turn: str) -> None:
        held = self._reserved.pop(turn, None)
        if held is not None:
            self._add(held.claim.scopes, held.claim.day, Usage() - held.usage)

    def _note(self, scope: str, key: str, at: datetime) -> None:
        calls = self._calls.setdefault(scope, _Calls())
        calls.at[key] = at
        if len(calls.at) > 1_000:
            calls.at = {one: when for one, when in calls.at.items() if when > at - timedelta(days=1)}
        self._calls.move_to_end(scope)
        if len(self._calls) > _TURNS_REMEMBERED:
            self._calls.popitem(last=False)
