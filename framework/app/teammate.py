"""People of the team in the sandbox: without them, nobody could try out a handover or an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.stream.model import User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.definition.model import Bot, BotDefinition
    from framework.settings import Settings

_WILD = frozenset("*?[")
MADE_UP = ("teammate", "colleague")
"""Two, so that nobody has to approve what they asked for themselves."""


def teammates_of(bots: Sequence[Bot]) -> tuple[User, ...]:
    """Who can act for the team of the first bot that needs one, two at most: people whom its definition names, then
    made-up ones with a role of the team. None where no bot needs a team, or none could be of it.
    """
    for bot in bots:
        definition = bot.definition
        if not _needs_team(definition):
            continue
        named = [name for name in (*definition.team.users, *definition.handover.to) if not _WILD & set(name)]
        role = next(iter(definition.team.roles), "")
        people = [User(name, name.capitalize(), role="user") for name in dict.fromkeys(named)]
        if role:
            people += [User(name, name.capitalize(), role=role) for name in MADE_UP if name not in named]
        if people:
            return tuple(people[: len(MADE_UP)])
    return ()


def _needs_team(definition: BotDefinition) -> bool:
    there = (definition, *definition.overrides.values())
    return any(
        one.handover.enabled or one.drafts.enabled or any(rule.approval != "never" for rule in one.tools)
        for one in there
    )


async def add_teammates(bots: Sequence[Bot], settings: Settings) -> tuple[User, ...]:
    """Make sure that these people are there. A sandbox that refuses is no reason not to start."""
    import structlog

    from framework.errors import ChatServiceError
    from framework.stream.factory import introduce

    users = teammates_of(bots)
    if not users:
        return ()
    try:
        await introduce(settings, *users)
    except ChatServiceError as error:
        structlog.get_logger(__name__).warning("sandbox.no_teammates", error=error.what)
        return ()
    return users
