"""What is left of a bot's budget of the day, for operators: a share by what is counted, and a warning near the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import structlog

from framework.budget.usage import Usage, UsageBook
from framework.definition.parts.budget import Spending

_log = structlog.get_logger(__name__)

_TOLERANCE = 1e-9  # sums of money are not exact to the last digit
NEARLY = 0.2
"""The share that is left when operators are told, once a day over all replicas."""


def bot_scope(bot_user_id: str) -> str:
    """Return the scope of all that a bot spends."""
    return f"{bot_user_id}|all"


def shares_left(bound: Spending, spent: Usage) -> dict[str, float]:
    """Return what is left, from 1 to 0, for each of `tokens`, `money` and `turns` that has a bound."""
    pairs = {
        "tokens": (spent.tokens, bound.tokens),
        "money": (spent.money, bound.money),
        "turns": (spent.turns, bound.turns),
    }
    return {name: max(0.0, 1 - amount / most) for name, (amount, most) in pairs.items() if most is not None}


async def left_today(book: UsageBook | None, bot_user_id: str, bound: Spending, now: datetime) -> Mapping[str, float]:
    """Return what is left of the bot's day; empty without a bound. Raises EngineError if the database is away."""
    if book is None or not shares_left(bound, Usage()):
        return {}
    scope = bot_scope(bot_user_id)
    return shares_left(bound, (await book.spent([scope], now.astimezone(UTC).date())).get(scope, Usage()))


async def warn_if_nearly_spent(book: UsageBook, bot_user_id: str, bound: Spending, day: date, turn: str) -> None:
    """Log once a day that the bot's budget is nearly spent. `turn` is the one that was just counted."""
    if not shares_left(bound, Usage()):
        return
    scope = bot_scope(bot_user_id)
    left = shares_left(bound, (await book.spent([scope], day)).get(scope, Usage()))
    measure = min(left, key=left.__getitem__)
    if left[measure] > NEARLY + _TOLERANCE:
        return
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if not await book.take(f"{scope}|nearly|{day}", turn, 1, timedelta(days=1), midnight):
        hint = "Raise `budget.day` in bot.yaml, or look at who spends it: `report --since 24h`."
        _log.warning("budget.nearly_spent", of=measure, left=f"{left[measure]:.0%}", day=day.isoformat(), hint=hint)
