"""Bots that run together: each one once, each with a name and a user of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.definition.loader import load_bot
from framework.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.definition.model import Bot


def load_bots(names: Iterable[str]) -> list[Bot]:
    """Load bots by name or path, each once, so that two names for one folder do not run it twice. Raises as `load_bot`
    and `require_distinct` do.
    """
    bots = list({bot.folder.resolve(): bot for bot in map(load_bot, names)}.values())
    require_distinct(bots)
    return bots


def require_distinct(bots: Iterable[Bot]) -> None:
    """Raise UsageError if two bots have one name, under which their data would be kept, or are one user of the chat,
    which would answer everything twice.
    """
    names: dict[str, Bot] = {}
    users: dict[str, Bot] = {}
    for bot in bots:
        other = names.setdefault(bot.name, bot)
        if other is not bot:
            raise UsageError(
                f"Two bots are called {bot.name}: {other.folder} and {bot.folder}.",
                hint="Rename the folder of one of them.",
            )
        user = bot.definition.identity.user_id
        other = users.setdefault(user, bot)
        if other is not bot:
            raise UsageError(
                f"The bots {other.name} and {bot.name} are both the user {user!r}.",
                where=bot.document.position(("identity", "user_id")) if bot.document else None,
                hint="Bots that run together need a user each: give one of them another `identity: user_id:`.",
            )
