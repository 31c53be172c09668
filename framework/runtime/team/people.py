"""The people behind a bot: who they are, and who may decide for the team."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from framework.definition.parts.conditions import Team
from framework.stream.model import ChannelRef, Message, User
from framework.stream.port import ChatService

MOST_PEOPLE = 100
"""People who are called, or shown something, at once: what one call of the service may name."""

UNPROVEN = frozenset({"guest", "anonymous"})
"""Roles of accounts that nobody vouches for: a guest chooses their id, so that it proves nothing."""

_WILD = frozenset("*?[")


def belongs(team: Team, user: User, channel_role: str = "") -> bool:
    """Whether someone is of the team: by their id, by their role in the app, or by their role in the channel where
    `team.channel_roles` names it. Bots, guests and people who are banned never are.

    The creator of a channel may make others its moderators. So a role in a channel means nothing by itself.
    """
    if user.is_bot or user.banned or not user.id or user.role in UNPROVEN:
        return False
    if any(fnmatchcase(user.id, pattern) for pattern in team.users) or user.role in team.roles:
        return True
    return not {channel_role, channel_role.removeprefix("channel_")}.isdisjoint(team.channel_roles)


async def wrote(service: ChatService, team: Team, message: Message) -> bool:
    """Whether someone of the team wrote a message, judged as `acts` does. Raises ChatServiceError."""
    return await acts(service, team, message.channel, message.user)


async def acts(service: ChatService, team: Team, channel: ChannelRef, user: User) -> bool:
    """Whether someone who decides something in a channel is of the team now. Raises ChatServiceError.

    The service is asked for them: an event or a message may hold the role that they had when it was made.
    """
    if user.is_bot or not user.id:
        return False
    now = (await service.users([user.id])).get(user.id)
    if now is None:
        return False
    if belongs(team, now):
        return True
    if not team.channel_roles or now.banned or now.role in UNPROVEN:
        return False
    members = await service.members(channel, ids=[user.id])
    return any(belongs(team, now, member.channel_role) and not member.banned for member in members)


async def people(service: ChatService, team: Team) -> tuple[str, ...]:
    """The ids of the team's people, as far as they can be found: those named, then those with a role in the app."""
    named = await proven(service, [pattern for pattern in team.users if not _WILD & set(pattern)])
    by_role = [user.id for user in await service.find_users(team.roles) if belongs(team, user)]
    return tuple(dict.fromkeys([*named, *by_role]))[:MOST_PEOPLE]


async def proven(service: ChatService, ids: Iterable[str]) -> tuple[str, ...]:
    """Those of these ids that are people's in the app: not of nobody, who may come as a guest, and not of a bot."""
    wanted = tuple(dict.fromkeys(ids))
    found = await service.users(wanted) if wanted else {}
    return tuple(id_ for id_ in wanted if (user := found.get(id_)) and not user.is_bot and user.role not in UNPROVEN)


async def audience(
    service: ChatService, team: Team, channel: ChannelRef, *, also: Sequence[str] = ()
) -> tuple[str, ...]:
    """The ids of those who see what is for the team alone, in this channel. `also` are those who are called."""
    inside = [m.user.id for m in await service.members(channel) if belongs(team, m.user, m.channel_role)]
    everybody = dict.fromkeys([*also, *inside, *await people(service, team)])
    return tuple(everybody)[:MOST_PEOPLE]


async def is_banned(service: ChatService, channel: ChannelRef, user_id: str) -> bool:
    """Whether someone is banned or shadow banned, in the app or in the channel. Raises ChatServiceError."""
    return any(member.banned or member.user.banned for member in await service.members(channel, ids=[user_id]))
