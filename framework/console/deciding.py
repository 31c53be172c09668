"""What acts have in common: which bot and channel they are about, and that the person may decide there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.console.visit import Visit, value_of
from framework.errors import FrameworkError, UsageError
from framework.runtime.core.bot import Limits
from framework.runtime.handover.steps import HandoverSteps
from framework.runtime.reply.writer import ReplyWriter
from framework.runtime.review.service import ReviewService
from framework.runtime.team.people import acts
from framework.stream.model import ChannelRef, User

if TYPE_CHECKING:
    from framework.console.parts import ConsoleParts
    from framework.runtime.core.bot import RunningBot


class NotAllowedError(FrameworkError):
    """The chat service does not know the person as one of the team, as of now."""


def bot_of(visit: Visit) -> RunningBot:
    """Return the bot that a form names. Raises UsageError."""
    name = value_of(visit.form, "bot")
    found = visit.parts.bot(name)
    if found is None:
        raise UsageError(f"{name!r} does not run here.", hint="Do it in the console of a process that runs it.")
    return found


def channel_of(visit: Visit) -> ChannelRef:
    """Return the channel that a form names. Raises UsageError."""
    name = value_of(visit.form, "channel")
    kind, _, id_ = name.partition(":")
    if not (kind and id_):
        raise UsageError(f"{name!r} is not a channel.", hint="Write TYPE:ID, as in messaging:support-1.")
    return ChannelRef(kind, id_)


async def deciding(visit: Visit, bot: RunningBot, channel: ChannelRef) -> User:
    """Return the person, if the chat service says now that they are of the team. Raises NotAllowedError."""
    user = await visit.person()
    if not await acts(bot.service, bot.at(channel).definition.team, channel, user):
        raise NotAllowedError(
            f"{user.id} is not of the team of {bot.name}.",
            hint="`team` in bot.yaml says who is. A role granted by `console token --role` does not count here.",
        )
    return user


def handovers_of(parts: ConsoleParts, bot: RunningBot) -> HandoverSteps:
    """Return what takes, gives on and ends handovers of a bot."""
    return HandoverSteps(bot, ReplyWriter(bot.service, Limits()), parts.timing)


def reviews_of(parts: ConsoleParts, bot: RunningBot) -> ReviewService | None:
    """Return what decides on drafts and tool calls of a bot; None if it keeps none."""
    if bot.approvals is None:
        return None
    return ReviewService(bot, bot.approvals, parts.timing, parts.engine.enqueue)
