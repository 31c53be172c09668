"""A person of the team in the sandbox: without one, whoever tries a handover or an approval out is stuck."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.stream.model import User

if TYPE_CHECKING:
    from framework.definition.model import Bot, BotDefinition
    from framework.settings import Settings

TEAMMATE = "teammate"


def teammate_of(bots: list[Bot]) -> User | None:
    """Who can act for the team of the first bot that needs one: somebody whom its definition names, or a made-up person
    with a role of the team. None where no bot needs a team, or none could be of it.
    """
    for bot in bots:
        definition = bot.definition
        if not _needs_team(definition):
            continue
        named = next((name for name in (*definition.team.users, *definition.handover.to) if "*" not in name), None)
        role = next(iter(definition.team.roles), "")
        if named is not None or role:
            return User(named or TEAMMATE, (named or TEAMMATE).capitalize(), role="user" if named else role)
    return None


def _needs_team(definition: BotDefinition) -> bool:
    there = (definition, *definition.overrides.values())
    return any(
        one.handover.enabled or one.drafts.enabled or any(rule.approval != "never" for rule in one.tools)
        for one in there
    )


async def seat_teammate(bots: list[Bot], settings: Settings) -> User | None:
    """Make sure that this person is there. A sandbox that refuses is no reason not to start."""
    import structlog

    from framework.errors import ChatServiceError
    from framework.stream.factory import introduce

    user = teammate_of(bots)
    if user is None:
        return None
    try:
        await introduce(settings, user)
    except ChatServiceError as error:
        structlog.get_logger(__name__).warning("sandbox.no_teammate", error=error.what)
        return None
    return user
