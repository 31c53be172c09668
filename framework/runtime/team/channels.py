"""The channels that are for the team alone: made by the bot, and checked each time before something is posted there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog

from framework.definition.model import BotDefinition
from framework.definition.overrides import merged
from framework.definition.parts.conditions import Team
from framework.errors import ChatServiceError
from framework.names import as_code
from framework.runtime.team.people import belongs, people
from framework.stream.failure import MISSING
from framework.stream.model import ChannelRef, Member, User
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)
_NAMED = 5
_ADMIN = "admin"

REMEDY = (
    "Name a channel that does not exist yet, of a type that customers cannot create, as in team:support-desk: the bot "
    "makes it at its start, with the team as its members. Or remove the strangers, or name them under `team: users:`."
)
"""The hint for a channel that is not the team's."""


def team_channels(definition: BotDefinition) -> Mapping[ChannelRef, Team]:
    """Return the channels that a definition and its overrides name for the team (for alerts, reviews and tools), and
    whose each is.
    """
    found: dict[ChannelRef, Team] = {}
    for one in (definition, *(merged(definition, (pattern,)) for pattern in definition.overrides)):
        for cid in (one.handover.alert, one.drafts.channel, *one.team.channels):
            if cid:
                found.setdefault(ChannelRef.parse(cid), one.team)
    return found


async def prepare(service: ChatService, bot_user_id: str, team: Team, channel: ChannelRef) -> str | None:
    """Make a channel of the team's where it is missing, with the team as its members.

    Returns why it must not be told what is for the team, or None if it may. Raises ChatServiceError.
    """
    made = not await _exists(service, channel)
    if made:
        await service.create_channel(channel)
    reason = await trouble(service, bot_user_id, team, channel)
    if made and reason is None:
        await _seat(service, channel, await people(service, team))
    return reason


async def trouble(service: ChatService, bot_user_id: str, team: Team, channel: ChannelRef) -> str | None:
    """Return why an existing channel is not the team's; None if it is. Raises ChatServiceError.

    Its name proves nothing: the first person to create it has it, and may add members later. So its creator has to be
    the bot, one of the team or an admin of the app, and so does each of its members.
    """
    creator = (await service.info(channel)).created_by
    if creator != bot_user_id:
        known = (await service.users([creator])).get(creator) if creator else None
        if known is None or not _is_trusted(known, team):
            return f"{channel} was created by {as_code(creator or 'somebody')}, who is not of the team."
    strangers = [member.user.id for member in await service.members(channel) if not _fits(member, bot_user_id, team)]
    if strangers:
        listed = ", ".join(map(as_code, strangers[:_NAMED])) + (" and others" if len(strangers) > _NAMED else "")
        return f"{channel} has members who are not of the team: {listed}."
    return None


async def prepare_all(service: ChatService, bot_user_id: str, definition: BotDefinition) -> None:
    """Make and check all channels of the team, at the start. What is wrong is logged. Raises ChatServiceError if the
    service cannot be reached.
    """
    for channel, team in team_channels(definition).items():
        try:
            reason = await prepare(service, bot_user_id, team, channel)
        except ChatServiceError as error:
            if error.retryable:
                raise
            reason = f"{channel} cannot be made: {error.what}"
        if reason is not None:
            _log.error("team_channel.refused", bot=bot_user_id, channel=str(channel), why=reason, hint=REMEDY)


def _fits(member: Member, bot_user_id: str, team: Team) -> bool:
    if member.user.id == bot_user_id or _is_trusted(member.user, team):
        return True
    return belongs(team, member.user, member.channel_role)


def _is_trusted(user: User, team: Team) -> bool:
    """Whether someone is of the team, or an admin, who sees everything in the app anyway."""
    return belongs(team, user) or (user.role == _ADMIN and not user.banned)


async def _exists(service: ChatService, channel: ChannelRef) -> bool:
    try:
        await service.info(channel)
    except ChatServiceError as error:
        if error.code == MISSING:
            return False
        raise
    return True


async def _seat(service: ChatService, channel: ChannelRef, users: Sequence[str]) -> None:
    """Make these users members; that one cannot be is no reason to have no channel."""
    try:
        await service.add_members(channel, users)
    except ChatServiceError as error:
        if error.retryable:
            raise
        _log.warning("team_channel.members_not_added", channel=str(channel), users=list(users), error=error.what)
