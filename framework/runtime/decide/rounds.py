"""Rounds of a channel that this process did not have itself, as the channel shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from framework.runtime.core.turn import Turn
from framework.runtime.state.own import OwnMessage, own
from framework.stream.model import Message


def missed(turn: Turn, messages: Sequence[Message], since: str) -> Iterator[tuple[Message, OwnMessage | None]]:
    """What people wrote after the message `since` and before the turn's own, oldest first, each with the bot's reply to
    it, if there is one. `messages` are the newest ones, oldest first. If they do not reach back to `since`, they are
    taken as they are: the last rounds matter.
    """
    own_ids = {turn.trigger.id, *(one.id for one in turn.burst)}
    end = next((n for n, one in enumerate(messages) if one.id in own_ids), 0)
    known = next((n for n, one in enumerate(messages) if since and one.id == since), -1)
    if since in own_ids or known + 1 >= end:
        return
    replies = {one.reply_to: one for one in _replies(turn, messages)}
    for message in messages[known + 1 : end]:
        if message.kind != "deleted" and message.user.id != turn.bot_user_id:
            yield message, replies.get(message.id)


def _replies(turn: Turn, messages: Sequence[Message]) -> Iterator[OwnMessage]:
    for message in messages:
        ours = own(message, turn.bot_user_id)
        if ours is not None and ours.reply_to and not (ours.part_of or ours.is_apology or ours.is_unfinished):
            yield ours
