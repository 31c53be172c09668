"""One reply, without staying: read a channel, answer its newest message, end."""

from __future__ import annotations

from dataclasses import dataclass

from framework.errors import ChatServiceError, FrameworkError, ModelError, UsageError
from framework.runtime.core.bot import Limits, RunningBot
from framework.runtime.core.job import TurnRequest
from framework.runtime.core.outcome import Failed, HandedOff, Replied, Silent
from framework.runtime.core.triggers import from_a_person
from framework.runtime.core.turn import Turn
from framework.runtime.pipeline import Pipeline
from framework.runtime.state.own import own
from framework.stream.failure import MISSING
from framework.stream.model import ChannelRef
from framework.stream.timing import Timing


@dataclass(frozen=True)
class ChannelReply:
    """The reply to a channel's newest message. `posted` is False if it was there before this call. `outcome` is that of
    the answer: answered, unsure or refused.
    """

    message_id: str
    posted: bool
    text: str
    outcome: str


async def reply_once(
    bot: RunningBot, channel: ChannelRef, *, last: int, limits: Limits | None = None, timing: Timing | None = None
) -> ChannelReply:
    """Answer the newest message of a person among the last `last` messages, as the bot.

    The same newest message gets the same reply: a second call posts nothing, unless the first one came to nothing but
    an apology, which the answer then replaces. Raises UsageError if there is no such channel and where no person has
    said anything, ChatServiceError and ModelError where the reply could not be posted or made.
    """
    timing = timing or Timing()
    service = bot.service
    await service.open()
    try:
        await service.join([channel])
    except ChatServiceError as refusal:
        if refusal.code != MISSING:
            raise
        raise UsageError(
            f"There is no channel {channel}.", hint="Check its type and id; the bot joins channels and makes none."
        ) from None
    messages = await service.recent(channel, limit=last)
    asked = [message for message in messages if from_a_person(message, bot_user_id=bot.user_id)]
    if not asked:
        raise UsageError(f"None of the last {last} messages of {channel} is a person's: there is nothing to answer.")
    turn = TurnRequest(bot, asked[-1], "command").turn(now=timing.now(), context_messages=last)
    match await Pipeline(bot, limits or Limits(), timing).run(turn):
        case Replied(message_id, answer):
            return ChannelReply(message_id, posted=True, text=answer.text, outcome=answer.outcome)
        case Silent(_, message_id=str() as message_id):
            return await _earlier(bot, turn, message_id)
        case Failed(error, told=True):
            raise ModelError(error, hint="The channel was told so.")
        case Failed(error, retryable=retryable):
            raise ChatServiceError(error, retryable=retryable)
        case Silent(reason) | HandedOff(reason):
            raise FrameworkError(f"Nothing was posted: {reason}.", where=str(channel))


async def _earlier(bot: RunningBot, turn: Turn, message_id: str) -> ChannelReply:
    """The reply that an earlier call posted."""
    reply = own((await bot.service.messages(turn.channel, [message_id])).get(message_id), bot.user_id)
    text, outcome = (reply.message.text, reply.outcome) if reply is not None else ("", "")
    return ChannelReply(message_id, posted=False, text=text, outcome=outcome or "answered")
