"""Limit how often each person has a tool called. Calls are counted in the database, over replicas and restarts."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from framework.budget.usage import UsageBook

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


class CallLimits:
    """Counts calls of a bot's tools by person. `now` is the clock (aware, UTC)."""

    def __init__(self, bot: str, book: UsageBook, now: Callable[[], datetime]) -> None:
        self._bot = bot
        self._book = book
        self._now = now

    async def take(self, tool: str, user_id: str, key: str, limit: int, window: timedelta) -> float:
        """Count a call and return 0, or return the seconds until the next one if the person had `limit` of them.

        `key` names the call: a second try of it is not counted. Raises EngineError.
        """
        scope = tool_scope(self._bot, user_id, tool, window)
        return await self._book.take(scope, key or secrets.token_hex(16), limit, window, self._now())


def tool_scope(bot: str, user_id: str, tool: str, window: timedelta) -> str:
    """Return the scope of one person's calls of one tool."""
    return f"{bot}|tool|{user_id}|{tool}|{int(window.total_seconds())}"
