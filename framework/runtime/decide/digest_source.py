"""What people wrote in other channels, for a digest of them. It is read for all members of the digest's channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

import structlog

from framework.agent.conversation import Conversation, Utterance
from framework.runtime.core.outcome import Skip
from framework.runtime.core.triggers import from_a_person
from framework.runtime.core.turn import Turn
from framework.runtime.decide.context import spoken_text, to_conversation
from framework.stream.model import ChannelRef, Message
from framework.stream.port import ChatService

_log = structlog.get_logger(__name__)

NOTHING_SAID = "nobody wrote in the channels of the digest"
MOST_CHANNELS = 100
"""The newest channels that fit; each is one call of the service."""
MOST_MESSAGES = 300
"""The newest messages of each channel, and of all together."""


async def read_digest(turn: Turn, service: ChatService) -> Conversation | Skip:
    """Read the channels of a digest, and shape them for the agent. Return Skip if nobody wrote. No tool may be called:
    the messages are not those of the channel in which the bot speaks. Raises ChatServiceError.
    """
    until = turn.trigger.created_at
    since = until - timedelta(seconds=float(turn.cause.digest["seconds"]))
    channels = await _channels(turn.cause.digest["of"], turn.channel, service)
    found: list[Message] = []
    for channel in channels:
        messages = await service.recent(channel, limit=MOST_MESSAGES)
        found += [one for one in messages if since <= one.created_at <= until and _tells(one, turn.bot_user_id)]
    if not found:
        return Skip(NOTHING_SAID)
    newest = sorted(found, key=lambda one: (one.created_at, one.id))[-MOST_MESSAGES:]
    _log.info("turn.context", messages=len(newest), channels=len(channels))
    said = tuple(_utterance(one, named=len(channels) > 1) for one in newest)
    return replace(to_conversation(turn, ()), utterances=said, toolless=True)


async def _channels(patterns: Sequence[str], here: ChannelRef, service: ChatService) -> list[ChannelRef]:
    """Return the channels that fit and that the bot is a member of, less the one into which the digest is posted."""
    found: dict[ChannelRef, None] = {}
    for type_ in dict.fromkeys(pattern.partition(":")[0] for pattern in patterns):
        ours = await service.find_channels(type_, joined=True)
        found |= dict.fromkeys(one for one in ours if any(fnmatchcase(str(one), pattern) for pattern in patterns))
    fitting = [one for one in found if one != here]
    if len(fitting) > MOST_CHANNELS:
        _log.warning("digest.channels_left_out", read=MOST_CHANNELS, fitting=len(fitting))
    return fitting[:MOST_CHANNELS]


def _tells(message: Message, bot_user_id: str) -> bool:
    """Leave out what is deleted, what only some may see or what quotes it, commands, and what no person wrote."""
    gone = message.kind != "regular" or message.deleted_at is not None or message.shadowed
    secret = bool(message.visible_to or message.quoted_visible_to)
    return (
        from_a_person(message, bot_user_id=bot_user_id)
        and not (gone or secret or message.command)
        and bool(spoken_text(message))
    )


def _utterance(message: Message, *, named: bool) -> Utterance:
    """`named`: say in which channel it stands. Pictures are left out."""
    text = spoken_text(message) + (f" [in {message.channel.id}]" if named else "")
    if message.reply_count:
        text += f"\n[{message.reply_count} replies in its thread]"
    return Utterance("user", text, name=message.user.name or message.user.id)
