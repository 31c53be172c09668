"""What was spent on a day, and by whom: counted once for each turn, wherever and however often it is told."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

_TURNS_REMEMBERED = 100_000


@dataclass(frozen=True)
class Usage:
    """Tokens in and out, money in the currency of the definition's price, answered turns."""

    tokens: int = 0
    money: float = 0.0
    turns: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.tokens + other.tokens, self.money + other.money, self.turns + other.turns)


class UsageBook(Protocol):
    """Keeps usage by scope (whatever its name means to the caller) and day. Raises EngineError where it cannot."""

    async def spend(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """Add this turn's usage to each scope, all or nothing. False: the turn was counted before, and is not again."""

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """What each of these scopes came to on a day; nothing at all for those of which nothing is known."""

    async def close(self) -> None:
        """Let go of whatever is held. Safe to call twice."""


class MemoryUsageBook:
    """A `UsageBook` for one process, which forgets with it. Remembers the last two days."""

    def __init__(self) -> None:
        self._days: dict[date, dict[str, Usage]] = {}
        self._counted: OrderedDict[str, None] = OrderedDict()

    async def spend(self, turn: str, scopes: Sequence[str], day: date, usage: Usage) -> bool:
        """See the port."""
        if turn in self._counted:
            return False
        self._counted[turn] = None
        if len(self._counted) > _TURNS_REMEMBERED:
            self._counted.popitem(last=False)
        sums = self._days.setdefault(day, {})
        for scope in scopes:
            sums[scope] = sums.get(scope, Usage()) + usage
        for old in sorted(self._days)[:-2]:
            del self._days[old]
        return True

    async def spent(self, scopes: Sequence[str], day: date) -> Mapping[str, Usage]:
        """See the port."""
        sums = self._days.get(day, {})
        return {scope: sums.get(scope, Usage()) for scope in scopes}

    async def close(self) -> None:
        """See the port."""
