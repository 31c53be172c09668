"""The people behind a bot: who they are, and who may decide for the team."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from framework.definition.conditions import Team
from framework.stream.model import ChannelRef, Message, User
from framework.stream.service import ChatService

MOST_PEOPLE = 100
"""People who are called, or shown something, at once: what one call of the service may name."""

_WILD = frozenset("*?[")


def belongs(team: Team, user: User, channel_role: str = "") -> bool:
    """Whether someone is of the team: by id, or by a role in the app or in the channel. A bot never is.

    `moderator` means `channel_moderator` too, which is what the service calls a channel's own.
    """
    if user.is_bot or not user.id:
        return False
    if any(fnmatchcase(user.id, pattern) for pattern in team.users):
        return True
    return bool({user.role, channel_role, channel_role.removeprefix("channel_")} & set(team.roles))


async def wrote(service: ChatService, team: Team, message: Message) -> bool:
    """Whether someone of the team wrote a message."""
    return await acts(service, team, message.channel, message.user, message.channel_role)


async def acts(service: ChatService, team: Team, channel: ChannelRef, user: User, channel_role: str = "") -> bool:
    """Whether someone who does something in a channel is of the team. Asks for the role there where nobody told it."""
    if belongs(team, user, channel_role):
        return True
    if channel_role or user.is_bot or not team.roles:
        return False
    return any(belongs(team, user, member.channel_role) for member in await service.members(channel, ids=[user.id]))


async def people(service: ChatService, team: Team) -> tuple[str, ...]:
    """The ids of the team's people, as far as they can be found: those named, then those with a role in the app."""
    named = [pattern for pattern in team.users if not _WILD & set(pattern)]
    by_role = [user.id for user in await service.find_users(team.roles) if not user.is_bot]
    return tuple(dict.fromkeys([*named, *by_role]))[:MOST_PEOPLE]


async def audience(
    service: ChatService, team: Team, channel: ChannelRef, *, also: Sequence[str] = ()
) -> tuple[str, ...]:
    """The ids of those who see what is for the team alone, in this channel."""
    inside = [m.user.id for m in await service.members(channel) if belongs(team, m.user, m.channel_role)]
    everybody = dict.fromkeys([*also, *inside, *await people(service, team)])
    return tuple(everybody)[:MOST_PEOPLE]
